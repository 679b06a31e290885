#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The products of some tasks' gradients, in a form that no scale of a task can harm, and memory for solving with them.
///
/// With lengths d and cosines C the products are M = D C D. Solvers work on C, whose numbers are all of size 1, and come back to weights
/// by D⁻¹: a task whose gradients are 10¹² times as long as another's is then as good as any.
final class GramProblem {
    typealias Numbers = UnsafeMutablePointer<Double>

    private(set) var size = 0
    /// M over `scale`, `[size, size]`.
    let products: Numbers
    /// C, with 1 on its diagonal.
    let cosines: Numbers
    /// d over the root of `scale`: the longest is 1.
    let lengths: Numbers
    /// M's largest diagonal entry.
    private(set) var scale = 0.0
    /// The weights, `[size]`: what a solver writes.
    let weights: Numbers
    /// Two matrices and some vectors that a solver may write.
    let square: Numbers
    let basis: Numbers
    let quadratic: BoundedQuadratic

    private let memory: AlignedStorage<Double>
    private let capacity: Int
    private static let vectors = 8

    init(capacity: Int) {
        self.capacity = capacity
        memory = AlignedStorage(zeroed: 4 * capacity * capacity + (Self.vectors + 2) * capacity)
        products = memory.base
        cosines = products + capacity * capacity
        square = cosines + capacity * capacity
        basis = square + capacity * capacity
        lengths = basis + capacity * capacity
        weights = lengths + capacity
        quadratic = BoundedQuadratic(capacity: capacity)
    }

    /// Memory that a solver may write, `[capacity]`.
    func vector(_ index: Int) -> Numbers {
        assert(index < Self.vectors, "vector \(index)")
        return weights + (index + 1) * capacity
    }

    /// Takes no products: only so many weights are wanted.
    func take(count: Int) { size = count }

    /// Takes the products of some of all tasks; each one's square is above 0.
    func take(_ gram: UnsafePointer<Double>, of tasks: Int, _ indices: UnsafePointer<Int>, count: Int) {
        size = count
        scale = 0
        for row in 0..<count { scale = max(scale, gram[indices[row] * (tasks + 1)]) }
        let root = scale.squareRoot()
        for row in 0..<count { lengths[row] = gram[indices[row] * (tasks + 1)].squareRoot() / root }
        for row in 0..<count {
            for column in 0..<count {
                let product = gram[indices[row] * tasks + indices[column]] / scale
                let cosine = row == column ? 1 : product / lengths[row] / lengths[column]
                // Rounding leaves cosines beyond 1; what is no number says nothing of a conflict.
                cosines[row * count + column] = cosine.isNaN ? 0 : min(1, max(-1, cosine))
                products[row * count + column] =
                    cosines[row * count + column] * lengths[row] * lengths[column]
            }
        }
    }

    /// Takes products of two batches' gradients as they are: symmetric they need not be.
    func takeCross(_ gram: UnsafePointer<Double>, of tasks: Int, _ indices: UnsafePointer<Int>, count: Int) {
        size = count
        scale = 1
        for row in 0..<count {
            for column in 0..<count {
                let product = gram[indices[row] * tasks + indices[column]]
                products[row * count + column] = product.isFinite ? product : 0
            }
        }
    }

    /// Every weight the same.
    func fill(_ value: Double) { for index in 0..<size { weights[index] = value } }

    /// Weights = softmax of the vector, times a mass.
    func softmax(_ logits: Numbers, mass: Double = 1) {
        var (largest, sum) = (-Double.infinity, 0.0)
        for index in 0..<size { largest = max(largest, logits[index]) }
        for index in 0..<size {
            weights[index] = exp(logits[index] - largest)
            sum += weights[index]
        }
        for index in 0..<size { weights[index] *= mass / sum }
    }
}
