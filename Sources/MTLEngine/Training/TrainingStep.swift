/// One training step: forward, losses, backward and optimiser of a batch, on all workers, without allocating.
///
/// Per chunk of rows the workers first take their rows through the layers and back (no worker needs
/// another's), then meet, then take their share of the parameters: the gradient over all rows of the chunk
/// and, with the last chunk, the optimiser on the same parameters while they are in the cache. So nothing
/// is reduced, and no sum depends on the number of workers.
package final class TrainingStep<Scalar: BLASScalar>: TrainingEngine<Scalar> {
    package let network: Network<Scalar>
    package let batchLimit: Int
    package let gradients: AlignedStorage<Scalar>
    package let state: AlignedStorage<Scalar>
    private static var largestBatch: Int { 1 << 24 }

    let optimizer: Optimizer
    let rowPlan: RowPlan
    private let shardGradients: AlignedStorage<Scalar>?
    private let workspace: AlignedStorage<Scalar>
    private let gatheredFeatures: AlignedStorage<Scalar>
    private let gatheredLabels: AlignedStorage<Scalar>
    private let gatheredWeights: AlignedStorage<Scalar>
    private let embedding: EmbeddingMemory<Scalar>?
    private let fold: FoldMemory<Scalar>?
    private let partialLosses: UnsafeMutableBufferPointer<Double>
    private let partialCounts: UnsafeMutableBufferPointer<Int>
    private let partialWeights: UnsafeMutableBufferPointer<Double>
    /// One turn for all tasks, or one per task.
    private let turns: [TurnPlan<Scalar>]
    private var stepCounts: [Int]
    private var current: StepRun<Scalar>

    package init(
        network: Network<Scalar>, optimizer: Optimizer, alternating: Bool, batchLimit: Int
    ) throws(InputError) {
        try optimizer.check(hasTables: !network.model.embedding.isEmpty)
        guard batchLimit > 0, batchLimit <= Self.largestBatch else {
            throw InputError(
                .shape, at: "batch size", found: "\(batchLimit)", expected: "1 to \(Self.largestBatch)")
        }
        let model = network.model
        self.network = network
        self.optimizer = optimizer
        self.batchLimit = batchLimit
        let tasks = model.tasks.count
        let shared = model.layout.sharedCount
        // A task's optimiser remembers the shared parameters for itself; a head has one task, so one state.
        let stateCount = (alternating ? tasks * shared : shared) + model.layout.denseCount - shared
        gradients = AlignedStorage(zeroed: model.layout.denseCount)
        state = AlignedStorage(zeroed: stateCount * optimizer.stateVectors)
        let foldPlan = FoldPlan(
            model, batch: batchLimit, backend: network.product.backend,
            scalarBytes: MemoryLayout<Scalar>.stride)
        rowPlan = RowPlan(
            model: model, batch: batchLimit, elementsPerRow: model.trainingElementsPerRow,
            backend: network.product.backend, workers: network.pool.count, scalar: Scalar.self)
        shardGradients =
            rowPlan.isHalved(batch: batchLimit) ? AlignedStorage(zeroed: model.layout.denseCount) : nil
        workspace = AlignedStorage(zeroed: rowPlan.chunkRows * model.trainingElementsPerRow)
        gatheredFeatures = AlignedStorage(
            zeroed: rowPlan.chunkRows * workspaceStride(columns: model.inputWidth))
        gatheredLabels = AlignedStorage(zeroed: batchLimit * tasks)
        gatheredWeights = AlignedStorage(zeroed: batchLimit * tasks)
        let blocks = rowPlan.blockLimit(batch: batchLimit)
        partialLosses = .allocate(capacity: blocks * tasks)
        partialLosses.initialize(repeating: 0)
        partialCounts = .allocate(capacity: blocks * tasks)
        partialCounts.initialize(repeating: 0)
        partialWeights = .allocate(capacity: blocks * tasks)
        partialWeights.initialize(repeating: 0)

        // OpenBLAS may round a product differently when it is cut differently: there the cut is fixed.
        let workers = network.pool.count
        let sections = network.product.backend == .openBLAS ? max(4, workers) : workers
        turns = (alternating ? model.tasks.indices.map { $0 } : [nil]).map { (task: Int?) in
            TurnPlan(
                model, task: task, sections: sections, rows: batchLimit,
                sharedStateOffset: (task ?? 0) * shared,
                headStateOffset: alternating ? (tasks - 1) * shared : 0,
                tableStateOffset: (task ?? 0) * model.embedding.elementCount * optimizer.stateVectors,
                fold: foldPlan)
        }
        fold = foldPlan.map { FoldMemory($0, model: model, workers: workers) }
        embedding =
            model.embedding.isEmpty
            ? nil
            : EmbeddingMemory(
                model.embedding, batchLimit: batchLimit, workers: workers,
                stateVectors: optimizer.stateVectors, sets: alternating ? tasks : 1)
        stepCounts = [Int](repeating: 0, count: turns.count)
        let memory = network.memory(workspace: workspace.base, capacity: rowPlan.chunkRows)
        current = StepRun(
            turn: turns[0].view, layers: network.layers.elements,
            memory: memory,
            product: network.product, barrier: network.pool.barrier, workers: workers, sections: sections,
            tasks: tasks, gradients: gradients.base, state: state.base, stateStride: stateCount,
            gatheredFeatures: MatrixView(
                gatheredFeatures.base, rows: rowPlan.chunkRows, columns: model.inputWidth,
                stride: workspaceStride(columns: model.inputWidth)),
            gatheredLabels: gatheredLabels.base, gatheredWeights: gatheredWeights.base,
            partialLosses: partialLosses, partialCounts: partialCounts, partialWeights: partialWeights,
            embedding: embedding?.run, fold: fold?.run,
            embedded: memory.view(model.embeddedGradient, columns: model.embedding.width))
        super.init(tasks: tasks)
    }

    deinit {
        partialLosses.deallocate()
        partialCounts.deallocate()
        partialWeights.deallocate()
    }

    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    override package func run(worker: Int) {
        if let timeline {
            current.run(worker: worker, observer: timeline.observer)
        } else {
            current.run(worker: worker, observer: NoObserver())
        }
    }

    /// The gradient that the latest step left in a segment, in PyTorch's order.
    override package func gradient(_ segment: ParameterSegment) -> [Scalar] {
        if let table = network.model.embedding.tables.firstIndex(where: { $0.parameters == segment.offset }),
            segment.offset >= network.model.layout.denseCount
        {
            return embedding?.run.gradient(of: table) ?? []
        }
        return network.model.layout.read(segment, from: gradients.base)
    }

    /// Steps on a batch: all tasks at once (joint), or the turn of one task (alternating).
    ///
    /// - Parameters:
    ///   - batch: at most `batchLimit` rows; checked by the caller.
    ///   - turn: the task whose turn it is; 0 in a joint schedule.
    ///   - updates: false computes losses and gradients, and leaves the parameters as they are.
    /// - Returns: false where the turn was skipped because no row of the batch has a label of its task.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    @discardableResult
    override package func step(_ batch: BatchView<Scalar>, turn: Int = 0, updates: Bool = true) -> Bool {
        precondition(
            batch.rows > 0 && batch.rows <= batchLimit, "a batch of \(batch.rows), planned for \(batchLimit)")
        let plan = turns[turn]
        let tileRows = rowPlan.tileRows(batch: batch.rows)
        current.prepare(
            batch, turn: plan.view, sharedCount: network.model.layout.sharedCount,
            chunkRows: max(tileRows, rowPlan.chunkRows / tileRows * tileRows), tileRows: tileRows,
            blockRows: rowPlan.blockRows(batch: batch.rows),
            shardGradients: rowPlan.isHalved(batch: batch.rows) ? shardGradients?.base : nil,
            update: updates
                ? optimizer.update(step: stepCounts[turn] + 1, as: Scalar.self) : nil,
            skipsUnlabelled: turns.count > 1)
        current.fold?.begin(batch)
        network.pool.run(self)

        let blocks = current.blockCount
        var hasLabels = false
        for seat in plan.view.seats {
            var sum = 0.0
            var (count, weight) = (0, 0.0)
            let tasks = network.model.tasks.count
            for block in 0..<blocks {
                sum += partialLosses[block * tasks + seat.task]
                count += current.countsLabels ? partialCounts[block * tasks + seat.task] : 0
                weight += batch.labelWeights == nil ? 0 : partialWeights[block * tasks + seat.task]
            }
            if !current.countsLabels { count = batch.rows }
            losses[seat.task] = meanLoss(sum, batch.labelWeights == nil ? Double(count) : weight)
            hasLabels = hasLabels || count > 0
        }
        let stepped = hasLabels || turns.count == 1
        if updates && stepped { stepCounts[turn] += 1 }
        return stepped
    }
}

/// The mean of a loss over labelled rows (their number, or their weight): NaN where there is none, infinite where
/// the sum is no number.
package func meanLoss(_ sum: Double, _ labelled: Double) -> Double {
    guard labelled > 0 else { return .nan }
    return sum.isNaN ? .infinity : sum / labelled
}
