/// An embedded feature whose vectors stand side by side, `[rows, capacity · dimension]`, zeros behind the last.
public struct SequenceFeature: Sendable {
    /// The name of the embedded feature, or of the first of those that it joins.
    public let name: String
    /// The vectors side by side, `[rows, capacity · dimension]`.
    public let value: GraphValue
    /// The number of vectors in a row, `[rows, 1]`.
    public let length: GraphValue
    /// The largest number of vectors in a row.
    public let capacity: Int

    /// The length of a vector.
    public var dimension: Int { value.width / capacity }
    var isRead = false

    /// Other vectors of the same behaviours, `[rows, capacity · length of a vector]`.
    func holding(_ vectors: GraphValue) -> SequenceFeature {
        SequenceFeature(name: name, value: vectors, length: length, capacity: capacity, isRead: true)
    }
}

extension GraphBuilder {
    /// A sequence by its name, which is read from now on.
    ///
    /// - Throws: `InputError` where there is none.
    public mutating func sequence(_ name: String, at place: String) throws(InputError) -> SequenceFeature {
        guard let index = sequences.firstIndex(where: { $0.name == name }) else {
            throw InputError(
                .name, at: place, found: "no sequence \"\(name)\"",
                expected: sequences.isEmpty
                    ? "an embedded feature with positions"
                    : "one of \(sequences.map(\.name).joined(separator: ", "))")
        }
        sequences[index].isRead = true
        return sequences[index]
    }

    /// Sequences of the same behaviours by their names, which are read from now on.
    ///
    /// - Throws: `InputError` where there is none, one is named twice, or some hold more than others.
    public mutating func alignedSequences(_ names: [String], at place: String) throws(InputError)
        -> [SequenceFeature]
    {
        guard !names.isEmpty else {
            throw InputError(.empty, at: place, found: "no sequence", expected: "at least one")
        }
        guard Set(names).count == names.count else {
            throw InputError(.name, at: place, found: "a sequence twice", expected: "names that differ")
        }
        var result: [SequenceFeature] = []
        for name in names {
            let sequence = try sequence(name, at: place)
            if let first = result.first, first.capacity != sequence.capacity {
                throw InputError(
                    .shape, at: place, found: "up to \(sequence.capacity) in \"\(name)\"",
                    expected: "\(first.capacity) as in \"\(first.name)\"")
            }
            result.append(sequence)
        }
        return result
    }

    /// The embedded fields that sequences are compared with, side by side: `[rows, sum of the sequences' dimensions]`.
    ///
    /// - Parameters:
    ///   - names: one for each sequence, of its dimension.
    ///   - sequences: what `alignedSequences(_:at:)` gave.
    ///   - place: what errors are about.
    /// - Throws: `InputError` for a field that is not there, or of another width than its sequence's vectors.
    public mutating func candidates(
        _ names: [String], of sequences: [SequenceFeature], at place: String
    ) throws(InputError) -> GraphValue {
        guard names.count == sequences.count else {
            throw InputError(
                .shape, at: place, found: "\(names.count) fields",
                expected: "one for each of \(sequences.count) sequences")
        }
        var values: [GraphValue] = []
        for (name, sequence) in zip(names, sequences) {
            // A field may stand beside two sequences.
            let value = try fields([name], at: place)[0].value
            guard value.width == sequence.dimension else {
                throw InputError(
                    .shape, at: place, found: "a width of \(value.width)",
                    expected: "\(sequence.dimension) as of \"\(sequence.name)\"")
            }
            values.append(value)
        }
        return concatenate(values)
    }

    /// Sequences of the same behaviours as one, whose vectors are theirs side by side, in the order given.
    ///
    /// A row has as many behaviours in each; a dataset whose rows have not is refused.
    public mutating func joinedSequence(_ sequences: [SequenceFeature]) -> SequenceFeature {
        precondition(!sequences.isEmpty, "no sequence to join")
        let names = sequences.map(\.name)
        if names.count > 1, !alignments.contains(names) { alignments.append(names) }
        var result = sequences[0]
        for other in sequences.dropFirst() {
            precondition(
                other.capacity == result.capacity, "\(other.capacity) and \(result.capacity) positions")
            let y = reserve(result.value.width + other.value.width)
            note(y, from: [result.value, other.value])
            nodes.append(
                .sequenceJoin(
                    SequenceJoinNode(a: result.value, b: other.value, y: y, capacity: result.capacity)))
            result = SequenceFeature(
                name: result.name, value: y, length: result.length, capacity: result.capacity)
        }
        return result
    }

    /// What a layer makes of a sequence, as a field of its name; a second reading of the same one gets columns without a name.
    public mutating func appendSequence(_ value: GraphValue, _ name: String) {
        appendFeatures(value, field: embeddedNames.contains(name) ? nil : name)
    }

    /// [e, c, e - c, e ⊙ c] for every vector e of a sequence, zeros behind the last: `[rows, capacity · 4 dimension]`.
    public mutating func sequencePairs(_ sequence: SequenceFeature, with c: GraphValue) -> GraphValue {
        precondition(c.width == sequence.dimension, "\(c.width) columns beside \(sequence.dimension)")
        let y = reserve(4 * sequence.value.width)
        note(y, from: [sequence.value, c])
        nodes.append(
            .sequencePairs(
                SequencePairsNode(
                    x: sequence.value, c: c, length: sequence.length, y: y, capacity: sequence.capacity)))
        return y
    }

    /// Σ a_p e_p over the vectors of a sequence, `[rows, dimension]`; 0 for none.
    ///
    /// - Parameters:
    ///   - sequence: the sequence that is pooled.
    ///   - scores: `[rows, capacity]`; those behind the last vector do not count.
    ///   - isNormalized: whether a is the scores' softmax, or the scores themselves.
    public mutating func sequencePool(
        _ sequence: SequenceFeature, scores: GraphValue, isNormalized: Bool
    ) -> GraphValue {
        let capacity = sequence.capacity
        precondition(scores.width == capacity, "\(scores.width) scores of \(capacity) positions")
        let first = lists.count
        lists += (0..<capacity).map { Int32($0 * sequence.dimension) }
        let modes = lists.count
        lists += (0..<capacity).map { _ in 0 }
        let source = inWorkspace(scores)
        let saved = reserveSaved(2 * capacity)
        let y = reserve(sequence.dimension)
        note(y, from: [source, sequence.value])
        nodes.append(
            .sequencePool(
                SequencePoolNode(
                    x: sequence.value, scores: source, length: sequence.length, y: y, saved: saved,
                    capacity: capacity, isNormalized: isNormalized, first: first, modes: modes)))
        return y
    }
}
