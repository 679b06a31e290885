/// What the workers of one training step read: pointers and plans only, so that no reference is counted.
package struct StepRun<Scalar: BLASScalar> {
    let layers: UnsafeBufferPointer<Dense>
    let memory: NetworkMemory<Scalar>
    let product: Product<Scalar>
    let barrier: WorkerPool.Barrier
    let workers: Int
    let sections: Int
    let tasks: Int
    let gradients: UnsafeMutablePointer<Scalar>
    /// The gradient of the second half of the rows, where a step is split by rows.
    var shardGradients: UnsafeMutablePointer<Scalar>?
    let state: UnsafeMutablePointer<Scalar>
    let stateStride: Int
    let gatheredFeatures: MatrixView<Scalar>
    let gatheredLabels: UnsafeMutablePointer<Scalar>
    let gatheredWeights: UnsafeMutablePointer<Scalar>
    let partialLosses: UnsafeMutableBufferPointer<Double>
    let partialCounts: UnsafeMutableBufferPointer<Int>
    /// Per block and task the weight of its labelled rows.
    let partialWeights: UnsafeMutableBufferPointer<Double>
    /// The embedding tables, where the model has some, and the gradient in the features from them.
    let embedding: EmbeddingRun<Scalar>?
    let fold: FoldRun<Scalar>?
    let embedded: MatrixView<Scalar>

    var turn: TurnPlan<Scalar>.View
    var sharedCount = 0

    var batch: BatchView<Scalar>?
    var update: Optimizer.Update<Scalar>?
    var chunkRows = 1
    var tileRows = 1
    var blockRows = 1
    var skipsUnlabelled = false
    /// Whether labels are counted (and gathered) before the forward pass.
    private(set) var countsLabels = false

    init(
        turn: TurnPlan<Scalar>.View, layers: UnsafeBufferPointer<Dense>, memory: NetworkMemory<Scalar>,
        product: Product<Scalar>, barrier: WorkerPool.Barrier, workers: Int, sections: Int, tasks: Int,
        gradients: UnsafeMutablePointer<Scalar>, state: UnsafeMutablePointer<Scalar>, stateStride: Int,
        gatheredFeatures: MatrixView<Scalar>, gatheredLabels: UnsafeMutablePointer<Scalar>,
        gatheredWeights: UnsafeMutablePointer<Scalar>, partialLosses: UnsafeMutableBufferPointer<Double>,
        partialCounts: UnsafeMutableBufferPointer<Int>, partialWeights: UnsafeMutableBufferPointer<Double>,
        embedding: EmbeddingRun<Scalar>?, fold: FoldRun<Scalar>?, embedded: MatrixView<Scalar>
    ) {
        self.layers = layers
        self.memory = memory
        self.product = product
        self.barrier = barrier
        self.workers = workers
        self.sections = sections
        self.tasks = tasks
        self.gradients = gradients
        self.state = state
        self.stateStride = stateStride
        self.gatheredFeatures = gatheredFeatures
        self.gatheredLabels = gatheredLabels
        self.partialLosses = partialLosses
        self.partialCounts = partialCounts
        self.gatheredWeights = gatheredWeights
        self.partialWeights = partialWeights
        self.embedding = embedding
        self.fold = fold
        self.embedded = embedded
        self.turn = turn
    }

    mutating func prepare(
        _ batch: BatchView<Scalar>, turn: TurnPlan<Scalar>.View, sharedCount: Int, chunkRows: Int,
        tileRows: Int,
        blockRows: Int, shardGradients: UnsafeMutablePointer<Scalar>?,
        update: Optimizer.Update<Scalar>?, skipsUnlabelled: Bool
    ) {
        self.batch = batch
        self.turn = turn
        self.sharedCount = sharedCount
        self.chunkRows = chunkRows
        self.tileRows = tileRows
        self.blockRows = blockRows
        self.shardGradients = shardGradients
        self.update = update
        self.skipsUnlabelled = skipsUnlabelled
        countsLabels = batch.indices != nil || !batch.isComplete || batch.labelWeights != nil
    }

    var blockCount: Int { batch.map { ($0.rows + blockRows - 1) / blockRows } ?? 0 }

    /// The part of a range that is one worker's, neighbours each.
    private static func share(_ range: Range<Int>, of worker: Int, among workers: Int) -> Range<Int> {
        range.lowerBound + range.count * worker / workers..<range.lowerBound + range.count * (worker + 1)
            / workers
    }

    var forward: ForwardPass<Scalar> {
        ForwardPass(layers: layers, active: turn.active, memory: memory, product: product)
    }

    func rows(ofBlock block: Int, in batch: BatchView<Scalar>) -> Range<Int> {
        block * blockRows..<min((block + 1) * blockRows, batch.rows)
    }

    // MARK: One worker's part of a step

    func run<Observer: StepObserver>(worker: Int, observer: Observer) {
        guard let batch else { return }
        let scalar = MemoryLayout<Scalar>.stride
        if countsLabels {
            for block in Self.share(0..<blockCount, of: worker, among: workers) {
                observer.observe(
                    .gather, index: 0, worker: worker, work: 2 * blockRows * turn.seats.count * scalar
                ) {
                    gatherLabels(block, batch)
                }
            }
            wait(worker, observer)
        }
        if skipsUnlabelled && labelledRows(turn.seats[0].task, batch) == 0 { return }

        if shardGradients == nil {
            runSplitByParameters(batch, worker: worker, observer: observer)
        } else {
            runSplitByRows(batch, worker: worker, observer: observer)
        }
    }

    /// The parameters' gradients over all rows of a chunk, each worker its share of the parameters.
    private func runSplitByParameters<Observer: StepObserver>(
        _ batch: BatchView<Scalar>, worker: Int, observer: Observer
    ) {
        if let fold, let embedding {
            observer.observe(.number, index: 0, worker: worker, work: 0) {
                fold.multiply(
                    embedding, memory: memory, product: product, worker: worker, workers: workers)
            }
            wait(worker, observer)
        }
        for chunk in stride(from: 0, to: batch.rows, by: chunkRows) {
            let end = min(chunk + chunkRows, batch.rows)
            let x = features(batch, from: chunk, to: end)
            if chunk > 0 { wait(worker, observer) }
            if chunk == 0, let embedding {
                observer.observe(.number, index: 0, worker: worker, work: 0) {
                    embedding.number(batch, blockRows: blockRows, worker: worker)
                }
            }
            let tiles = chunk / tileRows..<(end + tileRows - 1) / tileRows
            for tile in Self.share(tiles, of: worker, among: workers) {
                pass(
                    tile * tileRows..<min((tile + 1) * tileRows, batch.rows), x: x, chunk: chunk, batch,
                    worker: worker, observer: observer)
            }
            wait(worker, observer)
            if let fold {
                scatterFolded(fold, batch, from: chunk, to: end, worker: worker, observer: observer)
                if end == batch.rows { wait(worker, observer) }
            }
            for section in stride(from: worker, to: sections, by: workers) {
                for piece in turn.pieces[turn.starts[section]..<turn.starts[section + 1]] {
                    if end == batch.rows && workers > 1 { claim(piece) }
                    differentiate(
                        piece, x: x, rows: 0..<end - chunk, into: gradients, accumulate: chunk > 0,
                        worker: worker,
                        observer: observer)
                    if end == batch.rows { optimize(piece, worker: worker, observer: observer) }
                }
            }
            scatter(batch, from: chunk, to: end, worker: worker, observer: observer)
        }
    }

    /// The gradients of each half of a chunk's rows on their own, by the worker (or team of workers) that has just
    /// taken those rows through the layers, and one sum of the two halves at the end.
    ///
    /// A small model's gradient is less to hand over than the activations of many rows. There are two halves for
    /// any number of workers, one included, so that the sums keep their bits.
    private func runSplitByRows<Observer: StepObserver>(
        _ batch: BatchView<Scalar>, worker: Int, observer: Observer
    ) {
        guard let shardGradients else { return }
        let teams = min(workers, 2)
        let team = worker % teams
        let member = worker / teams
        let members = (workers - team + teams - 1) / teams
        let halves = teams == 1 ? 0..<2 : team..<team + 1
        let chunks = (batch.rows + self.chunkRows - 1) / self.chunkRows
        let chunkRows = ((batch.rows + chunks - 1) / chunks + blockRows - 1) / blockRows * blockRows
        for chunk in stride(from: 0, to: batch.rows, by: chunkRows) {
            let end = min(chunk + chunkRows, batch.rows)
            let blocks = (end - chunk + blockRows - 1) / blockRows
            let middle = min(end, chunk + (blocks + 1) / 2 * blockRows)
            let x = features(batch, from: chunk, to: end)
            // A shorter last chunk is halved elsewhere: its rows may lie where the other team still reads.
            if chunk > 0 && (workers > 2 || end - chunk < chunkRows) { wait(worker, observer) }
            for half in halves {
                let rows = half == 0 ? chunk..<middle : middle..<end
                let tiles = 0..<(rows.count + tileRows - 1) / tileRows
                for tile in Self.share(tiles, of: member, among: members) {
                    let start = rows.lowerBound + tile * tileRows
                    pass(
                        start..<min(start + tileRows, rows.upperBound), x: x, chunk: chunk, batch,
                        worker: worker,
                        observer: observer)
                }
            }
            if workers > 2 { wait(worker, observer) }
            for half in halves {
                let rows = half == 0 ? 0..<middle - chunk : middle - chunk..<end - chunk
                for section in stride(from: member, to: turn.teamStarts.count - 1, by: members) {
                    for piece in turn.teamPieces[turn.teamStarts[section]..<turn.teamStarts[section + 1]] {
                        differentiate(
                            piece, x: x, rows: rows, into: half == 0 ? gradients : shardGradients,
                            accumulate: chunk > 0, worker: worker, observer: observer)
                    }
                }
            }
        }
        wait(worker, observer)
        for section in stride(from: worker, to: sections, by: workers) {
            for piece in turn.pieces[turn.starts[section]..<turn.starts[section + 1]] {
                if workers > 1 { claim(piece) }
                add(shardGradients, piece, worker: worker, observer: observer)
                optimize(piece, worker: worker, observer: observer)
            }
        }
    }
}
