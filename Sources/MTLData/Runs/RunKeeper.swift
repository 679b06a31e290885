internal import Foundation
package import MTLEngine
internal import Synchronization

/// How often a run writes where it is.
public enum CheckpointInterval: Sendable, Equatable {
    /// Every so many seconds.
    case seconds(Double)
    /// Every so many steps (batches).
    case steps(Int)
}

/// Writes checkpoints and the best parameters of a seed's run, on a thread beside the steps.
package final class RunKeeper: FitKeeper {
    private let folder: RunFolder
    private let stage: RunStage
    private let interval: CheckpointInterval
    private let isInterrupted: () -> Bool
    /// The last epoch before a pause; nil for none.
    private let pauseAfter: Int?
    private let note: (String) -> Void
    private let writer: FileWriter
    private var snapshot: TrainingSnapshot<Float>?
    /// By epoch.
    private var best: [Int: Best] = [:]
    /// The epochs whose file is not there yet, or of a run that went back and came to the epoch once more.
    private var unwritten: Set<Int> = []
    /// Those of them that the writer has in hand.
    private var underway: Set<Int> = []
    private let clock = ContinuousClock()
    private var latest: ContinuousClock.Instant
    private var asked = 0

    /// - Parameters:
    ///   - isInterrupted: whether the run is to stop.
    ///   - pauseAfter: the last epoch before a pause; nil for none.
    ///   - note: is told what could not be written, on the training thread.
    package init(
        _ folder: RunFolder, _ stage: RunStage, every interval: CheckpointInterval,
        isInterrupted: @escaping () -> Bool, pauseAfter: Int? = nil, note: @escaping (String) -> Void
    ) throws(InputError) {
        self.folder = folder
        self.stage = stage
        self.interval = interval
        self.isInterrupted = isInterrupted
        self.pauseAfter = pauseAfter
        self.note = note
        writer = try FileWriter()
        latest = clock.now
    }

    package var wish: FitWish {
        if isInterrupted() { return .stop }
        asked += 1
        let isDue =
            switch interval {
            case .seconds(let seconds): clock.now.seconds(since: latest) >= seconds
            case .steps(let steps): asked >= steps
            }
        return isDue && !writer.isBusy ? .save : .goOn
    }

    package func pauses(before epoch: Int) -> Bool { pauseAfter.map { epoch > $0 } ?? false }

    package func save(_ trainer: Trainer<Float>, _ state: FitState, retreat: TrainingSnapshot<Float>?) {
        writer.wait()
        tellFailures()
        latest = clock.now
        asked = 0
        let snapshot: TrainingSnapshot<Float>
        if let kept = self.snapshot {
            kept.take(trainer, state)
            snapshot = kept
        } else {
            // A copy of all that is trained; without room for it there is no checkpoint.
            do throws(InputError) {
                let numbers = trainer.trainingStep.memories.reduce(0) { $0 + $1.values.count }
                let times = 2 + numbers / max(1, trainer.model.layout.count)
                try MemoryNeed(keeping: trainer.model, times: times, scalarBytes: 4).check()
            } catch {
                return note("no checkpoint: \(error)")
            }
            snapshot = TrainingSnapshot(trainer, state, copying: Checksum.copy)
            self.snapshot = snapshot
        }
        let (path, stage, folder) = (folder.checkpointPath, stage, folder.path)
        underway = unwritten
        let kept = Set(best.values.map(\.path))
        let job = SnapshotJob(
            snapshot: snapshot, retreat: retreat, best: underway.sorted().compactMap { best[$0] })
        writer.add { () throws(InputError) in
            for best in job.best { try best.write() }
            try Checkpoint.write(path, stage, job.snapshot, retreat: job.retreat)
            RunFolder.removeBest(in: folder, but: kept)
        }
        if isInterrupted() || retreat != nil { finish() }
    }

    package func keepBest(_ parameters: [Float], epoch: Int) {
        // Written with the next checkpoint: without one nobody asks for it.
        best[epoch] = Best(path: folder.bestPath(stage, epoch), parameters: parameters)
        unwritten.insert(epoch)
        underway.remove(epoch)
    }

    package func forgetBest(but epochs: Set<Int>) {
        best = best.filter { epochs.contains($0.key) }
        unwritten.formIntersection(epochs)
    }

    /// Goes on with the best parameters of the run of before.
    func resume(_ start: FitStart<Float>) {
        for (epoch, parameters) in start.best { keepBest(parameters, epoch: epoch) }
        unwritten = []
    }

    /// Waits until all is written.
    package func finish() {
        writer.wait()
        tellFailures()
    }

    private func tellFailures() {
        let failures = writer.takeFailures()
        if failures.isEmpty { unwritten.subtract(underway) }
        underway = []
        for failure in failures {
            note("\(failure). The checkpoint of before stays, and training goes on.")
        }
    }

    /// Nobody changes a snapshot while it is written: `save` waits for the writer before it takes another.
    private struct SnapshotJob: @unchecked Sendable {
        let snapshot: TrainingSnapshot<Float>
        let retreat: TrainingSnapshot<Float>?
        let best: [Best]
    }

    private struct Best: Sendable {
        let path: String
        let parameters: [Float]

        func write() throws(InputError) { try RunFolder.write(parameters, to: path) }
    }
}

/// A thread that writes files one after the other.
private final class FileWriter {
    private let queue = FileQueue()
    private var thread: BackgroundThread?

    init() throws(InputError) {
        thread = try BackgroundThread("mtl checkpoints") { [queue] in while queue.runNext() {} }
    }

    deinit {
        queue.end()
        thread?.join()
    }

    var isBusy: Bool { queue.isBusy }

    func add(_ job: @escaping FileQueue.Job) { queue.add(job) }

    func wait() { queue.wait() }

    func takeFailures() -> [InputError] { queue.takeFailures() }
}

private final class FileQueue: Sendable {
    typealias Job = @Sendable () throws(InputError) -> Void

    private struct State {
        var jobs: [Job] = []
        /// Jobs that are not done yet.
        var left = 0
        var failures: [InputError] = []
    }

    private let state = Mutex(State())
    private let work = DispatchSemaphore(value: 0)
    private let done = DispatchSemaphore(value: 0)

    /// Waits for a job and does it; false where there is none any more.
    func runNext() -> Bool {
        work.wait()
        let job = state.withLock { $0.jobs.isEmpty ? nil : $0.jobs.removeFirst() }
        guard let job else { return false }
        var failure: InputError?
        do throws(InputError) { try job() } catch { failure = error }
        state.withLock { state in
            if let failure { state.failures.append(failure) }
            state.left -= 1
        }
        done.signal()
        return true
    }

    func add(_ job: @escaping Job) {
        state.withLock { state in
            state.jobs.append(job)
            state.left += 1
        }
        work.signal()
    }

    /// Wakes the thread without a job: it ends.
    func end() { work.signal() }

    var isBusy: Bool { state.withLock { $0.left > 0 } }

    func wait() { while isBusy { done.wait() } }

    func takeFailures() -> [InputError] {
        state.withLock { state in
            defer { state.failures = [] }
            return state.failures
        }
    }
}
