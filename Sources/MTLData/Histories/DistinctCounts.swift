/// How many different items any run of a group has: those whose last appearance within the group is before the run began.
///
/// Runs up to `leaf` items are looked through; beyond, sorted runs of doubling length are searched, so that a count takes
/// O(leaf + log² n). Each doubling up to the largest group costs 4 bytes an item.
struct DistinctCounts: Sendable {
    private static let leaf = 1024
    /// Nothing to count.
    private static let none = Int32.max

    /// Per item its last appearance, counted from the group's beginning; -1 where there is none.
    private let previous: [Int32]
    /// Level l: runs of leaf · 2^l, each sorted.
    private let levels: [[Int32]]

    /// Group g is items[starts[g] ..< starts[g + 1]]; negative items do not count.
    init(_ items: [Int32], itemCount: Int, starts: [Int]) {
        var previous = [Int32](repeating: Self.none, count: items.count)
        // Places in the whole of the items, so that nothing need be cleared between groups.
        var seen = [Int](repeating: -1, count: itemCount)
        var largest = 0
        for (start, end) in zip(starts, starts.dropFirst()) {
            largest = max(largest, end - start)
            for index in start..<end where items[index] >= 0 {
                let last = seen[Int(items[index])]
                previous[index] = last >= start ? Int32(last - start) : -1
                seen[Int(items[index])] = index
            }
        }
        var levels: [[Int32]] = []
        var size = Self.leaf
        while size <= largest {
            levels.append(Self.sorted(levels.last ?? previous, size: size, isFirst: levels.isEmpty))
            size *= 2
        }
        self.previous = previous
        self.levels = levels
    }

    private static func sorted(_ below: [Int32], size: Int, isFirst: Bool) -> [Int32] {
        var result = below
        for start in stride(from: 0, to: below.count, by: size) {
            let end = min(start + size, below.count)
            let middle = start + size / 2
            if isFirst {
                result[start..<end].sort()
            } else if middle < end {
                var (left, right) = (start, middle)
                for place in start..<end {
                    if right == end || (left < middle && below[left] <= below[right]) {
                        result[place] = below[left]
                        left += 1
                    } else {
                        result[place] = below[right]
                        right += 1
                    }
                }
            }
        }
        return result
    }

    /// The different items of first ..< last in a group that begins at `start`.
    func count(_ first: Int, _ last: Int, start: Int) -> Int {
        let limit = Int32(first - start)
        var total = 0
        var place = first
        while place < last {
            var level = levels.count - 1
            while level >= 0, place % (Self.leaf << level) != 0 || place + (Self.leaf << level) > last {
                level -= 1
            }
            if level >= 0 {
                let end = place + (Self.leaf << level)
                total += Self.below(limit, in: levels[level], place, end) - place
                place = end
            } else {
                let end = min(last, (place / Self.leaf + 1) * Self.leaf)
                for index in place..<end where previous[index] < limit { total += 1 }
                place = end
            }
        }
        return total
    }

    private static func below(_ limit: Int32, in sorted: [Int32], _ first: Int, _ last: Int) -> Int {
        var (low, high) = (first, last)
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle] < limit { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
