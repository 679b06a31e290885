package import MTLEngine

extension Trainer where Scalar == Float {
    /// `completeUnseen` of every vector that the latest `fit` keeps.
    package func completedMembers(
        _ training: RowCache, continuing preprocessor: Preprocessor? = nil
    ) throws(InputError) -> ModelMembers<Float> {
        let begun = members
        var vectors: [[Float]] = []
        for vector in begun.vectors {
            if begun.vectors.count > 1 { parameters = vector }
            try fitIntercepts(training)
            try completeUnseen(training, continuing: preprocessor)
            vectors.append(parameters)
        }
        let completed = try ModelMembers(vectors, ofTasks: begun.ofTasks)
        keep(completed)
        return completed
    }

    /// Gives what the training rows never touched a meaning, so that no prediction rests on numbers as they were drawn: rows of
    /// tables become the mean of the trained ones, and scenarios without rows get parameters that fit the rows of all.
    ///
    /// To be called once training is over, and before the model is judged or written: steps that follow it would start from
    /// moments of another task.
    ///
    /// - Parameter preprocessor: where training went on from a model, that model's: what its rows had is trained, too.
    /// - Throws: `InputError` where the rows do not fit the model, or the file is damaged.
    package func completeUnseen(
        _ training: RowCache, continuing preprocessor: Preprocessor? = nil
    ) throws(InputError) {
        try training.check(model)
        var seen = try SeenRows(training, model: model, parameters: store.parameters)
        if let preprocessor { seen.add(preprocessor, model, store.parameters) }
        seen.fill(store.parameters)
        try fitUnseenScenarios(training, seen.scenarios)
        store.refreshTransposes()
    }
}

/// Which ids and scenarios the rows of a cache have, and per table the mean of the vectors of all its ids, each as often as
/// rows have it: an unseen value is then an average one. (A vector of zeros is no average: layers above have never seen it.)
private struct SeenRows {
    private var isSeen: [[Bool]]
    private var sums: [[Double]]
    private var counts: [Int]
    private let tables: [EmbeddingPlan.Table]
    /// Rows per scenario.
    private(set) var scenarios: [Int]

    init(_ cache: RowCache, model: MultiTaskModel, parameters: AlignedStorage<Float>) throws(InputError) {
        let plan = model.plan.embedding
        tables = plan.tables
        isSeen = plan.tables.map { [Bool](repeating: false, count: $0.rows) }
        sums = plan.tables.map { [Double](repeating: 0, count: $0.width) }
        counts = plan.tables.map { _ in 0 }
        scenarios = [Int](repeating: 0, count: model.scenarios)
        let memory = BlockMemory()
        defer { withExtendedLifetime(memory) {} }
        // Where every task has tables of its own, features come task by task.
        let owned = plan.featuresPerOwner
        for block in cache.blocks.indices {
            let rows = try cache.rows(block, into: memory)
            let ofAny = Self.rowsThatCount(rows, cache.layout, label: nil)
            for (index, (feature, field)) in zip(plan.features, plan.fields).enumerated() {
                let label =
                    owned > 0 ? cache.layout.labels.firstIndex(of: model.tasks[index / owned].name) : nil
                let counts = label.map { Self.rowsThatCount(rows, cache.layout, label: $0) } ?? ofAny
                if let place = cache.layout.singles.firstIndex(where: { $0.name == feature.name }) {
                    let stride = cache.layout.singles.count
                    for row in 0..<rows.count where counts[row] {
                        add(Int(rows.ids[row * stride + place]), field.table, parameters)
                    }
                } else if let place = cache.layout.bags.firstIndex(where: { $0.name == feature.name }) {
                    let bag = rows.bags[place]
                    for row in 0..<rows.count where counts[row] {
                        for index in Int(bag.offsets[row])..<Int(bag.offsets[row + 1]) {
                            add(Int(bag.ids[index]), field.table, parameters)
                        }
                    }
                }
            }
            if let ids = rows.scenarios {
                for row in 0..<rows.count where ofAny[row] && Int(ids[row]) < scenarios.count {
                    scenarios[Int(ids[row])] += 1
                }
            }
        }
    }

    /// Rows with a label of a weight: no step moves the vectors of others.
    ///
    /// - Parameter label: the only one that counts; nil for all.
    private static func rowsThatCount(
        _ rows: RowCache.Rows, _ layout: CacheLayout, label only: Int?
    ) -> [Bool] {
        let (width, perRow) = (layout.labels.count, layout.weightCount)
        return (0..<rows.count).map { row in
            (only.map { $0..<$0 + 1 } ?? 0..<width).contains { label in
                let weight = rows.weights.map { $0[row * perRow + (perRow > 1 ? label : 0)] } ?? 1
                return weight > 0 && !rows.labels[row * width + label].isNaN
            }
        }
    }

    /// Adds what the rows of a model had; of hashed values and buckets it is not known, and all are taken for trained.
    mutating func add(
        _ preprocessor: Preprocessor, _ model: MultiTaskModel, _ parameters: AlignedStorage<Float>
    ) {
        let plan = model.plan.embedding
        for (feature, field) in zip(plan.features, plan.fields) {
            guard let index = preprocessor.schema.features.firstIndex(where: { $0.name == feature.name })
            else { continue }
            let counts = preprocessor.fitted[preprocessor.owner(of: index)].vocabulary?.counts
            for id in isSeen[field.table].indices {
                guard let counts else {
                    isSeen[field.table][id] = true
                    continue
                }
                if counts[id] > 0 { add(id, field.table, parameters, times: counts[id]) }
            }
        }
        for (scenario, count) in (preprocessor.scenarios?.counts ?? []).enumerated()
        where scenario < scenarios.count {
            scenarios[scenario] += count
        }
    }

    private mutating func add(
        _ id: Int, _ table: Int, _ parameters: AlignedStorage<Float>, times count: Int = 1
    ) {
        let plan = tables[table]
        let vector = parameters.base + plan.parameters + id * plan.width
        for column in 0..<plan.width { sums[table][column] += Double(count) * Double(vector[column]) }
        counts[table] += count
        isSeen[table][id] = true
    }

    func fill(_ parameters: AlignedStorage<Float>) {
        for (index, table) in tables.enumerated() {
            let mean = sums[index].map { counts[index] > 0 ? Float($0 / Double(counts[index])) : 0 }
            for id in 0..<table.rows where !isSeen[index][id] {
                let vector = parameters.base + table.parameters + id * table.width
                for column in 0..<table.width { vector[column] = mean[column] }
            }
        }
    }
}

/// Scenarios that the training rows do not have.
extension Trainer where Scalar == Float {
    /// Steps that fit the parameters of a scenario without rows: enough to leave those it began with.
    private static var fittingSteps: ClosedRange<Int> { 400...1000 }

    /// Begins with the largest scenario's own parameters and fits them on the rows of all scenarios, while everything that is
    /// not the unseen scenario's own stays as it is. Weights of several scenarios cannot be averaged: their hidden units have
    /// nothing to do with each other.
    fileprivate func fitUnseenScenarios(_ training: RowCache, _ rows: [Int]) throws(InputError) {
        let plan = model.plan
        let unseen = rows.indices.filter { rows[$0] == 0 }
        guard plan.usesScenarios, unseen.count < rows.count,
            let largest = rows.indices.max(by: { rows[$0] < rows[$1] })
        else { return }
        let parameters = store.parameters.base
        func copy(_ source: Int, to target: Int) {
            for (from, to) in zip(plan.ownRanges(of: source), plan.ownRanges(of: target)) {
                if let from, let to {
                    (parameters + to.lowerBound).update(from: parameters + from.lowerBound, count: to.count)
                }
            }
        }
        var fitted: [Int] = []
        for scenario in unseen {
            let own = plan.ownRanges(of: scenario)
            guard own.contains(where: { $0 != nil }) else { continue }
            // Scenarios differ in which tasks they have: one that was fitted serves those that have no more.
            let alike = fitted.first { other in
                zip(plan.ownRanges(of: other), own).allSatisfy { $0 != nil || $1 == nil }
            }
            if let alike {
                copy(alike, to: scenario)
                continue
            }
            copy(largest, to: scenario)
            store.refreshTransposes()
            let begun = denseParameters
            try fit(scenario: scenario, own.compactMap { $0 }, on: training)
            if !own.allSatisfy({ $0?.allSatisfy { parameters[$0].isFinite } ?? true }) {
                parameters.update(from: begun, count: begun.count)
            }
            fitted.append(scenario)
        }
    }

    private func fit(scenario: Int, _ own: [Range<Int>], on training: RowCache) throws(InputError) {
        let batches = try CacheBatches(
            training, features: model.plan.embedding.features, tasks: model.tasks.map(\.name),
            batchSize: batchSize,
            seed: seed ^ 0x5CE7_A810)
        let limits = Self.fittingSteps
        let steps = max(limits.lowerBound, min(limits.upperBound, batches.batchCount))
        let kept = denseParameters
        let rows = UnseenBatch(model, scenario: scenario, batchSize: batchSize)
        let parameters = store.parameters.base
        try batches.begin(after: 0)
        for _ in 0..<steps {
            let batch = try batches.next()
            rows.take(batch, parameters)
            self.step(rows.batch(of: batch))
            // All but the scenario's own is as before.
            var start = 0
            for range in own.sorted(by: { $0.lowerBound < $1.lowerBound }) {
                kept.withUnsafeBufferPointer { kept in
                    guard let base = kept.baseAddress else { return }
                    (parameters + start).update(from: base + start, count: range.lowerBound - start)
                }
                start = range.upperBound
            }
            kept.withUnsafeBufferPointer { kept in
                guard let base = kept.baseAddress else { return }
                (parameters + start).update(from: base + start, count: kept.count - start)
            }
            rows.putBack(parameters)
            store.refreshTransposes()
        }
    }
}

/// A batch's rows as those of one scenario, and the vectors that a step on them changes.
private final class UnseenBatch {
    private let plan: EmbeddingPlan
    private let scenarios: AlignedStorage<Int32>
    private let labels: AlignedStorage<Float>
    /// Tasks that do not exist in the scenario: their labels do not count.
    private let absent: [Int]
    private var places: [(start: Int, count: Int)] = []
    private var values: [Float] = []

    init(_ model: MultiTaskModel, scenario: Int, batchSize: Int) {
        plan = model.plan.embedding
        scenarios = AlignedStorage(copying: [Int32](repeating: Int32(scenario), count: batchSize))
        absent = model.tasks.indices.filter { !model.tasks[$0].exists(in: scenario) }
        labels = AlignedStorage(zeroed: absent.isEmpty ? 0 : batchSize * model.tasks.count)
    }

    /// Remembers the vectors of a batch.
    func take(_ batch: BatchView<Float>, _ parameters: UnsafeMutablePointer<Float>) {
        places.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        for (index, field) in plan.fields.enumerated() {
            let ids = batch.ids[index]
            let table = plan.tables[field.table]
            let count = ids.offsets.map { Int($0[batch.rows]) } ?? batch.rows
            for place in 0..<count {
                let start = table.parameters + Int(ids.ids[place]) * table.width
                places.append((start, table.width))
                values.append(contentsOf: UnsafeBufferPointer(start: parameters + start, count: table.width))
            }
        }
    }

    func putBack(_ parameters: UnsafeMutablePointer<Float>) {
        var first = 0
        values.withUnsafeBufferPointer { values in
            guard let base = values.baseAddress else { return }
            for (start, count) in places {
                (parameters + start).update(from: base + first, count: count)
                first += count
            }
        }
    }

    func batch(of batch: BatchView<Float>) -> BatchView<Float> {
        var column = batch.labels
        if !absent.isEmpty {
            labels.base.update(from: batch.labels, count: batch.rows * batch.labelStride)
            for task in absent {
                for row in 0..<batch.rows {
                    labels.base[row * batch.labelStride + batch.labelColumns[task]] = .nan
                }
            }
            column = UnsafePointer(labels.base)
        }
        return BatchView(
            features: batch.features, labels: column, labelWeights: batch.labelWeights,
            labelStride: batch.labelStride, labelColumns: batch.labelColumns, ids: batch.ids,
            scenarios: UnsafePointer(scenarios.base), indices: batch.indices, start: batch.start,
            rows: batch.rows, isComplete: batch.isComplete && absent.isEmpty)
    }
}
