import ArgumentParser
import Foundation
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

    @Option(
        name: .customLong("run"),
        help:
            "A folder that keeps the run: settings, checkpoints, history and log. A run that was killed or interrupted goes on from it with --resume, to the same bits."
    )
    var runFolder: String?

    @Option(help: "How often --run writes a checkpoint: 30s, 5m, 1h or 1000steps (default: 5m).")
    var checkpointEvery: String?

    @Flag(help: "Goes on with the run in --run; begins it where there is none.")
    var resume = false

    @OptionGroup var threads: ThreadArguments

    func validate() throws {
        guard runFolder == nil else { return }
        for (given, name) in [(resume, "--resume"), (checkpointEvery != nil, "--checkpoint-every")]
        where given {
            throw ValidationError("\(name): found no --run, expected the folder of a run")
        }
    }

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
        let path =
            model ?? runFolder.map { "\($0)/model.safetensors" } ?? "\(stem(of: experiment)).safetensors"
        let folder = prepared ?? preparedFolder(of: experiment)
        var inputs = settings.filesInUse
        inputs.add("the experiment", experiment)
        inputs.add(folder: folder, "the folder of prepared rows")
        let keeping = try keptRun()
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
        if keeping != nil { Interrupts.hold() }
        let training = try TrainingRun(
            settings, data, from: start?.parameters, keeping: keeping, compute: threads.compute
        ) { event in
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
        let signal = Interrupts.held
        if training.wasInterrupted { throw interrupted(by: signal, keeping?.folder) }
        Interrupts.release()
        try ModelBundle(
            data.preprocessor, settings: settings.model, sampling: settings.sampling,
            histories: settings.histories, parameters: training.parameters
        ).write(to: path)
        try keeping?.folder.finish()
        if let failure { throw failure }
        if !training.evaluations.isEmpty {
            try say()
            try printMetrics(training.evaluations)
        }
        try say("\nThe model is in \(path).")
    }

    /// The folder of the run, and how it is kept.
    private func keptRun() throws -> TrainingRun.Keeping? {
        guard let run = runFolder else { return nil }
        let interval = try checkpointEvery.map(Self.interval) ?? .seconds(300)
        let folder = try RunFolder(run)
        if folder.hasUnfinishedRun || folder.hasFinishedRun, !resume {
            throw InputError(
                .file, at: run,
                found: folder.hasFinishedRun
                    ? "a run that came to its end" : "a run that did not come to its end",
                expected: "--resume to go on with it, or another folder")
        }
        var keeping = TrainingRun.Keeping(folder: folder)
        keeping.interval = interval
        keeping.isInterrupted = { Interrupts.held != 0 }
        return keeping
    }

    /// Says how to go on, and ends as the signal would have.
    private func interrupted(by signal: Int32, _ folder: RunFolder?) -> ExitCode {
        let name = signal == SIGTERM ? "SIGTERM" : "SIGINT"
        folder?.log("interrupted by \(name)")
        note(
            "Interrupted (\(name)). The run is in \(runFolder ?? ""): the same command with --resume goes on with it."
        )
        return ExitCode(128 + signal)
    }

    /// 30s, 5m, 1h or 1000steps.
    static func interval(_ text: String) throws -> CheckpointInterval {
        let units: [(String, Double)] = [("steps", 0), ("s", 1), ("m", 60), ("h", 3600)]
        for (unit, seconds) in units where text.hasSuffix(unit) {
            guard let number = Double(text.dropLast(unit.count)), number > 0, number <= 1e9 else { break }
            if seconds > 0 { return .seconds(number * seconds) }
            if number == number.rounded() { return .steps(Int(number)) }
        }
        throw ValidationError(
            "--checkpoint-every: found \"\(text)\", expected 30s, 5m, 1h or 1000steps")
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
            "seed \(seed): \(report.summary); "
            + "\(report.rowsPerSecond.abbreviated) rows/s, \(waiting.decimals(1)) % of the time waiting for rows"
    }
}
