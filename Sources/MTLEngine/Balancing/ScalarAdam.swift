#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Adam for one number of each task, PyTorch's definition (`torch.optim.Adam`, β .9 and .999, ε 1e-8, decay added to the gradient). A
/// task that is left out of a step keeps its moments and its count, as a parameter without a gradient does there.
struct ScalarAdam {
    /// Rows of the state: values, two moments, counts.
    static let rows = 4

    let values: UnsafeMutablePointer<Double>
    let tasks: Int
    let rate: Double
    var decay = 0.0
    /// Values stay in -bound...bound: exp of them and their softmax stay numbers whatever the losses do.
    static let bound = 60.0

    func step(_ task: Int, _ slope: Double) {
        let (first, second, count) = (values + tasks, values + 2 * tasks, values + 3 * tasks)
        // Beyond this its square is infinite, and then the step no number.
        let gradient = min(1e150, max(-1e150, slope + decay * values[task]))
        count[task] += 1
        first[task] += 0.1 * (gradient - first[task])
        second[task] = 0.999 * second[task] + 0.001 * gradient * gradient
        let correction = (1 - pow(0.999, count[task])).squareRoot()
        let size = second[task].squareRoot() / correction + 1e-8
        values[task] -= rate / (1 - pow(0.9, count[task])) * first[task] / size
        values[task] = min(Self.bound, max(-Self.bound, values[task]))
    }
}
