/// y_t = x_t W + b for every block t, with the same W and b.
///
/// `[I, O]` with a transposed copy where trained; a map that no optimiser changes is `[O, I]`, which the backward pass
/// reads as it is.
package struct TiedMapNode: GraphOperation {
    package let x: GraphValue
    package let y: GraphValue
    package let inputs: Int
    package let outputs: Int
    package let weight: Int
    package let bias: Int
    package let isTrained: Bool
    package let transposed: Int?
    package var blocks: Range<Int>
    package var dx = GradientMode.none

    private var transposedStride: Int { workspaceStride(columns: inputs) }
    private var input: GraphValue { x.columns(blocks.lowerBound * inputs..<blocks.upperBound * inputs) }
    package var output: GraphValue { y.columns(blocks.lowerBound * outputs..<blocks.upperBound * outputs) }
    package var blockWidth: Int { outputs }
    package var multiplyAdds: Int { blocks.count * inputs * outputs }

    package func part(_ some: Range<Int>) -> TiedMapNode {
        var copy = self
        copy.blocks = blocks.lowerBound + some.lowerBound..<blocks.lowerBound + some.upperBound
        return copy
    }

    package func inputs(_ lists: [Int32]) -> [GraphValue] { [input] }

    package mutating func setGradient(_ mode: GradientMode, of _: Int, lists: inout [Int32]) { dx = mode }

    package var parameters: [GraphParameter] {
        guard isTrained else { return [] }
        return [
            GraphParameter(
                start: weight, count: inputs * outputs, rowLength: outputs, scenario: nil,
                transposed: transposed, transposedStride: transposedStride),
            GraphParameter(start: bias, count: outputs, rowLength: 1, scenario: nil, transposed: nil),
        ]
    }

    private func weights<Scalar>(_ base: UnsafeMutablePointer<Scalar>) -> MatrixView<Scalar> {
        isTrained
            ? MatrixView(base + weight, rows: inputs, columns: outputs, stride: outputs)
            : MatrixView(base + weight, rows: outputs, columns: inputs, stride: inputs)
    }

    private func block<Scalar>(_ index: Int, _ width: Int, of x: MatrixView<Scalar>) -> MatrixView<Scalar> {
        x.columns(index * width..<(index + 1) * width)
    }

    package func forward<Scalar: BLASScalar>(_ tile: GraphTile<Scalar>) {
        let (from, to, w) = (tile.view(x), tile.view(y), weights(tile.parameters))
        let b = UnsafePointer(tile.parameters + bias)
        for index in blocks {
            if isTrained {
                tile.product.multiply(
                    block(index, inputs, of: from), w, into: block(index, outputs, of: to), epilogue: .bias(b)
                )
            } else {
                tile.product.multiplyNarrow(
                    block(index, inputs, of: from), byTransposeOf: w, bias: b,
                    into: block(index, outputs, of: to))
            }
        }
    }

    package func backward<Scalar: BLASScalar>(_ tile: GraphTile<Scalar>) {
        let (from, d) = (tile.view(x), tile.gradient(y))
        if isTrained {
            for index in blocks {
                let adds = !tile.isFirst || index > blocks.lowerBound
                tile.product.multiplyTransposed(
                    block(index, inputs, of: from), block(index, outputs, of: d),
                    into: weights(tile.gradients), accumulate: adds)
                let part = block(index, outputs, of: d)
                Scalar._columnSums(
                    level: tile.level, rows: tile.rows, columns: outputs, source: part.base, ld: part.stride,
                    target: tile.gradients + bias, accumulate: adds)
            }
        }
        guard dx != .none else { return }
        let to = tile.gradient(x)
        let w =
            isTrained
            ? MatrixView(
                tile.transposes + (transposed ?? 0), rows: outputs, columns: inputs, stride: transposedStride)
            : weights(tile.parameters)
        for index in blocks {
            tile.product.multiply(
                block(index, outputs, of: d), w, into: block(index, inputs, of: to), accumulate: dx == .add)
        }
    }
}

extension GraphBuilder {
    /// x_t W + b of every block of x with the same weights, "NAME.weight" and "NAME.bias": `[rows, blocks · units]`.
    public mutating func tiedMap(
        _ x: GraphValue, blocks: Int, units: Int, name title: String
    ) -> GraphValue {
        tied(x, blocks: blocks, units: units, name: title, isTrained: true)
    }

    /// x_t Θᵀ of every block of x, "NAME.weight" `[units, inputs]`, which begins with orthonormal rows and which no
    /// optimiser changes.
    mutating func fixedMap(_ x: GraphValue, blocks: Int, units: Int, name title: String) -> GraphValue {
        tied(x, blocks: blocks, units: units, name: title, isTrained: false)
    }

    private mutating func tied(
        _ x: GraphValue, blocks: Int, units: Int, name title: String, isTrained: Bool
    ) -> GraphValue {
        precondition(units > 0 && x.width % blocks == 0, "\(x.width) columns in \(blocks) blocks")
        let source = inWorkspace(x)
        let inputs = x.width / blocks
        let weight = place(inputs * units + units, isTrained: isTrained)
        let bias = weight + inputs * units
        var transposed: Int?
        if isTrained {
            nameLayer(
                title, weight: weight, bias: bias, inputs: inputs, outputs: units, isTransposed: true)
            if needsGradient(source) {
                transposed = transposedCount
                transposedCount += units * workspaceStride(columns: inputs)
            }
        } else {
            name(title + ".weight", weight, [units, inputs], isTrained: false)
            beginnings.append(.orthonormal(weight, rows: units, columns: inputs, name: title))
        }
        let y = reserve(blocks * units)
        note(y, hasParameters: isTrained, from: [source])
        nodes.append(
            .tiedMap(
                TiedMapNode(
                    x: source, y: y, inputs: inputs, outputs: units, weight: weight, bias: bias,
                    isTrained: isTrained, transposed: transposed, blocks: 0..<blocks)))
        return y
    }

    /// Lets the layers that `dense` has just added begin at 0.
    mutating func beginAtZero(_ layers: Int) {
        for index in beginnings.count - layers..<beginnings.count {
            guard case .layer(let weights, let biases, _, _, _) = beginnings[index] else { continue }
            beginnings[index] = .constant(weights, 0)
            if !biases.isEmpty { beginnings.append(.constant(biases, 0)) }
        }
    }
}
