/// What is best by several costs at once, `[points][costs]`, less of each being better and all of them finite.
package enum ParetoFront {
    /// Whether one point is nowhere worse than another and somewhere better.
    private static func dominates(_ one: [Double], _ other: [Double]) -> Bool {
        var isBetter = false
        for (mine, theirs) in zip(one, other) {
            if mine > theirs { return false }
            if mine < theirs { isBetter = true }
        }
        return isBetter
    }

    /// The points that none dominates, in their order; equal ones are all of them.
    package static func indices(_ points: [[Double]]) -> [Int] {
        points.indices.filter { index in !points.contains { dominates($0, points[index]) } }
    }

    /// The front's point that is nearest to the best that each cost reaches on it, costs scaled to 0 to 1 over the front; of
    /// several the first. Nil where there is no point.
    package static func knee(_ points: [[Double]]) -> Int? { ordered(points, indices(points)).first }

    /// All points, the best first: the front, the front of the others, and so on (non-dominated sorting, Deb et al., IEEE TEC
    /// 6(2), 2002), each from its knee outwards; equal ones in their order.
    package static func order(_ points: [[Double]]) -> [Int] {
        if points.first?.count == 1 {
            return points.indices.sorted { (points[$0][0], $0) < (points[$1][0], $1) }
        }
        var result: [Int] = []
        var rest = Array(points.indices)
        while !rest.isEmpty {
            let front = indices(rest.map { points[$0] }).map { rest[$0] }
            // Only numbers that are none leave no front.
            guard !front.isEmpty else { return result + rest }
            result += ordered(points, front)
            let taken = Set(front)
            rest.removeAll { taken.contains($0) }
        }
        return result
    }

    private static func ordered(_ points: [[Double]], _ front: [Int]) -> [Int] {
        guard let first = front.first else { return [] }
        var distances = [Int: Double]()
        for cost in points[first].indices {
            let values = front.map { points[$0][cost] }
            guard let least = values.min(), let most = values.max(), most > least else { continue }
            for index in front {
                let share = (points[index][cost] - least) / (most - least)
                distances[index, default: 0] += share * share
            }
        }
        return front.sorted { (distances[$0] ?? 0, $0) < (distances[$1] ?? 0, $1) }
    }
}
