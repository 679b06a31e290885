#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The forward pass over a whole dataset: predictions, or losses, or both. It knows no gradient and no optimiser.
///
/// Workers take tiles of rows through the layers, each in a workspace of its own.
package final class Inference<Scalar: BLASScalar>: InferenceEngine<Scalar> {
    private static var tileRows: Int { 256 }

    private let network: Network<Scalar>
    private let workspace: AlignedStorage<Scalar>
    /// Per worker the features of a tile, where some are embedded.
    private let gathered: AlignedStorage<Scalar>
    private let fields: FixedList<EmbeddingPlan.Field>
    private let turn: TurnPlan<Scalar>
    private var batch: BatchView<Scalar>?
    private var hasLabels = false
    private var asLogits = false
    private var partialLosses: [Double] = []
    private var partialCounts: [Int] = []
    /// Per task where its predictions go, or nil for losses alone.
    private var targets: [UnsafeMutablePointer<Scalar>] = []

    package init(network: Network<Scalar>) {
        self.network = network
        workspace = AlignedStorage(
            zeroed: Self.tileRows * network.model.forwardElementsPerRow * network.pool.count)
        let model = network.model
        gathered = AlignedStorage(
            zeroed: model.embedding.isEmpty
                ? 0 : Self.tileRows * workspaceStride(columns: model.inputWidth) * network.pool.count)
        fields = FixedList(model.embedding.fields)
        turn = TurnPlan(
            network.model, task: nil, sections: 1, rows: Self.tileRows, sharedStateOffset: 0,
            headStateOffset: 0)
        super.init()
    }

    /// Sums of losses and labelled rows per task, over the rows of a batch.
    override package func lossSums(_ batch: BatchView<Scalar>) -> (sums: [Double], counts: [Int]) {
        sweep(batch, hasLabels: true, targets: [])
        let tasks = network.model.tasks.count
        var (sums, counts) = ([Double](repeating: 0, count: tasks), [Int](repeating: 0, count: tasks))
        for cell in partialCounts.indices {
            sums[cell % tasks] += partialLosses[cell]
            counts[cell % tasks] += partialCounts[cell]
        }
        return (sums, counts)
    }

    /// Predictions (or logits) per task, `[rows, outputs]`.
    override package func predictions(_ batch: BatchView<Scalar>, asLogits: Bool) -> [[Scalar]] {
        self.asLogits = asLogits
        var results = network.model.tasks.map { [Scalar](repeating: 0, count: batch.rows * $0.kind.outputs) }
        fill(&results, from: 0, targets: [], batch: batch)
        return results
    }

    /// Opens the arrays one inside the other, so that all their pointers are valid during the sweep.
    private func fill(
        _ results: inout [[Scalar]], from index: Int, targets: [UnsafeMutablePointer<Scalar>],
        batch: BatchView<Scalar>
    ) {
        guard index < results.count else { return sweep(batch, hasLabels: false, targets: targets) }
        var values: [Scalar] = []
        swap(&values, &results[index])
        values.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            fill(&results, from: index + 1, targets: targets + [base], batch: batch)
        }
        swap(&values, &results[index])
    }

    private func sweep(_ batch: BatchView<Scalar>, hasLabels: Bool, targets: [UnsafeMutablePointer<Scalar>]) {
        self.batch = batch
        self.hasLabels = hasLabels
        self.targets = targets
        let tiles = (batch.rows + Self.tileRows - 1) / Self.tileRows
        partialLosses = [Double](repeating: 0, count: tiles * network.model.tasks.count)
        partialCounts = [Int](repeating: 0, count: tiles * network.model.tasks.count)
        partialLosses.withUnsafeMutableBufferPointer { losses in
            partialCounts.withUnsafeMutableBufferPointer { counts in
                sums = (losses, counts)
                network.pool.run(self)
            }
        }
        self.batch = nil
        self.targets = []
    }

    private var sums: (losses: UnsafeMutableBufferPointer<Double>, counts: UnsafeMutableBufferPointer<Int>)?

    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    override package func run(worker: Int) {
        guard let batch, let sums else { return }
        let model = network.model
        let memory = network.memory(
            workspace: workspace.base + worker * Self.tileRows * model.forwardElementsPerRow,
            capacity: Self.tileRows)
        let forward = ForwardPass(
            layers: network.layers.elements, active: turn.view.active, memory: memory,
            product: network.product)
        let tiles = (batch.rows + Self.tileRows - 1) / Self.tileRows
        let workers = network.pool.count
        for tile in tiles * worker / workers..<tiles * (worker + 1) / workers {
            let rows = tile * Self.tileRows..<min((tile + 1) * Self.tileRows, batch.rows)
            let first = batch.start + rows.lowerBound
            forward.run(
                features(batch, rows: rows, worker: worker), rows: 0..<rows.count, worker: worker,
                observer: NoObserver())
            for seat in turn.view.seats {
                let layer = model.layers[seat.layer]
                let logits = memory.view(layer.output, columns: layer.width).rows(0..<rows.count)
                    .columns(seat.column..<seat.column + layer.outputs)
                let rate = model.tasks[seat.task].negativeRate
                if rate < 1 {
                    for row in 0..<logits.rows { logits.base[row * logits.stride] += Scalar(log(rate)) }
                }
                if hasLabels {
                    let labels = batch.labels + first * batch.labelStride + batch.labelColumns[seat.task]
                    let cell = tile * model.tasks.count + seat.task
                    sums.losses[cell] = seat.kind.loss(
                        logits, labels: labels, labelStride: batch.labelStride, scale: 0, gradient: nil,
                        level: network.product.level)
                    sums.counts[cell] = Scalar._countLabelled(
                        level: network.product.level, rows: rows.count, labels: labels,
                        stride: batch.labelStride)
                }
                if !targets.isEmpty {
                    let target = MatrixView(
                        targets[seat.task] + rows.lowerBound * layer.outputs, rows: rows.count,
                        columns: layer.outputs, stride: layer.outputs)
                    if asLogits {
                        target.copy(logits)
                    } else {
                        seat.kind.predict(logits, into: target, level: network.product.level)
                    }
                }
            }
        }
    }

    /// The features of a tile: where the dataset has them, or with the embedded ones looked up.
    private func features(_ batch: BatchView<Scalar>, rows: Range<Int>, worker: Int) -> MatrixView<Scalar> {
        let dense = batch.features.rows(
            batch.start + rows.lowerBound..<batch.start + rows.lowerBound + rows.count)
        let model = network.model
        guard !model.embedding.isEmpty else { return dense }
        let stride = workspaceStride(columns: model.inputWidth)
        let x = MatrixView(
            gathered.base + worker * Self.tileRows * stride, rows: rows.count, columns: model.inputWidth,
            stride: stride)
        x.columns(0..<model.inputs).copy(dense)
        for (index, field) in fields.elements.enumerated() {
            field.forward(
                batch.ids[index], rows: batch.sourceRows(rows), table: model.embedding.tables[field.table],
                parameters: network.parameters.base, x: x.columns(model.inputs..<model.inputWidth),
                level: network.product.level)
        }
        return x
    }
}
