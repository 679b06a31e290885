internal import MTLKernels

/// From gradients to parameters.
extension StepRun {
    /// A chunk's share of the gradients, and with the last chunk the optimiser on them while they are in the cache.
    func finish<Observer: StepObserver>(
        _ index: Int, _ batch: BatchView<Scalar>, worker: Int, observer: Observer
    ) {
        let isLast = index == chunkCount - 1
        let mine = turn.pieces[turn.pieceStarts[worker]..<turn.pieceStarts[worker + 1]]
        let chunk = chunk(index, batch)
        if let projected {
            observer.observe(.scatter, index: 0, worker: worker, work: 0) {
                projected.scatter(
                    sourceRows(chunk.forward.start..<chunk.forward.start + chunk.rows, batch), chunk,
                    isFirst: index == 0, worker: worker)
                if isLast, let embedding {
                    projected.finish(
                        embedding, parameters: parameters, transposes: transposes, product: product,
                        into: gradients, worker: worker)
                }
            }
            if isLast { wait(worker, observer) }
        }
        guard isLast else {
            for piece in mine {
                differentiate(piece, chunk, accumulate: index > 0, worker: worker, observer: observer)
            }
            return
        }
        if isSplit {
            finishSplit(mine, chunk, batch, accumulate: index > 0, worker: worker, observer: observer)
            return
        }
        for piece in mine {
            let home = home(of: piece)
            guard home >= 0 else { continue }
            if workers > 1 { claim(piece) }
            let values = complete(
                piece, home, chunk, accumulate: index > 0, worker: worker, observer: observer)
            clip(piece, values)
            optimize(piece, values, worker: worker, observer: observer)
        }
        guard turn.reachesFeatures, let embedding else { return }
        sumTables(embedding, batch, worker: worker, observer: observer)
        stepTables(embedding, worker: worker, observer: observer)
    }

    /// Sums first; then what needs all of them: penalties, and the norm.
    private func finishSplit<Observer: StepObserver>(
        _ mine: Slice<UnsafeBufferPointer<ParameterPiece>>, _ chunk: BackwardTile<Scalar>,
        _ batch: BatchView<Scalar>, accumulate: Bool, worker: Int, observer: Observer
    ) {
        for piece in mine {
            let home = home(of: piece)
            guard home >= 0 else { continue }
            let values = complete(
                piece, home, chunk, accumulate: accumulate, worker: worker, observer: observer)
            if home > 0 { (gradients + piece.start).update(from: values, count: piece.count) }
        }
        if turn.reachesFeatures, let embedding {
            sumTables(embedding, batch, worker: worker, observer: observer)
        }
        wait(worker, observer)
        if !turn.penalties.isEmpty {
            if worker == 0 { addPenalties() }
            wait(worker, observer)
        }
        if !turn.structures.isEmpty {
            for index in stride(from: worker, to: turn.structures.count, by: workers) {
                structureValues[index] = turn.structures[index].add(
                    parameters: parameters, gradients: gradients, couplings: couplings)
            }
            wait(worker, observer)
        }
        if turn.isAnchored {
            addAnchors(worker: worker)
            wait(worker, observer)
        }
        let factor = normFactor(worker: worker, observer: observer)
        for piece in mine where isPresent(piece.scenario) {
            scale(gradients + piece.start, piece.count, factor)
            clip(piece, gradients + piece.start)
            optimize(piece, gradients + piece.start, worker: worker, observer: observer)
        }
        guard turn.reachesFeatures, let embedding else { return }
        if factor < 1 { embedding.scale(by: factor, worker: worker, level: product.level) }
        stepTables(embedding, worker: worker, observer: observer)
    }

    /// A piece's gradient, where the first shard that has it has it.
    @inline(__always)
    func complete<Observer: StepObserver>(
        _ piece: ParameterPiece, _ home: Int, _ chunk: BackwardTile<Scalar>, accumulate: Bool, worker: Int,
        observer: Observer
    ) -> UnsafeMutablePointer<Scalar> {
        if piece.isKept { return weighedSum(piece, home) }
        differentiate(piece, chunk, accumulate: accumulate, worker: worker, observer: observer)
        return sum(piece, home, worker: worker, observer: observer)
    }

    /// A deferred piece's gradient over the rows of a chunk.
    @inline(__always)
    func differentiate<Observer: StepObserver>(
        _ piece: ParameterPiece, _ chunk: BackwardTile<Scalar>, accumulate: Bool, worker: Int,
        observer: Observer
    ) {
        let range = piece.start..<piece.start + piece.count
        switch piece.source {
        case .shards, .projected: return
        case .weights(let node, let block):
            let work = 2 * chunk.rows * piece.count
            observer.observe(.weightGradient, index: Int(piece.ordinal), worker: worker, work: work) {
                turn.deferred[Int(node)].backwardWeights(
                    range, block: block < 0 ? nil : Int(block), chunk, into: gradients, accumulate: accumulate
                )
            }
        case .bias(let node):
            let work = chunk.rows * piece.count * MemoryLayout<Scalar>.stride
            observer.observe(.biasGradient, index: Int(piece.ordinal), worker: worker, work: work) {
                turn.deferred[Int(node)].backwardBias(range, chunk, into: gradients, accumulate: accumulate)
            }
        }
    }

    private func scale(_ values: UnsafeMutablePointer<Scalar>, _ count: Int, _ factor: Double) {
        guard factor < 1 else { return }
        Scalar._linear(
            level: product.level, rows: 1, columns: count, alpha: Scalar(factor), x: values, ldx: count,
            y: values, ldy: count, adds: false)
    }

    /// PyTorch's factor: limit / (norm + 1e-6), at most 1.
    private func normFactor<Observer: StepObserver>(worker: Int, observer: Observer) -> Double {
        guard clipping.isNorm else { return 1 }
        for index in stride(from: worker, to: turn.gradientRanges.count, by: workers) {
            let range = turn.gradientRanges[index]
            var total = 0.0
            if isPresent(range.scenario) {
                stopped.forEachPart(of: range.start..<range.start + range.count) { part in
                    for element in part { total += Double(gradients[element]) * Double(gradients[element]) }
                }
            }
            squares[index] = total
        }
        if turn.reachesFeatures, let embedding {
            for table in embedding.tables.indices where table % workers == worker {
                squares[rangeLimit + table] =
                    turn.tables[table].isTrained && !stopped.restsTable[table]
                    ? embedding.squares(of: table) : 0
            }
        }
        wait(worker, observer)
        var total = 0.0
        for index in 0..<turn.gradientRanges.count { total += squares[index] }
        if turn.reachesFeatures, let embedding {
            for table in embedding.tables.indices { total += squares[rangeLimit + table] }
        }
        let norm = total.squareRoot()
        if worker == 0 { gradientNorm.pointee = norm }
        guard case .norm(let limit) = clipping else { return 1 }
        return min(1, limit / (norm + 1e-6))
    }

    /// Whether a scenario (-1 for all) has rows in the batch.
    func isPresent(_ scenario: Int) -> Bool {
        guard scenario >= 0 else { return true }
        for shard in 0..<shards where presence[shard * scenarios + scenario] { return true }
        return false
    }

    /// The first shard that has a scenario (-1 for all): its vector takes the sums. -1 for none.
    func firstShard(of scenario: Int) -> Int {
        for shard in 0..<shards where has(scenario, shard) { return shard }
        return -1
    }

    func home(of piece: ParameterPiece) -> Int {
        if case .shards = piece.source { firstShard(of: piece.scenario) } else { 0 }
    }

    private func has(_ scenario: Int, _ shard: Int) -> Bool {
        scenario < 0 ? shardIsUsed[shard] : presence[shard * scenarios + scenario]
    }

    /// The sum of a piece over the shards that have it, in their order, where the first one of them has it: a scenario
    /// with rows in one shard alone is not copied.
    @inline(__always)
    func sum<Observer: StepObserver>(
        _ piece: ParameterPiece, _ home: Int, worker: Int, observer: Observer
    ) -> UnsafeMutablePointer<Scalar> {
        let target = gradients + home * gradientStride + piece.start
        guard case .shards = piece.source, shards > 1 else { return target }
        let work = 3 * (shards - 1) * piece.count * MemoryLayout<Scalar>.stride
        observer.observe(.sum, index: Int(piece.ordinal), worker: worker, work: work) {
            for shard in home + 1..<max(shards, home + 1) where has(piece.scenario, shard) {
                Scalar._add(
                    level: product.level, count: piece.count,
                    source: gradients + shard * gradientStride + piece.start, target: target)
            }
        }
        return target
    }

    /// Parameters that every worker has read in this step are taken back before the optimiser writes them; what
    /// would not stay in the cache until then is left alone.
    private func claim(_ piece: ParameterPiece) {
        let bytes = piece.count * MemoryLayout<Scalar>.stride
        guard bytes <= 1 << 16, update != nil else { return }
        mtl_claim(parameters + piece.start, bytes)
        guard piece.transposed >= 0 else { return }
        let columns = piece.count / piece.rowLength * MemoryLayout<Scalar>.stride
        for row in 0..<piece.rowLength {
            mtl_claim(transposes + piece.transposed + row * piece.transposedStride, columns)
        }
    }

    func clip(_ piece: ParameterPiece, _ values: UnsafeMutablePointer<Scalar>) {
        clip(values, piece.count)
    }

    func clip(_ values: UnsafeMutablePointer<Scalar>, _ count: Int) {
        guard case .value(let limit) = clipping else { return }
        let bound = Scalar(limit)
        for index in 0..<count { values[index] = max(-bound, min(bound, values[index])) }
    }

    @inline(__always)
    func optimize<Observer: StepObserver>(
        _ piece: ParameterPiece, _ values: UnsafeMutablePointer<Scalar>, worker: Int, observer: Observer
    ) {
        average?.settle(piece.start..<piece.start + piece.count, parameters: parameters, level: product.level)
        optimize(
            piece, values, parameters: parameters, transposes: transposes, state: state, worker: worker,
            observer: observer)
        average?.take(piece.start..<piece.start + piece.count, parameters: parameters, level: product.level)
    }

    /// Whether the step changes a piece: not one of a scenario without rows.
    func steps(_ piece: ParameterPiece) -> Bool {
        isSplit ? isPresent(piece.scenario) : home(of: piece) >= 0
    }

    @inline(__always)
    func optimize<Observer: StepObserver>(
        _ piece: ParameterPiece, _ values: UnsafeMutablePointer<Scalar>,
        parameters: UnsafeMutablePointer<Scalar>, transposes: UnsafeMutablePointer<Scalar>,
        state: UnsafeMutablePointer<Scalar>, worker: Int, observer: Observer
    ) {
        guard let update = updates[3 * Int(piece.pace) + (piece.decays ? 0 : 1)] else { return }
        let bytes = piece.count * MemoryLayout<Scalar>.stride
        observer.observe(.optimizer, index: Int(piece.ordinal), worker: worker, work: 7 * bytes) {
            stopped.forEachPart(of: piece.start..<piece.start + piece.count) { part in
                let place = part.lowerBound - piece.start
                // Seen from 1, a factor decays to 1; the rules know no other use of a parameter's value.
                let isShifted = piece.isFactor && piece.decays && update.decays
                if isShifted { shift(part, by: -1, parameters) }
                defer { if isShifted { shift(part, by: 1, parameters) } }
                update.apply(
                    count: part.count, parameters: parameters + part.lowerBound,
                    gradients: UnsafePointer(values) + place, state: state + piece.state + place,
                    stateStride: stateStride, level: product.level)
            }
        }
        guard piece.transposed >= 0 else { return }
        observer.observe(.transpose, index: Int(piece.ordinal), worker: worker, work: 2 * bytes) {
            Scalar._transpose(
                level: product.level, rows: piece.count / piece.rowLength, columns: piece.rowLength,
                source: parameters + piece.start, lds: piece.rowLength,
                target: transposes + piece.transposed, ldt: piece.transposedStride)
        }
    }

    private func shift(
        _ part: Range<Int>, by distance: Scalar, _ parameters: UnsafeMutablePointer<Scalar>
    ) {
        for index in part { parameters[index] += distance }
    }

    /// Pulls what is held to its anchor, piece by piece and table by table.
    private func addAnchors(worker: Int) {
        let first = turn.structures.count
        for index in stride(from: worker, to: turn.anchors.count, by: workers) {
            structureValues[first + index] = turn.anchors[index].add(
                parameters: parameters, anchor: anchor, gradients: gradients)
        }
        guard turn.anchorsTables, let embedding else { return }
        for table in stride(from: worker, to: turn.tables.count, by: workers) {
            let weight = turn.tables[table].anchor
            structureValues[first + turn.anchors.count + table] =
                weight > 0
                ? embedding.addAnchor(of: table, weight: weight, parameters: parameters, anchor: anchor) : 0
        }
    }

    private func addPenalties() {
        penalty.pointee = 0
        for term in turn.penalties {
            let isFirst = term.firstShare > 0 && isPresent(term.firstScenario)
            let isSecond = term.second >= 0 && term.secondShare > 0 && isPresent(term.secondScenario)
            for index in 0..<term.count {
                let other = term.second < 0 ? 0 : parameters[term.second + index]
                let difference = parameters[term.first + index] - other
                penalty.pointee += term.weight * Double(difference) * Double(difference)
                let slope = Scalar(2 * term.weight) * difference
                if isFirst { gradients[term.first + index] += Scalar(term.firstShare) * slope }
                if isSecond { gradients[term.second + index] -= Scalar(term.secondShare) * slope }
            }
        }
    }

    /// The gradients of this worker's rows of tables.
    private func sumTables<Observer: StepObserver>(
        _ embedding: EmbeddingRun<Scalar>, _ batch: BatchView<Scalar>, worker: Int, observer: Observer
    ) {
        if goesBackByTask {
            weighTables(embedding, worker: worker)
        } else {
            scatter(embedding, batch, worker: worker, observer: observer)
        }
    }

    func scatter<Observer: StepObserver>(
        _ embedding: EmbeddingRun<Scalar>, _ batch: BatchView<Scalar>, worker: Int, observer: Observer
    ) {
        observer.observe(.scatter, index: 0, worker: worker, work: 0) {
            embedding.scatter(
                batch, rows: 0..<batch.rows, dx: embedded.rows(0..<batch.rows), isFirst: true,
                blockRows: Self.tableBlockRows, projected: projected, worker: worker, level: product.level)
        }
    }

    private func stepTables<Observer: StepObserver>(
        _ embedding: EmbeddingRun<Scalar>, worker: Int, observer: Observer
    ) {
        guard update != nil else { return }
        observer.observe(.tableRows, index: 0, worker: worker, work: 0) {
            embedding.optimize(
                turn.tables, { updates[3 * $0 + 2] }, rests: stopped.restsTable, decay: rowDecay,
                parameters: parameters, average: average, worker: worker, level: product.level)
        }
    }
}
