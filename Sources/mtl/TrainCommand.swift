import ArgumentParser
import MTLData
import MTLEngine
import Terminal

struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Trains the model of an experiment file and judges it.",
        discussion: """
            Encoded rows are kept in a folder beside the experiment file and used again until the data or the settings of \
            data, schema, split or sampling change.
            """)

    @Argument(help: "The experiment file.")
    var experiment: String

    @Option(help: "Where the model goes (default: beside the experiment file, as .safetensors).")
    var model: String?

    @Option(help: "The folder of encoded rows (default: beside the experiment file, as .prepared).")
    var prepared: String?

    @Option(help: "Seeds instead of those of the experiment, with commas.")
    var seeds: String?

    @Option(help: "Epochs instead of those of the experiment.")
    var epochs: Int?

    @Option(help: "Bad rows: refuse, or skip:SHARE, as skip:0.1% (default: what the experiment says).")
    var badRows: String?

    @OptionGroup var threads: ThreadArguments

    func run() throws {
        var settings = try Experiment(file: experiment)
        if let badRows { settings.data.badRows = badRows }
        if let epochs { settings.training.epochs = epochs }
        if let seeds {
            settings.training.seeds = try seeds.split(separator: ",").map { text in
                guard let seed = UInt64(text) else {
                    throw ValidationError("--seeds: found \(text), expected whole numbers with commas")
                }
                return seed
            }
        }
        try settings.check()
        let path = model ?? "\(stem(of: experiment)).safetensors"
        let folder = prepared ?? preparedFolder(of: experiment)
        var inputs = settings.filesInUse
        inputs.add("the experiment", experiment)
        inputs.add(folder: folder, "the folder of prepared rows")
        try inputs.check(output: path, "--model")

        let clock = ContinuousClock()
        let begin = clock.now
        let data = try settings.prepare(in: folder, threads: threads.threads, onWait: noteWaiting)
        try say(describe(data, seconds: clock.now.seconds(since: begin)))
        if data.badRows.count > 0 {
            try say("\(data.badRows.count) bad rows left out:")
            for example in data.badRows.examples { try say("  \(example)") }
        }

        for note in try settings.readingNotes(data, threads: threads.threads) { try say(note) }

        let plan = try settings.model.model(data.preprocessor, sampling: settings.sampling)
        var evaluations: [[TaskEvaluation]] = []
        var best: (loss: Double, parameters: [Float])?
        for seed in settings.training.seeds {
            let trainer = try settings.training.trainer(plan, seed: seed, compute: threads.compute)
            let bar = ProgressBar("seed \(seed)")
            let report = try trainer.fit(
                data.training, validation: data.validation, until: settings.training.stopping,
                progress: bar.show)
            bar.clear()
            guard report.reason != .diverged else {
                throw InputError(
                    .value, at: "training, seed \(seed), epoch \(report.epochs.count)",
                    found: "a loss that is no number",
                    expected: "a smaller learning_rate")
            }
            try say(summarise(report, seed: seed))
            if let test = data.test { evaluations.append(try trainer.evaluate(test)) }
            let loss = report.epochs.first { $0.epoch == report.bestEpoch }?.watchedLoss ?? .infinity
            if loss < best?.loss ?? .infinity { best = (loss, trainer.parameters) }
        }
        if !evaluations.isEmpty {
            try say()
            try printMetrics(evaluations)
        }
        guard let best else { return }
        try ModelBundle(
            data.preprocessor, settings: settings.model, sampling: settings.sampling,
            histories: settings.histories, parameters: best.parameters
        ).write(to: path)
        try say("\nThe model is in \(path).")
    }

    private func describe(_ data: PreparedData, seconds: Double) -> String {
        let parts = [
            ("to learn from", data.training), ("to watch", data.validation), ("to judge by", data.test),
        ]
        let rows = parts.map { "\($1?.rowCount ?? 0) \($0)" }.joined(separator: ", ")
        let how = data.wasCached ? "prepared before" : "prepared in \(seconds.decimals(1)) s"
        return "\(rows) (\(how)); \(data.preprocessor.denseNames.count) dense features, "
            + "\(data.preprocessor.embedded.count) embedded ones."
    }

    private func summarise(_ report: TrainingReport, seed: UInt64) -> String {
        guard let last = report.epochs.last else { return "" }
        let waiting = 100 * last.waitingSeconds / max(1e-9, last.trainingSeconds + last.waitingSeconds)
        return
            "seed \(seed): \(report.epochs.count) epochs, the best \(report.bestEpoch ?? 0), "
            + "\(report.rowsPerSecond.abbreviated) rows/s, \(waiting.decimals(1)) % of the time waiting for rows"
    }
}
