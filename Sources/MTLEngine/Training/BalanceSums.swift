#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// How the tasks were weighed against each other in the steps of an epoch: sums of their weights, and of the cosines between their
/// gradients where the method looks at those.
package struct BalanceSums: Sendable, Equatable, Codable {
    /// Per task the steps in which it was weighed.
    private var steps: [Double]
    private var weights: [Double]
    /// Per pair, `[tasks, tasks]`.
    private var cosines: [Double] = []
    private var pairs: [Double] = []

    init(tasks: Int) {
        weights = [Double](repeating: 0, count: tasks)
        steps = weights
    }

    mutating func add(_ step: TrainingStep<some BLASScalar>, turn: Int) {
        guard step.isWeighed else { return }
        let (balance, tasks) = (step.current.balance, weights.count)
        for task in step.tasks(of: turn) {
            steps[task] += 1
            weights[task] += balance.weights[task]
        }
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

    /// Per task its mean weight, NaN for one without a turn; nil where there was no step.
    var meanWeights: [Double]? {
        steps.contains { $0 > 0 } ? zip(weights, steps).map { $1 > 0 ? $0 / $1 : .nan } : nil
    }

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
