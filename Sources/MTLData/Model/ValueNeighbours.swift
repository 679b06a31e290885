package import MTLEngine

/// A value of a feature whose embedding points where another one's does.
package struct ValueNeighbour: Sendable, Equatable {
    package let value: String
    /// The training rows that had it.
    package let rows: Int
    /// Of the angle between the two embeddings, -1 to 1.
    package let cosine: Double
}

extension ModelBundle {
    /// The values whose embeddings are nearest to that of one, the nearest first.
    ///
    /// Where tasks, or several networks, have tables of their own, the embeddings are those side by side. Values that training rows had
    /// rarely share one embedding and are not told.
    /// - Parameters:
    ///   - value: as cells have it.
    ///   - feature: one that is looked up in a table by its values.
    ///   - count: the most that are told, 1 or more.
    /// - Throws: `InputError` for a feature without such a table, or a value that the training rows did not have.
    package func neighbours(
        of value: String, in feature: String, count: Int
    ) throws(InputError) -> [ValueNeighbour] {
        precondition(count > 0, "\(count) neighbours")
        let features = preprocessor.schema.features
        let known = features.indices.filter { vocabulary(of: $0) != nil }
        guard let index = known.first(where: { features[$0].name == feature }),
            let vocabulary = vocabulary(of: index)
        else {
            let isThere = features.contains { $0.name == feature }
            throw InputError(
                .name, at: "feature \"\(feature)\"",
                found: isThere ? "one without an embedding for each value" : "no feature of that name",
                expected: known.isEmpty
                    ? "a model with embeddings"
                    : "one of \(known.map { features[$0].name }.joined(separator: ", "))")
        }
        guard let own = vocabulary.id(of: value) else {
            throw InputError(
                .value, at: "feature \"\(feature)\"", found: "\"\(value)\"",
                expected:
                    "a value that the training rows had often enough to be told from others, as \"\(vocabulary.size > Vocabulary.reserved ? vocabulary.value(Vocabulary.reserved) : "(none)")\""
            )
        }
        let rows = embeddings(of: features[preprocessor.owner(of: index)].name)
        func length(_ row: [Float]) -> Double { row.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot() }
        func product(_ a: [Float], _ b: [Float]) -> Double {
            zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        }
        let reach = length(rows[own])
        let found = (Vocabulary.reserved..<vocabulary.size).filter { $0 != own }.map { id in
            let both = reach * length(rows[id])
            return ValueNeighbour(
                value: vocabulary.value(id), rows: vocabulary.counts[id],
                cosine: both > 0 ? product(rows[own], rows[id]) / both : 0)
        }
        return Array(found.sorted { ($1.cosine, $0.value) < ($0.cosine, $1.value) }.prefix(count))
    }

    /// The values of a feature that is looked up by them; nil for one that is hashed, cut into bins, or no table's.
    private func vocabulary(of index: Int) -> Vocabulary? {
        let fit = preprocessor.fitted[preprocessor.owner(of: index)]
        guard preprocessor.schema.features[index].isEmbedded, fit.hashBuckets == nil else { return nil }
        return fit.vocabulary
    }

    /// Per id the embeddings of a table, of all tasks and networks that have one.
    private func embeddings(of table: String) -> [[Float]] {
        let segments = model.layout.segments.filter {
            $0.name.hasPrefix("embeddings.") && $0.name.hasSuffix("\(table).weight") && $0.shape.count == 2
                && ($0.name == "embeddings.\(table).weight" || $0.name.hasSuffix(".\(table).weight"))
        }
        var rows = [[Float]](repeating: [], count: segments.first?.shape[0] ?? 0)
        for vector in members.vectors {
            for segment in segments {
                let values = vector.withUnsafeBufferPointer { vector in
                    vector.baseAddress.map { model.layout.read(segment, from: $0) } ?? []
                }
                let width = segment.shape[1]
                for id in rows.indices { rows[id] += values[id * width..<(id + 1) * width] }
            }
        }
        return rows
    }
}
