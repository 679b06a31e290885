package import MTLEngine

extension Experiment {
    /// How the rows are read: as the settings say, and where they leave the order of dates open, as all dates of the column
    /// say.
    ///
    /// - Throws: `InputError` for a setting of a column that is not there, dates of different orders, and what the reading
    ///   of the rows throws.
    func resolvedFormat(threads: Int) throws(InputError) -> TableFormat {
        let sources = try openFiles(threads: threads)
        for name in data.format.cells.keys.sorted()
        where !sources.contains(where: { $0.columns.contains(name) }) {
            do throws(InputError) { _ = try sources[0].column(name) } catch {
                throw InputError(
                    error.kind, at: "data, cells, \"\(name)\"", found: error.found, expected: error.expected)
            }
        }
        var open: Set<String> = []
        for source in sources { open.formUnion(try openDates(source)) }
        var format = data.format
        for (name, evidence) in try Self.evidence(of: open.sorted(), in: sources) {
            let guess = CellGuess(evidence, isLabel: false, isTime: true)
            // Where no cell tells, the first one that could be two dates is refused when it is read.
            guard let dates = guess.format.dates else {
                guard evidence.unreadableDates.allSatisfy({ $0 != nil }), let question = guess.question else {
                    continue
                }
                throw InputError(
                    .value, at: "\(sources.map(\.path).joined(separator: ", ")), column \"\(name)\"",
                    found: question,
                    expected: "dates of one order")
            }
            format.cells[name, default: CellFormat()].dates = dates
        }
        return format
    }

    /// What the cells of columns say in all files that have them.
    private static func evidence(
        of names: [String], in sources: [any RowSource]
    ) throws(InputError) -> [(name: String, evidence: CellEvidence)] {
        var found: [String: CellEvidence] = [:]
        for source in sources {
            let columns = names.compactMap { source.columns.firstIndex(of: $0) }
            guard !columns.isEmpty else { continue }
            for (column, evidence) in zip(columns, try CellEvidence.of(source, columns: columns)) {
                found[source.columns[column], default: CellEvidence()].merge(evidence)
            }
        }
        return names.compactMap { name in found[name].map { (name, $0) } }
    }

    /// Columns of times whose first rows have dates of an order, whether or not one of them says which.
    private func openDates(_ source: any RowSource) throws(InputError) -> [String] {
        let names =
            [schema.time].compactMap { $0 }
            + schema.features.filter { $0.kind == .timestamp }.map { $0.column ?? $0.name }
        let columns = Set(names.filter { data.format.cell($0).dates == nil }).compactMap {
            source.columns.firstIndex(of: $0)
        }.sorted()
        guard !columns.isEmpty else { return [] }
        let block = try source.first()
        return columns.filter { column in
            (0..<block.rowCount).contains { row in
                guard let cell = block.value(row, column) else { return false }
                return Set(CellEvidence.dateOrders.map { Timestamp.parse(cell, as: $0) }).count > 1
            }
        }.map { source.columns[$0] }
    }

    /// What is to be told of how the rows were read.
    ///
    /// - Throws: what the reading of the rows throws.
    package func readingNotes(_ prepared: PreparedData, threads: Int = 1) throws(InputError) -> [String] {
        let format = prepared.preprocessor.format
        let sources = try openFiles(threads: threads, format: format)
        var notes = zip(sources, data.rows(schema)).flatMap { source, own in
            source.notes.map { "\(own.source): \($0)" }
        }
        notes += labelNotes(sources)
        for (name, cell) in format.cells.sorted(by: { $0.key < $1.key }) {
            guard let dates = cell.dates, data.format.cell(name).dates == nil else { continue }
            notes.append("column \"\(name)\": dates are read as \(dates.rawValue), which its other cells say")
        }
        let codes = prepared.preprocessor.codeColumns.filter { data.format.cell($0).missingWords == nil }
        for (name, evidence) in try Self.evidence(of: codes, in: sources) {
            guard let example = evidence.notAvailable else { continue }
            notes.append(
                "column \"\(name)\": \"NA\" is read as missing in "
                    + "\(Wording.count(example.rows, "cell")), the first in \(example.path.map { "\($0), " } ?? "")line \(example.line), beside codes of two letters; "
                    + "missing_words: [] makes it one of them")
        }
        return notes
    }
}

extension Preprocessor {
    /// Columns with missing cells where all values of the training rows are two capitals.
    fileprivate var codeColumns: [String] {
        func areCodes(_ vocabulary: Vocabulary) -> Bool {
            vocabulary.size > Vocabulary.reserved + 1 && vocabulary.counts[Int(Vocabulary.missing)] > 0
                && (Vocabulary.reserved..<vocabulary.size).allSatisfy { id in
                    let value = vocabulary.value(id).utf8
                    return value.count == 2 && value.allSatisfy { (0x41...0x5A).contains($0) }
                }
        }
        var names: [String] = []
        if let scenarios, let name = schema.scenario, areCodes(scenarios) { names.append(name) }
        for (feature, fit) in zip(schema.features, fitted) where feature.kind == .categorical {
            let name = feature.column ?? feature.name
            if let vocabulary = fit.vocabulary, areCodes(vocabulary), !names.contains(name) {
                names.append(name)
            }
        }
        return names
    }
}
