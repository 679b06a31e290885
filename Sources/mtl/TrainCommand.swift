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

    @Option(
        help:
            "A model written by mtl train to continue from: its vocabularies and scales, and its parameters to begin with. Features, labels and layers must be the same."
    )
    var from: String?

    @OptionGroup var threads: ThreadArguments

    func run() throws {
        var settings = try Experiment(file: experiment)
        if let badRows { settings.data.badRows = badRows }
        if let epochs { settings.training.epochs = epochs }
        if let seeds { settings.training.seeds = try Self.seeds(seeds) }
        do { try train(settings) } catch let error as InputError { throw error.of(experiment) }
    }

    private func train(_ settings: Experiment) throws {
        try settings.check()
        var start: ModelBundle?
        if let from { start = try ModelBundle(contentsOf: from) }
        try start?.check(continuing: settings)
        let path = model ?? "\(stem(of: experiment)).safetensors"
        let folder = prepared ?? preparedFolder(of: experiment)
        var inputs = settings.filesInUse
        inputs.add("the experiment", experiment)
        inputs.add(folder: folder, "the folder of prepared rows")
        try inputs.check(output: path, "--model")

        let clock = ContinuousClock()
        let begin = clock.now
        let data = try settings.prepare(
            in: folder, threads: threads.threads, encodedBy: start?.preprocessor, onWait: noteWaiting)
        try say(describe(data, seconds: clock.now.seconds(since: begin)))
        if data.badRows.count > 0 {
            try say("\(data.badRows.count) bad rows left out:")
            for example in data.badRows.examples { try say("  \(example)") }
        }

        for note in try settings.readingNotes(data, threads: threads.threads) { try say(note) }

        var bar: ProgressBar?
        var failure: InputError?
        /// What cannot be said ends the command once the training is over.
        func tell(_ text: String) {
            do throws(InputError) { try say(text) } catch { failure = failure ?? error }
        }
        let run = try TrainingRun(settings, data, from: start?.parameters, compute: threads.compute) {
            event in
            switch event {
            case .note(let text): tell(text)
            case .progress(let seed, let progress):
                let line = bar ?? ProgressBar("seed \(seed)")
                bar = line
                line.show(progress)
            case .finished(let seed, let report):
                bar?.clear()
                bar = nil
                tell(summarise(report, seed: seed))
            }
        }
        try ModelBundle(
            data.preprocessor, settings: settings.model, sampling: settings.sampling,
            histories: settings.histories, parameters: run.parameters
        ).write(to: path)
        if let failure { throw failure }
        if !run.evaluations.isEmpty {
            try say()
            try printMetrics(run.evaluations)
        }
        try say("\nThe model is in \(path).")
    }

    /// Whole numbers with commas, each once.
    static func seeds(_ text: String) throws -> [UInt64] {
        var seeds: [UInt64] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let seed = UInt64(part.filter { $0 != " " }) else {
                throw ValidationError(
                    "--seeds: found \"\(part)\" in \"\(text)\", expected whole numbers with commas")
            }
            guard !seeds.contains(seed) else {
                throw ValidationError("--seeds: found \(seed) twice, expected seeds that differ")
            }
            seeds.append(seed)
        }
        return seeds
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
