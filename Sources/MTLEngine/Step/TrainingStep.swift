/// One training step: forward, losses, backward and optimiser of a batch, on all workers, without allocating.
///
/// Per chunk of rows each worker takes tiles through the nodes, the losses and back, needing nothing of the others. Then
/// they meet, and each completes its pieces of the parameters: the gradient of a dense layer over all rows of the chunk
/// (or, where `RowPlan` says so, the sum over the shards of rows that took it tile by tile) and, with the last chunk, the
/// optimiser on the same piece while it is in the cache. No sum depends on the number of workers.
package final class TrainingStep<Scalar: BLASScalar>: WorkerJob {
    package let store: ParameterStore<Scalar>
    package let batchLimit: Int
    /// The latest unweighted losses, `[tasks]`: see `meanLoss`.
    package let losses: UnsafeMutableBufferPointer<Double>
    /// The labelled rows behind each of them, or their weight, `[tasks]`.
    package let labelled: UnsafeMutableBufferPointer<Double>
    /// The joint losses and parameter penalties of the latest step, already weighted.
    package internal(set) var penalties = 0.0
    /// Vectors of the parameters' layout that the optimisers remember, of layers and tables on the average.
    package var stateVectors: Int {
        let plan = store.plan
        let ofTables = tableOptimizer.rowState.count(
            rows: plan.embedding.rowCount, elements: plan.embedding.elementCount)
        let numbers = Double(plan.layout.denseCount * optimizer.stateVectors + ofTables)
        return Int((numbers / Double(max(1, plan.layout.count))).rounded())
    }
    /// What every learning rate is multiplied with from the next step on.
    package var rateFactor = 1.0
    /// The parameters' moving average, where it is kept.
    package let average: AverageMemory<Scalar>?
    /// Whether what the optimiser remembers is in memory already.
    package var hasStepped: Bool { counters.updates > 0 }
    /// Whether workers share the first layers' units instead of rows.
    package var isSliced: Bool { current.turn.slices != nil }
    /// Where a profile writes down what the workers do, or nil.
    package var timeline: StepTimeline?

    private let optimizer: Optimizer
    private let tableOptimizer: Optimizer
    let paces: StepPaces
    /// Per pace the optimiser at its rate, with decay and without, and that of the tables.
    let paced: [(all: Optimizer, undecayed: Optimizer, tables: Optimizer)]
    let updates: UnsafeMutablePointer<Optimizer.Update<Scalar>?>
    /// How the tasks are weighed against each other; nil where their own weights are all.
    package let balancer: BalancerMemory?
    let seed: UInt64
    package let rowPlan: RowPlan
    /// The tables that are projected, where some are.
    package let projectedTables: ProjectedTables?
    let turns: [TurnPlan]
    /// The counts of steps that the turns' paces follow, all updates, and the group of the latest turn, whose anchor is in memory.
    package internal(set) var counters: StepCounters
    /// What the parameters were when the latest group's turn began, `[parameters]`; empty where no turn holds any.
    package let anchor: AlignedStorage<Scalar>
    private let owners: [AnyObject]
    private let gradients: AlignedStorage<Scalar>
    let groups: AlignedStorage<Int>
    let embedding: EmbeddingMemory<Scalar>?
    let projection: ProjectedTablesMemory<Scalar>?
    let structures: StructureMemory<Scalar>
    let stopped: StoppedTasksMemory
    /// What the model's preferences were before the step drew one; nothing for a model that reads none.
    let usualPreference: AlignedStorage<Scalar>
    var current: StepRun<Scalar>
    /// Rows of the latest batch, where the cut still fits one of as many.
    var cutRows = 0

    /// The store's version that the slices' parameters are of.
    var takenVersion = -1

    package static var largestBatch: Int { 1 << 24 }
    private static var vector: Int { 64 / MemoryLayout<Scalar>.stride }

    /// - Parameter specs: the turns; at least one.
    package init(
        store: ParameterStore<Scalar>, optimizer: Optimizer, tableOptimizer: Optimizer? = nil,
        clipping: GradientClipping, averaging: Double? = nil, balancing: Balancing = .fixed,
        turns specs: [TurnSpec], batchLimit: Int,
        seed: UInt64
    ) throws(InputError) {
        let plan = store.plan
        try optimizer.check(tables: tableOptimizer, hasTables: !plan.embedding.isEmpty)
        let ofTables = tableOptimizer ?? optimizer
        try clipping.check()
        guard batchLimit > 0, batchLimit <= Self.largestBatch else {
            throw InputError(
                .shape, at: "batch size", found: "\(batchLimit)", expected: "1 to \(Self.largestBatch)")
        }
        try balancing.checkPreference(plan, place: "balancing")
        let (balances, splits) = (balancing.kind != .fixed, balancing.needs.areOfGradients)
        let balanced =
            balances
            ? try balancing.checkStep(plan, tasks: store.tasks, turns: specs, place: "balancing") : nil
        balancer =
            try balanced.map { balanced throws(InputError) in
                try BalancerMemory(balancing, tasks: store.tasks, width: balanced.width, seed: seed)
            }
        self.store = store
        self.optimizer = optimizer
        self.tableOptimizer = ofTables
        if let averaging {
            average = try AverageMemory(plan, decay: averaging, turns: specs.count)
        } else {
            average = nil
        }
        self.batchLimit = batchLimit
        self.seed = seed
        let (workers, tasks, scenarios) = (store.pool.count, store.tasks.count, plan.scenarios)
        let backend = store.product.backend
        let scalarBytes = MemoryLayout<Scalar>.stride
        // A gate's gradient of projected products is taken of all tasks together.
        let tables =
            splits
            ? nil : ProjectedTables(plan, batch: batchLimit, backend: backend, scalarBytes: scalarBytes)
        let embeddedStride = workspaceStride(columns: plan.embedding.width)
        projectedTables = tables
        // Slices keep parameters of their own, which no average sees.
        let isSliced =
            averaging == nil && !balances
            && SlicePlan.serves(
                specs, store, batch: batchLimit, clipping: clipping, vector: Self.vector)
        let workspacePlan = WorkspacePlan(
            plan, projection: tables, isSliced: isSliced, meets: balancing.meets, batch: batchLimit,
            backend: backend, workers: workers, scalarBytes: scalarBytes)
        let (rowPlan, layout) = (workspacePlan.rows, workspacePlan.gradients)
        self.rowPlan = rowPlan
        let shards = workspacePlan.shards

        let paces = StepPaces(specs, plan.layout)
        var options = TurnPlan.Options(paces)
        options.workers = workers
        options.backend = backend
        options.rows = batchLimit
        options.shards = shards
        options.defersWeights = rowPlan.defersWeights
        options.projection = tables
        options.slicedVector = isSliced ? Self.vector : nil
        options.rowState = ofTables.rowState
        options.gradients = balancing.gradients
        var states = StateLayout()
        let plans = specs.indices.map { turn in
            options.frontier = balanced?.frontiers[turn]
            options.frontierStart = balanced?.starts[turn] ?? 0
            return TurnPlan(
                plan, tasks: store.tasks, specs: specs, turn: turn, options: options, states: &states)
        }
        let stateCount = states.count
        turns = plans
        self.paces = paces
        counters = StepCounters(steps: [Int](repeating: 0, count: paces.counterCount))
        if !plan.structures.isEmpty { counters.movedRates = plan.structures.map { _ in 0 } }
        paced = paces.paces.map {
            let own = optimizer.scaled(by: $0.factor)
            return (own, own.withoutDecay, ofTables.scaled(by: $0.factor))
        }
        updates = .allocate(capacity: 3 * paced.count)
        updates.initialize(repeating: nil, count: 3 * paced.count)
        anchor = AlignedStorage(zeroed: specs.contains { $0.anchor != nil } ? plan.layout.count : 0)
        let tileLimit = rowPlan.tileCount(batch: batchLimit)
        let joints = plan.joints.count
        let rangeLimit = plans.map(\.view.gradientRanges.count).max() ?? 0
        let normStride = plan.normWidth * BatchNormNode.vectors

        losses = .allocate(capacity: tasks)
        losses.initialize(repeating: .nan)
        labelled = .allocate(capacity: tasks)
        labelled.initialize(repeating: 0)
        gradients = AlignedStorage(zeroed: plan.layout.denseCount * shards)
        let state = AlignedStorage<Scalar>(zeroed: stateCount * optimizer.stateVectors)
        let workspace = AlignedStorage<Scalar>(zeroed: workspacePlan.elements)
        projection = tables.map { tables in
            ProjectedTablesMemory(
                tables, turns: plans.compactMap(\.projected), embedding: plan.embedding,
                workspace: ProjectedTablesMemory.Workspace(
                    base: workspace.base, capacity: rowPlan.capacity,
                    forwardElements: plan.forwardElementsPerRow, gradientOffsets: layout.offsets),
                workers: workers)
        }
        let gradientOffsets = FixedList(layout.offsets)
        let scratch = AlignedStorage<Scalar>(zeroed: plan.scratchCount * workers)
        let norms = AlignedStorage<Scalar>(zeroed: normStride * (1 + scenarios))
        let sums = AlignedStorage<Double>(zeroed: 2 * plan.normWidth * tileLimit)
        let positions = AlignedStorage<Int32>(zeroed: plan.usesScenarios ? batchLimit : 0)
        let sources = AlignedStorage<Int32>(zeroed: plan.usesScenarios ? batchLimit : 0)
        let counts = AlignedStorage<Int>(zeroed: 2 * scenarios)
        let labels = AlignedStorage<Scalar>(zeroed: batchLimit * tasks)
        let labelWeights = AlignedStorage<Scalar>(zeroed: batchLimit * tasks)
        let members = plan.members?.count ?? 1
        let memberStride = tileLimit * (tasks + joints)
        let partials = AlignedStorage<Double>(zeroed: (members + 1) * memberStride)
        let rows = AlignedStorage<Int>(zeroed: tileLimit * (tasks + joints))
        let ranking = RankingMemory(plan, tasks: tasks, rows: batchLimit)
        let fMeasures = F1Memory(plan, tasks: tasks, blocks: tileLimit)
        let keepsGradients = splits && balancing.gradients != .representation
        let keptParts = plans.reduce(0) { max($0, $1.view.passes?.ranges.count ?? 0) }
        let weighing = BalanceMemory<Scalar>(
            balancer, tasks: tasks, rows: batchLimit,
            blocks: keepsGradients ? keptParts + plan.embedding.tables.count : tileLimit,
            width: keepsGradients ? 0 : balanced?.largestWidth ?? 0,
            kept: keepsGradients
                ? (balanced?.keptCount ?? 0, plan.embedding.sumCount(batch: batchLimit)) : (0, 0))
        let presence = AlignedStorage<Bool>(zeroed: shards * scenarios)
        let used = AlignedStorage<Bool>(zeroed: shards)
        let ranges = rangeLimit + plan.embedding.tables.count
        let squares = AlignedStorage<Double>(zeroed: ranges + 1)
        let penalty = AlignedStorage<Double>(zeroed: 1)
        let tiles = AlignedStorage<RowTile>(zeroed: tileLimit)
        let chunkStarts = AlignedStorage<Int>(zeroed: rowPlan.chunkCount(batch: batchLimit) + 1)
        groups = AlignedStorage(zeroed: 1)
        usualPreference = AlignedStorage(zeroed: plan.preferences.count * tasks)
        structures = StructureMemory(
            store, learningRate: optimizer.learningRate,
            termLimit: plans.map(\.view.penaltyValues).max() ?? 0)
        let copies = isSliced ? min(workers, SlicePlan.count) - 1 : 0
        let (parameterStride, transposedStride) = (
            (plan.layout.denseCount + 15) / 16 * 16, (plan.transposedCount + 15) / 16 * 16
        )
        let replicaStride =
            (parameterStride + transposedStride + plan.layout.denseCount + stateCount * optimizer.stateVectors
                + 31) / 16 * 16
        let replicas = AlignedStorage<Scalar>(zeroed: copies * replicaStride)
        let sliceLayout =
            plans[0].view.slices?.layout(stateVectors: optimizer.stateVectors)
            ?? SliceLayout(inputs: 0, width: 0, outputs: 0, stateVectors: 0)
        let sliceStride = sliceLayout.total(turns: plans.count)
        let sliceMemory = AlignedStorage<Scalar>(
            zeroed: isSliced ? SlicePlan.count * sliceStride : 0)
        let partialSums = AlignedStorage<Scalar>(
            zeroed: isSliced
                ? SlicePlan.count * rowPlan.capacity * workspaceStride(columns: sliceLayout.outputs) : 0)
        let embedded = AlignedStorage<Scalar>(
            zeroed: plan.embedding.isEmpty ? 0 : batchLimit * embeddedStride)
        embedding =
            plan.embedding.isEmpty
            ? nil
            : EmbeddingMemory(
                plan.embedding, batchLimit: batchLimit, workers: workers, stateCount: states.tableCount)
        stopped = StoppedTasksMemory(plan, store.tasks)
        owners = [
            state, workspace, gradientOffsets, scratch, norms, sums, positions, sources, counts, labels,
            labelWeights, partials, rows, ranking, fMeasures, weighing, presence, used, squares, penalty,
            tiles,
            chunkStarts, embedded,
            replicas, partialSums, sliceMemory,
        ]
        current = StepRun(
            parameters: store.parameters.base, transposes: store.transposes.base, product: store.product,
            barrier: store.pool.barrier, workers: workers, tasks: tasks, inputs: plan.inputs,
            inputWidth: plan.inputWidth, gathered: plan.gathered, forwardElements: plan.forwardElementsPerRow,
            elementsPerRow: workspacePlan.elementsPerRow, gradientOffsets: gradientOffsets.elements,
            capacity: rowPlan.capacity, keepsChunk: rowPlan.keepsChunk, defersWeights: rowPlan.defersWeights,
            workspace: workspace.base, gradients: gradients.base, gradientStride: plan.layout.denseCount,
            state: state.base, stateCount: state.count, stateStride: stateCount, scratch: scratch.base,
            scratchStride: plan.scratchCount, norms: norms.base, sums: sums.base, normWidth: plan.normWidth,
            order: RowOrder(
                positions: positions.base, sources: sources.base, counts: counts.base,
                next: counts.base + scenarios, scenarios: scenarios), tiles: tiles.base,
            chunkStarts: chunkStarts.base, labels: labels.base, labelWeights: labelWeights.base,
            batchLimit: batchLimit, partialLosses: partials.base, memberStride: memberStride,
            partialCounts: partials.base + members * memberStride, partialRows: rows.base,
            lossStride: tasks + joints,
            rankings: ranking.run, fMeasures: fMeasures.run, balance: weighing.run,
            presence: presence.base, shardIsUsed: used.base,
            scenarios: scenarios, squares: squares.base,
            gradientNorm: squares.base + ranges, rangeLimit: rangeLimit, penalty: penalty.base,
            structureValues: structures.values.base, anchor: anchor.base, updates: updates,
            couplings: structures.couplings.base,
            partialSums: partialSums.base, replicas: replicas.base, replicaStride: replicaStride,
            parameterStride: parameterStride, transposedStride: transposedStride,
            sliceMemory: sliceMemory.base, sliceMemoryCount: sliceMemory.count, sliceStride: sliceStride,
            sliceLayout: sliceLayout,
            embedding: embedding?.run,
            embedded: MatrixView(
                embedded.base, rows: plan.embedding.isEmpty ? 0 : batchLimit, columns: plan.embedding.width,
                stride: embeddedStride), stopped: stopped.view, turn: plans[0].view)
        current.clipping = clipping
        current.rowDecay = Scalar(ofTables.rowDecay)
        current.isGrouped = plan.usesScenarios
        super.init()
        if let slices = current.turn.slices {
            // The run is pointers and plans; what they point at lives as long as this does.
            store.settle = { [unowned self] in
                if takenVersion == store.version { current.giveBack(slices, gradients: false) }
            }
        }
    }

    deinit {
        updates.deallocate()
        losses.deallocate()
        labelled.deallocate()
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
    package func gradient(_ segment: ParameterSegment) -> [Scalar] {
        let plan = store.plan
        if segment.offset >= plan.layout.denseCount,
            let table = plan.embedding.tables.firstIndex(where: { $0.parameters == segment.offset })
        {
            return current.turn.tables[table].isTrained
                ? embedding?.run.gradient(of: table) ?? []
                : [Scalar](repeating: 0, count: segment.count)
        }
        let owner = plan.owned.first { $0.range.contains(segment.offset) }?.scenario ?? -1
        // What the turn does not train, and a scenario without rows, was left as it lay.
        let piece = current.turn.pieces.first {
            $0.start < segment.offset + segment.count && segment.offset < $0.start + $0.count
        }
        guard let piece, current.isPresent(owner) else {
            return [Scalar](repeating: 0, count: segment.count)
        }
        if let slices = current.turn.slices { current.giveBack(slices, gradients: true) }
        let home = current.isSplit ? 0 : max(0, current.home(of: piece))
        return plan.layout.read(segment, from: gradients.base + home * plan.layout.denseCount)
    }

    /// Lets some tasks rest from the next step on, and no others: their losses no longer count, and parameters that no other
    /// task trains stay as they are, what optimisers remember of them too. To be called between steps.
    package func stop(_ tasks: Set<Int>) {
        stopped.stop(tasks)
        current.stopped = stopped.view
    }

    /// The tasks whose losses a turn has.
    package func tasks(of turn: Int) -> [Int] { turns[turn].spec.tasks }

    /// Steps on a batch, in one of the turns.
    ///
    /// - Parameters:
    ///   - batch: at most `batchLimit` rows; checked by the caller.
    ///   - turn: its place among the turns; 0 in a joint schedule.
    ///   - updates: false computes losses and gradients, and leaves the parameters as they are.
    /// - Returns: false where the turn was skipped because no row of the batch has a label of its tasks.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    @discardableResult
    package func step(_ batch: BatchView<Scalar>, turn: Int = 0, updates: Bool = true) -> Bool {
        precondition(
            batch.rows > 0 && batch.rows <= batchLimit, "a batch of \(batch.rows), planned for \(batchLimit)")
        drawPreference()
        prepare(batch, turn: turn, updates: updates)
        store.pool.run(self)
        restorePreference()

        let hasLabels = sumLosses(batch)
        let stepped = hasLabels || turns.count == 1
        if !stepped {
            // Of a turn that was skipped there are no losses, not even of tasks that have stopped.
            for loss in current.turn.losses { (labelled[loss.task], losses[loss.task]) = (0, .nan) }
        }
        if updates && stepped {
            for counter in paces.countersOfTurn[turn] { counters.steps[counter] += 1 }
            counters.updates += 1
            balance(batch)
            structures.alternate(
                after: counters.updates, moved: turns[turn].moved, rateFactor: rateFactor,
                rates: &counters.movedRates)
            average?.end(current, store)
        }
        return stepped
    }
}
