public import MTLEngine

extension Trainer where Scalar == Float {
    /// Trains on prepared rows; see `fit(_:validation:until:progress:)`.
    ///
    /// Rows come in an order that depends on the seed and the pass over them alone: blocks of the file in random order, the
    /// rows of sixteen at a time mixed. They are put together by a thread of their own, ahead of the steps.
    ///
    /// Rows that were prepared from several sources (`DataSettings.taskSources`) are taken as `fit(_:validation:until:progress:)`
    /// of several datasets takes them, where turns are of tasks with one source; else rows of several sources are mixed.
    ///
    /// - Parameters:
    ///   - training: the rows to learn from.
    ///   - batches: rows of a step in turns of one source's tasks, per source, at most the trainer's; nil for as many.
    ///   - validation: rows whose loss is watched.
    ///   - rule: when to stop.
    ///   - progress: called now and then, between steps.
    /// - Throws: `InputError` where the rows do not fit the model, or a file is damaged.
    @discardableResult
    public func fit(
        _ training: RowCache, batches: [Int]? = nil, validation: RowCache? = nil,
        until rule: StoppingRule = StoppingRule(), progress: ((TrainingProgress) -> Void)? = nil
    ) throws(InputError) -> TrainingReport {
        try fit(
            training, batches: batches, validation: validation, until: rule, from: nil, keeper: nil,
            progress: progress)
    }

    /// The same for a run that is kept on its way, and goes on where it stopped.
    package func fit(
        _ training: RowCache, batches sizes: [Int]?, validation: RowCache?, until rule: StoppingRule,
        from start: FitStart<Float>?, keeper: (any FitKeeper<Float>)?, progress: ((TrainingProgress) -> Void)?
    ) throws(InputError) -> TrainingReport {
        try training.check(model)
        let names = model.tasks.map(\.name)
        var owners: [Int] = []
        for name in names { owners.append(try training.source(of: name)) }
        let sources = TurnSources(schedule, tasks: names, sources: owners)
        var streams: [any BatchStream<Float>] = []
        for (number, stream) in sources.streams.enumerated() {
            streams.append(
                try CacheBatches(
                    training, features: model.plan.embedding.features, tasks: names,
                    teachers: model.tasks.map { $0.teacher?.column }, sources: stream,
                    batchSize: batchSize(sizes, of: stream, in: training), seed: seed, stream: number))
        }
        var watch: CacheLosses?
        if let validation {
            try validation.check(model)
            watch = CacheLosses(cache: validation, trainer: self)
        }
        return try fit(
            streams, of: sources,
            labelledRows: schedulePlan.drawsByLabels ? training.labelledRows(of: model) : nil,
            until: rule, progress: progress, validation: watch, from: start, keeper: keeper)
    }

    /// Rows of a step of the sources of a stream, which have it in common.
    private func batchSize(
        _ sizes: [Int]?, of stream: [Int], in training: RowCache
    ) throws(InputError) -> Int {
        guard let sizes else { return batchSize }
        guard sizes.count == training.sources.count else {
            throw InputError(
                .shape, at: "batches", found: "\(sizes.count) sizes",
                expected: "\(training.sources.count), one per source of the rows")
        }
        let own = Set(stream.map { sizes[$0] })
        guard own.count == 1, let size = own.first, (1...batchSize).contains(size) else {
            throw InputError(
                .value, at: "batches", found: own.sorted().map { "\($0)" }.joined(separator: " and "),
                expected: "one size, 1 to \(batchSize), for sources whose rows a turn mixes")
        }
        return size
    }

    /// The mean loss of each task over its labelled rows, by their weights where they have any; NaN for a task without one.
    ///
    /// - Throws: `InputError` where the rows do not fit the model, or the file is damaged.
    public func losses(_ rows: RowCache) throws(InputError) -> [Double] {
        try rows.check(model)
        return try CacheLosses(cache: rows, trainer: self).losses()
    }

    /// Every task's metrics over prepared rows.
    ///
    /// - Throws: `InputError` where the rows do not fit the model, or the file is damaged.
    public func evaluate(_ rows: RowCache) throws(InputError) -> [TaskEvaluation] {
        try evaluate(rows, groups: nil)
    }

    /// - Parameter groups: the group of every row, by numbers.
    package func evaluate(_ rows: RowCache, groups: [Int]?) throws(InputError) -> [TaskEvaluation] {
        try rows.evaluations(model, groups: groups) { (dataset) throws(InputError) in try predict(dataset) }
    }
}

extension Predictor where Scalar == Float {
    /// Every task's metrics over prepared rows.
    ///
    /// - Parameter groups: the group of every row, by numbers.
    package func evaluate(_ rows: RowCache, groups: [Int]?) throws(InputError) -> [TaskEvaluation] {
        try rows.evaluations(model, groups: groups) { (dataset) throws(InputError) in try predict(dataset) }
    }
}

extension Predictor where Scalar == Float {
    /// What is predicted for prepared rows, beside their labels.
    ///
    /// - Throws: `InputError` where the rows do not fit the model, or the file is damaged.
    package func answers(_ rows: RowCache) throws(InputError) -> Answers {
        try rows.answers(model) { (dataset) throws(InputError) in try predict(dataset) }
    }
}

/// What a model predicts for rows, beside their labels.
package struct Answers: Sendable {
    /// Per task, `[rows]`, or `[rows, classes]`.
    package var predictions: [[Float]]
    /// Per task, `[rows]`, NaN where there is none.
    package var labels: [[Float]]
    /// The scenario of each row; empty where rows have none.
    package var scenarios: [Int32] = []
}

extension RowCache {
    fileprivate func answers(
        _ model: MultiTaskModel, predict: (Dataset<Float>) throws(InputError) -> Predictions<Float>
    ) throws(InputError) -> Answers {
        // What predicts a block looks at its sequences.
        try checkColumns(model)
        let none = [[Float]](repeating: [], count: model.tasks.count)
        var found = Answers(predictions: none, labels: none)
        for block in blocks.indices {
            let dataset = try dataset(block)
            let predicted = try predict(dataset)
            for (index, task) in model.tasks.enumerated() {
                found.predictions[index] += try predicted.values(task.name)
                found.labels[index] += try dataset.labels(task.name)
            }
            if let scenarios = dataset.scenarios {
                found.scenarios += (0..<dataset.rowCount).map { scenarios.base[$0] }
            }
        }
        return found
    }

    fileprivate func evaluations(
        _ model: MultiTaskModel, groups: [Int]?,
        predict: (Dataset<Float>) throws(InputError) -> Predictions<Float>
    ) throws(InputError) -> [TaskEvaluation] {
        let found = try answers(model, predict: predict)
        return model.tasks.indices.map {
            TaskEvaluation(
                task: model.tasks[$0].name, kind: model.tasks[$0].kind, predictions: found.predictions[$0],
                labels: found.labels[$0], groups: groups)
        }
    }
}

/// The losses over the rows of a cache, block by block.
private struct CacheLosses: LossWatch {
    let cache: RowCache
    let trainer: Trainer<Float>

    func losses() throws(InputError) -> [Double] {
        let tasks = trainer.model.tasks
        var sums = [Double](repeating: 0, count: tasks.count)
        var counts = [Double](repeating: 0, count: tasks.count)
        try forEachBlock { (batch, _) in
            let part = trainer.inference.lossSums(batch)
            for task in tasks.indices {
                sums[task] += part.sums[task]
                counts[task] += part.counts[task]
            }
        }
        return zip(sums, counts).map { meanLoss($0, $1) }
    }

    func runaways(of tasks: Set<Int>) throws(InputError) -> [SuspectRow] {
        var suspects = SuspectRows()
        try forEachBlock { (batch, first) in
            trainer.addRunaways(batch, tasks: tasks, to: &suspects) { first + $0 }
        }
        return suspects.found
    }

    /// - Parameter body: gets a block's rows, and the number of the first.
    private func forEachBlock(_ body: (BatchView<Float>, Int) -> Void) throws(InputError) {
        let buffer = try BatchBuffer(
            cache.layout, capacity: cache.blocks.map(\.rows).max() ?? 0,
            features: trainer.model.plan.embedding.features, tasks: trainer.model.tasks.map(\.name))
        let memory = BlockMemory()
        var first = 0
        for block in cache.blocks.indices {
            let rows = try cache.rows(block, into: memory)
            buffer.clear()
            var held = HeldBlocks()
            held.append(rows)
            (0..<UInt64(rows.count)).map { $0 }.withUnsafeBufferPointer { buffer.append(held, $0) }
            withExtendedLifetime(buffer) { body(buffer.batch, first) }
            first += rows.count
        }
    }

    func evaluations() throws(InputError) -> [TaskEvaluation] { try trainer.evaluate(cache) }
}

extension RowCache {
    /// The columns that a model asks for must be there, ids within its tables, and sequences of the same behaviours of one length.
    func check(_ model: MultiTaskModel) throws(InputError) {
        try checkColumns(model)
        for names in model.plan.alignedSequences { try check(aligned: names) }
    }

    private func checkColumns(_ model: MultiTaskModel) throws(InputError) {
        guard layout.denseNames.count == model.inputs else {
            throw InputError(
                .shape, at: path, found: "\(layout.denseNames.count) dense features",
                expected: "\(model.inputs), the model's")
        }
        for feature in model.embedded {
            guard let table = model.tables.first(where: { $0.name == feature.table }),
                let field = (layout.singles + layout.bags).first(where: { $0.name == feature.name })
            else { continue }
            guard field.tableRows <= table.rows,
                field.maximumCount <= max(1, feature.maximumCount) || field.maximumCount == 0
            else {
                throw InputError(
                    .shape, at: "\(path), \"\(feature.name)\"",
                    found: "ids below \(field.tableRows), up to \(max(1, field.maximumCount)) a row",
                    expected: "ids below \(table.rows), up to \(feature.maximumCount)")
            }
        }
    }

    /// Sequences of the same behaviours have as many of them in each row.
    private func check(aligned names: [String]) throws(InputError) {
        let indices = names.compactMap { name in layout.bags.firstIndex { $0.name == name } }
        guard let first = indices.first else { return }
        let memory = BlockMemory()
        var before = 0
        for block in blocks.indices {
            let rows = try self.rows(block, into: memory)
            defer { before += rows.count }
            let a = rows.bags[first].offsets
            for index in indices.dropFirst() {
                let b = rows.bags[index].offsets
                for row in 0..<rows.count where a[row + 1] - a[row] != b[row + 1] - b[row] {
                    throw InputError(
                        .shape, at: "\(path), \"\(layout.bags[index].name)\", row \(before + row)",
                        found: "\(b[row + 1] - b[row]) values",
                        expected:
                            "\(a[row + 1] - a[row]) as of \"\(layout.bags[first].name)\", whose behaviours they are"
                    )
                }
            }
        }
    }

    /// A block's rows as a dataset.
    package func dataset(_ block: Int) throws(InputError) -> Dataset<Float> {
        let rows = try self.rows(block)
        defer { withExtendedLifetime(rows) {} }
        var columns: [IDColumn<Float>] = []
        for (index, field) in layout.singles.enumerated() {
            let ids = AlignedStorage<Int32>(zeroed: rows.count)
            for row in 0..<rows.count { ids.base[row] = rows.ids[row * layout.singles.count + index] }
            columns.append(
                IDColumn(
                    field.name, rowCount: rows.count, ids: ids, offsets: nil, weights: nil,
                    largest: field.tableRows - 1,
                    longest: 1))
        }
        for (index, field) in layout.bags.enumerated() {
            let bag = rows.bags[index]
            let count = Int(bag.offsets[rows.count])
            columns.append(
                IDColumn(
                    field.name, rowCount: rows.count, ids: copy(bag.ids, count),
                    offsets: copy(bag.offsets, rows.count + 1),
                    weights: bag.weights.map { copy($0, count) }, largest: field.tableRows - 1,
                    longest: field.maximumCount))
        }
        let weights = rows.weights.map {
            AlignedStorage.labelWeights(
                UnsafeBufferPointer(start: $0, count: rows.count * layout.weightCount), rows: rows.count,
                labels: layout.labels.count)
        }
        return try Dataset(
            rowCount: rows.count, featureNames: layout.denseNames, labelNames: layout.labels, ids: columns,
            labelWeights: weights,
            scenarios: rows.scenarios.map { Array(UnsafeBufferPointer(start: $0, count: rows.count)) }
        ) { (features, labels) in
            features.baseAddress?.update(from: rows.dense, count: features.count)
            labels.baseAddress?.update(from: rows.labels, count: labels.count)
        }
    }

    private func copy<Element: BitwiseCopyable>(_ source: UnsafePointer<Element>, _ count: Int)
        -> AlignedStorage<Element>
    {
        let target = AlignedStorage<Element>(zeroed: count)
        target.base.update(from: source, count: count)
        return target
    }
}
