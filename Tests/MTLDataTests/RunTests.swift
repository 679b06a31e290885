import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// A run that is kept in a folder comes to the same bits however often it was interrupted.
@Suite struct RunTests {
    private func files() throws -> (FieldCase, Experiment) {
        let files = try FieldCase()
        try files.write(
            visits("spend,price,user,country", rows: 170) { row in
                ["\(10 + row % 30)", "\(row % 30)", "u\(row * 5 % 23)", ["DE", "FR"][row % 2]]
            }, as: "spends.csv")
        try files.write(
            visits("price,user,country,click,spend", rows: 600) { row in
                [
                    "\(row % 50)", "u\(row * 7 % 23)", ["DE", "FR", "IT"][row % 3],
                    (row * 7 % 23 + row) % 50 > 25 ? "1" : "0", "\(10 + row % 50)",
                ]
            })
        var experiment = try files.experiment(
            [
                "{name: price, type: numeric}", "{name: user, type: categorical, dimension: 4}",
                "{name: country, type: categorical, dimension: 4}",
            ],
            label: "{name: click, type: binary}\n    - {name: spend, type: regression, weight: 0.01}",
            roles: "scenario: country")
        experiment.model.trunk = [32, 16]
        experiment.training.epochs = 4
        experiment.training.patience = 4
        experiment.training.batch = 32
        experiment.training.learningRate = 0.01
        return (files, experiment)
    }

    /// Trains, and stops after every `stop` steps to go on in another trainer with other threads.
    private func train(
        _ experiment: Experiment, _ data: PreparedData, in folder: String, stopping stop: Int?
    ) throws -> (run: TrainingRun, interruptions: Int) {
        for attempt in 0..<200 {
            var keeping = TrainingRun.Keeping(folder: try RunFolder(folder))
            keeping.interval = .steps(7)
            var asked = 0
            keeping.isInterrupted = {
                asked += 1
                return asked == stop
            }
            let run = try TrainingRun(
                experiment, data, keeping: keeping, compute: ComputeOptions(threads: 1 + attempt % 3))
            if !run.wasInterrupted { return (run, attempt) }
        }
        throw InputError(.value, at: folder, found: "no end", expected: "a run that ends")
    }

    private func bits(_ run: TrainingRun) throws -> [[UInt32]] {
        try #require(run.members).vectors.map { $0.map(\.bitPattern) }
    }

    @Test(arguments: RunCourse.all)
    func interruptionsChangeNoBit(_ course: RunCourse) throws {
        let (files, whole) = try files()
        var experiment = whole
        course.change(&experiment)
        let data = try files.prepared(experiment)
        let undisturbed = try TrainingRun(experiment, data)
        let (kept, none) = try train(experiment, data, in: files.folder.file("kept"), stopping: nil)
        #expect(none == 0)
        #expect(try bits(kept) == bits(undisturbed) && kept.members?.ofTasks == undisturbed.members?.ofTasks)
        let (stopped, times) = try train(experiment, data, in: files.folder.file("stopped"), stopping: 11)
        #expect(times >= 3)
        #expect(
            try bits(stopped) == bits(undisturbed) && stopped.members?.ofTasks == undisturbed.members?.ofTasks
        )
        #expect(stopped.averageEvaluation == undisturbed.averageEvaluation)
        // A run that is over gives the same once more.
        let (again, _) = try train(experiment, data, in: files.folder.file("stopped"), stopping: nil)
        #expect(try bits(again) == bits(undisturbed) && again.seed == undisturbed.seed)
        #expect(stopped.evaluations == undisturbed.evaluations && stopped.seed == undisturbed.seed)
        // Both tell of every epoch once.
        for folder in ["kept", "stopped"] {
            let table = try String(
                contentsOfFile: files.folder.file("\(folder)/history.csv"), encoding: .utf8)
            let epochs = table.split(separator: "\n").dropFirst().map { $0.split(separator: ",") }.map {
                row in
                row.prefix(2) + (experiment.training.refit ? row.suffix(1) : [])
            }
            #expect(Set(epochs.map { $0.joined(separator: ",") }).count == epochs.count)
            let lines = try String(
                contentsOfFile: files.folder.file("\(folder)/history.jsonl"), encoding: .utf8)
            #expect(lines.split(separator: "\n").count == epochs.count)
            #expect(epochs.count >= experiment.training.seeds.count)
            // A task stopped while the others went on.
            if experiment.training.stop == .eachTask {
                #expect(
                    lines.split(separator: "\n").dropLast().contains { $0.contains("\"stopped_tasks\":[\"") })
            }
        }
    }

    /// A run that pauses after an epoch, whatever is asked of it there again, goes on as if it had not.
    @Test(arguments: RunCourse.all)
    func pausesChangeNoBit(_ course: RunCourse) throws {
        let (files, whole) = try files()
        var experiment = whole
        course.change(&experiment)
        experiment.training.seeds.removeLast(experiment.training.seeds.count - 1)
        if experiment.training.stop == .together { experiment.training.patience = 9 }
        experiment.training.epochs = max(4, experiment.training.epochs)
        let data = try files.prepared(experiment)
        var report: TrainingReport?
        let undisturbed = try TrainingRun(experiment, data) { event in
            if case .finished(_, let ended) = event { report = ended }
        }
        let epochs = try #require(report?.epochs.count)
        let folder = files.folder.file("paused")
        func run(_ pause: Int?) throws -> TrainingRun {
            var keeping = TrainingRun.Keeping(folder: try RunFolder(folder))
            keeping.pauseAfter = pause
            keeping.skipsTest = true
            return try TrainingRun(experiment, data, keeping: keeping)
        }
        for pause in [1, 1, min(3, epochs - 1)] {
            let paused = try run(pause)
            #expect(paused.hasPaused && !paused.wasInterrupted && paused.members == nil)
            let lines = try String(contentsOfFile: "\(folder)/history.jsonl", encoding: .utf8)
            #expect(lines.split(separator: "\n").count == pause)
        }
        // Beyond where it is asked to pause it does nothing.
        #expect(try run(1).hasPaused)
        let ended = try run(nil)
        #expect(!ended.hasPaused && ended.evaluations.isEmpty)
        #expect(
            try bits(ended) == bits(undisturbed) && ended.members?.ofTasks == undisturbed.members?.ofTasks)
    }

    @Test func aPauseIsOfOneSeed() throws {
        let (files, whole) = try files()
        var experiment = whole
        experiment.training.seeds = [1, 2]
        let data = try files.prepared(experiment)
        var keeping = TrainingRun.Keeping(folder: try RunFolder(files.folder.file("run")))
        keeping.pauseAfter = 1
        let error = failure { () throws(InputError) in
            _ = try TrainingRun(experiment, data, keeping: keeping)
        }
        #expect(
            error?.place == "training, seeds" && error?.found == "2 and a pause after epoch 1",
            "\(String(describing: error))")
    }

    @Test func aRunGoesOnWithItsOwnSettingsAndRowsOnly() throws {
        let (files, experiment) = try files()
        let data = try files.prepared(experiment)
        let folder = files.folder.file("run")
        var keeping = TrainingRun.Keeping(folder: try RunFolder(folder))
        keeping.isInterrupted = { true }
        #expect(try TrainingRun(experiment, data, keeping: keeping).wasInterrupted)
        #expect(keeping.folder.hasUnfinishedRun)
        var other = experiment
        other.training.learningRate = 0.02
        let changed = failure { _ = try TrainingRun(other, data, keeping: keeping) }
        #expect(
            changed?.description
                == "training, learning_rate: found 0.02, expected 0.01, as in the run in \(folder)")
        try files.write(
            visits("price,user,country,click,spend", rows: 600) { row in
                ["\(row % 49)", "u\(row % 3)", "DE", "\(row % 2)", "\(row % 5)"]
            })
        let rows = failure { _ = try TrainingRun(experiment, files.prepared(experiment), keeping: keeping) }
        #expect(rows?.found == "rows that are not those that the run began with")
        let begun = failure {
            _ = try TrainingRun(
                experiment, data, from: [Float](repeating: 0, count: 1), keeping: keeping)
        }
        #expect(begun?.place == "parameters to go on from")
    }

    @Test func oneProcessAtATimeHasAFolder() throws {
        let folder = try TemporaryFolder()
        let first = try RunFolder(folder.file("run"))
        let second = failure { _ = try RunFolder(folder.file("run")) }
        #expect(
            second?.found == "a run of process \(ProcessInfo.processInfo.processIdentifier) going on in it")
        withExtendedLifetime(first) {}
    }

    @Test func foldersOfOtherFilesAreLeftAlone() throws {
        let folder = try TemporaryFolder()
        _ = try folder.write(Array("mine".utf8), as: "notes.txt")
        let refused = failure { _ = try RunFolder(folder.file("")) }
        #expect(refused?.found.contains("notes.txt") == true)
    }

    /// Every file of a run that is not as it was written is named; none is believed.
    @Test(arguments: ["checkpoint.safetensors", "run.json", "experiment.json"])
    func damagedFilesAreNamed(_ name: String) throws {
        let (files, experiment) = try files()
        let data = try files.prepared(experiment)
        let path = files.folder.file("run")
        func resume(interrupted: Bool) throws -> InputError? {
            failure {
                var keeping = TrainingRun.Keeping(folder: try RunFolder(path))
                keeping.interval = .steps(1)
                var asked = 0
                keeping.isInterrupted = {
                    asked += 1
                    return interrupted && asked == 45
                }
                _ = try TrainingRun(experiment, data, keeping: keeping)
            }
        }
        #expect(try resume(interrupted: true) == nil)
        var bytes = [UInt8](try Data(contentsOf: URL(filePath: "\(path)/\(name)")))
        bytes[bytes.count / 2] ^= 4
        try Data(bytes).write(to: URL(filePath: "\(path)/\(name)"))
        #expect(try resume(interrupted: false)?.place == "\(path)/\(name)")
        bytes.removeLast(bytes.count / 3)
        try Data(bytes).write(to: URL(filePath: "\(path)/\(name)"))
        #expect(try resume(interrupted: false)?.place == "\(path)/\(name)")
    }

    /// A run that began before a default changed would go on as another function.
    @Test func runsOfBeforeADefaultChangedAreRefused() throws {
        let (files, plain) = try files()
        var experiment = plain
        experiment.training.epochs = 1
        experiment.model.sharing = SharingSettings(.star, ["layers": [8]])
        let data = try files.prepared(experiment)
        let path = files.folder.file("run")
        func train() -> InputError? {
            failure {
                _ = try TrainingRun(
                    experiment, data, keeping: TrainingRun.Keeping(folder: RunFolder(path)))
            }
        }
        #expect(train() == nil)
        #expect(train() == nil)
        let settings = URL(filePath: "\(path)/experiment.json")
        let said = try String(contentsOf: settings, encoding: .utf8)
        let old = said.replacing(/\s*"star_heads" : true,/, with: "")
        #expect(old != said)
        func digest(_ text: String) -> String {
            let bytes = Array(text.utf8)
            return "\(bytes.count) \(bytes.withUnsafeBytes { Checksum.crc32($0) })"
        }
        // As it was written then, with its digest, and the record of the run sealed.
        let record = URL(filePath: "\(path)/run.json")
        let text = try String(contentsOf: record, encoding: .utf8)
        let content = try #require(text.range(of: "\"content\":"))
        let json = text[content.upperBound...].dropLast().replacing(digest(said), with: digest(old))
        let sum = String(Array(json.utf8).withUnsafeBytes { Checksum.crc32($0) }, radix: 16)
        let seal = String(repeating: "0", count: 8 - sum.count) + sum
        try "{\"checksum\":\"\(seal)\",\"content\":\(json)}".write(
            to: record, atomically: true, encoding: .utf8)
        try old.write(to: settings, atomically: true, encoding: .utf8)
        let error = train()
        #expect(error?.place == "model, sharing, star_heads")
        #expect(error?.expected == "none, as in the run in \(path)")
    }

    @Test func theSettingsThatARunKeepsAreRead() throws {
        let (files, experiment) = try files()
        let data = try files.prepared(experiment)
        let folder = try RunFolder(files.folder.file("run"))
        _ = try TrainingRun(experiment, data, keeping: TrainingRun.Keeping(folder: folder))
        let written = try Data(contentsOf: URL(filePath: files.folder.file("run/experiment.json")))
        #expect(try JSONDecoder().decode(Experiment.self, from: written) == experiment)
        #expect(FileManager.default.contents(atPath: files.folder.file("run/log.txt")) != nil)
        let left = try FileManager.default.contentsOfDirectory(atPath: files.folder.file("run"))
        #expect(!left.contains { $0.hasPrefix("best-") || $0.hasPrefix("checkpoint") }, "\(left)")
    }
}
