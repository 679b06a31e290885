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

    @Option(
        help:
            "Ends with a checkpoint after this epoch, without a model; --resume goes on with the same run, to the bits of one that never paused. Of one seed."
    )
    var pauseAfter: Int?

    @Flag(help: "Leaves the test rows alone: the model is not judged.")
    var skipTest = false

    @Flag(
        help:
            "Ends as by SIGTERM, with a checkpoint, when the standard input ends: when the program is gone that holds its other side."
    )
    var endsWithInput = false

    @Flag(help: "Says nothing but what goes wrong.")
    var quiet = false

    @Flag(
        help:
            "Writes an object per event instead of lines: prepared, note, epoch, seed, result, paused, interrupted."
    )
    var json = false

    @OptionGroup var threads: ThreadArguments

    func validate() throws {
        if let checkpointEvery { _ = try Self.interval(checkpointEvery) }
        guard !quiet || !json else {
            throw ValidationError("--quiet: found --json too, expected one of them")
        }
        if let pauseAfter, pauseAfter < 1 {
            throw ValidationError("--pause-after: found \(pauseAfter), expected at least 1")
        }
        guard runFolder == nil else { return }
        for (given, name) in [
            (resume, "--resume"), (checkpointEvery != nil, "--checkpoint-every"),
            (pauseAfter != nil, "--pause-after"), (skipTest, "--skip-test"),
        ] where given {
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
        if endsWithInput { try ParentWatch.begin() }
        try settings.check()
        var start: ModelBundle?
        if let from { start = try ModelBundle(contentsOf: from) }
        try start?.check(continuing: settings)
        let begun = try start?.parametersToContinue()
        let path =
            model ?? runFolder.map { "\($0)/model.safetensors" } ?? "\(stem(of: experiment)).safetensors"
        let folder = prepared ?? preparedFolder(of: experiment)
        var inputs = settings.filesInUse
        inputs.add("the experiment", experiment)
        inputs.add(folder: folder, "the folder of prepared rows")
        // Before a run's folder is made, unless the model goes there.
        if model != nil { try inputs.check(output: path, "--model") }
        let keeping = try keptRun()
        if model == nil { try inputs.check(output: path, "--model") }

        let clock = ContinuousClock()
        let begin = clock.now
        let data = try settings.prepare(
            in: folder, threads: threads.threads, encodedBy: start?.preprocessor, onWait: noteWaiting)
        let reporter = TrainingReporter(
            json ? .objects : quiet ? .quiet : .lines, tasks: settings.schema.labels.map(\.name), output: path
        )
        reporter.prepared(data, seconds: clock.now.seconds(since: begin))
        for note in try settings.readingNotes(data, threads: threads.threads) { reporter.note(note) }
        if keeping != nil { Interrupts.hold() }
        let training = try TrainingRun(
            settings, data, from: begun, keeping: keeping, compute: threads.compute,
            watch: reporter.handle)
        let signal = Interrupts.held
        if training.wasInterrupted {
            let name = signal == SIGTERM ? "SIGTERM" : "SIGINT"
            keeping?.folder.log("interrupted by \(name)")
            reporter.interrupted(runFolder ?? "", signal: name)
            throw ExitCode(128 + signal)
        }
        if let epochs = training.pausedAfter {
            try reporter.paused(runFolder ?? "", epochs: epochs)
            return
        }
        Interrupts.release()
        guard let members = training.members else { return }
        try ModelBundle(
            data.preprocessor, settings: settings.model, sampling: settings.sampling,
            histories: settings.histories, members: members, refitEpochs: training.refitEpochs
        ).write(to: path)
        try keeping?.folder.finish()
        try reporter.finished(training, seeds: settings.training.seeds.count)
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
        keeping.pauseAfter = pauseAfter
        keeping.skipsTest = skipTest
        keeping.isInterrupted = { Interrupts.held != 0 }
        return keeping
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
}
