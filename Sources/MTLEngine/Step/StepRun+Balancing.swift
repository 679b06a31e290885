/// The tasks of a step against each other.
extension StepRun {
    /// The gradient of a task at the frontier, of some rows of the batch.
    private func gradients(_ place: Int, _ passes: TaskPasses, first: Int, rows: Int) -> MatrixView<Scalar> {
        let start = (place * batchLimit + first) * passes.width
        return MatrixView(
            balance.gradients + start, rows: rows, columns: passes.width, stride: passes.width)
    }

    /// Takes a tile back through the tasks' own nodes, one task after the other, and keeps what each brings to the frontier.
    func descend<Observer: StepObserver>(
        _ index: Int, _ passes: TaskPasses, _ back: BackwardTile<Scalar>, _ batch: BatchView<Scalar>,
        worker: Int,
        observer: Observer
    ) {
        let row = tiles[index]
        let source = sourceRows(row, batch)
        for place in turn.losses.indices {
            runOwn(place, passes, back, source, worker: worker, observer: observer)
            let target = gradients(place, passes, first: row.first, rows: row.count)
            for part in passes.frontier {
                copy(
                    back.gradient(part.value),
                    to: target.columns(part.column..<part.column + part.value.width))
            }
        }
        forEachBlock(row) { block, rows in multiply(block, passes, row.first + rows.lowerBound, rows.count) }
    }

    /// Takes a tile back through the nodes of one task alone.
    func runOwn<Observer: StepObserver>(
        _ place: Int, _ passes: TaskPasses, _ back: BackwardTile<Scalar>, _ source: _SourceRows, worker: Int,
        observer: Observer
    ) {
        var own = back
        own.forward.lists = passes.ownLists[place]
        for entry in passes.ownStarts[place]..<passes.ownStarts[place + 1] {
            run(passes.own[entry], own, source, worker: worker, observer: observer)
        }
    }

    private func copy(_ source: MatrixView<Scalar>, to target: MatrixView<Scalar>) {
        for row in 0..<source.rows {
            (target.base + row * target.stride).update(
                from: source.base + row * source.stride, count: source.columns)
        }
    }

    /// The products of a block of rows, by places in the turn; symmetric, so that each is taken once.
    private func multiply(_ block: Int, _ passes: TaskPasses, _ first: Int, _ rows: Int) {
        let products = balance.partials + block * tasks * tasks
        let y = gradients(0, passes, first: first, rows: rows).base
        for place in turn.losses.indices {
            Scalar._innerProducts(
                level: product.level, vectors: place + 1, count: rows * passes.width,
                x: gradients(place, passes, first: first, rows: rows).base, y: y,
                ldy: batchLimit * passes.width, sums: products + place * tasks)
        }
        guard let sums = balance.columnSums else { return }
        for place in turn.losses.indices {
            let target = sums + (block * tasks + place) * passes.width
            target.update(repeating: 0, count: passes.width)
            let source = gradients(place, passes, first: first, rows: rows).base
            for row in 0..<rows {
                for column in 0..<passes.width {
                    target[column] += Double(source[row * passes.width + column])
                }
            }
        }
    }

    /// The weights of the step.
    func weigh(_ batch: BatchView<Scalar>) {
        for task in 0..<tasks { balance.losses[task] = .nan }
        // A task of another turn is there, whatever this batch says of it.
        if balance.weighsAll {
            for task in 0..<tasks where !stopped.isStopped[task] { balance.losses[task] = 0 }
        }
        // Methods whose weights are known before the batch look at nothing but which tasks it has.
        for loss in turn.losses { balance.losses[loss.task] = .nan }
        for loss in turn.losses where learns(loss.task, batch) {
            balance.losses[loss.task] = weighsBefore ? 0 : taskLoss(loss, batch)
        }
        let passes = weighsBefore ? nil : turn.passes
        if passes != nil { sumProducts() }
        balance.memory?._withUnsafeGuaranteedRef { memory in
            if let passes, balance.columnSums != nil { takeRisks(passes, memory) }
            let weights = memory.weights(
                losses: balance.losses, gram: passes == nil ? nil : balance.gram,
                risks: balance.columnSums == nil ? nil : balance.risks)
            for task in 0..<tasks { balance.weights[task] = weights[task] }
        }
    }

    private func scale(_ gradient: MatrixView<Scalar>, by weight: Scalar) {
        for row in 0..<gradient.rows {
            for column in 0..<gradient.columns { gradient.base[row * gradient.stride + column] *= weight }
        }
    }

    /// The products of the tasks' gradients, over all rows: of those without weights, where these were in them already.
    func sumProducts() {
        balance.gram.update(repeating: 0, count: tasks * tasks)
        for (one, loss) in turn.losses.enumerated() {
            for other in 0...one {
                var sum = 0.0
                for block in 0..<productParts {
                    sum += balance.partials[(block * tasks + one) * tasks + other]
                }
                let task = turn.losses[other].task
                if weighsBefore {
                    let weight = balance.weights[loss.task] * balance.weights[task]
                    sum = weight == 0 ? 0 : sum / weight
                }
                balance.gram[loss.task * tasks + task] = sum
                balance.gram[task * tasks + loss.task] = sum
            }
        }
    }

    private func takeRisks(_ passes: TaskPasses, _ memory: BalancerMemory) {
        guard let sums = balance.columnSums else { return }
        balance.slopes.update(repeating: 0, count: tasks * passes.width)
        for (place, loss) in turn.losses.enumerated() {
            let target = balance.slopes + loss.task * passes.width
            for block in 0..<blockCount {
                let source = sums + (block * tasks + place) * passes.width
                for column in 0..<passes.width { target[column] += source[column] }
            }
        }
        memory.takeRisks(balance.slopes, first: passes.start, count: passes.width, into: balance.risks)
    }

    /// Puts the tasks' gradients together: what they share gets their weighted sum, or each logit's its task's weight.
    func combine(_ index: Int, _ back: BackwardTile<Scalar>) {
        let row = tiles[index]
        guard let passes = turn.passes else {
            for loss in turn.losses {
                let weight = Scalar(balance.weights[loss.task])
                scale(back.gradient(loss.logits), by: weight)
                if let contexts = loss.contexts { scale(back.gradient(contexts), by: weight) }
            }
            return
        }
        for part in passes.frontier {
            let target = back.gradient(part.value)
            for (place, loss) in turn.losses.enumerated() {
                let source = gradients(place, passes, first: row.first, rows: row.count)
                    .columns(part.column..<part.column + part.value.width)
                Scalar._linear(
                    level: product.level, rows: target.rows, columns: target.columns,
                    alpha: weighsBefore ? 1 : Scalar(balance.weights[loss.task]), x: source.base,
                    ldx: source.stride,
                    y: target.base, ldy: target.stride, adds: place > 0)
            }
        }
    }
}
