package import MTLEngine

/// What `mtl evaluate` looks at beside every task's usual metrics.
package struct JudgeOptions: Sendable {
    /// Whether all metrics are told.
    package var isDetailed = false
    /// Whether rows count by the schema's weights.
    package var isWeighted = false
    /// Whether rows are judged block by block, in memory that does not grow with them; no columns' values or exposure then.
    package var isStreamed = false
    /// Columns whose values' rows are judged by themselves, too.
    package var by: [String] = []
    /// Columns whose values' exposure is told, and how many rows a group is shown.
    package var exposure: [String] = []
    package var shown = 10
    /// The most values of a column that are judged by themselves.
    package var valueLimit = 20
    /// What a model with a dial is asked for; nil for the model's own.
    package var preference: [String: Double]?

    package init() {}
}

/// Rows of one value of a column, judged by themselves.
package struct ValueEvaluation: Sendable {
    package let column: String
    /// Nil for rows whose cell is missing.
    package let value: String?
    package let rows: Int
    package let evaluations: [TaskEvaluation]
}

/// Predictions and labels of rows that are to be judged, together and by the values of some columns.
struct JudgedRows {
    private let model: MultiTaskModel
    private let options: JudgeOptions
    private var predictions: [[Float]]
    private var labels: [[Float]]
    /// Per task; none where rows count once each.
    private var weights: [[Float]]
    private var groups: GroupNumbers?
    private var scenarios: [Int32] = []
    private let columns: [Int]
    private var values: [ColumnValues]
    private let group: Int?
    /// The judged tasks, and what is judged of later events given earlier ones; empty where rows are kept.
    private var streamed: [StreamedEvaluation] = []
    private let judged: [Int]
    private var hasWeights = false

    /// - Parameter judged: the tasks that have labels.
    /// - Throws: `InputError` that names a column that the source does not have.
    init(
        _ model: MultiTaskModel, _ options: JudgeOptions, judged: [Int], of source: some RowSource,
        group: String?
    ) throws(InputError) {
        self.model = model
        self.options = options
        self.judged = judged
        if options.isStreamed {
            precondition(
                (options.by + options.exposure).isEmpty,
                "values of columns, which are not judged block by block")
            streamed =
                judged.map { (model.tasks[$0].name, model.tasks[$0].kind) }.map {
                    StreamedEvaluation(task: $0, kind: $1, isDetailed: options.isDetailed)
                }
                + model.conditionalNames(judged: judged).map {
                    StreamedEvaluation(task: $0, kind: .binary, isDetailed: options.isDetailed)
                }
        }
        predictions = [[Float]](repeating: [], count: model.tasks.count)
        labels = predictions
        weights = predictions
        self.group = group.flatMap { source.columns.firstIndex(of: $0) }
        groups = self.group == nil ? nil : GroupNumbers()
        var places: [Int] = []
        guard options.exposure.isEmpty || groups != nil else {
            throw InputError(
                .name, at: "--exposure", found: "no column of the schema's group in the source",
                expected: "schema: {group: COLUMN}, whose rows are shown together, and that column")
        }
        for name in options.by + options.exposure { places.append(try source.place(of: name)) }
        columns = places
        values = columns.map { _ in ColumnValues() }
    }

    mutating func add(
        _ rows: ServedRows, _ dataset: Dataset<Float>, _ predicted: Predictions<Float>
    ) throws(InputError) {
        for (index, task) in model.tasks.enumerated() {
            predictions[index] += try predicted.values(task.name)
            labels[index] += try dataset.labels(task.name)
            guard options.isWeighted, let given = dataset.labelWeights else { continue }
            let (column, width) = (try dataset.labelColumn(task.name), dataset.labelNames.count)
            weights[index] += (0..<dataset.rowCount).map { given.base[$0 * width + column] }
        }
        if options.isStreamed { return stream() }
        if let ids = dataset.scenarios { scenarios += (0..<dataset.rowCount).map { ids.base[$0] } }
        for row in rows.rows {
            if let group { groups?.add(rows.block, row, group) }
            for (index, column) in columns.enumerated() {
                values[index].add(
                    rows.block.value(row, column).map { String(decoding: $0, as: UTF8.self) })
            }
        }
    }

    /// Judges the rows that are kept, and lets go of them.
    private mutating func stream() {
        func own(_ task: Int) -> [Float]? { weights[task].isEmpty ? nil : weights[task] }
        for (place, task) in judged.enumerated() {
            streamed[place].add(predictions: predictions[task], labels: labels[task], weights: own(task))
        }
        let later = model.conditionalRows(predictions: predictions, labels: labels, judged: judged)
        for (place, rows) in later.enumerated() {
            streamed[judged.count + place].add(
                predictions: rows.predictions, labels: rows.labels, weights: own(rows.task))
        }
        hasWeights = hasWeights || weights.contains { !$0.isEmpty }
        for task in model.tasks.indices {
            predictions[task].removeAll(keepingCapacity: true)
            labels[task].removeAll(keepingCapacity: true)
            weights[task].removeAll(keepingCapacity: true)
        }
    }

    /// By how much the areas may be off, to the next 10⁻⁷, that were read off histograms.
    var areaErrors: [(task: String, error: Double)] {
        streamed.compactMap { one in
            one.areaError.flatMap { $0 > 0 ? (one.task, ($0 * 1e7).rounded(.up) / 1e7) : nil }
        }
    }

    /// What was predicted, beside the labels.
    var answers: Answers { Answers(predictions: predictions, labels: labels, scenarios: scenarios) }
    /// The group of each row; nil where the schema names none that the source has.
    var groupNumbers: [Int]? { groups?.numbers }

    /// - Throws: `InputError` where rows are to count by weights that the schema has not.
    func evaluations() throws(InputError) -> [TaskEvaluation] {
        guard !options.isWeighted || hasWeights || weights.contains(where: { !$0.isEmpty }) else {
            throw InputError(
                .name, at: "weights", found: "none in the schema of the model",
                expected: "a column of weights, or rows that count alike")
        }
        return options.isStreamed ? streamed.map(\.evaluation) : evaluations(rows: nil)
    }

    /// The values of each column that most rows have, the most frequent first.
    var byValue: [ValueEvaluation] {
        zip(options.by, values).flatMap { name, values in
            values.frequent.prefix(options.valueLimit).map { value, rows in
                ValueEvaluation(
                    column: name, value: value, rows: rows.count,
                    evaluations: evaluations(rows: rows))
            }
        }
    }

    /// Per column and task what is seen of the column's values.
    var exposures: [ExposureEvaluation] {
        guard let groups else { return [] }
        return zip(options.exposure, values[options.by.count...]).flatMap { name, values in
            let numbers = values.numbers
            return model.tasks.enumerated().filter { $1.kind.predictions == 1 }.map { index, task in
                ExposureEvaluation(
                    column: name, task: task.name, scores: predictions[index], groups: groups.numbers,
                    values: numbers, first: options.shown)
            }
        }
    }

    /// Per column how many values it has beyond those that are told.
    var untold: [(column: String, values: Int)] {
        zip(options.by, values).compactMap { name, values in
            values.frequent.count > options.valueLimit
                ? (name, values.frequent.count - options.valueLimit) : nil
        }
    }

    private func evaluations(rows: [Int]?) -> [TaskEvaluation] {
        func some<Value>(_ all: [Value], _ width: Int = 1) -> [Value] {
            guard let rows else { return all }
            return rows.flatMap { all[$0 * width..<($0 + 1) * width] }
        }
        let groups = groups.map { some($0.numbers) }
        let predictions = zip(model.tasks, self.predictions).map { some($1, $0.kind.predictions) }
        let labels = self.labels.map { some($0) }
        func weights(_ task: Int) -> [Float]? {
            self.weights[task].isEmpty ? nil : some(self.weights[task])
        }
        let own = judged.map { index in
            TaskEvaluation(
                task: model.tasks[index].name, kind: model.tasks[index].kind, predictions: predictions[index],
                labels: labels[index], groups: groups, weights: weights(index),
                isDetailed: options.isDetailed)
        }
        return own
            + model.conditionalEvaluations(
                predictions: predictions, labels: labels, groups: groups,
                weights: (0..<model.tasks.count).map(weights), judged: judged,
                isDetailed: options.isDetailed)
    }
}

/// The rows of every value of a column.
private struct ColumnValues {
    private var rows: [String?: [Int]] = [:]
    private var count = 0

    mutating func add(_ value: String?) {
        rows[value, default: []].append(count)
        count += 1
    }

    /// Per row the number of its value; -1 where it is missing.
    var numbers: [Int] {
        var numbers = [Int](repeating: -1, count: count)
        for (number, (value, rows)) in rows.enumerated() where value != nil {
            for row in rows { numbers[row] = number }
        }
        return numbers
    }

    /// The values of most rows first, of as many those that come first.
    var frequent: [(value: String?, rows: [Int])] {
        rows.map { ($0.key, $0.value) }.sorted {
            $0.1.count != $1.1.count ? $0.1.count > $1.1.count : $0.1[0] < $1.1[0]
        }
    }
}
