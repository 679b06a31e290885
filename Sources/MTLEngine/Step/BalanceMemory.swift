/// What a step has to weigh its tasks against each other: pointers only.
package struct BalanceRun<Scalar: BLASScalar> {
    /// Whether the rows meet between forward and backward, so that the weights know the batch's losses.
    let meets: Bool
    /// Per task its weight in this step.
    let weights: UnsafeMutablePointer<Double>
    /// Per task the loss of this step, NaN for one that is left out, and behind them those after it; and the products of their
    /// gradients, `[tasks, tasks]`.
    let losses: UnsafeMutablePointer<Double>
    let gram: UnsafeMutablePointer<Double>
    /// The products of each block of rows.
    let partials: UnsafeMutablePointer<Double>
    /// Per loss of the turn the gradient at the frontier, `[rows, width]`.
    let gradients: UnsafeMutablePointer<Scalar>
    /// What becomes of losses and products, nil where the tasks' own weights are all; it outlives the step.
    let memory: Unmanaged<BalancerMemory>?
}

/// What it points at.
final class BalanceMemory<Scalar: BLASScalar> {
    let run: BalanceRun<Scalar>
    private let numbers: AlignedStorage<Double>
    private let partials: AlignedStorage<Double>
    private let gradients: AlignedStorage<Scalar>
    private let balancer: BalancerMemory?

    /// - Parameters:
    ///   - balancer: nil for none; then nothing is taken.
    ///   - width: columns of the frontier, 0 where no gradients of single tasks are asked for.
    init(_ balancer: BalancerMemory?, tasks: Int, rows: Int, blocks: Int, width: Int) {
        self.balancer = balancer
        let pairs = tasks * tasks
        numbers = AlignedStorage(zeroed: balancer == nil ? 0 : 3 * tasks + pairs)
        partials = AlignedStorage(zeroed: width > 0 ? pairs * blocks : 0)
        gradients = AlignedStorage(zeroed: tasks * rows * width)
        run = BalanceRun(
            meets: balancer?.balancing.meets ?? false, weights: numbers.base, losses: numbers.base + tasks,
            gram: numbers.base + 3 * tasks, partials: partials.base, gradients: gradients.base,
            memory: balancer.map { .passUnretained($0) })
    }
}
