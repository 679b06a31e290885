/// Groups of tasks by how much each two of them go together: the partition whose pairs within groups sum up to most.
///
/// With cosines of gradients as affinities two tasks whose gradients point the same way are drawn together, and two that fight are
/// kept apart: correlation clustering (Bansal, Blum and Chawla, *Machine Learning* 56, 2004), which finds the number of groups
/// too. Up to ten tasks all partitions are tried; beyond, the two groups that gain most are joined for as long as any gain.
package struct TaskGrouping: Sendable, Equatable {
    /// Tasks by their places, rising; groups by their first task.
    package private(set) var groups: [[Int]]
    /// The mean affinity of pairs within groups, and of pairs of two groups; nil where there is none.
    package private(set) var within: Double?
    package private(set) var between: Double?

    /// The most tasks whose partitions are all tried: 115,975 of them.
    static let exhaustiveLimit = 10

    /// - Parameters:
    ///   - affinity: `[tasks, tasks]`, symmetric; NaN for a pair of which nothing is known, which counts as 0.
    ///   - tasks: how many.
    package init(affinity: [Double], tasks: Int) {
        let gains = affinity.map { $0.isNaN ? 0 : $0 }
        let labels =
            tasks <= Self.exhaustiveLimit ? Self.best(gains, tasks) : Self.joined(gains, tasks)
        groups = (0..<tasks).filter { !labels[..<$0].contains(labels[$0]) }.map { first in
            (0..<tasks).filter { labels[$0] == labels[first] }
        }
        func mean(_ isWithin: Bool) -> Double? {
            var (sum, count) = (0.0, 0)
            for first in 0..<tasks {
                for second in 0..<first
                where (labels[first] == labels[second]) == isWithin && !affinity[first * tasks + second].isNaN
                {
                    sum += affinity[first * tasks + second]
                    count += 1
                }
            }
            return count > 0 ? sum / Double(count) : nil
        }
        within = mean(true)
        between = mean(false)
    }

    /// Per task its group, of the best partition; of several the first in the order of the tasks' labels, which joins early tasks.
    private static func best(_ gains: [Double], _ tasks: Int) -> [Int] {
        var labels = [Int](repeating: 0, count: tasks)
        var (best, most) = (labels, -Double.infinity)
        func place(_ task: Int, _ groups: Int, _ sum: Double) {
            guard task < tasks else {
                // Rounding alone does not make a partition better.
                if sum > most + 1e-12 { (best, most) = (labels, sum) }
                return
            }
            for group in 0...groups {
                labels[task] = group
                var gain = 0.0
                for other in 0..<task where labels[other] == group { gain += gains[task * tasks + other] }
                place(task + 1, max(groups, group + 1), sum + gain)
            }
        }
        place(0, 0, 0)
        return best
    }

    private static func joined(_ gains: [Double], _ tasks: Int) -> [Int] {
        var labels = Array(0..<tasks)
        var sums = gains
        var alive = Array(0..<tasks)
        while true {
            var found: (first: Int, second: Int, gain: Double)?
            for (place, first) in alive.enumerated() {
                for second in alive[(place + 1)...] where sums[first * tasks + second] > found?.gain ?? 1e-12
                {
                    found = (first, second, sums[first * tasks + second])
                }
            }
            guard let (first, second, _) = found else { return labels }
            for task in 0..<tasks where labels[task] == second { labels[task] = first }
            alive.removeAll { $0 == second }
            for other in alive {
                sums[first * tasks + other] += sums[second * tasks + other]
                sums[other * tasks + first] = sums[first * tasks + other]
            }
        }
    }
}
