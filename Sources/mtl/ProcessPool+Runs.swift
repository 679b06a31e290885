import Foundation
import MTLData
import MTLEngine
import Terminal

extension ProcessPool.Ended {
    /// Whether it was asked to end, as whoever ends all processes at once asks it too.
    var wasInterrupted: Bool { [128 + SIGINT, 128 + SIGTERM].contains(status) }

    /// What the process said last of why it failed.
    ///
    /// - Parameter errors: the file that its standard error went to.
    func reason(_ errors: String) -> String {
        let text = FileManager.default.contents(atPath: errors).map { String(decoding: $0, as: UTF8.self) }
        let line = text?.split(separator: "\n").last { $0.hasPrefix("Error: ") }?.dropFirst(7)
        return line.map(String.init)
            ?? (status > 128 ? "ended by signal \(status - 128)" : "ended with status \(status)")
    }
}

extension ProcessPool {
    /// A run of mtl train that is to come to its end.
    struct Run {
        /// Its folder; beside it goes what its process says (.errors).
        let folder: String
        let experiment: String
    }

    /// Runs trainings, some of them side by side, until all are over, one has failed, or this process is asked to end; those that
    /// run then end with checkpoints.
    ///
    /// - Parameters:
    ///   - arguments: those of `mtl train` beside the experiment and its folder.
    ///   - isOver: is told of each that came to its end, by its number.
    /// - Throws: `InputError` with what the first one that failed said.
    func train(
        _ runs: [Run], parallel: Int, _ arguments: [String], isOver: (Int) throws -> Void
    ) throws {
        var waiting = Array(runs.indices)
        var failure: InputError?
        var isStopping = false
        while true {
            while Interrupts.held == 0, failure == nil, count < parallel, let next = waiting.first {
                let run = runs[next]
                // One of a command that was killed ends with it, but not at once.
                guard RunFolder.isFree(run.folder) else { break }
                waiting.removeFirst()
                try begin(
                    next,
                    [
                        "train", run.experiment, "--run", run.folder, "--resume", "--ends-with-input",
                        "--quiet",
                    ]
                        + arguments, errors: "\(run.folder).errors")
            }
            if count == 0, waiting.isEmpty || Interrupts.held != 0 || failure != nil { break }
            if Interrupts.held != 0 || failure != nil, !isStopping {
                isStopping = true
                stop()
            }
            guard let ended = ended() else {
                usleep(10_000)
                continue
            }
            if ended.status == 0 {
                try isOver(ended.name)
                continue
            }
            if ended.wasInterrupted {
                for _ in 0..<30 where Interrupts.held == 0 && !isStopping { usleep(10_000) }
                if Interrupts.held != 0 || isStopping { continue }
            }
            let run = runs[ended.name]
            failure =
                failure
                ?? InputError(
                    .value, at: run.folder,
                    found: "a run that failed: \(ended.reason("\(run.folder).errors"))",
                    expected: "one that comes to its end")
        }
        if let failure { throw failure }
    }
}
