internal import MTLKernels

/// From the shards' gradients to the parameters.
extension GraphRun {
    /// Sum and optimiser of each piece at once.
    func finish(_ batch: BatchView<Scalar>, worker: Int) {
        for piece in turn.pieces[turn.pieceStarts[worker]..<turn.pieceStarts[worker + 1]] {
            let home = home(of: piece.scenario)
            guard home >= 0 else { continue }
            let values = sum(piece, home)
            clip(piece, values)
            optimize(piece, values)
        }
        guard turn.reachesFeatures, let embedding else { return }
        scatter(embedding, batch, worker: worker)
        stepTables(embedding, worker: worker)
    }

    /// Sums first; then what needs all of them: penalties, and the norm.
    func finishSplit(_ batch: BatchView<Scalar>, worker: Int) {
        let mine = turn.pieces[turn.pieceStarts[worker]..<turn.pieceStarts[worker + 1]]
        for piece in mine {
            let home = home(of: piece.scenario)
            guard home >= 0 else { continue }
            let values = sum(piece, home)
            if home > 0 { (gradients + piece.start).update(from: values, count: piece.count) }
        }
        if turn.reachesFeatures, let embedding { scatter(embedding, batch, worker: worker) }
        barrier.wait()
        if !turn.penalties.isEmpty {
            if worker == 0 { addPenalties() }
            barrier.wait()
        }
        if !turn.structures.isEmpty {
            for index in stride(from: worker, to: turn.structures.count, by: workers) {
                structureValues[index] = turn.structures[index].add(
                    parameters: parameters, gradients: gradients, couplings: couplings)
            }
            barrier.wait()
        }
        for piece in mine {
            var total = 0.0
            if isPresent(piece.scenario) {
                for index in piece.start..<piece.start + piece.count {
                    total += Double(gradients[index]) * Double(gradients[index])
                }
            }
            squares[piece.number] = total
        }
        if turn.reachesFeatures, let embedding {
            for table in embedding.tables.indices where table % workers == worker {
                squares[pieceLimit + table] = embedding.squares(of: table)
            }
        }
        barrier.wait()
        let factor = normFactor()
        for piece in mine where isPresent(piece.scenario) {
            scale(gradients + piece.start, piece.count, factor)
            clip(piece, gradients + piece.start)
            optimize(piece, gradients + piece.start)
        }
        guard turn.reachesFeatures, let embedding else { return }
        if factor < 1 { embedding.scale(by: factor, worker: worker, level: product.level) }
        stepTables(embedding, worker: worker)
    }

    private func scale(_ values: UnsafeMutablePointer<Scalar>, _ count: Int, _ factor: Double) {
        guard factor < 1 else { return }
        Scalar._linear(
            level: product.level, rows: 1, columns: count, alpha: Scalar(factor), x: values, ldx: count,
            y: values, ldy: count, adds: false)
    }

    /// PyTorch's factor: limit / (norm + 1e-6), at most 1.
    private func normFactor() -> Double {
        guard case .norm(let limit) = clipping else { return 1 }
        var total = 0.0
        for index in 0..<turn.pieces.count { total += squares[index] }
        if turn.reachesFeatures, let embedding {
            for table in embedding.tables.indices { total += squares[pieceLimit + table] }
        }
        return min(1, limit / (total.squareRoot() + 1e-6))
    }

    /// Whether a scenario (-1 for all) has rows in the batch.
    func isPresent(_ scenario: Int) -> Bool {
        guard scenario >= 0 else { return true }
        for shard in 0..<shards where presence[shard * scenarios + scenario] { return true }
        return false
    }

    /// The first shard that has a scenario (-1 for all): its vector takes the sums. -1 for none.
    func home(of scenario: Int) -> Int {
        for shard in 0..<shards where has(scenario, shard) { return shard }
        return -1
    }

    private func has(_ scenario: Int, _ shard: Int) -> Bool {
        scenario < 0 ? shardIsUsed[shard] : presence[shard * scenarios + scenario]
    }

    /// The sum of a piece over the shards that have it, in their order, where the first one of them has it: a scenario
    /// with rows in one shard alone is not copied.
    private func sum(_ piece: GraphPiece, _ home: Int) -> UnsafeMutablePointer<Scalar> {
        let target = gradients + home * gradientStride + piece.start
        for shard in home + 1..<max(shards, home + 1) where has(piece.scenario, shard) {
            Scalar._add(
                level: product.level, count: piece.count,
                source: gradients + shard * gradientStride + piece.start, target: target)
        }
        return target
    }

    private func clip(_ piece: GraphPiece, _ values: UnsafeMutablePointer<Scalar>) {
        guard case .value(let limit) = clipping else { return }
        let bound = Scalar(limit)
        for index in 0..<piece.count { values[index] = max(-bound, min(bound, values[index])) }
    }

    private func optimize(_ piece: GraphPiece, _ values: UnsafeMutablePointer<Scalar>) {
        guard let update = piece.decays ? update : undecayed else { return }
        update.apply(
            count: piece.count, parameters: parameters + piece.start,
            gradients: UnsafePointer(values), state: state + piece.state,
            stateStride: stateStride, level: product.level)
        guard piece.transposed >= 0 else { return }
        Scalar._transpose(
            level: product.level, rows: piece.count / piece.rowLength, columns: piece.rowLength,
            source: parameters + piece.start, lds: piece.rowLength, target: transposes + piece.transposed,
            ldt: piece.transposedStride)
    }

    private func addPenalties() {
        penalty.pointee = 0
        for term in turn.penalties {
            let isFirst = term.trainsFirst && isPresent(term.firstScenario)
            let isSecond = term.second >= 0 && term.trainsSecond && isPresent(term.secondScenario)
            for index in 0..<term.count {
                let other = term.second < 0 ? 0 : parameters[term.second + index]
                let difference = parameters[term.first + index] - other
                penalty.pointee += term.weight * Double(difference) * Double(difference)
                let slope = Scalar(2 * term.weight) * difference
                if isFirst { gradients[term.first + index] += slope }
                if isSecond { gradients[term.second + index] -= slope }
            }
        }
    }

    private func scatter(_ embedding: EmbeddingRun<Scalar>, _ batch: BatchView<Scalar>, worker: Int) {
        embedding.scatter(
            batch, rows: 0..<batch.rows, dx: embedded.rows(0..<batch.rows), isFirst: true,
            blockRows: Self.blockRows, worker: worker, level: product.level)
    }

    private func stepTables(_ embedding: EmbeddingRun<Scalar>, worker: Int) {
        guard let update else { return }
        embedding.optimize(
            update, parameters: parameters, stateOffset: turn.tableStateOffset, worker: worker,
            level: product.level)
    }
}

extension EmbeddingRun {
    /// The sum of squares of a table's gradient, slot after slot.
    func squares(of table: Int) -> Double {
        var total = 0.0
        for index in 0..<counts[table] * tables[table].width {
            let value = Double(sums[sumOffsets[table] + index])
            total += value * value
        }
        return total
    }

    /// Multiplies the gradients of this worker's slots.
    func scale(by factor: Double, worker: Int, level: Int32) {
        for table in tables.indices {
            for part in 0..<parts where (parts == 1 ? owners[table] : part) == worker {
                let width = tables[table].width
                let range = counts[table] * part / parts * width..<counts[table] * (part + 1) / parts * width
                let values = sums + sumOffsets[table] + range.lowerBound
                Scalar._linear(
                    level: level, rows: 1, columns: range.count, alpha: Scalar(factor), x: values,
                    ldx: range.count, y: values, ldy: range.count, adds: false)
            }
        }
    }
}

/// A bound on gradients before the optimiser.
public enum GradientClipping: Sendable, Equatable {
    /// None.
    case none
    /// The Euclidean norm of the whole gradient (`torch.nn.utils.clip_grad_norm_`).
    case norm(Double)
    /// The magnitude of every element (`torch.nn.utils.clip_grad_value_`); tables' rows are left as they are.
    case value(Double)

    var isNorm: Bool { if case .norm = self { true } else { false } }

    func check() throws(InputError) {
        switch self {
        case .none: return
        case .norm(let limit), .value(let limit):
            guard limit > 0, limit.isFinite else {
                throw InputError(
                    .value, at: "gradient clipping", found: "\(limit)", expected: "above 0, finite")
            }
        }
    }
}
