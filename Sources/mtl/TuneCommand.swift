import ArgumentParser
import Foundation
import MTLData
import MTLEngine
import Terminal

struct TuneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tune", abstract: "Looks for good settings of an experiment.",
        discussion: """
            The file names an experiment, what of it is searched and how. Each trial is a run of mtl train in a folder of its own, \
            compared on the validation rows; the test rows are looked at once, for the trial that is chosen.
            """)

    @Argument(help: "The tuning's file: experiment, search, space, …")
    var tuning: String

    @Option(help: "The folder of the tuning: trials, their table, and the experiment that is best.")
    var folder: String

    @Option(help: "Trials side by side (default: as many as there are processors for).")
    var jobs: Int?

    @Option(help: "Worker threads of each trial.")
    var threads = 1

    @Flag(help: "Goes on with the tuning in --folder; begins it where there is none.")
    var resume = false

    @Flag(help: "Says nothing but what goes wrong.")
    var quiet = false

    @Flag(help: "Writes an object per event instead of lines: prepared, trial, result, interrupted.")
    var json = false

    func validate() throws {
        for (name, value) in [("--jobs", jobs ?? 1), ("--threads", threads)] where value < 1 {
            throw ValidationError("\(name): found \(value), expected at least 1")
        }
        guard !quiet || !json else {
            throw ValidationError("--quiet: found --json too, expected one of them")
        }
    }

    func run() throws {
        let file = try SettingsFile<TuningSettings>(tuning, "a tuning: experiment, search, space, …") {
            try $0.check()
        }
        let path = file.settings.experiment
        let experiment = path.hasPrefix("/") ? path : Self.beside(tuning, path)
        let base = try Experiment(file: experiment)
        let plan: TuningPlan
        do throws(InputError) {
            let whole = base.withPaths(from: FileManager.default.currentDirectoryPath)
            plan = try TuningPlan(file.settings, whole)
        } catch {
            throw file.located(error)
        }
        do { try tune(plan) } catch let error as InputError {
            throw error.place.hasPrefix("space, trial ") ? file.located(error) : error.of(experiment)
        }
    }

    private static func beside(_ file: String, _ path: String) -> String {
        guard let slash = file.lastIndex(of: "/") else { return path }
        return file[...slash] + path
    }

    private func tune(_ plan: TuningPlan) throws {
        var inputs = plan.base.filesInUse
        inputs.add("the tuning", tuning)
        let folder = try TuningFolder(folder)
        if folder.hasTuning, !resume {
            throw InputError(
                .file, at: self.folder, found: "a tuning that began before",
                expected: "--resume to go on with it, or another folder")
        }
        try inputs.check(output: folder.bestPath, "--folder")
        try folder.check(plan)
        let jobs = jobs ?? max(1, ProcessInfo.processInfo.activeProcessorCount / threads)
        // Where no trial runs, all of them together.
        let (product, overflows) = jobs.multipliedReportingOverflow(by: threads)
        let processors = max(1, ProcessInfo.processInfo.activeProcessorCount)
        let together = overflows ? processors : min(product, processors)
        let reporter = TuningReporter(json ? .objects : quiet ? .quiet : .lines, plan, self.folder)
        let data = try plan.base.prepare(
            in: folder.preparedPath, threads: together, onWait: noteWaiting)
        try plan.check(data)
        var state = TuningState(plan)
        for event in try folder.begin(plan, data) { try state.take(event) }
        reporter.began(state, data)
        let searchesWeights = plan.paths.contains {
            $0.hasPrefix("schema.labels.") && $0.hasSuffix(".weight")
        }
        if searchesWeights, let idle = plan.base.idleWeights { note("\(tuning): \(idle)") }
        Interrupts.hold()
        try search(&state, folder, jobs, reporter)
        try folder.write(table: state)
        if Interrupts.held != 0 {
            let signal = Interrupts.held
            reporter.interrupted(signal == SIGTERM ? "SIGTERM" : "SIGINT")
            throw ExitCode(128 + signal)
        }
        Interrupts.release()
        guard let best = state.best else {
            let reason = state.rows.compactMap(\.reason).first
            throw InputError(
                .empty, at: self.folder,
                found: "no trial that came to its end; the first one: \(reason ?? "none")",
                expected: "one at least; trials.csv says what became of each")
        }
        try folder.write(best: state, best)
        let trial = plan.trials[best]
        let model = try ModelBundle(contentsOf: "\(folder.trialPath(trial.number))/model.safetensors")
        let evaluations = try trial.experiment.judge(
            model, data, compute: ComputeOptions(threads: together))
        try reporter.finished(state, best, evaluations)
    }

    /// Runs trials until there is none to run, or this process is asked to end.
    private func search(
        _ state: inout TuningState, _ folder: TuningFolder, _ jobs: Int, _ reporter: TuningReporter
    ) throws {
        let pool = try ProcessPool()
        var running: [Int: HalvingScheduler.Job] = [:]
        var again = state.open
        // Whether there is nothing to begin before another outcome.
        var isExhausted = false
        var isStopping = false
        while true {
            while Interrupts.held == 0, !isExhausted, pool.count < jobs {
                let job: HalvingScheduler.Job
                if !again.isEmpty {
                    job = again.removeFirst()
                } else if let next = state.next() {
                    try folder.add(next.event)
                    job = next.job
                } else {
                    isExhausted = true
                    break
                }
                guard waits(for: job.trial + 1, folder) else { break }
                running[job.trial] = job
                try begin(job, state, folder, pool)
            }
            if pool.count == 0 { return }
            if Interrupts.held != 0, !isStopping {
                isStopping = true
                pool.stop()
            }
            guard let ended = pool.ended() else {
                usleep(10_000)
                continue
            }
            guard let job = running.removeValue(forKey: ended.name) else { continue }
            if ended.wasInterrupted {
                // Whoever ends all processes at once may have reached that one first.
                for _ in 0..<30 where Interrupts.held == 0 { usleep(10_000) }
                if Interrupts.held != 0 { continue }
            }
            let event = outcome(job, ended, state, folder)
            try folder.add(event)
            try state.take(event)
            try folder.write(table: state)
            reporter.took(event, state)
            isExhausted = false
        }
    }

    /// Waits until no process has a trial's run any more: one of a tuning that was killed ends with it, but not at once.
    ///
    /// - Returns: whether it has come to that before this process was asked to end.
    private func waits(for trial: Int, _ folder: TuningFolder) -> Bool {
        var isTold = false
        while !folder.isFree(trial) {
            if Interrupts.held != 0 { return false }
            if !isTold { note("Another process has trial \(trial) still; waiting for its end.") }
            isTold = true
            usleep(20_000)
        }
        return true
    }

    private func begin(
        _ job: HalvingScheduler.Job, _ state: TuningState, _ folder: TuningFolder, _ pool: ProcessPool
    ) throws(InputError) {
        let trial = state.plan.trials[job.trial]
        let place = folder.trialPath(trial.number)
        var arguments = ["train", try folder.write(trial), "--run", place, "--resume"]
        arguments += ["--prepared", folder.preparedPath, "--threads", "\(threads)"]
        arguments += ["--skip-test", "--ends-with-input", "--quiet"]
        if let epochs = state.pause(after: job) { arguments += ["--pause-after", "\(epochs)"] }
        try pool.begin(job.trial, arguments, errors: "\(place).errors")
    }

    /// What a process left in its trial's folder.
    private func outcome(
        _ job: HalvingScheduler.Job, _ ended: ProcessPool.Ended, _ state: TuningState, _ folder: TuningFolder
    ) -> TuningState.Event {
        let trial = state.plan.trials[job.trial]
        let place = folder.trialPath(trial.number)
        var failed = TuningState.Event(.failed, trial: trial.number, rung: job.rung)
        failed.seconds = ended.seconds
        guard ended.status == 0 else {
            failed.reason = ended.reason("\(place).errors")
            return failed
        }
        do throws(InputError) {
            let record = try TrialRecord(place, state.plan.metrics, upTo: state.limit(of: job))
            guard record.isFinished || state.pause(after: job) != nil else {
                throw InputError(
                    .empty, at: place, found: "a run without an end", expected: "one that came to its end")
            }
            return state.outcome(of: job, record, seconds: ended.seconds)
        } catch {
            failed.reason = "\(error)"
            return failed
        }
    }
}
