#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The forward pass of a graph over a whole dataset: predictions, or losses, or both.
///
/// Rows are taken by scenario in tiles, as in training, and what comes out stands at the row's own place.
package final class GraphInference<Scalar: BLASScalar>: InferenceEngine<Scalar> {
    private static var tileRows: Int { 128 }

    private let store: GraphStore<Scalar>
    private let turn: GraphTurnPlan
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
    private var losses: [Double] = []
    private var counts: [Int] = []
    private var partials:
        (losses: UnsafeMutableBufferPointer<Double>, counts: UnsafeMutableBufferPointer<Int>)?
    private var targets: [UnsafeMutablePointer<Scalar>] = []

    package init(store: GraphStore<Scalar>) {
        self.store = store
        let (plan, workers) = (store.plan, store.pool.count)
        turn = GraphTurnPlan(
            plan, tasks: store.tasks, task: nil, workers: 1, stateStart: 0, tableStateOffset: 0)
        workspace = AlignedStorage(zeroed: Self.tileRows * plan.forwardElementsPerRow * workers)
        scratch = AlignedStorage(zeroed: plan.scratchCount * workers)
        norms = AlignedStorage(zeroed: plan.normWidth * BatchNormNode.vectors * workers)
        labels = AlignedStorage(zeroed: Self.tileRows * workers)
        sums = AlignedStorage(zeroed: 1)
        super.init()
    }

    override package func lossSums(_ batch: BatchView<Scalar>) -> (sums: [Double], counts: [Int]) {
        let tasks = store.tasks.count
        sweep(batch, hasLabels: true, targets: [])
        var (sums, counts) = ([Double](repeating: 0, count: tasks), [Int](repeating: 0, count: tasks))
        for cell in self.counts.indices {
            sums[cell % tasks] += losses[cell]
            counts[cell % tasks] += self.counts[cell]
        }
        return (sums, counts)
    }

    override package func predictions(_ batch: BatchView<Scalar>, asLogits: Bool) -> [[Scalar]] {
        self.asLogits = asLogits
        let storages = store.tasks.map { AlignedStorage<Scalar>(zeroed: batch.rows * $0.kind.outputs) }
        sweep(batch, hasLabels: false, targets: storages.map(\.base))
        return storages.map { Array($0.buffer) }
    }

    override package func gateSums(_ batch: BatchView<Scalar>) -> [(rows: Int, sums: [Double])] {
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
                result[tile.scenario].sums[column] += storage.base[index * width + column]
            }
        }
        return result
    }

    private func sum(
        _ records: [GateRecord], _ tile: GraphTile<Scalar>, into target: UnsafeMutablePointer<Double>
    ) {
        var place = 0
        for record in records {
            let gate = tile.view(record.gate)
            for column in 0..<gate.columns {
                var sum = 0.0
                for row in 0..<gate.rows { sum += Double(gate.base[row * gate.stride + column]) }
                target[place] = sum
                place += 1
            }
        }
    }

    private func sweep(_ batch: BatchView<Scalar>, hasLabels: Bool, targets: [UnsafeMutablePointer<Scalar>]) {
        self.batch = batch
        self.hasLabels = hasLabels
        self.targets = targets
        isGrouped =
            store.plan.usesScenarios || gates != nil && batch.scenarios != nil && store.plan.scenarios > 1
        arrange(batch)
        losses = [Double](repeating: 0, count: tiles.count * store.tasks.count)
        counts = [Int](repeating: 0, count: tiles.count * store.tasks.count)
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
            GraphRowOrder(
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
            for node in turn.view.forward { node.forward(tile) }
            if let gates, let base = gates.baseAddress {
                let records = store.plan.gateRecords
                let width = records.reduce(0) { $0 + $1.gate.width }
                sum(records, tile, into: base + index * width)
                continue
            }
            for seat in turn.view.seats {
                if hasLabels { judge(seat, tile, batch, source, index, worker) }
                if !targets.isEmpty { write(seat, tile, rows.first) }
            }
        }
    }

    private func tile(
        _ index: Int, _ batch: BatchView<Scalar>, _ source: _SourceRows, worker: Int, refreshes: Bool
    ) -> GraphTile<Scalar> {
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
        return GraphTile(
            parameters: store.parameters.base, transposes: store.transposes.base,
            gradients: store.parameters.base, workspace: base, forwardElements: plan.forwardElementsPerRow,
            gradientOffsets: turn.view.gradientOffsets, capacity: Self.tileRows, rows: count,
            features: features, embedded: features,
            inputs: plan.inputs, scenario: scenario, isFirst: false, isFirstOfScenario: false,
            refreshesForward: refreshes, refreshesBackward: false, isTraining: false, dropoutKey: 0,
            positions: nil, start: first, lists: turn.view.lists,
            scratch: scratch.base + worker * plan.scratchCount, scenarioNorms: ownNorms, norms: ownNorms,
            sums: sums.base, product: store.product)
    }

    private func judge(
        _ seat: GraphProgram.Seat, _ tile: GraphTile<Scalar>, _ batch: BatchView<Scalar>,
        _ source: _SourceRows, _ index: Int, _ worker: Int
    ) {
        let column = labels.base + worker * Self.tileRows
        for row in 0..<tile.rows {
            column[row] =
                batch.labels[source.source(row) * batch.labelStride + batch.labelColumns[seat.task]]
        }
        let cell = index * store.tasks.count + seat.task
        partials?.losses[cell] = seat.kind.loss(
            tile.view(seat.logits), labels: column, labelStride: 1, scale: 0, gradient: nil,
            level: store.product.level)
        partials?.counts[cell] = Scalar._countLabelled(
            level: store.product.level, rows: tile.rows, labels: column, stride: 1)
    }

    private func write(_ seat: GraphProgram.Seat, _ tile: GraphTile<Scalar>, _ first: Int) {
        let task = store.tasks[seat.task]
        let z = tile.view(seat.logits)
        let outputs = z.columns
        func row(_ place: Int) -> Int { isGrouped ? Int(positions.base[first + place]) : first + place }
        guard task.exists(in: tile.scenario) else {
            for place in 0..<z.rows {
                (targets[seat.task] + row(place) * outputs).update(repeating: .nan, count: outputs)
            }
            return
        }
        // Logits go to their rows first: prediction works in place, row by row.
        for place in 0..<z.rows {
            let target = targets[seat.task] + row(place) * outputs
            target.update(from: z.base + place * z.stride, count: outputs)
            if task.negativeRate < 1 { target[0] += Scalar(log(task.negativeRate)) }
        }
        guard !asLogits else { return }
        if !isGrouped {
            let all = MatrixView(
                targets[seat.task] + first * outputs, rows: z.rows, columns: outputs, stride: outputs)
            seat.kind.predict(all, into: all, level: store.product.level)
            return
        }
        for place in 0..<z.rows {
            let one = MatrixView(
                targets[seat.task] + row(place) * outputs, rows: 1, columns: outputs, stride: outputs)
            seat.kind.predict(one, into: one, level: store.product.level)
        }
    }
}
