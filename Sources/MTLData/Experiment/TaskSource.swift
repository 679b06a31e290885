package import MTLEngine

/// A source of rows that some tasks have for themselves: a log of its own for churn, another for purchases.
///
/// It has the columns of all features, and those of its labels. Where tasks take turns, a turn of its tasks takes batches of
/// these rows alone.
///
/// ```yaml
/// task_sources:
///   - {source: churn.csv, labels: [churn], batch: 128}
/// ```
public struct TaskSource: Sendable, Equatable, Codable {
    /// As `DataSettings.source`.
    public var source: String
    /// The labels that are read of these rows, and of no others.
    public var labels: [String]
    /// Rows to judge its tasks by, from a source of their own; all sources have one, or none has.
    public var test: String?
    /// Rows of a step of its tasks; nil for those of the training.
    public var batch: Int?
    /// The names of the columns, for a file without a header; nil for those of the data.
    public var columns: [String]?

    /// Rows of some labels.
    public init(source: String, labels: [String], test: String? = nil, batch: Int? = nil) {
        self.source = source
        self.labels = labels
        self.test = test
        self.batch = batch
    }

    private enum CodingKeys: String, CodingKey, CaseIterable { case source, labels, test, batch, columns }

    /// Reads settings; those that are left out keep their defaults.
    ///
    /// - Throws: `InputError` for a setting of an unknown name, `DecodingError` for one that is missing or of a wrong type.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(CodingKeys.self)
        source = try values.require(.source)
        labels = try values.require(.labels)
        try values.read(.test, &test)
        try values.read(.batch, &batch)
        try values.read(.columns, &columns)
    }
}

extension DataSettings {
    /// A source of rows with the labels that are read of it.
    struct Rows {
        let source: String
        let test: String?
        let batch: Int?
        let columns: [String]?
        let labels: Set<String>
    }

    /// All sources, the one that other labels have first.
    func rows(_ schema: Schema) -> [Rows] {
        let named = Set(taskSources.flatMap(\.labels))
        let others = Set(schema.labels.map(\.name)).subtracting(named)
        return [Rows(source: source, test: test, batch: nil, columns: columns, labels: others)]
            + taskSources.map {
                Rows(
                    source: $0.source, test: $0.test, batch: $0.batch, columns: $0.columns ?? columns,
                    labels: Set($0.labels))
            }
    }

    /// The paths of all files, and what messages call each.
    var paths: [(place: String, path: String)] {
        var paths = [("data, source", source)]
        if let test { paths.append(("data, test", test)) }
        for (number, own) in taskSources.enumerated() {
            paths.append((Self.place(number, "source"), own.source))
            if let test = own.test { paths.append((Self.place(number, "test"), test)) }
        }
        return paths
    }

    /// Whether two labels are read of the same rows.
    func areOfOneSource(_ label: String, _ other: String) -> Bool {
        taskSources.allSatisfy { $0.labels.contains(label) == $0.labels.contains(other) }
    }

    static func place(_ number: Int, _ setting: String) -> String {
        "data.task_sources.[\(number)].\(setting)"
    }

    /// Refuses sources that no label can be read of, or that several read.
    func checkSources(_ schema: Schema) throws(InputError) {
        let names = schema.labels.map(\.name)
        var owned: Set<String> = []
        for (number, own) in taskSources.enumerated() {
            let place = Self.place(number, "labels")
            guard !own.labels.isEmpty else {
                throw InputError(.empty, at: place, found: "none", expected: "the labels of these rows")
            }
            for label in own.labels {
                guard names.contains(label) else {
                    throw InputError(
                        .name, at: place, found: "no label \"\(label)\"",
                        expected: "some of \(names.joined(separator: ", "))")
                }
                guard owned.insert(label).inserted else {
                    throw InputError(
                        .name, at: place, found: "label \"\(label)\" again",
                        expected: "each label in one source")
                }
            }
            if let batch = own.batch, !(1...TrainingStep<Float>.largestBatch).contains(batch) {
                throw InputError(
                    .value, at: Self.place(number, "batch"), found: "\(batch)",
                    expected: "1 to \(TrainingStep<Float>.largestBatch)")
            }
            guard (own.test == nil) == (test == nil) else {
                throw InputError(
                    .name, at: Self.place(number, "test"),
                    found: own.test == nil ? "none beside that of the data" : "one, and none of the data",
                    expected: "rows to judge by of every source, or of none")
            }
        }
        if !taskSources.isEmpty, owned.count == names.count {
            throw InputError(
                .name, at: "data, source", found: "rows of no label: all are named by task_sources",
                expected: "a label that has these rows, or one of the task sources in this place")
        }
    }
}

extension Experiment {
    /// Which rows each turn of the schedule learns from.
    func turnSources() throws(InputError) -> TurnSources {
        let rows = data.rows(schema)
        let names = schema.labels.map(\.name)
        let schedule = try training.schedule.schedule().schedule
        return TurnSources(
            schedule, tasks: names,
            sources: names.map { name in rows.firstIndex { $0.labels.contains(name) } ?? 0 })
    }

    /// A batch size of a source's own needs batches of its own.
    func checkBatches() throws(InputError) {
        let sources = try turnSources()
        for (number, own) in data.taskSources.enumerated() where sources.mixes(number + 1) {
            guard let batch = own.batch else { continue }
            throw InputError(
                .value, at: DataSettings.place(number, "batch"),
                found: "\(batch), where a turn mixes its rows with those of others",
                expected:
                    "a schedule whose turns are of some steps or of an epoch, each of one source's tasks; or no batch here"
            )
        }
    }

    /// The most rows of a step of any turn.
    var largestBatch: Int {
        ([training.batch] + data.taskSources.compactMap(\.batch)).max() ?? training.batch
    }

    /// Per source the rows of a step of its tasks.
    var batches: [Int] { data.rows(schema).map { $0.batch ?? training.batch } }

    /// Opens all rows to learn from, with the columns of the histories behind their own.
    ///
    /// - Throws: `InputError` that names the file or the history.
    package func openRows(threads: Int = 1, format: TableFormat? = nil) throws(InputError) -> any RowSource {
        try open(ownRows, threads: threads, format: format)
    }

    /// Opens the files of all rows to learn from as they are.
    func openFiles(threads: Int, format: TableFormat? = nil) throws(InputError) -> [any RowSource] {
        try openFiles(ownRows, readingOptions(threads, format))
    }

    private var ownRows: [(path: String, own: DataSettings.Rows)] {
        data.rows(schema).map { ($0.source, $0) }
    }

    /// Opens the rows to judge by that have sources of their own; nil where there are none.
    func openTest(threads: Int = 1, format: TableFormat? = nil) throws(InputError) -> (any RowSource)? {
        let rows = data.rows(schema)
        let tests = rows.compactMap { own in own.test.map { ($0, own) } }
        return tests.isEmpty ? nil : try open(tests, threads: threads, format: format)
    }

    private func open(
        _ rows: [(path: String, own: DataSettings.Rows)], threads: Int, format: TableFormat?
    ) throws(InputError) -> any RowSource {
        let options = try readingOptions(threads, format)
        let opened = try join(histories, to: openFiles(rows, options), schema, options)
        return opened.count == 1
            ? opened[0] : JoinedSources(zip(opened, rows).map { (source: $0, labels: $1.own.labels) })
    }

    private func openFiles(
        _ rows: [(path: String, own: DataSettings.Rows)], _ options: ReadingOptions
    ) throws(InputError) -> [any RowSource] {
        var options = options
        var opened: [any RowSource] = []
        for (path, own) in rows {
            options.columns = own.columns
            opened.append(try openSource(path, options: options))
        }
        return opened
    }

    func readingOptions(_ threads: Int, _ format: TableFormat?) throws(InputError) -> ReadingOptions {
        var options = try data.options(threads: threads)
        if let format { options.format = format }
        return options
    }

    /// What is to be told of columns that look like a label's and are not read as one.
    func labelNotes(_ sources: [any RowSource]) -> [String] {
        zip(sources, data.rows(schema)).flatMap { source, own in
            schema.labels.filter { label in
                !own.labels.contains(label.name) && source.columns.contains(label.column ?? label.name)
            }.map { label in
                "\(source.path): column \"\(label.column ?? label.name)\" is not read as label \"\(label.name)\", which has rows of another source"
            }
        }
    }
}
