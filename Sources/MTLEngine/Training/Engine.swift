/// A model's numbers and workers, whatever the model: what a trainer and a predictor hold.
package class ParameterStore<Scalar: BLASScalar> {
    package let parameters: AlignedStorage<Scalar>
    /// Transposed weights that the backward pass reads.
    package let transposes: AlignedStorage<Scalar>
    package let pool: WorkerPool
    package let product: Product<Scalar>

    package init(parameterCount: Int, transposedCount: Int, compute: ComputeOptions) throws(InputError) {
        guard compute.instructions.isAvailable else {
            throw InputError(
                .value, at: "instruction set", found: "\(compute.instructions)",
                expected: "at most \(InstructionSet.best) on this machine")
        }
        pool = try WorkerPool(count: compute.threads)
        product = Product(backend: compute.backend, instructions: compute.instructions)
        parameters = AlignedStorage(zeroed: parameterCount)
        transposes = AlignedStorage(zeroed: transposedCount)
    }

    /// Fills the parameters.
    package func initialize(_ initialization: Initialization, seed: UInt64) {
        preconditionFailure("a store says how its parameters begin")
    }

    /// To be called whenever the parameters were changed from outside a step.
    package func refreshTransposes() {}
}

/// What trains a model: one batch at a time. One dynamic call a step; nothing below it is dynamic.
package class TrainingEngine<Scalar: BLASScalar>: WorkerJob {
    /// The latest unweighted losses, `[tasks]`: see `meanLoss`.
    package let losses: UnsafeMutableBufferPointer<Double>
    /// Where a profile writes down what the workers do, or nil.
    package var timeline: StepTimeline?

    package init(tasks: Int) {
        losses = .allocate(capacity: tasks)
        losses.initialize(repeating: .nan)
        super.init()
    }

    deinit { losses.deallocate() }

    /// Steps on a batch: all tasks at once (joint), or the turn of one task (alternating).
    ///
    /// - Returns: false where the turn was skipped because no row of the batch has a label of its task.
    @discardableResult
    package func step(_ batch: BatchView<Scalar>, turn: Int = 0, updates: Bool = true) -> Bool {
        preconditionFailure("an engine says how it steps")
    }

    /// The gradient that the latest step left in a segment, in PyTorch's order.
    package func gradient(_ segment: ParameterSegment) -> [Scalar] {
        preconditionFailure("an engine says where its gradients lie")
    }
}

/// What answers for a model: predictions and losses over whole datasets.
package class InferenceEngine<Scalar: BLASScalar>: WorkerJob {
    /// Mean losses per task over the labelled rows of a dataset; NaN for a task without one.
    package final func losses(_ source: BatchSource<Scalar>) -> [Double] {
        let (sums, counts) = withExtendedLifetime(source) {
            lossSums(source.batch(start: 0, rows: source.dataset.rowCount))
        }
        return zip(sums, counts).map { meanLoss($0, Double($1)) }
    }

    /// Sums of losses and labelled rows per task, over the rows of a batch.
    package func lossSums(_ batch: BatchView<Scalar>) -> (sums: [Double], counts: [Int]) {
        preconditionFailure("an engine says how it judges")
    }

    /// Per scenario its rows and the sums of all recorded gates' columns over them.
    package func gateSums(_ batch: BatchView<Scalar>) -> [(rows: Int, sums: [Double])] { [] }

    /// Predictions (or logits) per task, `[rows, outputs]`.
    package func predictions(_ batch: BatchView<Scalar>, asLogits: Bool) -> [[Scalar]] {
        preconditionFailure("an engine says how it predicts")
    }
}
