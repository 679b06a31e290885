/// y_b = act(x_b W + b) for every block b of x, with one W and b for all: what an attention asks of each of its inputs,
/// and what tasks' own layers have in common.
package struct TiedDenseNode: NodeOperation {
    package let layer: Dense
    package let x: GraphValue
    package let y: GraphValue
    /// The input of an activation whose derivative needs it.
    package let saved: GraphValue
    /// Whether W and b have a gradient, or belong to whoever else changes them.
    package let isTrained: Bool
    package var blocks: Range<Int>
    package var dx = GradientMode.none

    package var output: GraphValue {
        y.columns(blocks.lowerBound * layer.outputs..<blocks.upperBound * layer.outputs)
    }
    package var blockWidth: Int { layer.outputs }
    package var multiplyAdds: Int { blocks.count * layer.inputs * layer.outputs }

    package func part(_ some: Range<Int>) -> TiedDenseNode {
        var copy = self
        copy.blocks = blocks.lowerBound + some.lowerBound..<blocks.lowerBound + some.upperBound
        return copy
    }

    package func inputs(_ lists: [Int32]) -> [GraphValue] {
        [x.columns(blocks.lowerBound * layer.inputs..<blocks.upperBound * layer.inputs)]
    }

    package mutating func setGradient(_ mode: GradientMode, of _: Int, lists: inout [Int32]) { dx = mode }

    package var parameters: [ParameterRange] {
        guard isTrained else { return [] }
        return [
            ParameterRange(
                start: layer.weight, count: layer.inputs * layer.outputs, rowLength: layer.rowLength,
                scenario: nil, transposed: layer.transposed, transposedStride: layer.transposedStride),
            ParameterRange(
                start: layer.bias, count: layer.outputs, rowLength: 1, scenario: nil, transposed: nil),
        ]
    }

    private func input<Scalar>(_ block: Int, of x: MatrixView<Scalar>) -> MatrixView<Scalar> {
        x.columns(block * layer.inputs..<(block + 1) * layer.inputs)
    }

    private func result<Scalar>(_ some: Range<Int>, of y: MatrixView<Scalar>) -> MatrixView<Scalar> {
        y.columns(some.lowerBound * layer.outputs..<some.upperBound * layer.outputs)
    }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let (source, target) = (tile.view(x), tile.view(saved))
        let w = layer.weights(0, at: tile.parameters)
        let b = UnsafePointer(tile.parameters + layer.bias)
        for block in blocks {
            let (from, to) = (input(block, of: source), result(block..<block + 1, of: target))
            if layer.order == .outputMajor {
                tile.product.multiplyNarrow(from, byTransposeOf: w, bias: b, into: to)
            } else {
                tile.product.multiply(
                    from, w, into: to, epilogue: layer.activation == .relu ? .biasReLU(b) : .bias(b))
            }
        }
        guard layer.activation != .identity, layer.activation != .relu else { return }
        let (z, h) = (result(blocks, of: target), tile.view(output))
        Scalar._activate(
            level: tile.level, activation: layer.activation.code, rows: tile.rows, columns: h.columns,
            z: z.base, ldz: z.stride, h: h.base, ldh: h.stride)
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        let (source, dz) = (tile.view(x), tile.gradient(y))
        if layer.activation != .identity {
            let (h, d) = (result(blocks, of: tile.view(saved)), result(blocks, of: dz))
            Scalar._activateBackward(
                level: tile.level, activation: layer.activation.code, rows: tile.rows, columns: d.columns,
                saved: h.base, lds: h.stride, d: d.base, ldd: d.stride)
        }
        let dw = layer.weights(0, at: tile.gradients)
        for block in blocks where isTrained {
            let (from, d) = (input(block, of: source), result(block..<block + 1, of: dz))
            let adds = !tile.isFirst || block > blocks.lowerBound
            if layer.order == .outputMajor {
                tile.product.multiplyTransposed(d, from, into: dw, accumulate: adds)
            } else {
                tile.product.multiplyTransposed(from, d, into: dw, accumulate: adds)
            }
            Scalar._columnSums(
                level: tile.level, rows: tile.rows, columns: layer.outputs, source: d.base, ld: d.stride,
                target: tile.gradients + layer.bias, accumulate: adds)
        }
        guard dx != .none else { return }
        let w =
            layer.order == .outputMajor
            ? layer.weights(0, at: tile.parameters)
            : MatrixView(
                tile.transposes + (layer.transposed ?? 0), rows: layer.outputs, columns: layer.inputs,
                stride: layer.transposedStride)
        let target = tile.gradient(x)
        for block in blocks {
            tile.product.multiply(
                result(block..<block + 1, of: dz), w, into: input(block, of: target), accumulate: dx == .add,
                epilogue: .none)
        }
    }
}
