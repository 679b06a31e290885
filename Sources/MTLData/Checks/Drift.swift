#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The population stability index, Σ (q - p) ln(q / p) over bins of the training rows' shares p and another part's q.
///
/// Bins of numbers lie between the training rows' tenths; of categories they are the 19 most frequent and all others.
/// Missing values are a bin. A share below 0.0001 counts as that, so that an empty bin is no infinity.
struct Drift {
    static let bins = 10
    static let categories = 19
    static let leastShare = 1e-4

    private var edges: [Double] = []
    private var places: [UInt64: Int] = [:]
    private var training: [Int]

    init(numbers: [Double]) {
        let sorted = numbers.filter { !$0.isNaN }.sorted()
        for bin in 1..<Self.bins where !sorted.isEmpty {
            let edge = quantile(sorted, Double(bin) / Double(Self.bins))
            if edge > edges.last ?? -.infinity { edges.append(edge) }
        }
        training = []
        training = counts(numbers)
    }

    init(values: [UInt64]) {
        var seen: [UInt64: Int] = [:]
        for value in values { seen[value, default: 0] += 1 }
        let frequent = seen.filter { $0.key != 0 }.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        for (place, value) in frequent.prefix(Self.categories).enumerated() { places[value.key] = place }
        training = []
        training = counts(values)
    }

    /// The last bin is of missing numbers.
    private func counts(_ numbers: [Double]) -> [Int] {
        var counts = [Int](repeating: 0, count: edges.count + 2)
        for number in numbers { counts[number.isNaN ? edges.count + 1 : upperBound(edges, number)] += 1 }
        return counts
    }

    /// The last bins are of other values and of missing ones.
    private func counts(_ values: [UInt64]) -> [Int] {
        var counts = [Int](repeating: 0, count: places.count + 2)
        for value in values { counts[value == 0 ? places.count + 1 : places[value] ?? places.count] += 1 }
        return counts
    }

    /// The index of another part; nil where either has no rows.
    func index(numbers: [Double]) -> Double? { Self.index(training, counts(numbers)) }

    /// The same for categories.
    func index(values: [UInt64]) -> Double? { Self.index(training, counts(values)) }

    static func index(_ training: [Int], _ other: [Int]) -> Double? {
        let (all, others) = (training.reduce(0, +), other.reduce(0, +))
        guard all > 0, others > 0 else { return nil }
        var sum = 0.0
        for (first, second) in zip(training, other) where first + second > 0 {
            let p = max(leastShare, Double(first) / Double(all))
            let q = max(leastShare, Double(second) / Double(others))
            sum += (q - p) * log(q / p)
        }
        return sum
    }

    /// What chance alone gives parts of these sizes, about: (bins - 1) (1 / n + 1 / m).
    static func expected(bins: Int, _ training: Int, _ other: Int) -> Double {
        Double(bins - 1) * (1 / Double(max(1, training)) + 1 / Double(max(1, other)))
    }
}
