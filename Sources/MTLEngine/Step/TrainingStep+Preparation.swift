/// What a step decides before its workers begin.
extension TrainingStep {
    /// The turn's plan, its optimisers' steps, and how the batch is cut.
    func prepare(_ batch: BatchView<Scalar>, turn: Int, updates: Bool) {
        structures.prepare()
        current.gradientNorm.pointee = 0
        current.batch = batch
        current.turn = turns[turn].view
        current.projected = projection?.runs[turn]
        current.projected?.begin(batch)
        current.countsLabels = !batch.isComplete || batch.labelWeights != nil || current.turn.ranks
        current.turnIndex = turn
        // Where some labels are missing, those of the batch are counted first.
        if current.weighsBefore, !current.countsLabels { current.weigh(batch) }
        if let slices = current.turn.slices {
            // One worker gathers labels for all.
            current.countsLabels = current.countsLabels || batch.indices != nil || current.turn.scalesLabels
            if takenVersion != store.version {
                takenVersion = store.version
                current.takeParameters(
                    slices, count: store.plan.layout.denseCount, transposed: store.plan.transposedCount)
            }
            store.isBehind = true
        }
        current.skipsUnlabelled = turns.count > 1
        current.dropoutKey = (seed &+ 0x51ED_270B) &* 0x2545_F491_4F6C_DD1D &+ UInt64(counters.updates)
        let group = turns[turn].spec.group
        if group != counters.latestGroup {
            counters.latestGroup = group
            if anchor.count > 0 { anchor.base.update(from: store.parameters.base, count: anchor.count) }
        }
        for pace in paces.pacesOfTurn[turn] {
            let step = counters.steps[paces.paces[pace].counter] + 1
            func update(_ optimizer: Optimizer) -> Optimizer.Update<Scalar>? {
                updates ? optimizer.update(step: step, factor: rateFactor, as: Scalar.self) : nil
            }
            self.updates[3 * pace] = update(paced[pace].all)
            self.updates[3 * pace + 1] = update(paced[pace].undecayed)
            self.updates[3 * pace + 2] = embedding == nil ? nil : update(paced[pace].tables)
        }
        // Where a turn has one pace, that is all that its slices ask for.
        let first = paces.pacesOfTurn[turn][0]
        current.update = self.updates[3 * first]
        current.undecayed = self.updates[3 * first + 1]
        current.average = updates ? average?.begin(store) : nil
        if current.isGrouped {
            current.order.sort(batch, rows: 0..<batch.rows)
            if current.turn.ranks {
                for place in 0..<batch.rows {
                    current.rankings.places[Int(current.order.positions[place])] = Int32(place)
                }
            }
        } else if cutRows == batch.rows {
            return
        } else {
            groups.base.pointee = batch.rows
        }
        cutRows = batch.rows
        current.shards = rowPlan.shards(batch: batch.rows)
        current.blockRows = rowPlan.blockRows(batch: batch.rows)
        current.chunkCount = rowPlan.chunkCount(batch: batch.rows)
        current.blockCount = rowPlan.cut(
            rows: batch.rows, groups: current.isGrouped ? current.order.counts : groups.base,
            groupCount: current.isGrouped ? current.scenarios : 1, into: current.tiles,
            chunkStarts: current.chunkStarts, shardIsUsed: current.shardIsUsed, presence: current.presence,
            scenarios: current.scenarios)
        current.tileCount = current.chunkStarts[current.chunkCount]
    }
}
