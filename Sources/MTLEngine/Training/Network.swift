/// A model with its numbers: the parameter vector, the transposed weights that the backward pass reads, and
/// the workers that compute.
package final class Network<Scalar: BLASScalar>: ParameterStore<Scalar> {
    package let model: SharedBottom
    package let layers: FixedList<Dense>

    package init(_ model: SharedBottom, compute: ComputeOptions) throws(InputError) {
        self.model = model
        layers = FixedList(model.layers)
        try super.init(
            parameterCount: model.layout.count, transposedCount: model.transposedCount, compute: compute)
    }

    /// Fills the parameters: every segment from a stream of its own, so that adding a task changes no other.
    override package func initialize(_ initialization: Initialization, seed: UInt64) {
        let root = SeededGenerator(seed: seed)
        var stream: UInt64 = 0
        for layer in model.layers {
            for block in 0..<layer.blocks {
                var generator = root.split(stream)
                stream += 1
                let weights = layer.weights(block, at: parameters.base)
                initialization.fill(
                    weights: UnsafeMutableBufferPointer(
                        start: weights.base, count: layer.inputs * layer.outputs),
                    biases: UnsafeMutableBufferPointer(
                        start: parameters.base + layer.bias + block * layer.outputs, count: layer.outputs),
                    inputs: layer.inputs, outputs: layer.outputs, generator: &generator)
            }
        }
        // A generator per table, so that a longer table begins like a shorter one.
        for (index, table) in model.embedding.tables.enumerated() {
            var generator = root.split(1 << 40 | UInt64(index))
            let bound = EmbeddingTable.initialBound
            let rows = parameters.base + table.parameters
            for index in 0..<table.rows * table.width {
                rows[index] = Scalar((2 * generator.uniform() - 1) * bound)
            }
        }
        refreshTransposes()
    }

    /// To be called whenever the parameters were changed from outside a step.
    override package func refreshTransposes() {
        let memory = self.memory(workspace: parameters.base, capacity: 0)
        for layer in model.layers where layer.transposed != nil {
            for block in 0..<layer.blocks {
                layer.refreshTransposed(
                    block: block, rows: 0..<layer.inputs, memory: memory, level: product.level)
            }
        }
    }

    package func memory(workspace: UnsafeMutablePointer<Scalar>, capacity: Int) -> NetworkMemory<Scalar> {
        NetworkMemory(
            parameters: parameters.base, transposes: transposes.base, workspace: workspace, capacity: capacity
        )
    }
}

/// How a model computes: which never changes what it computes beyond rounding.
public struct ComputeOptions: Sendable, Equatable {
    /// Workers, counting the caller. The bits of the result do not depend on it (up to 4 with OpenBLAS).
    public var threads: Int
    /// What multiplies matrices.
    public var backend: MatrixBackend
    /// The vector instructions of the engine's own kernels.
    public var instructions: InstructionSet

    /// By default one thread, the back end and the instructions that suit this machine.
    public init(
        threads: Int = 1, backend: MatrixBackend = .automatic, instructions: InstructionSet = .best
    ) {
        self.threads = threads
        self.backend = backend
        self.instructions = instructions
    }
}

/// The forward pass over some rows: what training and prediction share.
package struct ForwardPass<Scalar: BLASScalar> {
    package let layers: UnsafeBufferPointer<Dense>
    package let active: UnsafeBufferPointer<(layer: Int, active: Range<Int>)>
    package let memory: NetworkMemory<Scalar>
    package let product: Product<Scalar>

    /// Runs the active layers on `rows` of the chunk; `x` holds the features of the whole chunk.
    package func run<Observer: StepObserver>(
        _ x: MatrixView<Scalar>, rows: Range<Int>, skippingFirst: Bool = false, worker: Int,
        observer: Observer
    ) {
        for (index, blocks) in active {
            if skippingFirst && index == 0 { continue }
            let layer = layers[index]
            observer.observe(
                .forward, index: index, worker: worker,
                work: layer.productOperations(rows: rows.count, active: blocks)
            ) {
                layer.forward(
                    input(of: index, x).rows(rows), rows: rows, active: blocks, memory: memory,
                    product: product)
            }
        }
    }

    /// What a layer reads, for the whole chunk.
    package func input(of index: Int, _ x: MatrixView<Scalar>) -> MatrixView<Scalar> {
        switch layers[index].source {
        case .features: return x
        case .layer(let below): return memory.view(layers[below].output, columns: layers[below].width)
        }
    }
}
