import ArgumentParser
import MTLData
import MTLEngine
import Terminal

struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Trains on a CSV file under one or both schedules, and judges on rows kept aside.",
        discussion: """
            Columns are read as mtl init proposes it; --numeric and --categorical say otherwise. What the proposal leaves \
            out, such as ids of rows and columns that tell a label, is printed with the reason. A missing label teaches nothing.
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

    @Option(help: "Huber's delta for regression tasks, in standard deviations (default: squared error).")
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
        let seed = training.seeds.values.first ?? 1
        let choice =
            data == "census"
            ? try TableData.Choice.census(validationShare: validationShare, seed: seed)
            : TableData.Choice(
                data: data, test: test, labels: labels, numeric: numeric.values,
                categorical: categorical.values, ignored: ignore.values, huberDelta: huberDelta,
                validationShare: validationShare, testShare: testShare, seed: seed)
        let table = try TableData(choice, threads: training.compute.threads)
        var tasks = table.tasks
        if !weights.values.isEmpty {
            guard weights.values.count == tasks.count else {
                throw ValidationError(
                    "--weights: found \(weights.values.count), expected \(tasks.count), one per label")
            }
            for (index, weight) in weights.values.enumerated() { tasks[index].weight = weight }
        }
        let comparison = Comparison(
            data: table.comparison,
            settings: training.settings(tasks: tasks))
        let rows = table.comparison
        try say(
            """
            \(data): \(rows.training.rowCount) rows to learn from, \(rows.validation?.rowCount ?? 0) to watch, \
            \(rows.test.rowCount) to judge on; \(rows.inputs) dense features, \(rows.embedded.count) embedded ones.
            """)
        for reason in table.leftOut { try say("Left out, \(reason)") }
        try say()
        var results = try schedule.values.map { try comparison.train($0) }
        if singleTask { results.append(try comparison.trainSingleTasks()) }
        try comparison.printSpeed(results)
        try say()
        try comparison.printQuality(results, reference: nil)
        if schedule.values.count > 1 {
            try say()
            try say(comparison.verdict(results[0], results[1]))
        }
    }
}
