/// Where a training run is, between two steps: with the numbers of a `TrainingSnapshot` all that it needs to go on as if it
/// had never stopped.
package struct FitState: Sendable, Equatable, Codable {
    /// The best epoch so far.
    package struct Best: Sendable, Equatable, Codable {
        package var loss: Double
        package var epoch: Int
    }

    /// What was taken from a stream of batches.
    package struct Taken: Sendable, Equatable, Codable {
        package var batches = 0
        package var rows = 0
    }

    /// The epoch of the batch to come, from 1.
    package var epoch = 1
    /// The batches of this epoch that were used.
    package var batch = 0
    /// Batches since the start.
    package var steps = 0
    package var rowsSeen = 0
    /// Per stream the batches and the rows that were taken from it since the start.
    package var streams: [Taken]
    package var trainingSeconds = 0.0
    package var waitingSeconds = 0.0
    /// The sums behind this epoch's mean losses.
    package var losses: EpochLosses
    /// How the tasks were weighed in this epoch, where a method weighs them.
    package var balanced: BalanceSums?
    package var epochs: [EpochReport] = []
    package var best: Best?
    /// Where each task is, where they stop one by one; else nil.
    package var tasks: [TaskProgress]?
    /// What the learning rate is multiplied by since the loss ran away.
    package var rateFactor = 1.0
    /// The watched loss where the run goes back to.
    package var retreatLoss = Double.infinity
    /// What a schedule that follows the watched loss has come to.
    package var plateau: PlateauState?
    /// Where it ran away.
    package var rollbacks: [Divergence] = []
    package var counters: StepCounters
    /// Where the method is that weighs the tasks, where there is one.
    package var balancer: BalancerPosition?
    /// The latest batch, and the one before it.
    package var latest: BatchPlace?
    package var before: BatchPlace?

    /// Whether a task has stopped by itself.
    func hasStopped(_ task: Int) -> Bool { tasks?[task].stoppedAfter != nil }

    /// The epochs whose parameters are kept.
    package var keptEpochs: Set<Int> {
        Set(tasks.map { $0.compactMap(\.best?.epoch) } ?? [best?.epoch].compactMap { $0 })
    }
}

/// A task that stops by itself.
package struct TaskProgress: Sendable, Equatable, Codable {
    /// Its best epoch so far, and what it was judged by there: less is better.
    package var best: FitState.Best?
    /// Epochs since then; where a turn is an epoch only its own.
    package var waited = 0
    /// The epoch at whose end it stopped.
    package var stoppedAfter: Int?
}

/// Sums of the losses over an epoch's rows: a step counts as much as its labelled rows, or their weight.
package struct EpochLosses: Sendable, Equatable, Codable {
    private var sums: [Double]
    private var counts: [Double]

    init(tasks: Int) {
        sums = [Double](repeating: 0, count: tasks)
        counts = [Double](repeating: 0, count: tasks)
    }

    mutating func add(_ step: TrainingStep<some BLASScalar>, task: Int) {
        guard !step.losses[task].isNaN else { return }
        sums[task] += step.losses[task] * step.labelled[task]
        counts[task] += step.labelled[task]
    }

    /// Per task; NaN for a task without a labelled row.
    var means: [Double] { zip(sums, counts).map { $1 > 0 ? $0 / $1 : .nan } }
}

/// The checksum of a part of some bytes, and how many there are.
package struct BlockSum: Sendable {
    package let count: Int
    package let value: UInt32
}

/// Copies bytes and says their checksum.
package typealias BlockCopy =
    @Sendable (
        _ bytes: UnsafeRawBufferPointer, _ target: UnsafeMutableRawPointer
    ) -> UInt32

/// All numbers of a trainer that steps change, copied out between two steps.
package final class TrainingSnapshot<Scalar: BLASScalar> {
    package struct Part {
        package let name: String
        package let values: AlignedStorage<Scalar>
        /// The checksums of its bytes, part by part; none where nobody takes them.
        package fileprivate(set) var sums: [BlockSum] = []
    }

    package private(set) var state: FitState
    /// The parameters, and what `TrainingStep.memories` names.
    package private(set) var parts: [Part]
    /// Its parameters.
    var parameters: [Scalar] { Array(parts[0].values.buffer) }
    /// Where each row's average stands, where there is an average.
    package private(set) var stamps: AverageStamps?
    private let blockCopy: BlockCopy?

    /// Memory for the snapshots of a trainer; holds one at once.
    ///
    /// - Parameter blockCopy: takes the checksums of what is copied while it passes through the processor; nil for none.
    package init(_ trainer: Trainer<Scalar>, _ state: FitState, copying blockCopy: BlockCopy? = nil) {
        self.state = state
        self.blockCopy = blockCopy
        let counts =
            [("parameters", trainer.model.layout.count)]
            + trainer.trainingStep.memories.map { ($0.name, $0.values.count) }
        parts = counts.map { Part(name: $0, values: AlignedStorage<Scalar>(zeroed: $1)) }
        take(trainer, state)
    }

    /// Takes one in the place of that before.
    package func take(_ trainer: Trainer<Scalar>, _ state: FitState) {
        self.state = state
        self.state.counters = trainer.trainingStep.counters
        self.state.balancer = trainer.trainingStep.balancer?.position
        stamps = trainer.trainingStep.average?.position
        let sources = [trainer.store.parameters.buffer] + trainer.trainingStep.memories.map(\.values)
        for (index, source) in sources.enumerated() {
            parts[index].sums = copy(
                UnsafeRawBufferPointer(source), to: parts[index].values, trainer.store.pool)
        }
    }

    /// Copies with all workers: steps wait for it.
    private func copy(
        _ source: UnsafeRawBufferPointer, to target: AlignedStorage<Scalar>, _ pool: WorkerPool
    ) -> [BlockSum] {
        guard let base = source.baseAddress else { return [] }
        let copy =
            blockCopy ?? { bytes, target in
                if let base = bytes.baseAddress { target.copyMemory(from: base, byteCount: bytes.count) }
                return 0
            }
        // A worker's part begins on a line of the cache.
        let workers = source.count > 1 << 20 ? pool.count : 1
        let places = (0...workers).map { $0 == workers ? source.count : source.count / workers * $0 & -64 }
        var values = [UInt32](repeating: 0, count: workers)
        values.withUnsafeMutableBufferPointer { values in
            nonisolated(unsafe) let (from, to, values) = (base, UnsafeMutableRawPointer(target.base), values)
            let run: @Sendable (Int) -> Void = { worker in
                guard worker < workers else { return }
                let (start, end) = (places[worker], places[worker + 1])
                values[worker] = copy(
                    UnsafeRawBufferPointer(start: from + start, count: end - start), to + start)
            }
            if workers > 1 { pool.run(run) } else { run(0) }
        }
        guard blockCopy != nil else { return [] }
        return (0..<workers).map { BlockSum(count: places[$0 + 1] - places[$0], value: values[$0]) }
    }

    /// Puts a trainer where it was.
    package func restore(_ trainer: Trainer<Scalar>) {
        do throws(InputError) {
            try trainer.restore(state.balancer)
        } catch {
            preconditionFailure("a snapshot of another trainer: \(error)")
        }
        trainer.restore(state.counters, stamps) { name, target in
            if let part = parts.first(where: { $0.name == name }), let base = target.baseAddress {
                base.update(from: part.values.base, count: target.count)
            }
        }
    }
}

extension Trainer {
    /// Puts the method that weighs the tasks where another trainer's was.
    ///
    /// - Throws: `InputError` for a position of another method.
    package func restore(_ position: BalancerPosition?) throws(InputError) {
        if let position, let balancer = trainingStep.balancer { try balancer.restore(position) }
    }

    /// Puts the trainer where another one was: `fill` gets each part's name and memory.
    package func restore<Failure>(
        _ counters: StepCounters, _ stamps: AverageStamps?,
        fill: (_ name: String, _ memory: UnsafeMutableBufferPointer<Scalar>) throws(Failure) -> Void
    ) throws(Failure) {
        try fill("parameters", store.parameters.buffer)
        store.refreshTransposes()
        for memory in trainingStep.memories { try fill(memory.name, memory.values) }
        trainingStep.restore(counters)
        if let stamps { trainingStep.average?.restore(stamps) }
    }
}

/// What becomes of a training run while it goes on.
package protocol FitKeeper<Scalar>: AnyObject {
    associatedtype Scalar: BLASScalar
    /// Asked between steps.
    var wish: FitWish { get }
    /// Asked before each epoch, counted from 1: whether the run is to pause there.
    func pauses(before epoch: Int) -> Bool
    /// Keeps where the run is; where it cannot, training goes on.
    ///
    /// - Parameter retreat: where the run goes back to if its loss runs away.
    func save(_ trainer: Trainer<Scalar>, _ state: FitState, retreat: TrainingSnapshot<Scalar>?)
    /// Keeps the parameters of an epoch that is the best so far.
    func keepBest(_ parameters: [Scalar], epoch: Int)
    /// Forgets what was kept of other epochs.
    func forgetBest(but epochs: Set<Int>)
}

/// What is to be done between two steps.
package enum FitWish { case goOn, save, stop }

/// Where a run goes on.
package struct FitStart<Scalar: BLASScalar> {
    package var state: FitState
    /// The parameters of its best epochs.
    package var best: [Int: [Scalar]]
    package var retreat: TrainingSnapshot<Scalar>?
    /// The parameters before the first step.
    package var beginning: [Scalar]

    package init(
        state: FitState, best: [Int: [Scalar]], retreat: TrainingSnapshot<Scalar>?, beginning: [Scalar]
    ) {
        self.state = state
        self.best = best
        self.retreat = retreat
        self.beginning = beginning
    }
}
