import ArgumentParser
import MTLEngine

struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Trains on a CSV file under one or both schedules, and judges on rows kept aside.",
        discussion: """
            Columns that are no label and not named are features: numeric where every training cell is a number, \
            else categorical. Empty cells, ? and NA are missing; a missing label teaches nothing.
            """)

    @Option(help: "A CSV file with a header, or census for the prepared Census-Income set.")
    var data: String

    @Option(help: "A CSV file to judge on; without it a share of --data is kept aside.")
    var test: String?

    @Option(
        name: .customLong("label"),
        help: "A column to predict, as NAME or NAME:binary, NAME:multiclass, NAME:regression; once per task.")
    var labels: [LabelArgument] = []

    @Option(help: "Feature columns that are numeric, with commas.")
    var numeric = CommaList<String>([])

    @Option(help: "Feature columns that are categorical though they look numeric.")
    var categorical = CommaList<String>([])

    @Option(help: "Columns to leave out.")
    var ignore = CommaList<String>([])

    @Option(help: "Schedules: joint, alternating, or both with a comma.")
    var schedule = CommaList(ScheduleName.allCases)

    @Flag(help: "Also train every task alone.")
    var singleTask = false

    @Option(help: "Task weights, in the order of the labels.")
    var weights = CommaList<Double>([])

    @Option(help: "Huber's delta for regression tasks (default: squared error).")
    var huberDelta: Double?

    @Option(help: "The share of rows whose loss is watched.")
    var validationShare = 0.1

    @Option(help: "The share of rows to judge on, where there is no --test.")
    var testShare = 0.2

    @OptionGroup var training: TrainingArguments

    func validate() throws {
        try requirePositive([validationShare], option: "validation-share")
        try requirePositive([testShare], option: "test-share")
        if data != "census" && labels.isEmpty {
            throw ValidationError("--label: found none, expected at least one column to predict")
        }
    }

    func run() throws {
        let table = try load()
        var tasks = table.tasks
        if !weights.values.isEmpty {
            guard weights.values.count == tasks.count else {
                throw ValidationError(
                    "--weights: found \(weights.values.count), expected \(tasks.count), one per label")
            }
            tasks = zip(tasks, weights.values).map { LearningTask($0.name, kind: $0.kind, weight: $1) }
        }
        let comparison = Comparison(
            data: table.data,
            settings: training.settings(tasks: tasks))
        print(
            """
            \(data): \(table.data.training.rowCount) rows to learn from, \(table.data.validation.rowCount) to watch, \
            \(table.data.test.rowCount) to judge on; \(table.data.training.featureCount) features.

            """)
        var results = try schedule.values.map { try comparison.train($0) }
        if singleTask { results.append(try comparison.trainSingleTasks()) }
        comparison.printSpeed(results)
        print()
        comparison.printQuality(results, reference: nil)
        if schedule.values.count > 1 {
            print()
            print(comparison.verdict(results[0], results[1]))
        }
    }

    private func load() throws -> TableData {
        let seed = training.seeds.values.first ?? 1
        if data == "census" { return try .census(validationShare: validationShare, seed: seed) }
        let table = try CSVTable(path: data)
        let tasks = try labels.map { try $0.task(table, huberDelta: huberDelta) }
        let schema = try TableSchema.inferred(
            from: table, labels: tasks.map(\.name), numeric: numeric.values, categorical: categorical.values,
            ignored: ignore.values)
        return try TableData(
            table, test: try test.map { try CSVTable(path: $0) }, schema: schema, tasks: tasks,
            validationShare: validationShare, testShare: testShare, seed: seed)
    }
}
