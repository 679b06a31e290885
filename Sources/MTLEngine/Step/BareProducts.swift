/// The matrix products of a training step's dense nodes and nothing else, by OpenBLAS, each worker on its own rows: the bound
/// that a step made of BLAS calls cannot pass.
package final class BareProducts: WorkerJob {
    private let pool: WorkerPool
    private let product = Product<Float>(backend: .openBLAS, instructions: .best)
    private let nodes: [DenseNode]
    private let batch: Int
    /// Per worker its own operands, as large as the widest layer asks for.
    private let inputs: [AlignedStorage<Float>]
    private let outputs: [AlignedStorage<Float>]
    private let weights: [AlignedStorage<Float>]

    package init(_ model: MultiTaskModel, alternating: Bool, batch: Int, threads: Int) throws(InputError) {
        pool = try WorkerPool(count: threads)
        self.batch = batch
        let turns = alternating ? model.tasks.indices.map { Optional($0) } : [nil]
        nodes = turns.flatMap { task in
            Program(model.plan, tasks: model.tasks, task: task).forward.joined().compactMap { entry in
                if case .dense(let node) = entry.node { node } else { nil }
            }
        }
        let rows = batch / threads + 1
        let widest = nodes.map { max($0.layer.blocks * $0.layer.inputs, $0.layer.width) }.max() ?? 1
        let heaviest = nodes.map(\.layer.weightCount).max() ?? 1
        func storage(_ count: Int) -> [AlignedStorage<Float>] {
            (0..<threads).map { _ in AlignedStorage(zeroed: count) }
        }
        inputs = storage(rows * widest)
        outputs = storage(rows * widest)
        weights = storage(2 * heaviest)
        super.init()
    }

    /// All products of one step: of one joint step, or of a turn of every task.
    package func run() { pool.run(self) }

    override package func run(worker: Int) {
        let rows = batch * (worker + 1) / pool.count - batch * worker / pool.count
        guard rows > 0 else { return }
        for node in nodes {
            let layer = node.layer
            // Stacked blocks are one product, as in the step.
            let blocks = layer.isStacked ? 1 : node.blocks.count
            let width = layer.isStacked ? node.columns.count : layer.outputs
            let x = view(inputs[worker], rows: rows, columns: layer.inputs)
            let z = view(outputs[worker], rows: rows, columns: width)
            let w = view(weights[worker], rows: layer.inputs, columns: width)
            let transposed = view(weights[worker], rows: width, columns: layer.inputs)
            for _ in 0..<blocks {
                product.multiply(x, w, into: z)
                product.multiplyTransposed(x, z, into: w, accumulate: false)
                if !node.x.isFeatures { product.multiply(z, transposed, into: x) }
            }
        }
    }

    private func view(_ storage: AlignedStorage<Float>, rows: Int, columns: Int) -> MatrixView<Float> {
        precondition(rows * columns <= storage.count, "[\(rows), \(columns)] in \(storage.count) elements")
        return MatrixView(storage.base, rows: rows, columns: columns, stride: columns)
    }
}
