public import MTLEngine

/// All that a training run is made of: the rows, what is read of them, the model and how it is trained. The file of the `mtl`
/// tool.
public struct Experiment: Sendable, Equatable, Codable {
    /// Where the rows are.
    public var data: DataSettings
    /// Logs that say more of the rows' users.
    public var histories: [HistorySpec] = []
    /// What is read of them.
    public var schema: Schema
    /// Which part a row is in.
    public var split = Split()
    /// What is learned from.
    public var sampling = Sampling()
    /// The layers, and how tasks share them.
    public var model = ModelSettings()
    /// How they are trained.
    public var training = TrainingSettings()

    /// An experiment with the defaults of everything but the rows.
    public init(data: DataSettings, schema: Schema) {
        self.data = data
        self.schema = schema
    }

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case data, histories, schema, split, sampling, model, training
    }

    /// Reads settings; those that are left out keep their defaults.
    ///
    /// - Throws: `InputError` for a setting of an unknown name, `DecodingError` for one that is missing or of a wrong type.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(CodingKeys.self)
        data = try values.require(.data)
        try values.read(.histories, &histories)
        schema = try values.require(.schema)
        try values.read(.split, &split)
        try values.read(.sampling, &sampling)
        try values.read(.model, &model)
        try values.read(.training, &training)
    }

    /// Checks what can be checked without the rows.
    ///
    /// - Throws: `InputError` that names the setting.
    public func check() throws(InputError) {
        try data.check()
        try data.checkSources(schema)
        for history in histories { try history.check() }
        try schema.check()
        try split.check(schema)
        try sampling.check(schema, parents: model.eventParents)
        try training.check()
        if training.refit, !sampling.isAll {
            throw InputError(
                .value, at: "training, refit",
                found: "true, and sampling, which leaves the validation rows as they are",
                expected: "all rows to learn from, or false")
        }
        do throws(InputError) {
            try training.schedule.schedule().schedule.check(tasks: schema.labels.map(\.name))
        } catch {
            throw named(error)
        }
        try checkBatches()
        try checkFunnel()
        try checkPreference()
    }

    /// Funnels learn a later event of all rows: one that is only known where its parent happened is another thing, and what they
    /// would predict of it neither of both.
    private func checkFunnel() throws(InputError) {
        let parents = model.eventParents
        let title = model.sharing?.type.rawValue ?? ""
        for label in schema.labels {
            guard let parent = parents[label.name], let when = label.when else { continue }
            throw InputError(
                .value, at: "label \"\(label.name)\", when",
                found: "\"\(when)\" beside \(title), which learns the event of all rows",
                expected: "no condition, and 0 where \"\(parent)\" did not happen")
        }
        let firsts = sampling.sampledFirsts(parents)
        for (later, first) in firsts.sorted(by: { $0.key < $1.key }) {
            let place = "sampling, negatives, \"\(first)\""
            guard data.areOfOneSource(later, first) else {
                throw InputError(
                    .value, at: place, found: "a funnel whose later \"\(later)\" has a source of its own",
                    expected: "labels of one source: rows are left out with all of them")
            }
            // Where nobody knows the first label nobody knows whether the row was drawn, and all later labels go.
            if let when = schema.labels.first(where: { $0.name == first })?.when {
                throw InputError(
                    .value, at: place, found: "a label with when: \"\(when)\"",
                    expected: "one that all rows have: the others would lose \"\(later)\", too")
            }
            if let own = model.taskScenarios[first],
                model.taskScenarios[later].map({ Set($0).isSubset(of: own) }) != true
            {
                throw InputError(
                    .value, at: place, found: "\"\(later)\" in scenarios that \"\(first)\" does not have",
                    expected:
                        "those of \"\(later)\" in task_scenarios too: rows elsewhere would lose its label")
            }
        }
    }
}

/// Where the rows are.
public struct DataSettings: Sendable, Equatable, Codable {
    /// A CSV or TSV file, gzip or not, or "sqlite:FILE?query=…".
    public var source: String
    /// Sources of rows that some labels have for themselves; `source` has the rows of all other labels.
    public var taskSources: [TaskSource] = []
    /// Rows to judge by that have a source of their own; the split then has no test part.
    public var test: String?
    /// The names of the columns, for a file without a header.
    public var columns: [String]?
    /// How their text is read; a source of rows to judge by is read alike.
    public var format = TableFormat()
    /// "refuse", or "skip:SHARE": up to this share of bad rows is left out ("skip:0.1%").
    public var badRows = "refuse"

    /// A source whose header names the columns.
    public init(source: String, test: String? = nil) {
        self.source = source
        self.test = test
    }

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case source, test, columns
        case taskSources = "task_sources"
        case badRows = "bad_rows"
    }

    /// Reads settings; those that are left out keep their defaults.
    ///
    /// - Throws: `InputError` for a setting of an unknown name, `DecodingError` for one that is missing or of a wrong type.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(CodingKeys.self, beside: TableFormat.CodingKeys.self)
        source = try values.require(.source)
        try values.read(.taskSources, &taskSources)
        try values.read(.test, &test)
        try values.read(.columns, &columns)
        format = try TableFormat(among: decoder)
        try values.read(.badRows, &badRows)
    }

    /// Writes what differs from the defaults, all settings side by side.
    public func encode(to encoder: any Encoder) throws {
        try format.encode(to: encoder)
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(source, forKey: .source)
        if !taskSources.isEmpty { try values.encode(taskSources, forKey: .taskSources) }
        try values.encodeIfPresent(test, forKey: .test)
        try values.encodeIfPresent(columns, forKey: .columns)
        if badRows != "refuse" { try values.encode(badRows, forKey: .badRows) }
    }

    func check() throws(InputError) { _ = try options(threads: 1) }

    /// How the rows are read.
    ///
    /// - Throws: `InputError` that names the setting.
    package func options(threads: Int) throws(InputError) -> ReadingOptions {
        try format.check("data")
        var options = ReadingOptions(
            threads: threads, badRows: try Self.badRows(badRows), columns: columns)
        options.format = format
        return options
    }

    /// Reads "refuse", "skip:0.001" or "skip:0.1%".
    ///
    /// - Throws: `InputError` for anything else.
    package static func badRows(_ text: String) throws(InputError) -> BadRows {
        if text == "refuse" { return .refuse }
        if text.hasPrefix("skip:") {
            let share = text.dropFirst(5)
            let value = share.hasSuffix("%") ? Double(share.dropLast()).map { $0 / 100 } : Double(share)
            if let value, value >= 0, value < 1 { return .skip(upTo: value) }
        }
        throw InputError(
            .value, at: "data, bad_rows", found: "\"\(text)\"",
            expected: "refuse, or skip: and a share, such as skip:0.1%")
    }
}
