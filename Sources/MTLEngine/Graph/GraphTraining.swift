/// One training step of a graph: forward, losses, backward and optimiser of a batch, on all workers, without
/// allocating.
///
/// The batch is cut into shards of tiles by its size alone. A worker takes whole shards, tile by tile, through the nodes,
/// the losses and back, and adds the parameters' gradients to the shard's vector. Then the workers meet, and each sums its
/// pieces of the parameters over the shards, in their order, and steps them. So bits do not depend on the workers.
package final class GraphTraining<Scalar: BLASScalar>: TrainingEngine<Scalar> {
    package let store: GraphStore<Scalar>
    package let batchLimit: Int
    /// The joint losses and parameter penalties of the latest step, already weighted.
    package private(set) var penalties = 0.0

    private let optimizer: Optimizer
    private let seed: UInt64
    private let rowPlan: GraphRowPlan
    private let turns: [GraphTurnPlan]
    private var stepCounts: [Int]
    private var updateCount = 0
    private let owners: [AnyObject]
    private let gradients: AlignedStorage<Scalar>
    private let groups: UnsafeMutablePointer<Int>
    private let embedding: EmbeddingMemory<Scalar>?
    private let structures: StructureMemory<Scalar>
    private var current: GraphRun<Scalar>

    package init(
        store: GraphStore<Scalar>, optimizer: Optimizer, clipping: GradientClipping, alternating: Bool,
        batchLimit: Int, seed: UInt64
    ) throws(InputError) {
        let plan = store.plan
        try optimizer.check(hasTables: !plan.embedding.isEmpty)
        try clipping.check()
        guard batchLimit > 0, batchLimit <= 1 << 24 else {
            throw InputError(
                .shape, at: "batch size", found: "\(batchLimit)", expected: "1 to \(1 << 24)")
        }
        self.store = store
        self.optimizer = optimizer
        self.batchLimit = batchLimit
        self.seed = seed
        let (workers, tasks, scenarios) = (store.pool.count, store.tasks.count, plan.scenarios)
        let embeddedStride = workspaceStride(columns: plan.embedding.width)
        let elements = plan.forwardElementsPerRow + plan.gradients.elementsPerRow + embeddedStride
        let groupCount = plan.usesScenarios ? scenarios : 1
        rowPlan = GraphRowPlan(
            elementsPerRow: elements, scalarBytes: MemoryLayout<Scalar>.stride, scenarios: groupCount)

        var plans: [GraphTurnPlan] = []
        var stateCount = 0
        for task in alternating ? store.tasks.indices.map({ Optional($0) }) : [nil] {
            let turn = GraphTurnPlan(
                plan, tasks: store.tasks, task: task, workers: workers, stateStart: stateCount,
                tableStateOffset: (task ?? 0) * plan.embedding.elementCount * optimizer.stateVectors)
            stateCount += turn.stateCount
            plans.append(turn)
        }
        turns = plans
        stepCounts = [Int](repeating: 0, count: plans.count)
        let stages = plans.map(\.view.stages).max() ?? 1
        let tileLimit = rowPlan.tileCount(batch: batchLimit)
        let joints = plan.joints.count
        let shards = (1...2).map { GraphRowPlan.shards(rows: $0 == 1 ? batchLimit : 1) }.max() ?? 1
        let pieceLimit = plans.map(\.view.pieces.count).max() ?? 0
        let normStride = plan.normWidth * BatchNormNode.vectors

        gradients = AlignedStorage(zeroed: plan.layout.denseCount * shards)
        let state = AlignedStorage<Scalar>(zeroed: stateCount * optimizer.stateVectors)
        let tileElements = rowPlan.tileLimit * elements
        let workspace = AlignedStorage<Scalar>(zeroed: tileElements * (stages > 1 ? tileLimit : workers))
        let scratch = AlignedStorage<Scalar>(zeroed: plan.scratchCount * workers)
        let norms = AlignedStorage<Scalar>(zeroed: normStride * (1 + scenarios))
        let sums = AlignedStorage<Double>(zeroed: 2 * plan.normWidth * tileLimit)
        let positions = AlignedStorage<Int32>(zeroed: plan.usesScenarios ? batchLimit : 0)
        let sources = AlignedStorage<Int32>(zeroed: plan.usesScenarios ? batchLimit : 0)
        let counts = AlignedStorage<Int>(zeroed: 2 * scenarios)
        let labels = AlignedStorage<Scalar>(zeroed: batchLimit * tasks)
        let labelWeights = AlignedStorage<Scalar>(zeroed: batchLimit * tasks)
        let partials = AlignedStorage<Double>(zeroed: 2 * tileLimit * (tasks + joints))
        let rows = AlignedStorage<Int>(zeroed: tileLimit * (tasks + joints))
        let presence = AlignedStorage<Bool>(zeroed: shards * scenarios)
        let used = AlignedStorage<Bool>(zeroed: shards)
        let squares = AlignedStorage<Double>(zeroed: pieceLimit + plan.embedding.tables.count)
        let penalty = AlignedStorage<Double>(zeroed: 1)
        let tiles = AlignedStorage<GraphRowTile>(zeroed: tileLimit)
        structures = StructureMemory(
            store, learningRate: optimizer.learningRate,
            termLimit: plans.map(\.view.structures.count).max() ?? 0)
        let embedded = AlignedStorage<Scalar>(
            zeroed: plan.embedding.isEmpty ? 0 : batchLimit * embeddedStride)
        embedding =
            plan.embedding.isEmpty
            ? nil
            : EmbeddingMemory(
                plan.embedding, batchLimit: batchLimit, workers: workers,
                stateVectors: optimizer.stateVectors, sets: alternating ? tasks : 1)
        owners = [
            state, workspace, scratch, norms, sums, positions, sources, counts, labels, labelWeights,
            partials, rows, presence, used, squares, penalty, tiles, embedded,
        ]
        groups = .allocate(capacity: 1)
        groups.initialize(to: 0)
        current = GraphRun(
            parameters: store.parameters.base, transposes: store.transposes.base, product: store.product,
            barrier: store.pool.barrier, workers: workers, tasks: tasks, inputs: plan.inputs,
            inputWidth: plan.inputWidth, gathered: plan.gathered, forwardElements: plan.forwardElementsPerRow,
            capacity: rowPlan.tileLimit, tileElements: tileElements, keepsTiles: stages > 1,
            workspace: workspace.base, gradients: gradients.base, gradientStride: plan.layout.denseCount,
            state: state.base, stateStride: stateCount, scratch: scratch.base,
            scratchStride: plan.scratchCount, norms: norms.base, sums: sums.base, normWidth: plan.normWidth,
            order: GraphRowOrder(
                positions: positions.base, sources: sources.base, counts: counts.base,
                next: counts.base + scenarios, scenarios: scenarios), tiles: tiles.base, labels: labels.base,
            labelWeights: labelWeights.base, batchLimit: batchLimit, partialLosses: partials.base,
            partialCounts: partials.base + tileLimit * (tasks + joints), partialRows: rows.base,
            lossStride: tasks + joints, presence: presence.base, shardIsUsed: used.base,
            scenarios: scenarios, squares: squares.base, pieceLimit: pieceLimit, penalty: penalty.base,
            structureValues: structures.values.base, couplings: structures.couplings.base,
            embedding: embedding?.run,
            embedded: MatrixView(
                embedded.base, rows: plan.embedding.isEmpty ? 0 : batchLimit, columns: plan.embedding.width,
                stride: embeddedStride), turn: plans[0].view)
        current.clipping = clipping
        current.isGrouped = plan.usesScenarios
        super.init(tasks: tasks)
    }

    deinit { groups.deallocate() }

    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    override package func run(worker: Int) { current.run(worker: worker) }

    override package func gradient(_ segment: ParameterSegment) -> [Scalar] {
        let plan = store.plan
        if segment.offset >= plan.layout.denseCount,
            let table = plan.embedding.tables.firstIndex(where: { $0.parameters == segment.offset })
        {
            return current.turn.reachesFeatures
                ? embedding?.run.gradient(of: table) ?? []
                : [Scalar](repeating: 0, count: segment.count)
        }
        let owner = plan.owned.first { $0.range.contains(segment.offset) }?.scenario ?? -1
        // What the turn does not train, and a scenario without rows, was left as it lay.
        let isTrained = current.turn.pieces.contains {
            $0.start < segment.offset + segment.count && segment.offset < $0.start + $0.count
        }
        guard isTrained, current.isPresent(owner) else { return [Scalar](repeating: 0, count: segment.count) }
        let home = current.isSplit ? 0 : max(0, current.home(of: owner))
        return plan.layout.read(segment, from: gradients.base + home * plan.layout.denseCount)
    }

    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    @discardableResult
    override package func step(_ batch: BatchView<Scalar>, turn: Int = 0, updates: Bool = true) -> Bool {
        precondition(
            batch.rows > 0 && batch.rows <= batchLimit, "a batch of \(batch.rows), planned for \(batchLimit)")
        prepare(batch, turn: turn, updates: updates)
        store.pool.run(self)

        var hasLabels = false
        let stride = current.lossStride
        for seat in current.turn.seats {
            var sum = 0.0
            for tile in 0..<current.tileCount { sum += current.partialLosses[tile * stride + seat.task] }
            losses[seat.task] = meanLoss(sum, current.labelledWeight(seat.task, batch))
            hasLabels = hasLabels || current.labelledRows(seat.task, batch) > 0
        }
        penalties = current.turn.penalties.isEmpty ? 0 : current.penalty.pointee
        for term in current.turn.structures.indices { penalties += current.structureValues[term] }
        for joint in current.turn.joints.indices {
            for tile in 0..<current.tileCount {
                penalties += current.partialLosses[tile * stride + current.tasks + joint]
            }
        }
        let stepped = hasLabels || turns.count == 1
        if updates && stepped {
            stepCounts[turn] += 1
            updateCount += 1
            structures.alternate(after: updateCount)
        }
        return stepped
    }

    private func prepare(_ batch: BatchView<Scalar>, turn: Int, updates: Bool) {
        structures.prepare()
        current.batch = batch
        current.turn = turns[turn].view
        current.shards = GraphRowPlan.shards(rows: batch.rows)
        current.countsLabels = !batch.isComplete || batch.labelWeights != nil
        current.skipsUnlabelled = turns.count > 1
        current.dropoutKey = (seed &+ 0x51ED_270B) &* 0x2545_F491_4F6C_DD1D &+ UInt64(updateCount)
        current.update = updates ? optimizer.update(step: stepCounts[turn] + 1, as: Scalar.self) : nil
        current.undecayed =
            updates ? optimizer.withoutDecay.update(step: stepCounts[turn] + 1, as: Scalar.self) : nil
        if current.isGrouped {
            current.order.sort(batch, rows: 0..<batch.rows)
        } else {
            groups.pointee = batch.rows
        }
        current.tileCount = rowPlan.cut(
            rows: batch.rows, tileRows: rowPlan.tileRows(rows: batch.rows),
            groups: current.isGrouped ? current.order.counts : groups,
            groupCount: current.isGrouped ? current.scenarios : 1, into: current.tiles)
        current.presence.update(repeating: false, count: current.shards * current.scenarios)
        current.shardIsUsed.update(repeating: false, count: current.shards)
        for index in 0..<current.tileCount {
            let tile = current.tiles[index]
            current.shardIsUsed[tile.shard] = true
            current.presence[tile.shard * current.scenarios + tile.scenario] = true
        }
    }
}
