internal import MTLEngine

/// Where the rows stand that may be why a loss ran away; the source is read again, since caches know no lines.
extension Experiment {
    /// What is said of such rows: per divergence the files and lines, or nothing where they are not known.
    func suspects(_ divergences: [Divergence], _ data: PreparedData) -> [String] {
        let rows = divergences.map { $0.rows ?? [] }
        var places: [Bool: [Int: String]] = [:]
        for isValidation in [false, true] {
            let asked = Set(rows.joined().filter { $0.isValidation == isValidation }.map(\.row))
            guard !asked.isEmpty else { continue }
            // Where the source cannot be read any more, what is known without it is said.
            places[isValidation] =
                (try? self.places(of: asked, in: isValidation ? .validation : .training, data)) ?? [:]
        }
        return rows.map { rows in
            let known = rows.compactMap { row in
                places[row.isValidation]?[row.row].map { place in
                    "\(place) (a loss of \(row.loss.map(Wording.number) ?? "no finite number"))"
                }
            }
            guard !known.isEmpty else { return "" }
            let whose = rows.allSatisfy(\.isValidation) ? "validation rows" : "its rows"
            return "; of \(whose) the largest losses are those of \(known.joined(separator: ", "))"
        }
    }

    /// The file and line of some prepared rows, by their numbers; none where the source has other rows than before.
    private func places(
        of rows: Set<Int>, in part: Part, _ data: PreparedData
    ) throws(InputError) -> [Int: String] {
        // One thread reads the blocks in their order.
        let source = try openRows(threads: 1, format: data.preprocessor.format)
        var split = split
        if self.data.rows(schema).contains(where: { $0.test != nil }) { split.test = 0 }
        return try places(opened: source, of: rows, in: part, data, split)
    }

    private func places(
        opened source: some RowSource, of rows: Set<Int>, in part: Part, _ data: PreparedData, _ split: Split
    ) throws(InputError) -> [Int: String] {
        let preprocessor = data.preprocessor
        let skips = try self.data.options(threads: 1).badRows != .refuse
        let splitter = try Splitter(split, source, schema, skipsBadRows: skips)
        let sampler = sampling.isAll ? nil : try Sampler(sampling, preprocessor, parents: model.eventParents)
        let plans = try ColumnPlans(schema, of: source, withLabels: true)
        var count = 0
        var places: [Int: String] = [:]
        try source.read { (block, _) throws(InputError) in
            let plan = plans[block]
            var parsed = ParsedBlock(block, plan, classes: preprocessor.classes)
            let partOf = parsed.rows.map { splitter.part(parsed, $0) }
            let written = RowWriting.rows(of: part, &parsed, plan, partOf, sampler, preprocessor)
            for (place, row) in written.enumerated() where rows.contains(count + place) {
                places[count + place] = "\(block.path), \(block.unit) \(block.line(row))"
            }
            count += written.count
        }
        let prepared = part == .training ? data.training : data.validation
        return count == prepared?.rowCount ? places : [:]
    }
}
