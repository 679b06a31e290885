#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The forward pass over a whole dataset: predictions, or losses, or both. It knows no gradient and no optimiser.
///
/// Rows are taken by scenario in tiles, as in training, and what comes out stands at the row's own place.
package final class Inference<Scalar: BLASScalar>: WorkerJob {
    private static var tileRows: Int { 128 }

    let store: ParameterStore<Scalar>
    private let nodes: FixedList<Node>
    private let outputs: FixedList<Program.TaskLoss>
    /// Later events of funnels whose rows were sampled.
    private let sampled: FixedList<SampledEvent>
    /// How many of the nodes run once for all members of a packed ensemble, and what becomes of the members' answers.
    private let shared: Int
    private let means: MemberMeans<Scalar>?
    private let lists: AlignedStorage<Int32>
    private let workspace: AlignedStorage<Scalar>
    private let scratch: AlignedStorage<Scalar>
    private let norms: AlignedStorage<Scalar>
    private let labels: AlignedStorage<Scalar>
    private let sums: AlignedStorage<Double>
    private var positions = AlignedStorage<Int32>(zeroed: 0)
    private var sources = AlignedStorage<Int32>(zeroed: 0)
    private var tiles: [(first: Int, count: Int, scenario: Int)] = []
    private var batch: BatchView<Scalar>?
    private var hasLabels = false
    /// Whether rows are taken by scenario, and where the recorded gates' sums of a tile go.
    private var isGrouped = false
    private var gates: UnsafeMutableBufferPointer<Double>?
    private var asLogits = false
    /// Whether logits stay those of the rows that were kept.
    private var isAsSampled = false
    private var losses: [Double] = []
    private var counts: [Double] = []
    private var partials:
        (losses: UnsafeMutableBufferPointer<Double>, counts: UnsafeMutableBufferPointer<Double>)?
    private var targets: [UnsafeMutablePointer<Scalar>] = []
    private var spreadTargets: [UnsafeMutablePointer<Scalar>] = []

    /// - Parameter tasks: those that it predicts, rising; nil for all.
    package init(store: ParameterStore<Scalar>, tasks: [Int]? = nil) {
        self.store = store
        let (plan, workers) = (store.plan, store.pool.count)
        let asked = tasks ?? Array(store.tasks.indices)
        // A later event is corrected by what the first one's logit says.
        let before = asked.flatMap(plan.events.before).filter {
            store.tasks[plan.events.root($0)].negativeRate < 1
        }
        let needed = Set(asked + before).sorted()
        let program = Program(plan, tasks: store.tasks, turn: TurnSpec(tasks: needed))
        let logits = needed.map { plan.logits[$0] }
        sampled = FixedList(
            SampledEvent.all(plan, store.tasks).filter { logits.contains($0.logits) })
        nodes = FixedList(program.forward.joined().map(\.node))
        outputs = FixedList(program.losses)
        shared = program.members.map { program.forward.dropLast().joined().count + $0.forward } ?? 0
        means = plan.members.map { MemberMeans(program.losses, $0, rows: Self.tileRows, workers: workers) }
        lists = AlignedStorage(copying: program.lists)
        workspace = AlignedStorage(zeroed: Self.tileRows * plan.forwardElementsPerRow * workers)
        scratch = AlignedStorage(zeroed: plan.scratchCount * workers)
        norms = AlignedStorage(zeroed: plan.normWidth * BatchNormNode.vectors * workers)
        labels = AlignedStorage(zeroed: Self.tileRows * workers)
        sums = AlignedStorage(zeroed: 1)
        super.init()
    }

    /// Mean losses per task over the labelled rows of a dataset, by their weights where it has them; NaN for a task without
    /// one.
    package func losses(_ source: BatchSource<Scalar>) -> [Double] {
        let (sums, counts) = withExtendedLifetime(source) {
            lossSums(source.batch(start: 0, rows: source.dataset.rowCount))
        }
        return zip(sums, counts).map { meanLoss($0, $1) }
    }

    /// Sums of losses and of labelled rows per task, over the rows of a batch: each as often as its weight says.
    ///
    /// - Parameter asSampled: whether to judge logits as steps do, without the correction for rows that were left out.
    package func lossSums(
        _ batch: BatchView<Scalar>, asSampled: Bool = false
    ) -> (sums: [Double], counts: [Double]) {
        let tasks = store.tasks.count
        isAsSampled = asSampled
        defer { isAsSampled = false }
        sweep(batch, hasLabels: true, targets: [])
        var (sums, counts) = ([Double](repeating: 0, count: tasks), [Double](repeating: 0, count: tasks))
        for cell in self.counts.indices {
            sums[cell % tasks] += losses[cell]
            counts[cell % tasks] += self.counts[cell]
        }
        return (sums, counts)
    }

    /// Predictions per task, `[rows, predictions]`, or logits, `[rows, outputs]`; nothing of tasks that it does not predict.
    package func predictions(_ batch: BatchView<Scalar>, asLogits: Bool) -> [[Scalar]] {
        self.asLogits = asLogits
        let own = Set(outputs.elements.map(\.task))
        let storages = store.tasks.enumerated().map { index, task in
            let width = asLogits ? task.kind.outputs : task.kind.predictions
            return AlignedStorage<Scalar>(zeroed: own.contains(index) ? batch.rows * width : 0)
        }
        sweep(batch, hasLabels: false, targets: storages.map(\.base))
        return storages.map { Array($0.buffer) }
    }

    /// Predictions per task, and beside each the standard deviation of the members' of a packed ensemble (0 without), both
    /// `[rows, predictions]`; nothing of tasks that it does not predict.
    package func spreads(_ batch: BatchView<Scalar>) -> (predictions: [[Scalar]], spreads: [[Scalar]]) {
        let own = Set(outputs.elements.map(\.task))
        let storages = store.tasks.enumerated().map { index, task in
            AlignedStorage<Scalar>(zeroed: own.contains(index) ? batch.rows * task.kind.predictions : 0)
        }
        spreadTargets = storages.map(\.base)
        let predictions = predictions(batch, asLogits: false)
        spreadTargets = []
        return (predictions, storages.map { Array($0.buffer) })
    }

    /// Per scenario its rows and the sums of all recorded gates' columns over them.
    package func gateSums(_ batch: BatchView<Scalar>) -> [(rows: Int, sums: [Double])] {
        let width = store.plan.gateRecords.reduce(0) { $0 + $1.gate.width }
        let groups = max(store.plan.scenarios, 1)
        let storage = AlignedStorage<Double>(
            zeroed: width * (batch.rows / Self.tileRows + groups + 1))
        gates = storage.buffer
        sweep(batch, hasLabels: false, targets: [])
        gates = nil
        var result = (0..<groups).map { _ in (rows: 0, sums: [Double](repeating: 0, count: width)) }
        for (index, tile) in tiles.enumerated() {
            result[tile.scenario].rows += tile.count
            for column in 0..<width {
                result[tile.scenario].sums[column] +=
                    storage.base[index * width + column] / Double(means?.members ?? 1)
            }
        }
        return result
    }

    private func sum(
        _ records: [GateRecord], _ tile: ForwardTile<Scalar>, into target: UnsafeMutablePointer<Double>
    ) {
        var place = 0
        for record in records {
            let gate = tile.view(record.gate)
            for column in 0..<gate.columns {
                var sum = 0.0
                for row in 0..<gate.rows { sum += Double(gate.base[row * gate.stride + column]) }
                target[place] += sum
                place += 1
            }
        }
    }

    private func sweep(_ batch: BatchView<Scalar>, hasLabels: Bool, targets: [UnsafeMutablePointer<Scalar>]) {
        // Once for all workers.
        _ = store.parameters
        self.batch = batch
        self.hasLabels = hasLabels
        self.targets = targets
        isGrouped =
            store.plan.usesScenarios || gates != nil && batch.scenarios != nil && store.plan.scenarios > 1
        arrange(batch)
        losses = [Double](repeating: 0, count: tiles.count * store.tasks.count)
        counts = [Double](repeating: 0, count: tiles.count * store.tasks.count)
        losses.withUnsafeMutableBufferPointer { losses in
            counts.withUnsafeMutableBufferPointer { counts in
                partials = (losses, counts)
                store.pool.run(self)
            }
        }
        self.batch = nil
        self.targets = []
    }

    private func arrange(_ batch: BatchView<Scalar>) {
        let (plan, rows) = (store.plan, batch.rows)
        var groups = [rows]
        if isGrouped {
            positions = AlignedStorage(zeroed: rows)
            sources = AlignedStorage(zeroed: rows)
            let counts = AlignedStorage<Int>(zeroed: 2 * plan.scenarios)
            RowOrder(
                positions: positions.base, sources: sources.base, counts: counts.base,
                next: counts.base + plan.scenarios, scenarios: plan.scenarios
            ).sort(batch, rows: 0..<rows)
            groups = (0..<plan.scenarios).map { counts.base[$0] }
        }
        tiles = []
        var start = 0
        for (scenario, count) in groups.enumerated() {
            for first in stride(from: start, to: start + count, by: Self.tileRows) {
                tiles.append((first, min(Self.tileRows, start + count - first), scenario))
            }
            start += count
        }
    }

    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    override package func run(worker: Int) {
        guard let batch else { return }
        let workers = store.pool.count
        var scenario = -1
        for index in tiles.count * worker / workers..<tiles.count * (worker + 1) / workers {
            let rows = tiles[index]
            let source =
                isGrouped
                ? _SourceRows(count: rows.count, indices: UnsafePointer(sources.base) + rows.first, start: 0)
                : batch.sourceRows(rows.first..<rows.first + rows.count)
            let tile = self.tile(index, batch, source, worker: worker, refreshes: rows.scenario != scenario)
            scenario = rows.scenario
            if let means {
                for place in 0..<shared { nodes.elements[place].forward(tile) }
                means.begin(worker)
                for member in 0..<means.members {
                    let own = tile.of(member: member)
                    for place in shared..<nodes.elements.count { nodes.elements[place].forward(own) }
                    finish(own, index)
                    means.add(own, worker)
                }
                means.finish(tile, worker)
            } else {
                for node in nodes.elements { node.forward(tile) }
                finish(tile, index)
            }
            guard gates == nil else { continue }
            for output in outputs.elements {
                if hasLabels { evaluate(output, tile, batch, source, index, worker) }
                if !targets.isEmpty { write(output, tile, rows.first) }
                if !spreadTargets.isEmpty { writeSpread(output, tile, rows.first, worker) }
            }
        }
    }

    /// Logits for all rows, and what the gates were on the way to them.
    private func finish(_ tile: ForwardTile<Scalar>, _ index: Int) {
        for output in outputs.elements { store.tasks[output.task].calibrate(tile.view(output.logits)) }
        if !isAsSampled {
            for event in sampled.elements { event.correct(tile) }
            for output in outputs.elements { correct(output, tile) }
        }
        guard let gates, let base = gates.baseAddress else { return }
        let records = store.plan.gateRecords
        sum(records, tile, into: base + index * records.reduce(0) { $0 + $1.gate.width })
    }

    private func tile(
        _ index: Int, _ batch: BatchView<Scalar>, _ source: _SourceRows, worker: Int, refreshes: Bool
    ) -> ForwardTile<Scalar> {
        let plan = store.plan
        let base = workspace.base + worker * Self.tileRows * plan.forwardElementsPerRow
        let isDirect = batch.indices == nil && plan.embedding.isEmpty && !isGrouped
        let (first, count, scenario) = tiles[index]
        let features: MatrixView<Scalar>
        if isDirect {
            features = batch.features.rows(batch.start + first..<batch.start + first + count)
        } else {
            features = MatrixView(
                base, rows: count, columns: plan.inputWidth, stride: plan.gathered.stride)
            for row in 0..<count {
                (features.base + row * features.stride).update(
                    from: batch.features.base + source.source(row) * batch.features.stride,
                    count: plan.inputs)
            }
            for (index, field) in plan.embedding.fields.enumerated() {
                field.forward(
                    batch.ids[index], rows: source, table: plan.embedding.tables[field.table],
                    parameters: store.parameters.base, x: features.columns(plan.inputs..<plan.inputWidth),
                    level: store.product.level)
            }
        }
        let ownNorms = norms.base + worker * plan.normWidth * BatchNormNode.vectors
        return ForwardTile(
            parameters: store.parameters.base, transposes: store.transposes.base, workspace: base,
            capacity: Self.tileRows, origin: 0, rows: count, features: features, inputs: plan.inputs,
            scenario: scenario, refreshes: refreshes, isTraining: false, dropoutKey: 0, positions: nil,
            start: first, lists: UnsafePointer(lists.base),
            scratch: scratch.base + worker * plan.scratchCount,
            scenarioNorms: ownNorms, norms: ownNorms, sums: sums.base, product: store.product)
    }

    /// Logits for all rows as they come, where training saw a share of those with label 0 alone.
    private func correct(_ output: Program.TaskLoss, _ tile: ForwardTile<Scalar>) {
        let rate = store.tasks[output.task].negativeRate
        guard rate < 1 else { return }
        let (z, shift) = (tile.view(output.logits), Scalar(log(rate)))
        for row in 0..<z.rows { z.base[row * z.stride] += shift }
    }

    private func evaluate(
        _ output: Program.TaskLoss, _ tile: ForwardTile<Scalar>, _ batch: BatchView<Scalar>,
        _ source: _SourceRows, _ index: Int, _ worker: Int
    ) {
        let column = labels.base + worker * Self.tileRows
        let cell = index * store.tasks.count + output.task
        guard batch.labelColumns[output.task] != BatchSource<Scalar>.unread else {
            partials?.losses[cell] = 0
            partials?.counts[cell] = 0
            return
        }
        for row in 0..<tile.rows {
            column[row] =
                batch.labels[source.source(row) * batch.labelStride + batch.labelColumns[output.task]]
        }
        if !output.labelScale.isIdentity {
            for row in 0..<tile.rows {
                column[row] = Scalar(output.labelScale.encode(Double(column[row])))
            }
        }
        let z = tile.view(output.logits)
        guard let weights = batch.labelWeights else {
            partials?.losses[cell] = output.kind.loss(
                z, labels: column, labelStride: 1, scale: 0, gradient: nil, level: store.product.level)
            partials?.counts[cell] = Double(
                Scalar._countLabelled(
                    level: store.product.level, rows: tile.rows, labels: column, stride: 1))
            return
        }
        var (sum, total) = (0.0, 0.0)
        for row in 0..<tile.rows where !column[row].isNaN {
            let place = source.source(row) * batch.labelStride + batch.labelColumns[output.task]
            let weight = Double(weights[place])
            total += weight
            sum +=
                weight
                * output.kind.loss(
                    z.rows(row..<row + 1), labels: column + row, labelStride: 1, scale: 0, gradient: nil,
                    level: store.product.level)
        }
        partials?.losses[cell] = sum
        partials?.counts[cell] = total
    }

    /// The row of the batch at a place in the order in which rows are taken.
    private func row(_ place: Int) -> Int { isGrouped ? Int(positions.base[place]) : place }

    private func writeSpread(
        _ output: Program.TaskLoss, _ tile: ForwardTile<Scalar>, _ first: Int, _ worker: Int
    ) {
        let outputs = output.kind.predictions
        let exists = store.tasks[output.task].exists(in: tile.scenario)
        for place in 0..<tile.rows {
            let target = spreadTargets[output.task] + row(first + place) * outputs
            for column in 0..<outputs {
                target[column] =
                    exists
                    ? Scalar(means?.spread(output.task, row: place, column: column, worker) ?? 0) : .nan
            }
        }
    }

    private func write(_ output: Program.TaskLoss, _ tile: ForwardTile<Scalar>, _ first: Int) {
        let task = store.tasks[output.task]
        let z = tile.view(output.logits)
        let width = asLogits ? task.kind.outputs : task.kind.predictions
        func row(_ place: Int) -> Int { self.row(first + place) }
        guard task.exists(in: tile.scenario) else {
            for place in 0..<z.rows {
                (targets[output.task] + row(place) * width).update(repeating: .nan, count: width)
            }
            return
        }
        // Rows that keep their order are predicted together.
        let together = isGrouped ? 1 : z.rows
        for start in stride(from: 0, to: z.rows, by: max(1, together)) {
            let own = z.rows(start..<start + together)
            let target = MatrixView(
                targets[output.task] + row(start) * width, rows: together, columns: width, stride: width)
            if asLogits {
                target.copy(own)
            } else {
                output.kind.predict(own, into: target, level: store.product.level)
                output.labelScale.decode(target)
            }
        }
    }
}
