public import MTLEngine

/// How a source that nobody has described yet is read: guessed from all of its rows, with the reasons, and what only a person
/// can tell.
public struct ReadingGuess: Sendable, Equatable, Codable {
    /// Why a setting of the whole file is as it is.
    public struct Reason: Sendable, Equatable, Codable {
        /// The setting's name.
        public let setting: String
        /// What says so.
        public let reason: String
    }

    /// The guess.
    public private(set) var format: TableFormat
    /// Settings of the whole file, each with its reason.
    public private(set) var reasons: [Reason] = []
    /// Per column what was found.
    public private(set) var columnReasons: [String: [String]] = [:]
    /// Per column what must be told before it can be read.
    public private(set) var questions: [String: String] = [:]

    /// Opens a source by its text, as `openSource` does, and reads it twice: to guess, and as guessed.
    ///
    /// - Parameters:
    ///   - text: the source, as `openSource` takes it.
    ///   - options: what a person has said of it.
    ///   - labels: columns to predict.
    /// - Throws: what `openSource` throws, and the reading of the rows.
    public static func open(
        _ text: String, options: ReadingOptions = ReadingOptions(), labels: [String] = []
    ) throws(InputError) -> (source: any RowSource, guess: ReadingGuess) {
        if text.hasPrefix(SQLiteSource.scheme) {
            let guess = try ReadingGuess(SQLiteSource(text, options: options), options.format, labels)
            var options = options
            options.format = guess.format
            return (try SQLiteSource(text, options: options), guess)
        }
        let (table, found) = try TableReader.guessing(path: text, options: options)
        return try guessed(table, found, labels)
    }

    /// The same of a text in memory.
    package static func open(
        bytes: [UInt8], path: String, options: ReadingOptions = ReadingOptions(), labels: [String] = []
    ) throws(InputError) -> (source: any RowSource, guess: ReadingGuess) {
        let (table, found) = try TableReader.guessing(path: path, bytes: bytes, options: options)
        return try guessed(table, found, labels)
    }

    private static func guessed(
        _ table: TableReader, _ found: TextGuess, _ labels: [String]
    ) throws(InputError) -> (source: any RowSource, guess: ReadingGuess) {
        var guess = try ReadingGuess(table, table.format, labels)
        guess.reasons = found.reasons + guess.reasons
        return (try table.reopened(guess.format), guess)
    }

    private init(
        _ source: some RowSource, _ format: TableFormat, _ labels: [String]
    ) throws(InputError) {
        self.format = format
        let evidence = try CellEvidence.of(source, columns: Array(source.columns.indices))
        var cells: [String: CellFormat] = [:]
        for (name, evidence) in zip(source.columns, evidence) {
            let hints = NameHints(name)
            let guess = CellGuess(
                evidence, isLabel: labels.isEmpty ? hints.isLabel : labels.contains(name),
                isTime: hints.isTime)
            // What a person has said already is no question.
            let known = format.cell(name)
            if known.decimal == nil, known.dates == nil, known.thousands == nil, let question = guess.question
            {
                questions[name] = question
            }
            if !guess.reasons.isEmpty { columnReasons[name] = guess.reasons }
            let cell = guess.format.with(format.cells[name] ?? CellFormat())
            if cell != CellFormat() { cells[name] = cell }
        }
        self.format.cells = cells
        shareDecimals(evidence, source.columns)
    }

    /// Says it once where all numbers with a fraction are written alike.
    private mutating func shareDecimals(_ evidence: [CellEvidence], _ columns: [String]) {
        let written = zip(columns, evidence).filter { _, evidence in
            evidence.numbers > 0 && evidence.readable.contains { $0 != evidence.numbers }
        }.map { name, _ in (format.cells[name]?.decimal, format.cells[name]?.thousands) }
        guard written.count > 1, let first = written.first, let decimal = first.0,
            written.allSatisfy({ $0.0 == decimal && ($0.1 ?? first.1) == first.1 })
        else { return }
        format.allCells.decimal = decimal
        format.allCells.thousands = first.1
        reasons.append(Reason(setting: "decimal", reason: "in all columns with fractions"))
        for (name, var cell) in format.cells {
            cell.decimal = nil
            cell.thousands = nil
            format.cells[name] = cell == CellFormat() ? nil : cell
        }
    }
}
