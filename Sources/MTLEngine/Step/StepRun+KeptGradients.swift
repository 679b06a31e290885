/// The gradients of single tasks in the shared parameters themselves: a way back per task, from its loss to the features.
///
/// They are kept until their products have said what each task weighs, and their weighted sum is what one way back of all tasks
/// would have brought: T ways back in all.
extension StepRun {
    /// Whether the turn's tasks go back one by one, all the way.
    var goesBackByTask: Bool { turn.passes.map { $0.gradients != .representation } ?? false }

    /// Tables that count in the products.
    private func productTables(_ passes: TaskPasses) -> Int {
        guard passes.gradients == .parameters, turn.reachesFeatures else { return 0 }
        return embedding?.tables.count ?? 0
    }

    /// Parts that the products are summed up of: blocks of rows, or pieces of parameters.
    var productParts: Int {
        guard goesBackByTask, let passes = turn.passes else { return blockCount }
        return passes.ranges.count + productTables(passes)
    }

    /// Takes the rows back, one task after the other, keeps each one's gradients and takes their products.
    func goBackByTask<Observer: StepObserver>(
        _ chunk: Int, _ passes: TaskPasses, _ batch: BatchView<Scalar>, worker: Int, observer: Observer
    ) {
        for place in turn.losses.indices {
            goBack(chunk, batch, of: place, worker: worker, observer: observer)
            keep(place, chunk, batch, worker: worker, observer: observer)
            // The next task's gradients take the place of these.
            wait(worker, observer)
        }
        for part in stride(from: worker, to: productParts, by: workers) { multiply(part, passes) }
    }

    /// A task's gradients of this worker's pieces and rows of tables, out of the way of the next task's.
    private func keep<Observer: StepObserver>(
        _ place: Int, _ chunk: Int, _ batch: BatchView<Scalar>, worker: Int, observer: Observer
    ) {
        let target = balance.kept + place * balance.keptStride
        let rows = self.chunk(chunk, batch)
        for piece in turn.pieces[turn.pieceStarts[worker]..<turn.pieceStarts[worker + 1]]
        where piece.isKept {
            let home = home(of: piece)
            guard home >= 0 else { continue }
            differentiate(piece, rows, accumulate: false, worker: worker, observer: observer)
            (target + piece.start).update(
                from: sum(piece, home, worker: worker, observer: observer), count: piece.count)
        }
        guard turn.reachesFeatures, let embedding else { return }
        scatter(embedding, batch, worker: worker, observer: observer)
        embedding.forEachSum(of: worker) { _, sums in
            (target + balance.keptLayers + sums.lowerBound).update(
                from: embedding.sums + sums.lowerBound, count: sums.count)
        }
    }

    /// The products of a part, by places in the turn; symmetric, so that each is taken once.
    private func multiply(_ part: Int, _ passes: TaskPasses) {
        let products = balance.partials + part * tasks * tasks
        let (start, count) = extent(of: part, passes)
        let first = balance.kept + start
        for place in turn.losses.indices {
            Scalar._innerProducts(
                level: product.level, vectors: place + 1, count: count,
                x: first + place * balance.keptStride, y: first, ldy: balance.keptStride,
                sums: products + place * tasks)
        }
    }

    /// Where a part lies in each task's kept gradients; nothing of what is not trained or has no rows.
    private func extent(of part: Int, _ passes: TaskPasses) -> (start: Int, count: Int) {
        guard part >= passes.ranges.count else {
            let range = passes.ranges[part]
            return (range.start, isPresent(range.scenario) ? range.count : 0)
        }
        let table = part - passes.ranges.count
        guard let embedding, turn.tables[table].isTrained else { return (0, 0) }
        return (
            balance.keptLayers + embedding.sumOffsets[table],
            embedding.counts[table] * embedding.tables[table].width
        )
    }

    /// The weighted sum of the tasks' gradients of a piece, where the first shard that has it has it.
    func weighedSum(_ piece: ParameterPiece, _ home: Int) -> UnsafeMutablePointer<Scalar> {
        let target = gradients + home * gradientStride + piece.start
        weigh(piece.start, piece.count, into: target)
        return target
    }

    /// The same of this worker's rows of tables.
    func weighTables(_ embedding: EmbeddingRun<Scalar>, worker: Int) {
        embedding.forEachSum(of: worker) { _, sums in
            weigh(
                balance.keptLayers + sums.lowerBound, sums.count, into: embedding.sums + sums.lowerBound)
        }
    }

    private func weigh(_ start: Int, _ count: Int, into target: UnsafeMutablePointer<Scalar>) {
        for (place, loss) in turn.losses.enumerated() {
            Scalar._linear(
                level: product.level, rows: 1, columns: count,
                alpha: weighsBefore ? 1 : Scalar(balance.weights[loss.task]),
                x: balance.kept + place * balance.keptStride + start, ldx: count, y: target, ldy: count,
                adds: place > 0)
        }
    }
}
