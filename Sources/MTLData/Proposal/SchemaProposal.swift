public import MTLEngine

/// A schema for a table without a description, with the reasons for it: what each column is, what it should become, and
/// what is suspicious about it. A person reads it, mostly as `yaml()`, and changes what is wrong.
public struct SchemaProposal: Sendable, Equatable, Codable {
    /// A column asked for as a label.
    public struct LabelChoice: Sendable, Equatable {
        /// The column's name.
        public let column: String
        /// The values that mean yes; none to find out.
        public let positive: [String]

        /// A column to predict.
        public init(_ column: String, positive: [String] = []) {
            self.column = column
            self.positive = positive
        }
    }

    /// What is suspicious about a column.
    public enum Mark: String, Sendable, Codable, CaseIterable {
        /// One value in all rows.
        case constant
        /// No value in any row.
        case allMissing = "all_missing"
        /// Nearly one value per row.
        case unique
        /// Numbers, and cells that are not numbers.
        case mixedTypes = "mixed_types"
        /// Named like a number of the row ("id", "index"), or like a weight.
        case suspiciousName = "suspicious_name"
        /// Named like a label with something behind it: purchase_amount beside purchase.
        case followsLabel = "follows_label"
        /// Its values say what the label is.
        case tellsLabel = "tells_label"
        /// Sentences, which the library does not read.
        case freeText = "free_text"
        /// Cells that can be read in several ways.
        case unclear
    }

    /// A column and what is proposed for it.
    public struct Column: Sendable, Equatable, Codable {
        /// What the rows say of it.
        package let profile: ColumnProfile
        /// The column's name.
        public var name: String { profile.name }
        /// The feature it is or, where it is left out, would be; nil for labels.
        public internal(set) var feature: Feature?
        /// The label it is.
        public internal(set) var label: Label?
        /// Binary labels: the share of yes among the rows that have one.
        public internal(set) var positiveShare: Double?
        /// Whether the schema reads the feature.
        public internal(set) var isUsed = true
        /// What is suspicious about it.
        public internal(set) var marks: [Mark] = []
        /// Why it is proposed so, and what else it could be.
        public internal(set) var reasons: [String] = []
        /// Different values inside cells of tags and sequences, an estimate.
        public internal(set) var valueCount: Int?
        /// The most values of one cell.
        public internal(set) var mostValues: Int?

        mutating func leaveOut(_ mark: Mark?, _ reason: String) {
            isUsed = false
            if let mark, !marks.contains(mark) { marks.append(mark) }
            reasons.insert(reason, at: 0)
        }
    }

    /// What messages call the source.
    public let source: String
    /// The number of rows of the source.
    public let rows: Int
    /// Its columns, in order.
    public let columns: [Column]
    /// The schema that is proposed.
    public let schema: Schema
    /// The split that goes with it.
    public let split: Split
    /// What was found out about the source's text.
    public let notes: [String]
    /// How the source is read, and why.
    public let reading: ReadingGuess?
    /// Columns with few values that could tell scenarios apart, the likeliest first.
    public let scenarioCandidates: [String]

    /// Reads a source once.
    ///
    /// - Parameters:
    ///   - source: the table.
    ///   - labels: the columns to predict; none to guess them by their names.
    ///   - ignored: columns to leave out.
    ///   - reading: how the source's text was guessed to be.
    /// - Throws: what the source throws, and `InputError` for a label whose column or value is not there, or which cannot be
    ///   predicted.
    public init(
        _ source: some RowSource, labels: [LabelChoice] = [], ignoring ignored: [String] = [],
        reading: ReadingGuess? = nil
    ) throws(InputError) {
        try self.init(
            source, labels: labels, ignoring: ignored, reading: reading,
            limits: ColumnCounter.Limits(columns: source.columns.count))
    }

    /// - Parameter countedValues: different values of a column that are counted before they are estimated.
    package init(_ source: some RowSource, labels: [LabelChoice], countedValues: Int) throws(InputError) {
        try self.init(
            source, labels: labels, limits: ColumnCounter.Limits(values: countedValues, bytes: .max))
    }

    private init(
        _ source: some RowSource, labels: [LabelChoice], ignoring ignored: [String] = [],
        reading: ReadingGuess? = nil, limits: ColumnCounter.Limits
    ) throws(InputError) {
        self.reading = reading
        notes = source.notes
        for choice in labels { _ = try source.column(choice.column) }
        let look = try TableLook(source, limits)
        var columns: [Column?] = []
        let choices = labels.isEmpty ? LabelJudge.guessed(look.columns) : labels
        let named = look.columns.map(\.profile.name)
        for facts in look.columns {
            guard let choice = choices.first(where: { $0.column == facts.profile.name }) else {
                columns.append(nil)
                continue
            }
            var column = try LabelJudge(facts: facts, path: source.path).column(
                choice, in: look, at: columns.count)
            if labels.isEmpty { column.reasons.append("guessed by its name") }
            columns.append(column)
        }
        let judged = zip(look.columns, columns).map { $1 ?? ColumnJudge(facts: $0).column() }
        var all = judged
        LeakJudge(look: look, columns: judged).mark(&all)
        for index in all.indices {
            all[index].reasons += reading?.columnReasons[named[index]] ?? []
            guard let question = reading?.questions[named[index]] else { continue }
            guard all[index].label == nil else {
                throw InputError(
                    .value, at: "\(source.path), label \"\(named[index])\"", found: question,
                    expected: "the answer as a setting")
            }
            all[index].leaveOut(.unclear, question)
        }
        for index in all.indices where ignored.contains(named[index]) && all[index].label == nil {
            all[index].leaveOut(nil, "as asked")
        }

        var schema = Schema(features: [], labels: [])
        let roles = RoleJudge(facts: look.columns)
        let scenarios = roles.scenarios(all)
        if let index = roles.group(all) {
            schema.group = named[index]
            all[index].leaveOut(nil, "the group: all rows of one value are in one part of the split")
        }
        schema.time = roles.time(all).map { named[$0] }
        schema.scenario = scenarios.proposed.map { named[$0] }
        // What waits for an answer may be one.
        guard all.contains(where: { $0.isUsed && $0.feature != nil || $0.marks.contains(.unclear) }) else {
            throw InputError(
                .empty, at: source.path,
                found: "no column to learn from: "
                    + (all.filter { $0.label == nil }.prefix(20).map {
                        "\(Wording.quoted($0.profile.name)), \($0.reasons.first ?? "left out")"
                    }.joined(separator: "; ")),
                expected: "at least one besides the labels")
        }
        schema.features = all.filter(\.isUsed).compactMap(\.feature)
        // In the order in which they were asked for.
        schema.labels = choices.compactMap { choice in
            all.first { $0.profile.name == choice.column }?.label
        }
        self.source = source.path
        rows = look.rows
        self.columns = all
        self.schema = schema
        split = schema.group == nil ? Split() : Split(.group, validation: 0.1, test: 0.1)
        scenarioCandidates = scenarios.candidates.map { named[$0] }
    }
}
