/// What the workers of one training step read: pointers and plans only, so that no reference is counted.
package struct StepRun<Scalar: BLASScalar> {
    let parameters: UnsafeMutablePointer<Scalar>
    let transposes: UnsafeMutablePointer<Scalar>
    let product: Product<Scalar>
    let barrier: WorkerPool.Barrier
    let workers: Int
    let tasks: Int
    let inputs: Int
    let inputWidth: Int
    let gathered: WorkspaceSlot
    /// Elements of the workspace per row: activations, and with the gradients behind them.
    let forwardElements: Int
    let elementsPerRow: Int
    let gradientOffsets: UnsafeBufferPointer<Int>
    /// Rows of a workspace; whether one holds a chunk of rows, else every worker has one for its tile.
    let capacity: Int
    let keepsChunk: Bool
    let defersWeights: Bool
    let workspace: UnsafeMutablePointer<Scalar>
    /// Gradient vectors of the shards, one after the other; the first one takes the sum.
    let gradients: UnsafeMutablePointer<Scalar>
    let gradientStride: Int
    let state: UnsafeMutablePointer<Scalar>
    let stateCount: Int
    let stateStride: Int
    let scratch: UnsafeMutablePointer<Scalar>
    let scratchStride: Int
    let norms: UnsafeMutablePointer<Scalar>
    let sums: UnsafeMutablePointer<Double>
    let normWidth: Int
    let order: RowOrder
    let tiles: UnsafeMutablePointer<RowTile>
    /// Per chunk its first tile, and the number of tiles behind.
    let chunkStarts: UnsafeMutablePointer<Int>
    /// Labels and weights in the step's order of rows, `[tasks, batchLimit]`.
    let labels: UnsafeMutablePointer<Scalar>
    let labelWeights: UnsafeMutablePointer<Scalar>
    let batchLimit: Int
    /// Per block and task; joint losses behind the tasks. Those of the members of a packed ensemble are `memberStride` apart.
    let partialLosses: UnsafeMutablePointer<Double>
    let memberStride: Int
    let partialCounts: UnsafeMutablePointer<Double>
    let partialRows: UnsafeMutablePointer<Int>
    let lossStride: Int
    let rankings: RankingSums
    let fMeasures: F1Sums
    let balance: BalanceRun<Scalar>
    /// Per shard and scenario whether it has rows.
    let presence: UnsafeMutablePointer<Bool>
    let shardIsUsed: UnsafeMutablePointer<Bool>
    let scenarios: Int
    /// Per gradient range its sum of squares, tables behind; the penalties' sum.
    let squares: UnsafeMutablePointer<Double>
    /// The norm of the step's gradient, where clipping asks for it.
    let gradientNorm: UnsafeMutablePointer<Double>
    let rangeLimit: Int
    let penalty: UnsafeMutablePointer<Double>
    /// Per term of the structures its value, and the couplings' matrices.
    let structureValues: UnsafeMutablePointer<Double>
    /// What parameters were when the turn began, where a turn holds them to it.
    let anchor: UnsafeMutablePointer<Scalar>
    /// Per pace the optimiser's step, with decay and without, and that of the tables; nil where nothing is updated.
    let updates: UnsafeMutablePointer<Optimizer.Update<Scalar>?>
    let couplings: UnsafeMutablePointer<Double>
    /// The slices' partial sums, and per further worker its copy of parameters, transposes, gradients and state.
    let partialSums: UnsafeMutablePointer<Scalar>
    let replicas: UnsafeMutablePointer<Scalar>
    let replicaStride: Int
    let parameterStride: Int
    let transposedStride: Int
    let sliceMemory: UnsafeMutablePointer<Scalar>
    let sliceMemoryCount: Int
    let sliceStride: Int
    let sliceLayout: SliceLayout
    let embedding: EmbeddingRun<Scalar>?
    /// The gradient in the embedded features, in the batch's order of rows.
    let embedded: MatrixView<Scalar>
    /// What tasks that have stopped leave alone.
    var stopped: StoppedTasks

    var turn: Turn
    var turnIndex = 0
    var projected: ProjectedTablesRun<Scalar>?
    var batch: BatchView<Scalar>?
    var update: Optimizer.Update<Scalar>?
    var undecayed: Optimizer.Update<Scalar>?
    var rowDecay: Scalar = 0
    /// Where the parameters' moving average is kept, if it is and the step is one of those that it takes.
    var average: AverageRun<Scalar>?
    var clipping = GradientClipping.none
    var tileCount = 0
    var chunkCount = 1
    var blockRows = 1
    var blockCount = 0
    var shards = 1
    var dropoutKey: UInt64 = 0
    var isGrouped = false
    var countsLabels = false
    var skipsUnlabelled = false
    /// Whether only losses are asked for: nothing comes back, nothing is updated.
    var isTrial = false

    /// Whether all rows meet between forward and backward.
    var meets: Bool { turn.ranks || turn.reweighs || weighsMeeting || isTrial }
    /// Whether they do because the tasks' losses or gradients are looked at.
    var weighsMeeting: Bool { balance.meets && (turn.passes != nil || !balance.splits) }
    /// Whether the tasks of this turn are weighed at all.
    var isWeighed: Bool { weighsBefore || weighsMeeting }
    /// Whether weights of the tasks are known before the batch is.
    var weighsBefore: Bool { balance.memory != nil && balance.weighsBefore }

    /// Whether gradients are looked at as a whole between their sum and the optimiser.
    var isSplit: Bool {
        clipping.isNorm || !turn.penalties.isEmpty || !turn.structures.isEmpty || turn.isAnchored
    }

    static var tableBlockRows: Int { 64 }

    // MARK: One worker's part of a step

    func run<Observer: StepObserver>(worker: Int, observer: Observer) {
        guard let batch else { return }
        if countsLabels {
            for index in 0..<tileCount where tiles[index].worker == worker {
                let work = 2 * tiles[index].count * turn.losses.count * MemoryLayout<Scalar>.stride
                observer.observe(.gather, index: 0, worker: worker, work: work) { countLabels(index, batch) }
            }
            if turn.ranks { weighRanked(batch, worker: worker) }
            wait(worker, observer)
        }
        if skipsUnlabelled && !turn.losses.contains(where: { learns($0.task, batch) }) { return }
        if countsLabels && weighsBefore {
            if worker == 0 { weigh(batch) }
            wait(worker, observer)
        }
        if let slices = turn.slices {
            runSlices(slices, batch, worker: worker, observer: observer)
            return
        }
        prepareTables(batch, worker: worker, observer: observer)
        for chunk in 0..<chunkCount {
            // The rows before may still be read where these will lie.
            if chunk > 0 { wait(worker, observer) }
            let last = turn.stages - 1
            for stage in 0..<last {
                sweep(
                    chunk, batch, worker: worker, forward: stage..<stage + 1, backward: nil,
                    observer: observer)
                wait(worker, observer)
                reduceMoments(stage, batch, worker: worker)
                moveCentres(stage, worker: worker)
                wait(worker, observer)
            }
            if meets {
                sweep(
                    chunk, batch, worker: worker, forward: last..<last + 1, backward: nil, observer: observer)
                wait(worker, observer)
                meet(chunk, batch, worker: worker, observer: observer)
                if isTrial { return }
            }
            // Where tasks went back one by one, all of it is there.
            if !goesBackByTask { goBack(chunk, batch, worker: worker, observer: observer) }
            finish(chunk, batch, worker: worker, observer: observer)
        }
    }

    /// Takes a chunk's rows back from the losses to the features.
    ///
    /// - Parameter place: the one loss of the turn that they come from; nil for all.
    func goBack<Observer: StepObserver>(
        _ chunk: Int, _ batch: BatchView<Scalar>, of place: Int? = nil, worker: Int, observer: Observer
    ) {
        let last = turn.stages - 1
        for stage in (0...last).reversed() {
            sweep(
                chunk, batch, worker: worker,
                forward: stage == last && !meets ? last..<last + 1 : 0..<0, backward: stage, of: place,
                observer: observer)
            wait(worker, observer)
            guard stage > 0 else { break }
            reduceSlopes(stage - 1, batch, worker: worker)
            wait(worker, observer)
        }
    }

    /// What needs the logits of all rows, between their way up and their way back.
    private func meet<Observer: StepObserver>(
        _ chunk: Int, _ batch: BatchView<Scalar>, worker: Int, observer: Observer
    ) {
        if turn.ranks {
            rank(self.chunk(chunk, batch), batch, worker: worker)
            wait(worker, observer)
        }
        if turn.reweighs {
            reweigh(chunk, batch, worker: worker)
            wait(worker, observer)
        }
        guard weighsMeeting, !isTrial else { return }
        if let passes = turn.passes {
            if goesBackByTask {
                goBackByTask(chunk, passes, batch, worker: worker, observer: observer)
            } else {
                sweepOwn(chunk, passes, batch, worker: worker, observer: observer)
            }
            wait(worker, observer)
        }
        if worker == 0 {
            if weighsBefore { sumProducts() } else { weigh(batch) }
        }
        wait(worker, observer)
    }

    func wait<Observer: StepObserver>(_ worker: Int, _ observer: Observer) {
        observer.observe(.wait, index: 0, worker: worker, work: 0) { barrier.wait() }
    }

    private func prepareTables<Observer: StepObserver>(
        _ batch: BatchView<Scalar>, worker: Int, observer: Observer
    ) {
        guard let embedding else { return }
        if turn.reachesFeatures || projected != nil {
            observer.observe(.number, index: 0, worker: worker, work: 0) {
                if let projected {
                    projected.multiply(
                        embedding, parameters: parameters, product: product, worker: worker, workers: workers)
                }
                if turn.reachesFeatures {
                    embedding.number(batch, blockRows: Self.tableBlockRows, worker: worker)
                }
            }
        }
        if projected != nil { wait(worker, observer) }
    }
}
