extension Trainer {
    /// Gives what the training rows do not have a meaning, so that no prediction rests on numbers as they were drawn: rows of
    /// tables, and vectors of numbers that were never missing, are fitted to rows whose value is taken away, and scenarios without
    /// rows get parameters that fit the rows of all. All else stays as it is.
    ///
    /// To be called once training is over: steps that follow would start from moments of another task.
    ///
    /// - Parameter training: the rows that were learned from, with labels of all tasks.
    /// - Throws: `InputError` where the dataset does not fit the model or a label is out of range.
    public func completeUnseen(_ training: Dataset<Scalar>) throws(InputError) {
        let source = try BatchSource(training, for: model)
        guard hasUnseen else { return }
        let rows = try ShuffledBatches(
            source, batchSize: batchSize, seed: .rows(of: 0, seed: unseenSeed),
            keepsGroups: model.plan.ranks)
        let seen = try seenRows(rows)
        try completeMembers { (tasks) throws(InputError) in try completeUnseen(rows, seen, tasks: tasks) }
    }

    /// Whether there is anything that rows may lack: ids, numbers with vectors, or scenarios.
    package var hasUnseen: Bool {
        let plan = model.plan
        return !plan.embedding.isEmpty || !plan.numberFields.isEmpty || plan.usesScenarios
    }

    /// What the rows of a pass have.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func seenRows(_ rows: any BatchStream<Scalar>) throws(InputError) -> SeenRows {
        try SeenRows(rows, of: model)
    }

    /// What the order of rows for it is drawn from.
    package var unseenSeed: UInt64 { seed ^ 0x5CE7_A810 }

    /// Changes every vector that the latest `fit` keeps.
    ///
    /// - Parameter change: changes the trainer's parameters, which are one of them, for the tasks that it predicts.
    package func completeMembers(_ change: ([Int]) throws(InputError) -> Void) throws(InputError) {
        guard let begun = fitted else { return try change(Array(model.tasks.indices)) }
        var vectors: [[Scalar]] = []
        for (member, vector) in begun.vectors.enumerated() {
            parameters = vector
            try change(begun.tasks(of: member))
            vectors.append(parameters)
        }
        keep(try ModelMembers(vectors, ofTasks: begun.ofTasks))
    }

    /// The same for the trainer's parameters, on batches from anywhere.
    ///
    /// - Parameter tasks: those that the parameters predict; labels of others move nothing.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    package func completeUnseen(
        _ rows: any BatchStream<Scalar>, _ seen: SeenRows, tasks: [Int]
    ) throws(InputError) {
        trainingStep.stop(Set(model.tasks.indices).subtracting(tasks))
        defer { trainingStep.stop([]) }
        fill(seen)
        try fitStandIns(rows, seen, tasks)
        try fitUnseenScenarios(rows, seen.scenarios, tasks)
        store.refreshTransposes()
    }

    /// Steps that fit what the training rows do not have: enough to leave where it began.
    private static var fittingSteps: ClosedRange<Int> { 400...1000 }

    private func fittingSteps(_ rows: any BatchStream<Scalar>) -> Int {
        max(Self.fittingSteps.lowerBound, min(Self.fittingSteps.upperBound, rows.batchCount))
    }
}

/// Ids that the training rows do not have, and numbers that they never miss.
extension Trainer {
    /// Makes their vectors an average of the others, each as often as rows have it. (A vector of zeros is no average: layers above
    /// have never seen it.)
    private func fill(_ seen: SeenRows) {
        let parameters = store.parameters.base
        for (table, counts) in zip(model.plan.embedding.tables, seen.ids) {
            var sums = [Double](repeating: 0, count: table.width)
            var total = 0.0
            for (id, count) in counts.enumerated() where count > 0 {
                let vector = parameters + table.parameters + id * table.width
                for column in 0..<table.width { sums[column] += Double(count) * Double(vector[column]) }
                total += Double(count)
            }
            setUnseen(sums.map { Scalar(total > 0 ? $0 / total : 0) }, table, counts)
        }
        for (index, number) in model.plan.numberFields.enumerated() where seen.missing[index] == 0 {
            let (sum, rows) = seen.places[index]
            // That of the mean place.
            let place = rows > 0 ? sum / Double(rows) : 0
            (parameters + number.missing.lowerBound).update(
                from: number.vector(at: place, parameters), count: number.dimension)
        }
    }

    private func setUnseen(_ vector: [Scalar], _ table: EmbeddingPlan.Table, _ counts: [Int32]) {
        for (id, count) in counts.enumerated() where count == 0 {
            (store.parameters.base + table.parameters + id * table.width).update(
                from: vector, count: table.width)
        }
    }

    /// Fits the vectors that stand for them on rows that lose a value, while everything else stays as it is: what layers make of a
    /// mean of vectors is not the mean of what they make of each.
    private func fitStandIns(
        _ rows: any BatchStream<Scalar>, _ seen: SeenRows, _ tasks: [Int]
    ) throws(InputError) {
        let plan = model.plan.embedding
        let standIns = StandIns(seen, model.plan)
        guard !standIns.ranges.isEmpty else { return }
        let unknown = UnknownValues<Scalar>(plan, standIns, batchSize: batchSize)
        try fit(standIns.ranges, standIns, rows, tasks) { batch, turn in unknown.batch(batch, turn: turn) }
        for (index, id) in standIns.ids.enumerated() {
            guard let id else { continue }
            let table = plan.tables[index]
            let vector = store.parameters.base + table.parameters + Int(id) * table.width
            setUnseen(
                Array(UnsafeBufferPointer(start: vector, count: table.width)), table, seen.ids[index])
        }
    }
}

/// Scenarios that the training rows do not have.
extension Trainer {
    /// Begins with the largest scenario's own parameters and fits them on the rows of all scenarios, while everything that is
    /// not the unseen scenario's own stays as it is. Weights of several scenarios cannot be averaged: their hidden units have
    /// nothing to do with each other.
    private func fitUnseenScenarios(
        _ stream: any BatchStream<Scalar>, _ rows: [Int], _ tasks: [Int]
    ) throws(InputError) {
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
            let changed = UnseenScenario<Scalar>(model, scenario: scenario, batchSize: batchSize)
            try fit(own.compactMap { $0 }, nil, stream, tasks) { batch, _ in changed.batch(batch) }
            fitted.append(scenario)
        }
    }
}

extension Trainer {
    /// Fits some parameters to changed batches, while everything else stays as it is. They become the mean of the later steps (a
    /// step's batch moves them to and fro) where that lowers the loss of such batches, and else stay as they are, too.
    private func fit(
        _ ranges: [Range<Int>], _ standIns: StandIns?, _ rows: any BatchStream<Scalar>, _ tasks: [Int],
        change: (BatchView<Scalar>, Int) -> BatchView<Scalar>
    ) throws(InputError) {
        let parameters = store.parameters.base
        let begun = ranges.map { $0.map { parameters[$0] } }
        let before = try loss(rows, tasks, change)
        let steps = fittingSteps(rows)
        var sums = ranges.map { [Double](repeating: 0, count: $0.count) }
        let first = steps / 2
        let free = ranges.filter { $0.upperBound <= model.layout.denseCount }
        try step(rows, free: free, standIns: standIns, count: steps, change: change) { step in
            guard step >= first else { return }
            for (place, range) in ranges.enumerated() {
                for (column, index) in range.enumerated() { sums[place][column] += Double(parameters[index]) }
            }
        }
        func set(_ vectors: [[Scalar]]) {
            for (range, vector) in zip(ranges, vectors) {
                (parameters + range.lowerBound).update(from: vector, count: range.count)
            }
            store.refreshTransposes()
        }
        set(sums.map { sum in sum.map { Scalar($0 / Double(steps - first)) } })
        if try !(loss(rows, tasks, change) < before) { set(begun) }
    }

    /// The weighted loss of changed batches, as steps have it.
    private func loss(
        _ rows: any BatchStream<Scalar>, _ tasks: [Int],
        _ change: (BatchView<Scalar>, Int) -> BatchView<Scalar>
    ) throws(InputError) -> Double {
        var sums = [Double](repeating: 0, count: model.tasks.count)
        var counts = sums
        try rows.begin(after: 0)
        for turn in 0..<min(rows.batchCount, Self.judgedBatches) {
            let part = inference.lossSums(change(try rows.next(), turn), asSampled: true)
            for task in sums.indices {
                sums[task] += part.sums[task]
                counts[task] += part.counts[task]
            }
        }
        return tasks.reduce(0) { total, task in
            let weight = model.tasks[task].weight
            return weight > 0 && counts[task] > 0 ? total + weight * sums[task] / counts[task] : total
        }
    }

    private static var judgedBatches: Int { 64 }

    /// Steps on changed batches, after each of which all but some parameters is as before.
    ///
    /// - Parameters:
    ///   - free: ranges of the layers' parameters that are fitted.
    ///   - standIns: ids whose vectors are.
    ///   - change: what becomes of a batch; of as many rows, which lie where they lay.
    ///   - after: called after each step.
    private func step(
        _ rows: any BatchStream<Scalar>, free: [Range<Int>], standIns: StandIns?, count: Int,
        change: (BatchView<Scalar>, Int) -> BatchView<Scalar>, after: (Int) -> Void
    ) throws(InputError) {
        let kept = denseParameters
        var vectors = KeptVectors<Scalar>(model.plan.embedding, standIns)
        let parameters = store.parameters.base
        let free = free.sorted { $0.lowerBound < $1.lowerBound }
        try rows.begin(after: 0)
        for number in 0..<count {
            let batch = change(try rows.next(), number)
            vectors.take(batch, parameters)
            self.step(batch)
            kept.withUnsafeBufferPointer { kept in
                guard let base = kept.baseAddress else { return }
                var start = 0
                for range in free {
                    (parameters + start).update(from: base + start, count: range.lowerBound - start)
                    start = range.upperBound
                }
                (parameters + start).update(from: base + start, count: kept.count - start)
            }
            vectors.putBack(parameters)
            store.refreshTransposes()
            after(number)
        }
    }
}

/// The vectors that a step on a batch changes, but for those that are fitted.
private struct KeptVectors<Scalar: BLASScalar> {
    private let plan: EmbeddingPlan
    private let standIns: StandIns?
    private var places: [(start: Int, count: Int)] = []
    private var values: [Scalar] = []

    init(_ plan: EmbeddingPlan, _ standIns: StandIns?) {
        self.plan = plan
        self.standIns = standIns
    }

    mutating func take(_ batch: BatchView<Scalar>, _ parameters: UnsafeMutablePointer<Scalar>) {
        places.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        for (index, field) in plan.fields.enumerated() {
            let ids = batch.ids[index]
            let table = plan.tables[field.table]
            let fitted = standIns?.ids[field.table]
            for row in 0..<batch.rows {
                for place in ids.places(of: batch.sourceRow(row)) where ids.ids[place] != fitted {
                    let start = table.parameters + Int(ids.ids[place]) * table.width
                    places.append((start, table.width))
                    values.append(
                        contentsOf: UnsafeBufferPointer(start: parameters + start, count: table.width))
                }
            }
        }
    }

    func putBack(_ parameters: UnsafeMutablePointer<Scalar>) {
        var first = 0
        values.withUnsafeBufferPointer { values in
            guard let base = values.baseAddress else { return }
            for (start, count) in places {
                (parameters + start).update(from: base + first, count: count)
                first += count
            }
        }
    }
}

/// A batch's rows as those of one scenario.
private final class UnseenScenario<Scalar: BLASScalar> {
    private let scenario: Int32
    private var scenarios: AlignedStorage<Int32>
    private var labels = AlignedStorage<Scalar>(zeroed: 0)
    /// Tasks that do not exist in the scenario: their labels do not count.
    private let absent: [Int]

    init(_ model: MultiTaskModel, scenario: Int, batchSize: Int) {
        self.scenario = Int32(scenario)
        scenarios = AlignedStorage(copying: [Int32](repeating: Int32(scenario), count: batchSize))
        absent = model.tasks.indices.filter { !model.tasks[$0].exists(in: scenario) }
    }

    /// - Returns: the batch, good until the next call.
    func batch(_ batch: BatchView<Scalar>) -> BatchView<Scalar> {
        let sources = (0..<batch.rows).map { batch.sourceRow($0) }
        let end = (sources.max() ?? -1) + 1
        if scenarios.count < end {
            scenarios = AlignedStorage(copying: [Int32](repeating: scenario, count: end))
        }
        var column = batch.labels
        if !absent.isEmpty {
            let stride = batch.labelStride
            if labels.count < end * stride { labels = AlignedStorage(zeroed: end * stride) }
            for source in sources {
                let own = labels.base + source * stride
                own.update(from: batch.labels + source * stride, count: stride)
                for task in absent {
                    let half = batch.labelColumns.count / 2
                    for column in [batch.labelColumns[task], batch.labelColumns[half + task]]
                    where column >= 0 {
                        own[column] = .nan
                    }
                }
            }
            column = UnsafePointer(labels.base)
        }
        return BatchView(
            features: batch.features, labels: column, labelWeights: batch.labelWeights,
            labelStride: batch.labelStride, labelColumns: batch.labelColumns, ids: batch.ids,
            scenarios: UnsafePointer(scenarios.base), groups: batch.groups, indices: batch.indices,
            start: batch.start,
            rows: batch.rows, isComplete: batch.isComplete && absent.isEmpty)
    }
}
