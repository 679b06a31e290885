internal import MTLEngine

/// What was found out about rows while a model predicted them.
public struct ServingReport: Sendable, Equatable {
    /// Values of one column that no training row had.
    public struct Unseen: Sendable, Equatable {
        /// The feature, or the scenario's column.
        public let name: String
        /// Whether it is the scenario.
        public let isScenario: Bool
        /// How many there were; of tags and sequences values, else rows.
        public fileprivate(set) var count = 0
    }

    /// Rows that were predicted.
    public private(set) var rows = 0
    /// Rows that were left out.
    public private(set) var badRows = BadRowCount()
    /// Columns with values that no training row had; what stands for them was fitted to training rows whose value was taken away, or is an average.
    public var unseen: [Unseen] { columns.filter { $0.count > 0 } }

    private var columns: [Unseen]
    private let hasMissingScenarios: Bool

    init(_ preprocessor: Preprocessor) {
        let schema = preprocessor.schema
        columns = schema.features.map { Unseen(name: $0.name, isScenario: false) }
        if let name = schema.scenario { columns.append(Unseen(name: name, isScenario: true)) }
        hasMissingScenarios = (preprocessor.scenarios?.counts[Int(Vocabulary.missing)] ?? 0) > 0
    }

    mutating func add(_ encoded: EncodedRows, _ preprocessor: Preprocessor) {
        rows += encoded.count
        for (index, count) in encoded.unseen.enumerated() { columns[index].count += count }
        guard preprocessor.scenarios != nil, let last = columns.indices.last else { return }
        columns[last].count += encoded.scenarios.count {
            $0 == Vocabulary.unknown || $0 == Vocabulary.missing && !hasMissingScenarios
        }
    }

    mutating func add(bad errors: [InputError], count: Int? = nil) {
        badRows.count += count ?? errors.count
        badRows.examples += errors.prefix(max(0, 20 - badRows.examples.count)).map(\.description)
    }

    /// - Throws: `InputError` for more bad rows than are to be left out.
    func check(_ limit: BadRows, at path: String) throws(InputError) {
        try limit.check(
            badRows.count, of: rows + badRows.count, first: badRows.examples.first, at: path)
    }

    /// What is to be told: rows that were left out, values that no training row had.
    public var notes: [String] {
        var notes: [String] = []
        if badRows.count > 0 {
            notes.append(
                "\(Wording.count(badRows.count, "bad row")) left out, the first: \(badRows.examples.first ?? "")"
            )
        }
        for column in unseen {
            let share = rows > 0 ? " (\(Wording.percent(min(1, Double(column.count) / Double(rows)))))" : ""
            notes.append(
                column.isScenario
                    ? "scenario \"\(column.name)\": \(Wording.count(column.count)) of \(Wording.count(rows, "row"))\(share) of scenarios that no training row had; they are predicted by what all scenarios have in common"
                    : "feature \"\(column.name)\": \(Wording.count(column.count, "value")) in \(Wording.count(rows, "row")) that the training rows did not have, or had too rarely; what stands for such values is used instead"
            )
        }
        return notes
    }
}
