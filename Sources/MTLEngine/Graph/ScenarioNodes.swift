/// y = act(x W_s + b_s) with weights of the row's scenario, or with a shared factor W_s ⊙ W and b_s + b
/// (Sheng et al., *One Model to Serve All: Star Topology Adaptive Recommender*, arXiv 2101.11427).
///
/// A tile has one scenario, so its product is one over its rows. dW_s = W ⊙ D and dW = Σ_s W_s ⊙ D for D = xᵀ dz.
/// Own weights of a scenario without rows in a batch are not touched: their gradient is 0, and the optimiser, as with
/// rows of a table, leaves them and their moments as they are.
package struct ScenarioDenseNode: GraphOperation {
    package let x: GraphValue
    package let y: GraphValue
    package let saved: GraphValue
    package let activation: Activation
    package let inputs: Int
    package let outputs: Int
    /// Scenario s: weights `[I, O]` at `own + s·(I·O + O)`, biases behind them.
    package let own: Int
    /// The shared factor, laid out alike, or nil.
    package let shared: Int?
    package let scenarios: Int
    /// Where its effective weights, their transpose, biases and D lie in a worker's scratch.
    package let scratch: Int
    package var dx = GradientMode.none

    package var output: GraphValue { y }
    package var blockWidth: Int { outputs }
    private var size: Int { inputs * outputs }
    private var transposedStride: Int { workspaceStride(columns: inputs) }

    /// Elements of scratch that a node of these widths needs.
    package static func scratchCount(inputs: Int, outputs: Int) -> Int {
        2 * (inputs * outputs + outputs) + outputs * workspaceStride(columns: inputs) + 64
    }

    package func part(_: Range<Int>) -> ScenarioDenseNode { self }

    package func inputs(_ lists: [Int32]) -> [GraphValue] { [x] }

    package mutating func setGradient(_ mode: GradientMode, of _: Int, lists: inout [Int32]) { dx = mode }

    package var parameters: [GraphParameter] {
        func layer(_ start: Int, _ scenario: Int?) -> [GraphParameter] {
            [
                GraphParameter(start: start, count: size, rowLength: outputs, scenario: scenario),
                GraphParameter(start: start + size, count: outputs, rowLength: 1, scenario: scenario),
            ]
        }
        return (0..<scenarios).flatMap { layer(own + $0 * (size + outputs), $0) }
            + (shared.map { layer($0, nil) } ?? [])
    }

    package var multiplyAdds: Int { size }

    private func weights<Scalar>(_ tile: GraphTile<Scalar>) -> UnsafeMutablePointer<Scalar> {
        tile.parameters + own + tile.scenario * (size + outputs)
    }

    /// Weights and biases as the product reads them.
    private func effective<Scalar>(_ tile: GraphTile<Scalar>) -> UnsafeMutablePointer<Scalar> {
        shared == nil ? weights(tile) : tile.scratch + scratch
    }

    private func transposed<Scalar>(_ tile: GraphTile<Scalar>) -> MatrixView<Scalar> {
        MatrixView(
            tile.scratch + scratch + 2 * (size + outputs), rows: outputs, columns: inputs,
            stride: transposedStride)
    }

    private func refresh<Scalar: BLASScalar>(_ tile: GraphTile<Scalar>) {
        let w = weights(tile)
        let target = effective(tile)
        if let shared {
            let common = tile.parameters + shared
            Scalar._product(
                level: tile.level, rows: 1, blocks: size, width: 1, a: w, lda: size, b: common, ldb: size,
                y: target, ldy: size, adds: false)
            for index in size..<size + outputs { target[index] = w[index] + common[index] }
        }
        guard tile.isTraining else { return }
        let copy = transposed(tile)
        Scalar._transpose(
            level: tile.level, rows: inputs, columns: outputs, source: target, lds: outputs,
            target: copy.base, ldt: copy.stride)
    }

    package func forward<Scalar: BLASScalar>(_ tile: GraphTile<Scalar>) {
        if tile.refreshesForward { refresh(tile) }
        let w = effective(tile)
        let bias = UnsafePointer(w + size)
        let z = tile.view(saved)
        tile.product.multiply(
            tile.view(x), MatrixView(w, rows: inputs, columns: outputs, stride: outputs), into: z,
            epilogue: activation == .relu ? .biasReLU(bias) : .bias(bias))
        guard activation != .relu, activation != .identity else { return }
        let h = tile.view(y)
        Scalar._activate(
            level: tile.level, activation: activation.code, rows: tile.rows, columns: outputs, z: z.base,
            ldz: z.stride, h: h.base, ldh: h.stride)
    }

    package func backward<Scalar: BLASScalar>(_ tile: GraphTile<Scalar>) {
        if tile.refreshesBackward { refresh(tile) }
        let dz = tile.gradient(y)
        if activation != .identity {
            let h = tile.view(activation.savesInput ? saved : y)
            Scalar._activateBackward(
                level: tile.level, activation: activation.code, rows: tile.rows, columns: outputs,
                saved: h.base, lds: h.stride, d: dz.base, ldd: dz.stride)
        }
        backwardWeights(tile, dz)
        guard dx != .none else { return }
        let read = x.differentiable
        tile.product.multiply(
            dz, transposed(tile).columns(x.width - read.width..<x.width), into: tile.gradient(read),
            accumulate: dx == .add)
    }

    private func backwardWeights<Scalar: BLASScalar>(_ tile: GraphTile<Scalar>, _ dz: MatrixView<Scalar>) {
        let target = tile.gradients + own + tile.scenario * (size + outputs)
        let d = shared == nil ? target : tile.scratch + scratch + size + outputs
        let adds = !tile.isFirstOfScenario
        tile.product.multiplyTransposed(
            tile.view(x), dz, into: MatrixView(d, rows: inputs, columns: outputs, stride: outputs),
            accumulate: shared == nil && adds)
        Scalar._columnSums(
            level: tile.level, rows: tile.rows, columns: outputs, source: dz.base, ld: dz.stride,
            target: d + size, accumulate: shared == nil && adds)
        guard let shared else { return }
        func multiply(
            _ factor: UnsafeMutablePointer<Scalar>, _ to: UnsafeMutablePointer<Scalar>, _ adds: Bool
        ) {
            Scalar._product(
                level: tile.level, rows: 1, blocks: size, width: 1, a: d, lda: size, b: factor, ldb: size,
                y: to, ldy: size, adds: adds)
            Scalar._linear(
                level: tile.level, rows: 1, columns: outputs, alpha: 1, x: d + size, ldx: outputs,
                y: to + size, ldy: outputs, adds: adds)
        }
        multiply(tile.parameters + shared, target, adds)
        multiply(weights(tile), tile.gradients + shared, !tile.isFirst)
    }
}

/// y = the block of x that belongs to the row's scenario.
package struct ScenarioSelectNode: GraphOperation {
    package var x: GraphValue
    package var y: GraphValue
    package let scenarios: Int
    package var dx = GradientMode.none

    package var output: GraphValue { y }
    package var blockWidth: Int { y.width }

    package func part(_: Range<Int>) -> ScenarioSelectNode { self }

    package func inputs(_ lists: [Int32]) -> [GraphValue] { [x] }

    package mutating func setGradient(_ mode: GradientMode, of _: Int, lists: inout [Int32]) { dx = mode }

    package func forward<Scalar: BLASScalar>(_ tile: GraphTile<Scalar>) {
        let start = tile.scenario * y.width
        tile.view(y).copy(tile.view(x).columns(start..<start + y.width))
    }

    package func backward<Scalar: BLASScalar>(_ tile: GraphTile<Scalar>) {
        guard dx != .none else { return }
        let d = tile.gradient(x)
        let start = tile.scenario * y.width
        if dx == .overwrite {
            for row in 0..<d.rows { (d.base + row * d.stride).update(repeating: 0, count: d.columns) }
        }
        let (from, to) = (tile.gradient(y), d.columns(start..<start + y.width))
        Scalar._linear(
            level: tile.level, rows: tile.rows, columns: y.width, alpha: 1, x: from.base, ldx: from.stride,
            y: to.base, ldy: to.stride, adds: dx == .add)
    }
}
