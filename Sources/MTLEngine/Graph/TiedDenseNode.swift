/// y_b = act(x_b W + b) for every block b of x, with one W and b for all: what an attention asks of each of its inputs.
package struct TiedDenseNode: GraphOperation {
    package let layer: Dense
    package let x: GraphValue
    package let y: GraphValue
    /// The input of an activation whose derivative needs it.
    package let saved: GraphValue
    package let count: Int
    package var dx = GradientMode.none

    package var output: GraphValue { y }
    // Parts would each begin the one gradient of W.
    package var blockWidth: Int { y.width }
    package func part(_: Range<Int>) -> TiedDenseNode { self }
    package func inputs(_ lists: [Int32]) -> [GraphValue] { [x] }
    package mutating func setGradient(_ mode: GradientMode, of _: Int, lists: inout [Int32]) { dx = mode }
    package var multiplyAdds: Int { count * layer.inputs * layer.outputs }

    package var parameters: [GraphParameter] {
        [
            GraphParameter(
                start: layer.weight, count: layer.inputs * layer.outputs, rowLength: layer.rowLength,
                scenario: nil, transposed: layer.transposed, transposedStride: layer.transposedStride),
            GraphParameter(
                start: layer.bias, count: layer.outputs, rowLength: 1, scenario: nil, transposed: nil),
        ]
    }

    private func columns<Scalar>(_ block: Int, of matrix: MatrixView<Scalar>) -> MatrixView<Scalar> {
        let width = matrix.columns / count
        return matrix.columns(block * width..<(block + 1) * width)
    }

    package func forward<Scalar: BLASScalar>(_ tile: GraphTile<Scalar>) {
        let (source, target) = (tile.view(x), tile.view(saved))
        let w = layer.weights(0, at: tile.parameters)
        let b = UnsafePointer(tile.parameters + layer.bias)
        for block in 0..<count {
            let (from, to) = (columns(block, of: source), columns(block, of: target))
            if layer.order == .outputMajor {
                tile.product.multiplyNarrow(from, byTransposeOf: w, bias: b, into: to)
            } else {
                tile.product.multiply(
                    from, w, into: to, epilogue: layer.activation == .relu ? .biasReLU(b) : .bias(b))
            }
        }
        guard layer.activation != .identity, layer.activation != .relu else { return }
        let h = tile.view(y)
        Scalar._activate(
            level: tile.level, activation: layer.activation.code, rows: tile.rows, columns: h.columns,
            z: target.base, ldz: target.stride, h: h.base, ldh: h.stride)
    }

    package func backward<Scalar: BLASScalar>(_ tile: GraphTile<Scalar>) {
        let (source, dz) = (tile.view(x), tile.gradient(y))
        if layer.activation != .identity {
            let h = tile.view(saved)
            Scalar._activateBackward(
                level: tile.level, activation: layer.activation.code, rows: tile.rows, columns: dz.columns,
                saved: h.base, lds: h.stride, d: dz.base, ldd: dz.stride)
        }
        let dw = layer.weights(0, at: tile.gradients)
        for block in 0..<count {
            let (from, d) = (columns(block, of: source), columns(block, of: dz))
            let adds = !tile.isFirst || block > 0
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
        for block in 0..<count {
            tile.product.multiply(
                columns(block, of: dz), w, into: columns(block, of: target), accumulate: dx == .add,
                epilogue: .none)
        }
    }
}
