/// y = act(x W + b), or several blocks of equal shape side by side: experts, gates, towers.
///
/// The parameters are `Dense`'s. Blocks over one input take its gradient as one product over all of them.
package struct DenseNode: NodeOperation {
    package let layer: Dense
    package let x: GraphValue
    package let y: GraphValue
    /// The input of an activation whose derivative needs it.
    package let saved: GraphValue
    package var blocks: Range<Int>
    package var dx = GradientMode.none
    /// Whether its product applies the derivative of the ReLU that made x, and whether another's has applied its own.
    package var fusesReLU = false
    package var reluIsFused = false
    /// Without, the bias is 0 and stays it: x W alone.
    package var trainsBias = true

    package var output: GraphValue {
        y.columns(columns)
    }
    package var blockWidth: Int { layer.outputs }

    package func part(_ some: Range<Int>) -> DenseNode {
        var copy = self
        copy.blocks = blocks.lowerBound + some.lowerBound..<blocks.lowerBound + some.upperBound
        return copy
    }

    /// What the active blocks read.
    package var input: GraphValue {
        layer.inputIsShared
            ? x : x.columns(blocks.lowerBound * layer.inputs..<blocks.upperBound * layer.inputs)
    }

    package func inputs(_ lists: [Int32]) -> [GraphValue] { [input] }

    package mutating func setGradient(_ mode: GradientMode, of _: Int, lists: inout [Int32]) { dx = mode }

    package var parameters: [ParameterRange] {
        let (inputs, outputs) = (layer.inputs, layer.outputs)
        var result = blocks.map { block in
            ParameterRange(
                start: layer.weight + block * inputs * outputs, count: inputs * outputs,
                rowLength: layer.rowLength, scenario: nil,
                transposed: layer.transposed.map { $0 + block * outputs * layer.transposedStride },
                transposedStride: layer.transposedStride)
        }
        guard trainsBias else { return result }
        result.append(
            ParameterRange(
                start: layer.bias + blocks.lowerBound * outputs, count: blocks.count * outputs, rowLength: 1,
                scenario: nil, transposed: nil))
        return result
    }

    package var multiplyAdds: Int { blocks.count * layer.inputs * layer.outputs }

    /// The columns of the active blocks in y.
    package var columns: Range<Int> { blocks.lowerBound * layer.outputs..<blocks.upperBound * layer.outputs }

    private func block<Scalar>(_ block: Int, of y: MatrixView<Scalar>) -> MatrixView<Scalar> {
        y.columns(block * layer.outputs..<(block + 1) * layer.outputs)
    }

    private func input<Scalar>(_ block: Int, of x: MatrixView<Scalar>) -> MatrixView<Scalar> {
        layer.inputIsShared ? x : x.columns(block * layer.inputs..<(block + 1) * layer.inputs)
    }

    // MARK: Forward

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let source = tile.view(x)
        let target = tile.view(saved)
        let biases = UnsafePointer(tile.parameters + layer.bias)
        if layer.isStacked {
            tile.product.multiplyNarrow(
                source, byTransposeOf: layer.stacked(blocks, at: tile.parameters),
                bias: biases + columns.lowerBound, into: target.columns(columns))
        } else {
            for index in blocks {
                let w = layer.weights(index, at: tile.parameters)
                let b = biases + index * layer.outputs
                if layer.order == .outputMajor {
                    tile.product.multiplyNarrow(
                        input(index, of: source), byTransposeOf: w, bias: b, into: block(index, of: target))
                } else {
                    tile.product.multiply(
                        input(index, of: source), w, into: block(index, of: target),
                        epilogue: layer.activation == .relu ? .biasReLU(b) : .bias(b))
                }
            }
        }
        activate(tile)
    }

    /// The activation, where the product has not applied it.
    package func activate<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        guard layer.activation != .identity, layer.activation != .relu || layer.order == .outputMajor else {
            return
        }
        let (z, h) = (tile.view(saved).columns(columns), tile.view(y).columns(columns))
        Scalar._activate(
            level: tile.level, activation: layer.activation.code, rows: tile.rows, columns: columns.count,
            z: z.base, ldz: z.stride, h: h.base, ldh: h.stride)
    }

    // MARK: Backward

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        backwardActivation(tile)
        backwardParameters(tile)
        backwardInput(tile)
    }

    /// dz = dh ⊙ act′, in the place of dh.
    package func backwardActivation<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        guard layer.activation != .identity && !reluIsFused else { return }
        let dz = tile.gradient(y).columns(columns)
        let h = tile.view(layer.activation.savesInput ? saved : y).columns(columns)
        Scalar._activateBackward(
            level: tile.level, activation: layer.activation.code, rows: tile.rows, columns: columns.count,
            saved: h.base, lds: h.stride, d: dz.base, ldd: dz.stride)
    }

    /// dW = xᵀ dz and db = Σ dz over the tile's rows.
    package func backwardParameters<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        let adds = !tile.isFirst
        if layer.isStacked {
            let start = layer.weight + blocks.lowerBound * layer.outputs * layer.inputs
            backwardWeights(
                start..<start + columns.count * layer.inputs, block: nil, tile, into: tile.gradients,
                accumulate: adds)
        } else {
            for index in blocks {
                let start = layer.weight + index * layer.outputs * layer.inputs
                backwardWeights(
                    start..<start + layer.outputs * layer.inputs, block: index, tile, into: tile.gradients,
                    accumulate: adds)
            }
        }
        if trainsBias {
            let start = layer.bias + columns.lowerBound
            backwardBias(start..<start + columns.count, tile, into: tile.gradients, accumulate: adds)
        }
    }

    /// dW of whole rows of one block's weight matrix, or of the stacked one where there is no block.
    ///
    /// - Parameter range: where the rows lie in the parameter vector.
    package func backwardWeights<Scalar: BLASScalar>(
        _ range: Range<Int>, block: Int?, _ tile: BackwardTile<Scalar>,
        into gradients: UnsafeMutablePointer<Scalar>, accumulate: Bool
    ) {
        let first = (range.lowerBound - layer.weight) / layer.rowLength
        let count = range.count / layer.rowLength
        let (source, dz) = (tile.view(x), tile.gradient(y))
        let target = MatrixView(
            gradients + range.lowerBound, rows: count, columns: layer.rowLength, stride: layer.rowLength)
        if layer.order == .outputMajor {
            // Rows of the matrix are columns of y, whichever the block.
            tile.product.multiplyTransposed(
                dz.columns(first..<first + count), block.map { input($0, of: source) } ?? source,
                into: target, accumulate: accumulate)
        } else {
            let index = block ?? 0
            let row = first - index * layer.inputs
            tile.product.multiplyTransposed(
                input(index, of: source).columns(row..<row + count), self.block(index, of: dz), into: target,
                accumulate: accumulate)
        }
    }

    /// db of some columns of y.
    ///
    /// - Parameter range: where they lie in the parameter vector.
    package func backwardBias<Scalar: BLASScalar>(
        _ range: Range<Int>, _ tile: BackwardTile<Scalar>, into gradients: UnsafeMutablePointer<Scalar>,
        accumulate: Bool
    ) {
        let dz = tile.gradient(y).columns(range.lowerBound - layer.bias..<range.upperBound - layer.bias)
        Scalar._columnSums(
            level: tile.level, rows: tile.rows, columns: dz.columns, source: dz.base, ld: dz.stride,
            target: gradients + range.lowerBound, accumulate: accumulate)
    }

    /// dx = dz Wᵀ, or its part in some columns of x.
    package func backwardInput<Scalar: BLASScalar>(
        _ tile: BackwardTile<Scalar>, of some: Range<Int>? = nil
    ) {
        guard dx != .none else { return }
        let read = some.map { x.columns($0) } ?? x.differentiable
        let first = some?.lowerBound ?? x.width - read.width
        let (all, target) = (tile.gradient(y), tile.gradient(read))
        let adds = dx == .add
        if layer.inputIsShared {
            let w =
                layer.order == .outputMajor
                ? layer.stacked(blocks, at: tile.parameters)
                : layer.transposedWeights(blocks, at: tile.transposes)
            tile.product.multiply(
                all.columns(columns), w.columns(first..<first + read.width), into: target, accumulate: adds,
                epilogue: fusesReLU ? .gate(tile.view(read)) : .none)
            return
        }
        for index in blocks {
            let w =
                layer.order == .outputMajor
                ? layer.weights(index, at: tile.parameters)
                : layer.transposedWeights(index..<index + 1, at: tile.transposes)
            let place = index * layer.inputs..<(index + 1) * layer.inputs
            tile.product.multiply(
                block(index, of: all), w, into: target.columns(place), accumulate: adds,
                epilogue: fusesReLU ? .gate(tile.view(read).columns(place)) : .none)
        }
    }
}
