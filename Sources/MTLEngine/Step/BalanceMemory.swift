/// What a step has to weigh its tasks against each other: pointers only.
package struct BalanceRun<Scalar: BLASScalar> {
    /// Whether the rows meet between forward and backward, so that the weights know the batch's losses, or the method its products.
    let meets: Bool
    /// Whether the weights are known before the batch is.
    let weighsBefore: Bool
    /// Whether tasks of other turns count in the weights.
    let weighsAll: Bool
    /// Whether the method looks at the gradients of single tasks.
    let splits: Bool
    /// Per task its weight in this step.
    let weights: UnsafeMutablePointer<Double>
    /// Per task the loss of this step, NaN for one that is left out, and behind them those after it; and the products of their
    /// gradients, `[tasks, tasks]`.
    let losses: UnsafeMutablePointer<Double>
    let gram: UnsafeMutablePointer<Double>
    /// The products of each block of rows.
    let partials: UnsafeMutablePointer<Double>
    /// Per block and loss of the turn the sum of the gradients at the frontier over its rows, `[width]`; nil where none is asked for.
    let columnSums: UnsafeMutablePointer<Double>?
    /// The same of all rows, `[tasks, width]`, and the risks that follow, `[tasks]`.
    let slopes: UnsafeMutablePointer<Double>
    let risks: UnsafeMutablePointer<Double>
    /// Per loss of the turn the gradient at the frontier, `[rows, width]`.
    let gradients: UnsafeMutablePointer<Scalar>
    /// Where the gradients are those of parameters: per loss of the turn that of the layers, `[keptLayers]`, and behind it that of the
    /// rows of tables that the batch touches; together `keptStride` elements.
    let kept: UnsafeMutablePointer<Scalar>
    let keptLayers: Int
    let keptStride: Int
    /// What becomes of losses and products, nil where the tasks' own weights are all; it outlives the step.
    let memory: Unmanaged<BalancerMemory>?
}

/// What it points at.
final class BalanceMemory<Scalar: BLASScalar> {
    let run: BalanceRun<Scalar>
    private let numbers: AlignedStorage<Double>
    private let partials: AlignedStorage<Double>
    private let columnSums: AlignedStorage<Double>
    private let slopes: AlignedStorage<Double>
    private let gradients: AlignedStorage<Scalar>
    private let kept: AlignedStorage<Scalar>
    private let balancer: BalancerMemory?

    /// - Parameters:
    ///   - balancer: nil for none; then nothing is taken.
    ///   - blocks: parts that products are summed up of.
    ///   - width: columns of the frontier, 0 where no gradients at it are asked for.
    ///   - kept: elements of layers and tables of which each task's gradient is kept, 0 for none.
    init(
        _ balancer: BalancerMemory?, tasks: Int, rows: Int, blocks: Int, width: Int,
        kept: (layers: Int, tables: Int)
    ) {
        self.balancer = balancer
        let pairs = tasks * tasks
        // Vectors begin with cache lines.
        let layers = (kept.layers + 15) / 16 * 16
        let stride = layers + kept.tables
        self.kept = AlignedStorage(zeroed: tasks * stride)
        numbers = AlignedStorage(zeroed: balancer == nil ? 0 : 3 * tasks + pairs)
        partials = AlignedStorage(zeroed: width > 0 || stride > 0 ? pairs * blocks : 0)
        gradients = AlignedStorage(zeroed: tasks * rows * width)
        let sumsColumns = balancer?.balancing.needs.contains(.excessRisks) ?? false
        columnSums = AlignedStorage(zeroed: sumsColumns ? blocks * tasks * width : 0)
        slopes = AlignedStorage(zeroed: sumsColumns ? tasks * (width + 1) : 0)
        run = BalanceRun(
            meets: balancer?.balancing.meets ?? false,
            weighsBefore: balancer?.balancing.needs.areKnownBefore ?? false,
            weighsAll: balancer?.balancing.weighsAllTasks ?? false,
            splits: balancer?.balancing.needs.areOfGradients ?? false,
            weights: numbers.base, losses: numbers.base + tasks,
            gram: numbers.base + 3 * tasks, partials: partials.base,
            columnSums: sumsColumns ? columnSums.base : nil, slopes: slopes.base,
            risks: slopes.base + (sumsColumns ? tasks * width : 0), gradients: gradients.base,
            kept: self.kept.base, keptLayers: layers, keptStride: stride,
            memory: balancer.map { .passUnretained($0) })
    }
}
