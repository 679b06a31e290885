extension GraphBuilder {
    /// The states of a gated recurrent unit along the vectors of a sequence, `[rows, capacity · units]`: those of PyTorch's `GRU`, behind a
    /// row's last vector as they were there, and 0 for a row without any. "NAME.input" and "NAME.hidden" are its weights and biases,
    /// `[3 units, dimension]`, `[3 units, units]` and `[3 units]`.
    ///
    /// - Parameters:
    ///   - sequence: the vectors.
    ///   - units: the length of a state.
    ///   - scores: what a softmax over a row's positions makes factors of the update gates of, `[rows, capacity]` (AUGRU); nil for 1.
    ///   - title: NAME, what the parameters' names begin with.
    public mutating func recurrent(
        _ sequence: SequenceFeature, units: Int, scores: GraphValue? = nil, name title: String
    ) -> GraphValue {
        let capacity = sequence.capacity
        precondition(scores?.width ?? capacity == capacity, "scores of other than \(capacity) positions")
        let x = tiedDense(
            sequence.value, blocks: capacity, units: 3 * units, activation: .identity, name: "\(title).input")
        var layer = Dense(
            blocks: 1, inputs: units, outputs: 3 * units, inputIsShared: true, activation: .identity,
            order: .inputMajor)
        layer.weight = place(layer.weightCount + layer.biasCount)
        layer.bias = layer.weight + layer.weightCount
        layer.transposed = transposedCount
        transposedCount = Self.sum(transposedCount, layer.biasCount * layer.transposedStride)
        nameLayer(
            "\(title).hidden", weight: layer.weight, bias: layer.bias, inputs: units, outputs: 3 * units,
            isTransposed: true)
        let attention = scores.map { inWorkspace($0) }
        let y = reserve(capacity * units)
        note(y, hasParameters: true, from: [])
        nodes.append(
            .recurrent(
                RecurrentNode(
                    x: x, scores: attention, length: sequence.length, y: y,
                    saved: reserveSaved(4 * capacity * units),
                    shares: attention == nil ? nil : reserveSaved(2 * capacity), layer: layer,
                    capacity: capacity)))
        return y
    }
}
