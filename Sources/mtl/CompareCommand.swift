import ArgumentParser
import Foundation
import MTLData
import MTLEngine
import Terminal

struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract:
            "Says whether sharing helps an experiment's tasks, and where it hurts; compares finished runs.",
        discussion: """
            mtl compare visits.yaml trains the experiment and its single-task twins, with several seeds, and says of each task whether \
            sharing helped, hurt, or neither by more than seeds and rows differ. What is finished is not trained again: the \
            same command goes on after an interrupt. mtl compare runs/1 runs/2 sets runs of mtl train --run side by side by their \
            test metrics; with --rows their models are judged by the rows of a file, with intervals. mtl compare --baseline runs/1 runs/2 \
            --tolerance auc=0.002 ends with status 1 where a run fell behind the baseline by more than that.
            """)

    @Argument(help: "An experiment file, or folders of finished runs.")
    var paths: [String]

    @Option(
        help:
            "The folder of the comparison: its runs and their result (default: beside the experiment, as .compare)."
    )
    var folder: String?

    @Option(help: "Seeds of every training, two or more, with commas (default: 1,2,3,4,5).")
    var seeds: String?

    @Option(
        help:
            "Schedules to train by, side by side, with commas: joint, alternating, hierarchical (default: the experiment's)."
    )
    var schedules: String?

    @Flag(
        help:
            "Trains every two tasks by themselves, too, and says what each gains with which other one."
    )
    var pairs = false

    @Option(
        help:
            "Units of the layers of a single-task twin, with commas, or none (default: those of the shared layers, or of an expert)."
    )
    var twinLayers: String?

    @Option(help: "Trainings side by side (default: as many as there are processors for).")
    var parallel: Int?

    @Option(help: "Worker threads of each training.")
    var threads = 1

    @Option(help: "How often the test rows are drawn anew for an interval.")
    var resamples = 1000

    @Option(help: "Rows of a file, with their labels, to judge runs by.")
    var rows: String?

    @Option(help: "Bad rows of --rows: refuse, or skip:SHARE, as skip:0.1%.")
    var badRows = "refuse"

    @Option(help: "The run that the others must not fall behind.")
    var baseline: String?

    @Option(
        help:
            "By how much a metric may be worse than the baseline's: METRIC=NUMBER or TASK:METRIC=NUMBER; once for each."
    )
    var tolerance: [String] = []

    @Flag(help: "Says nothing but what goes wrong.")
    var quiet = false

    @Flag(help: "Writes an object per event instead of lines: prepared, run, result, interrupted.")
    var json = false

    func validate() throws {
        guard !quiet || !json else {
            throw ValidationError("--quiet: found --json too, expected one of them")
        }
        for (name, value) in [("--parallel", parallel ?? 1), ("--threads", threads)] where value < 1 {
            throw ValidationError("\(name): found \(value), expected at least 1")
        }
        do throws(InputError) { try bootstrap(threads: 1).check() } catch {
            throw ValidationError("--resamples: found \(error.found), expected \(error.expected)")
        }
        _ = try badRowsOption(badRows)
        _ = try seedList()
        _ = try scheduleList()
        _ = try layerList()
        _ = try gate()
        if baseline == nil, !tolerance.isEmpty {
            throw ValidationError("--tolerance: found no --baseline, expected the run to compare with")
        }
    }

    func run() throws {
        if let baseline {
            try refuse(ofTraining + [(rows != nil, "--rows")], "a baseline", "one of them")
            return try check(paths, baseline)
        }
        let folders = paths.count { Self.isFolder($0) }
        if paths.count == 1, folders == 0 {
            try refuse([(rows != nil, "--rows")], "an experiment, which has test rows", "runs")
            return try train(paths[0])
        }
        guard paths.count > 1 else {
            throw ValidationError("\(paths[0]): found one run, expected two or more, or an experiment file")
        }
        try refuse(ofTraining, "runs that are finished", "an experiment file")
        try compareRuns(paths)
    }

    private var ofTraining: [(Bool, String)] {
        [
            (folder != nil, "--folder"), (seeds != nil, "--seeds"), (schedules != nil, "--schedules"),
            (pairs, "--pairs"), (twinLayers != nil, "--twin-layers"), (parallel != nil, "--parallel"),
        ]
    }

    private func refuse(_ options: [(Bool, String)], _ found: String, _ expected: String) throws {
        for (isGiven, name) in options where isGiven {
            throw ValidationError("\(name): found \(found), expected \(expected)")
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        var isDirectory: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
            && isDirectory.boolValue
    }

    var style: TrainingReporter.Style { json ? .objects : quiet ? .quiet : .lines }

    func bootstrap(threads: Int) -> Bootstrap { Bootstrap(resamples: resamples, threads: threads) }

    // MARK: Options

    func seedList() throws -> [UInt64] {
        guard let seeds else { return [1, 2, 3, 4, 5] }
        let found = try TrainCommand.seeds(seeds)
        guard found.count > 1 else {
            throw ValidationError(
                "--seeds: found \"\(seeds)\", expected two or more: what differs between seeds is no difference"
            )
        }
        return found
    }

    func scheduleList() throws -> [ScheduleType]? {
        guard let schedules else { return nil }
        var found: [ScheduleType] = []
        for name in try columnNames(schedules, option: "--schedules") {
            guard let type = ScheduleType(rawValue: name.filter { $0 != " " }) else {
                let known = ScheduleType.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("--schedules: found \"\(name)\", expected some of \(known)")
            }
            guard !found.contains(type) else {
                throw ValidationError("--schedules: found \(type.rawValue) twice, expected each once")
            }
            found.append(type)
        }
        return found
    }

    func layerList() throws -> [Int]? {
        guard let twinLayers else { return nil }
        guard twinLayers != "none" else { return [] }
        return try twinLayers.split(separator: ",", omittingEmptySubsequences: false).map { part in
            guard let units = Int(part.filter { $0 != " " }), units > 0 else {
                throw ValidationError(
                    "--twin-layers: found \"\(part)\" in \"\(twinLayers)\", expected numbers above 0 with commas, or none"
                )
            }
            return units
        }
    }

    func gate() throws -> BaselineGate? {
        guard baseline != nil || !tolerance.isEmpty else { return nil }
        do throws(InputError) {
            var all: [BaselineGate.Tolerance] = []
            for text in tolerance { all.append(try BaselineGate.Tolerance(text)) }
            return try BaselineGate(all)
        } catch {
            throw ValidationError("\(error.place): found \(error.found), expected \(error.expected)")
        }
    }
}
