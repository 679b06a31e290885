/// What the training rows say of a column of numbers.
struct NumberStatistics {
    /// Values up to which quantiles are exact; of more, this many are drawn evenly.
    static let sampleLimit = 200_000

    private(set) var missing = 0
    private var moments = Moments()
    private(set) var least = Double.infinity
    private(set) var greatest = -Double.infinity
    /// Values by the hash of their record: those with the least hashes are a sample that does not depend on who saw them.
    private var sample: [(hash: UInt64, value: Double)] = []
    private let keepsSample: Bool

    init(keepsSample: Bool) { self.keepsSample = keepsSample }

    var count: Int { moments.count }
    var mean: Double { moments.mean }
    /// 0 where all values are the same: what rounding leaves of it would make a scale of its own.
    var deviation: Double { least < greatest ? moments.variance.squareRoot() : 0 }

    /// Adds the values of some records, NaN where missing.
    mutating func add(_ values: [Double], records: [Int]) {
        var present: [Double] = []
        present.reserveCapacity(values.count)
        for (value, record) in zip(values, records) {
            if value.isNaN {
                missing += 1
                continue
            }
            let value = max(-Moments.limit, min(Moments.limit, value))
            least = min(least, value)
            greatest = max(greatest, value)
            present.append(value)
            if keepsSample { sample(value, record) }
        }
        moments.add(present)
    }

    private mutating func sample(_ value: Double, _ record: Int) {
        sample.append((Self.hash(record), value))
        if sample.count >= 2 * Self.sampleLimit { prune() }
    }

    /// Adds what another part of the rows says.
    mutating func merge(_ other: NumberStatistics) {
        missing += other.missing
        moments.merge(other.moments)
        least = min(least, other.least)
        greatest = max(greatest, other.greatest)
        sample += other.sample
        if sample.count >= 2 * Self.sampleLimit { prune() }
    }

    private mutating func prune() {
        sample.sort { $0.hash < $1.hash }
        sample.removeLast(max(0, sample.count - Self.sampleLimit))
    }

    static func hash(_ record: Int) -> UInt64 {
        var z = UInt64(bitPattern: Int64(record)) &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// The sampled values in order.
    mutating func sortedSample() -> [Double] {
        if sample.count > Self.sampleLimit { prune() }
        return sample.map(\.value).sorted()
    }
}

/// The value below which a share of sorted values lies, between neighbours on a line (as NumPy's default).
func quantile(_ sorted: [Double], _ share: Double) -> Double {
    guard let last = sorted.last else { return 0 }
    let place = share * Double(sorted.count - 1)
    let index = Int(place)
    guard index + 1 < sorted.count else { return last }
    return sorted[index] + (place - Double(index)) * (sorted[index + 1] - sorted[index])
}
