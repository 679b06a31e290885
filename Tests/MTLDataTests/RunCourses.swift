import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// What is trained, and how.
struct RunCourse: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let change: @Sendable (inout Experiment) -> Void

    init(_ name: String, _ change: @escaping @Sendable (inout Experiment) -> Void) {
        testDescription = name
        self.change = change
    }

    static let all = [
        RunCourse("tables under a shared bottom") { _ in },
        RunCourse("numbers alone, whose layers are in slices") { $0.schema.features.removeLast(2) },
        RunCourse("alternating") { $0.training.schedule = ScheduleSettings(.alternating) },
        RunCourse("alternating blocks, in another order every round") {
            $0.training.schedule = ScheduleSettings(
                .alternating, ["turns": ["steps": 3], "order": "shuffled", "trains": "blocks"])
        },
        RunCourse("levels that thaw, held to what they were, and an average") {
            $0.training.schedule = ScheduleSettings(
                .hierarchical,
                [
                    "levels": [["click"], ["spend"]], "turns": "epoch", "regularization": 0.01,
                    "unfreeze_every": 1, "level_rates": [1, 0.5],
                ])
            $0.training.averaging = 0.98
        },
        RunCourse("averages of tables in turns, with rates that fall") {
            $0.training.schedule = ScheduleSettings(.alternating)
            $0.training.averaging = 0.98
            $0.training.tableOptimizer = TableOptimizerSettings(.rowAdagrad, ["learning_rate": 0.05])
            $0.training.rateSchedule = RateScheduleSettings(.cosine, ["warmup": 9])
        },
        RunCourse("a rate that follows a metric") {
            $0.training.rateSchedule = RateScheduleSettings(.plateau, ["patience": 0, "factor": 0.5])
            $0.training.watch = WatchSettings(task: "click", metric: "AUC")
        },
        RunCourse("going back from a loss that runs away") {
            $0.training.optimizer = .sgd
            $0.schema.features.removeLast(2)
            // Of a linear model, stable below 30 or so.
            $0.model.trunk = []
            $0.training.learningRate = 200
            $0.training.onDivergence = .rollBack
        },
        RunCourse("alternating slices") {
            $0.schema.features.removeLast(2)
            $0.training.schedule = ScheduleSettings(.alternating)
        },
        RunCourse("batch norm, dropout and momentum") {
            $0.schema.features.removeLast(2)
            $0.model.normalization = .batch
            $0.model.dropout = 0.3
            $0.training.optimizer = .adagrad
        },
        RunCourse("scenarios' own weights") {
            $0.model.sharing = SharingSettings(.star, ["layers": [8, 4]])
        },
        RunCourse("task relations learned beside the weights") {
            $0.model.sharing = SharingSettings(.traceNorm, ["layers": [6]])
            $0.training.clipNorm = 0.5
        },
        RunCourse("all seeds are kept") {
            $0.training.seeds = [3, 4, 5]
            $0.training.keep = .all
            $0.training.epochs = 2
        },
        RunCourse("tasks in the order of their importance") {
            $0.training.balancing = BalancingSettings(.priorities, ["order": ["spend", "click"]])
        },
        RunCourse("a dial between tasks, and an average") {
            $0.model.preference = ["click": 1, "spend": 3]
            $0.training.balancing = BalancingSettings(.cosmos, ["alpha": 0.5])
            $0.training.averaging = 0.98
        },
        RunCourse("weights of gradients that are alike, from a first phase") {
            $0.training.balancing = BalancingSettings(.autoScale, ["window": 3, "fixed_after": 2])
        },
        RunCourse("tasks that stop one by one") {
            $0.training.stop = .eachTask
            $0.training.patience = 1
            $0.training.epochs = 8
            $0.training.learningRate = 0.2
        },
        RunCourse("alternating tasks that stop one by one, averages, and all seeds") {
            $0.training.schedule = ScheduleSettings(
                .alternating, ["turns": ["steps": 3], "order": "shuffled"])
            $0.training.stop = .eachTask
            $0.training.patience = 1
            $0.training.epochs = 6
            $0.training.averaging = 0.9
            $0.training.seeds = [3, 4]
            $0.training.keep = .all
            $0.training.onDivergence = .rollBack
        },
        RunCourse("a packed ensemble with dropout, an average, and tasks that stop one by one") {
            $0.model.ensemble = 3
            $0.model.dropout = 0.2
            $0.training.averaging = 0.9
            $0.training.stop = .eachTask
            $0.training.patience = 1
            $0.training.epochs = 6
        },
        RunCourse("an alternating packed ensemble of two seeds") {
            $0.model.ensemble = 3
            $0.training.schedule = ScheduleSettings(.alternating)
            $0.training.seeds = [3, 4]
            $0.training.keep = .all
            $0.training.epochs = 2
        },
        RunCourse("a file of its own for a task, in turns of some steps") {
            $0.data.taskSources = [own($0, batch: 20)]
            $0.training.schedule = ScheduleSettings(
                .alternating, ["turns": ["steps": 2], "order": ["proportional": 0.5]])
            $0.training.rateSchedule = RateScheduleSettings(.cosine, ["warmup": 9])
        },
        RunCourse("a file of its own for a task, in epochs of turns") {
            $0.data.taskSources = [own($0, batch: 50)]
            $0.training.schedule = ScheduleSettings(.alternating, ["turns": "epoch", "order": "shuffled"])
            $0.training.epochs = 6
        },
        RunCourse("a task with a file of its own stops, in epochs of turns and at a rate that falls") {
            $0.data.taskSources = [own($0, batch: 50)]
            $0.training.schedule = ScheduleSettings(.alternating, ["turns": "epoch"])
            $0.training.rateSchedule = RateScheduleSettings(.cosine)
            $0.training.stop = .eachTask
            $0.training.patience = 1
            $0.training.epochs = 12
            $0.training.learningRate = 0.05
        },
        RunCourse("a table so large that all workers copy it") { $0.schema.features[1].hashBuckets = 70_000 },
        RunCourse("rows of two files in one step") { $0.data.taskSources = [own($0, batch: nil)] },
        RunCourse("once more on all rows, of the best of two seeds") {
            $0.training.seeds = [3, 4]
            $0.training.refit = true
            $0.training.epochs = 3
            $0.training.averaging = 0.98
            $0.training.rateSchedule = RateScheduleSettings(.cosine, ["warmup": 9])
        },
        RunCourse("once more on all rows of two files, of all seeds") {
            $0.data.taskSources = [own($0, batch: 20)]
            $0.training.schedule = ScheduleSettings(.alternating, ["turns": ["steps": 2]])
            $0.training.seeds = [3, 4]
            $0.training.keep = .all
            $0.training.refit = true
            $0.training.epochs = 2
            $0.training.onDivergence = .rollBack
        },
        RunCourse("two seeds, and fewer epochs than planned") {
            $0.training.seeds = [3, 4]
            $0.training.patience = 1
            $0.training.learningRate = 0.2
        },
    ]

    /// Spends in a file of fewer rows, beside the one of all.
    private static func own(_ experiment: Experiment, batch: Int?) -> TaskSource {
        TaskSource(
            source: experiment.data.source.replacing("visits.csv", with: "spends.csv"), labels: ["spend"],
            batch: batch)
    }
}
