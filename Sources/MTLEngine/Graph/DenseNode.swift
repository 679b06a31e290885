/// y = act(x W + b), or several blocks of equal shape side by side: experts, gates, towers.
///
/// The parameters are `Dense`'s. Blocks over one input take its gradient as one product over all of them.
package struct DenseNode: GraphOperation {
    package let layer: Dense
    package let x: GraphValue
    package let y: GraphValue
    /// The input of an activation whose derivative needs it.
    package let saved: GraphValue
    package var blocks: Range<Int>
    package var dx = GradientMode.none
    /// Whether its product applies the derivative of the ReLU that made x, and whether another has applied its own.
    package var gatesInput = false
    package var isGated = false
    /// Without, the bias is 0 and stays it: x W alone.
    package var trainsBias = true

    package var output: GraphValue {
        y.columns(blocks.lowerBound * layer.outputs..<blocks.upperBound * layer.outputs)
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

    package var parameters: [GraphParameter] {
        let (inputs, outputs) = (layer.inputs, layer.outputs)
        var result = blocks.map { block in
            GraphParameter(
                start: layer.weight + block * inputs * outputs, count: inputs * outputs,
                rowLength: layer.rowLength, scenario: nil,
                transposed: layer.transposed.map { $0 + block * outputs * layer.transposedStride },
                transposedStride: layer.transposedStride)
        }
        guard trainsBias else { return result }
        result.append(
            GraphParameter(
                start: layer.bias + blocks.lowerBound * outputs, count: blocks.count * outputs, rowLength: 1,
                scenario: nil, transposed: nil))
        return result
    }

    package var multiplyAdds: Int { blocks.count * layer.inputs * layer.outputs }

    private var isStacked: Bool { layer.order == .outputMajor && layer.inputIsShared }

    private func weights<Scalar>(
        _ block: Int, at base: UnsafeMutablePointer<Scalar>
    ) -> MatrixView<Scalar> {
        layer.weights(block, at: base)
    }

    /// The weights of all active blocks as one matrix `[blocks·O, I]`.
    private func stacked<Scalar>(_ base: UnsafeMutablePointer<Scalar>) -> MatrixView<Scalar> {
        MatrixView(
            base + layer.weight + blocks.lowerBound * layer.outputs * layer.inputs,
            rows: blocks.count * layer.outputs, columns: layer.inputs, stride: layer.inputs)
    }

    private func block<Scalar>(_ block: Int, of y: MatrixView<Scalar>) -> MatrixView<Scalar> {
        y.columns(block * layer.outputs..<(block + 1) * layer.outputs)
    }

    private func input<Scalar>(_ block: Int, of x: MatrixView<Scalar>) -> MatrixView<Scalar> {
        layer.inputIsShared ? x : x.columns(block * layer.inputs..<(block + 1) * layer.inputs)
    }

    package func forward<Scalar: BLASScalar>(_ tile: GraphTile<Scalar>) {
        let source = tile.view(x)
        let target = tile.view(saved)
        let biases = UnsafePointer(tile.parameters + layer.bias)
        if isStacked {
            tile.product.multiplyNarrow(
                source, byTransposeOf: stacked(tile.parameters),
                bias: biases + blocks.lowerBound * layer.outputs,
                into: target.columns(blocks.lowerBound * layer.outputs..<blocks.upperBound * layer.outputs))
        } else {
            for index in blocks {
                let w = weights(index, at: tile.parameters)
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
            if layer.activation == .relu && layer.order == .inputMajor { return }
        }
        guard layer.activation != .identity else { return }
        let columns = blocks.lowerBound * layer.outputs..<blocks.upperBound * layer.outputs
        let (z, h) = (target.columns(columns), tile.view(y).columns(columns))
        Scalar._activate(
            level: tile.level, activation: layer.activation.code, rows: tile.rows, columns: columns.count,
            z: z.base, ldz: z.stride, h: h.base, ldh: h.stride)
    }

    package func backward<Scalar: BLASScalar>(_ tile: GraphTile<Scalar>) {
        let columns = blocks.lowerBound * layer.outputs..<blocks.upperBound * layer.outputs
        let all = tile.gradient(y)
        let dz = all.columns(columns)
        if layer.activation != .identity && !isGated {
            let h = tile.view(layer.activation.savesInput ? saved : y).columns(columns)
            Scalar._activateBackward(
                level: tile.level, activation: layer.activation.code, rows: tile.rows,
                columns: columns.count, saved: h.base, lds: h.stride, d: dz.base, ldd: dz.stride)
        }
        let adds = !tile.isFirst
        let source = tile.view(x)
        if isStacked {
            tile.product.multiplyTransposed(dz, source, into: stacked(tile.gradients), accumulate: adds)
        } else {
            for index in blocks {
                let dw = weights(index, at: tile.gradients)
                if layer.order == .outputMajor {
                    tile.product.multiplyTransposed(
                        block(index, of: all), input(index, of: source), into: dw, accumulate: adds)
                } else {
                    tile.product.multiplyTransposed(
                        input(index, of: source), block(index, of: all), into: dw, accumulate: adds)
                }
            }
        }
        if trainsBias {
            Scalar._columnSums(
                level: tile.level, rows: tile.rows, columns: columns.count, source: dz.base, ld: dz.stride,
                target: tile.gradients + layer.bias + columns.lowerBound, accumulate: adds)
        }
        backwardInput(tile, all, dz)
    }

    private func backwardInput<Scalar: BLASScalar>(
        _ tile: GraphTile<Scalar>, _ all: MatrixView<Scalar>, _ dz: MatrixView<Scalar>
    ) {
        guard dx != .none else { return }
        let read = x.differentiable
        let first = x.width - read.width
        let target = tile.gradient(read)
        let adds = dx == .add
        if layer.inputIsShared {
            let w: MatrixView<Scalar> =
                layer.order == .outputMajor ? stacked(tile.parameters) : stackedTransposes(tile)
            tile.product.multiply(
                dz, w.columns(first..<x.width), into: target, accumulate: adds,
                epilogue: gatesInput ? .gate(tile.view(read)) : .none)
            return
        }
        for index in blocks {
            let w =
                layer.order == .outputMajor
                ? weights(index, at: tile.parameters) : transposed(index, tile)
            let place = index * layer.inputs..<(index + 1) * layer.inputs
            tile.product.multiply(
                block(index, of: all), w, into: target.columns(place), accumulate: adds,
                epilogue: gatesInput ? .gate(tile.view(read).columns(place)) : .none)
        }
    }

    private func transposed<Scalar>(_ block: Int, _ tile: GraphTile<Scalar>) -> MatrixView<Scalar> {
        MatrixView(
            tile.transposes + (layer.transposed ?? 0) + block * layer.outputs * layer.transposedStride,
            rows: layer.outputs, columns: layer.inputs, stride: layer.transposedStride)
    }

    /// The transposed weights of the active blocks as one matrix `[blocks·O, I]`.
    private func stackedTransposes<Scalar>(_ tile: GraphTile<Scalar>) -> MatrixView<Scalar> {
        MatrixView(
            tile.transposes + (layer.transposed ?? 0)
                + blocks.lowerBound * layer.outputs * layer.transposedStride,
            rows: blocks.count * layer.outputs, columns: layer.inputs, stride: layer.transposedStride)
    }
}
