/// y = act(x W_s + b_s) with weights of the row's scenario, or with a shared factor W_s ⊙ W and b_s + b
/// (Sheng et al., *One Model to Serve All: Star Topology Adaptive Recommender*, arXiv 2101.11427).
///
/// A tile has one scenario, so its product is one over its rows. dW_s = W ⊙ D and dW = Σ_s W_s ⊙ D for D = xᵀ dz.
/// Own weights of a scenario without rows in a batch are not touched: their gradient is 0, and the optimiser, as with
/// rows of a table, leaves them and their moments as they are. A scenario may have no weights at all: y is 0 there.
package struct ScenarioDenseNode: NodeOperation {
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
    /// Where the list of the scenarios' places (-1 for none) begins among the lists; nil for all in order.
    package let slots: Int?
    /// Where its effective weights, their transpose, biases and D lie in a worker's scratch.
    package let scratch: Int
    /// Whose weights all rows take, where a node each computes what rows choose from; nil for the row's scenario's.
    package var cluster: Int?
    package var dx = GradientMode.none

    package var output: GraphValue { y }
    package var blockWidth: Int { outputs }
    /// Whether a later cluster's node, whose backward pass is the earlier one, has begun the shared factor's gradient.
    private var isRepeated: Bool { cluster.map { $0 < scenarios - 1 } ?? false }
    private var size: Int { inputs * outputs }
    private var transposedStride: Int { workspaceStride(columns: inputs) }

    /// Elements of scratch that a node of these widths needs.
    package static func scratchCount(inputs: Int, outputs: Int) -> Int {
        2 * (inputs * outputs + outputs) + outputs * workspaceStride(columns: inputs) + 64
    }

    package func part(_: Range<Int>) -> ScenarioDenseNode { self }

    package func inputs(_ lists: [Int32]) -> [GraphValue] { [x] }

    package mutating func setGradient(_ mode: GradientMode, of _: Int, lists: inout [Int32]) { dx = mode }

    package var multiplyAdds: Int { size }

    package func parameters(_ lists: [Int32]) -> [ParameterRange] {
        func layer(_ start: Int, _ scenario: Int?) -> [ParameterRange] {
            [
                ParameterRange(start: start, count: size, rowLength: outputs, scenario: scenario),
                ParameterRange(start: start + size, count: outputs, rowLength: 1, scenario: scenario),
            ]
        }
        if let cluster {
            return layer(own + cluster * (size + outputs), nil)
                + (isRepeated ? [] : shared.map { layer($0, nil) } ?? [])
        }
        let places = slots.map { lists[$0..<$0 + scenarios].map { Int($0) } } ?? Array(0..<scenarios)
        return places.enumerated().flatMap { scenario, slot in
            slot < 0 ? [] : layer(own + slot * (size + outputs), scenario)
        }
            + (shared.map { layer($0, nil) } ?? [])
    }

    /// The place of the tile's scenario among the own weights; -1 for none.
    private func slot<Scalar>(_ tile: ForwardTile<Scalar>) -> Int {
        if let cluster { return cluster }
        guard let slots else { return tile.scenario }
        return Int(tile.lists[slots + tile.scenario])
    }

    private func weights<Scalar>(_ tile: ForwardTile<Scalar>) -> UnsafeMutablePointer<Scalar> {
        tile.parameters + own + slot(tile) * (size + outputs)
    }

    /// Weights and biases as the product reads them.
    private func effective<Scalar>(_ tile: ForwardTile<Scalar>) -> UnsafeMutablePointer<Scalar> {
        shared == nil ? weights(tile) : tile.scratch + scratch
    }

    private func transposed<Scalar>(_ tile: ForwardTile<Scalar>) -> MatrixView<Scalar> {
        MatrixView(
            tile.scratch + scratch + 2 * (size + outputs), rows: outputs, columns: inputs,
            stride: transposedStride)
    }

    private func refresh<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let w = weights(tile)
        let target = effective(tile)
        if let shared {
            let common = tile.parameters + shared
            Scalar._product(
                level: tile.level, rows: 1, blocks: size, width: 1, a: w, lda: size, b: common, ldb: size,
                y: target, ldy: size, adds: false)
            for index in size..<size + outputs { target[index] = w[index] + common[index] }
        }
    }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        guard slot(tile) >= 0 else { return clear(tile.view(y)) }
        if tile.refreshes { refresh(tile) }
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

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        let read = x.differentiable
        guard slot(tile.forward) >= 0 else {
            if dx == .overwrite { clear(tile.gradient(read)) }
            return
        }
        if tile.refreshesBackward { refresh(tile.forward) }
        let dz = tile.gradient(y)
        if activation != .identity {
            let h = tile.view(activation.savesInput ? saved : y)
            Scalar._activateBackward(
                level: tile.level, activation: activation.code, rows: tile.rows, columns: outputs,
                saved: h.base, lds: h.stride, d: dz.base, ldd: dz.stride)
        }
        backwardWeights(tile, dz)
        guard dx != .none else { return }
        let copy = transposed(tile.forward)
        if tile.forward.refreshes {
            // Once for all of a worker's tiles of the scenario.
            Scalar._transpose(
                level: tile.level, rows: inputs, columns: outputs, source: effective(tile.forward),
                lds: outputs,
                target: copy.base, ldt: copy.stride)
        }
        tile.product.multiply(
            dz, copy.columns(x.width - read.width..<x.width), into: tile.gradient(read),
            accumulate: dx == .add)
    }

    private func backwardWeights<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>, _ dz: MatrixView<Scalar>) {
        let target = tile.gradients + own + slot(tile.forward) * (size + outputs)
        let d = shared == nil ? target : tile.scratch + scratch + size + outputs
        let adds = cluster == nil ? !tile.isFirstOfScenario : !tile.isFirst
        tile.product.multiplyTransposed(
            tile.view(x), dz, into: MatrixView(d, rows: inputs, columns: outputs, stride: outputs),
            accumulate: shared == nil && adds)
        Scalar._columnSums(
            level: tile.level, rows: tile.rows, columns: outputs, source: dz.base, ld: dz.stride,
            target: d + size, accumulate: shared == nil && adds)
        guard let shared else { return }
        let (common, dCommon) = (tile.parameters + shared, tile.gradients + shared)
        let addsCommon = isRepeated || !tile.isFirst
        Scalar._factorGradients(
            level: tile.level, count: size, d: d, a: weights(tile.forward), da: target, addsA: adds,
            b: common,
            db: dCommon, addsB: addsCommon)
        func addBiases(_ to: UnsafeMutablePointer<Scalar>, _ adds: Bool) {
            Scalar._linear(
                level: tile.level, rows: 1, columns: outputs, alpha: 1, x: d + size, ldx: outputs,
                y: to + size, ldy: outputs, adds: adds)
        }
        addBiases(target, adds)
        addBiases(dCommon, addsCommon)
    }
}

/// Zeros everywhere.
func clear<Scalar>(_ d: MatrixView<Scalar>) {
    for row in 0..<d.rows { (d.base + row * d.stride).update(repeating: 0, count: d.columns) }
}

/// y = the block of x that belongs to the row's scenario.
package struct ScenarioSelectNode: NodeOperation {
    package var x: GraphValue
    package var y: GraphValue
    package let scenarios: Int
    package var dx = GradientMode.none

    package var output: GraphValue { y }
    package var blockWidth: Int { y.width }

    package func part(_: Range<Int>) -> ScenarioSelectNode { self }

    package func inputs(_ lists: [Int32]) -> [GraphValue] { [x] }

    package mutating func setGradient(_ mode: GradientMode, of _: Int, lists: inout [Int32]) { dx = mode }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let start = tile.scenario * y.width
        tile.view(y).copy(tile.view(x).columns(start..<start + y.width))
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        guard dx != .none else { return }
        let d = tile.gradient(x)
        let start = tile.scenario * y.width
        if dx == .overwrite {
            clear(d)
        }
        let (from, to) = (tile.gradient(y), d.columns(start..<start + y.width))
        Scalar._linear(
            level: tile.level, rows: tile.rows, columns: y.width, alpha: 1, x: from.base, ldx: from.stride,
            y: to.base, ldy: to.stride, adds: dx == .add)
    }
}

/// y = v_s, a trained vector of the row's scenario.
package struct ScenarioVectorNode: NodeOperation {
    package let y: GraphValue
    package let start: Int
    package let scenarios: Int

    package var output: GraphValue { y }
    package var blockWidth: Int { y.width }

    package func part(_: Range<Int>) -> ScenarioVectorNode { self }

    package func inputs(_: [Int32]) -> [GraphValue] { [] }

    package mutating func setGradient(_: GradientMode, of _: Int, lists _: inout [Int32]) {}

    package var parameters: [ParameterRange] {
        scenarioParameters([start], count: y.width, stride: y.width, scenarios: scenarios)
    }

    private func place<Scalar>(_ tile: ForwardTile<Scalar>) -> Int { start + tile.scenario * y.width }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let to = tile.view(y)
        let vector = tile.parameters + place(tile)
        for row in 0..<to.rows { (to.base + row * to.stride).update(from: vector, count: y.width) }
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        let d = tile.gradient(y)
        Scalar._columnSums(
            level: tile.level, rows: tile.rows, columns: y.width, source: d.base, ld: d.stride,
            target: tile.gradients + place(tile.forward),
            accumulate: !tile.isFirstOfScenario)
    }
}
