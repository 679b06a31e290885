#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// How the tasks were weighed against each other in the steps of an epoch: sums of their weights, and of the cosines between their
/// gradients where the method looks at those.
package struct BalanceSums: Sendable, Equatable, Codable {
    private var steps = 0.0
    private var weights: [Double]
    /// Per pair, `[tasks, tasks]`.
    private var cosines: [Double] = []
    private var pairs: [Double] = []

    init(tasks: Int) { weights = [Double](repeating: 0, count: tasks) }

    mutating func add(_ step: TrainingStep<some BLASScalar>) {
        let (balance, tasks) = (step.current.balance, weights.count)
        steps += 1
        for task in 0..<tasks { weights[task] += balance.weights[task] }
        guard step.hasTaskProducts else { return }
        if cosines.isEmpty {
            cosines = [Double](repeating: 0, count: tasks * tasks)
            pairs = cosines
        }
        for first in 0..<tasks {
            for second in first..<tasks {
                let lengths = balance.gram[first * tasks + first] * balance.gram[second * tasks + second]
                guard lengths > 0, lengths.isFinite else { continue }
                let place = first * tasks + second
                cosines[place] += balance.gram[place] / lengths.squareRoot()
                pairs[place] += 1
            }
        }
    }

    /// Per task its mean weight; nil where there was no step.
    var meanWeights: [Double]? { steps > 0 ? weights.map { $0 / steps } : nil }

    /// Per pair of tasks the mean cosine, `[tasks, tasks]`; NaN where never both had a gradient. Nil for a method without.
    var meanCosines: [Double]? {
        guard !cosines.isEmpty else { return nil }
        let tasks = weights.count
        return cosines.indices.map { index in
            let (row, column) = (index / tasks, index % tasks)
            let place = min(row, column) * tasks + max(row, column)
            return pairs[place] > 0 ? cosines[place] / pairs[place] : .nan
        }
    }
}
