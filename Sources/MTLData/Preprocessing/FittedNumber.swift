internal import MTLEngine

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What is done to a number, as fitted on the training rows: cut, take the logarithm, fill, scale.
struct FittedNumber: Sendable, Equatable, Codable {
    var clip: [Double]?
    var log = false
    /// What a missing value is taken for, before it is scaled.
    var fill = 0.0
    var offset = 0.0
    var factor = 1.0
    /// Values at even shares of the training rows, for the quantile scale.
    var quantiles: [Double]?
    /// Whether a column says where the value was missing; of a number in bins, whether it has a vector of its own there.
    var flagsMissing = false
    /// The bins that a number has vectors for.
    var bins: PiecewiseBins?

    private enum CodingKeys: String, CodingKey {
        case clip, log, fill, offset, factor, quantiles, flagsMissing, edges
    }

    init() {}

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        clip = try values.decodeIfPresent([Double].self, forKey: .clip)
        log = try values.decode(Bool.self, forKey: .log)
        fill = try values.decode(Double.self, forKey: .fill)
        offset = try values.decode(Double.self, forKey: .offset)
        factor = try values.decode(Double.self, forKey: .factor)
        quantiles = try values.decodeIfPresent(LongList<Double>.self, forKey: .quantiles)?.elements
        flagsMissing = try values.decode(Bool.self, forKey: .flagsMissing)
        bins = try values.decodeIfPresent(LongList<Double>.self, forKey: .edges).map {
            try PiecewiseBins(edges: $0.elements)
        }
    }

    func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encodeIfPresent(clip, forKey: .clip)
        try values.encode(log, forKey: .log)
        try values.encode(fill, forKey: .fill)
        try values.encode(offset, forKey: .offset)
        try values.encode(factor, forKey: .factor)
        try values.encodeIfPresent(quantiles.map { LongList($0) }, forKey: .quantiles)
        try values.encode(flagsMissing, forKey: .flagsMissing)
        try values.encodeIfPresent(bins.map { LongList($0.edges) }, forKey: .edges)
    }

    /// A number that is not missing, cut and in the logarithm.
    func raw(_ value: Double) -> Double {
        var value = value
        if let clip { value = min(max(value, clip[0]), clip[1]) }
        return log ? (value < 0 ? -log1p(-value) : log1p(value)) : value
    }

    /// The feature of a value, NaN where missing.
    func encode(_ value: Double) -> Float {
        if let bins { return Float(bins.position(of: value.isNaN && !flagsMissing ? fill : value)) }
        let number = value.isNaN ? fill : raw(value)
        if let quantiles { return Float(Self.rank(number, in: quantiles)) }
        // Beyond a Float's range nothing is learned; a number that large is cut and not infinite.
        return Float(max(-1e30, min(1e30, (number - offset) * factor)))
    }

    /// The share of values below a number, ties in the middle of their range.
    static func rank(_ value: Double, in sorted: [Double]) -> Double {
        guard sorted.count > 1 else { return 0.5 }
        let below = lowerBound(sorted, value)
        let through = upperBound(sorted, value)
        if below < through { return Double(below + through - 1) / 2 / Double(sorted.count - 1) }
        guard below > 0 else { return 0 }
        guard below < sorted.count else { return 1 }
        let step = (value - sorted[below - 1]) / (sorted[below] - sorted[below - 1])
        return (Double(below - 1) + step) / Double(sorted.count - 1)
    }
}

/// The first index whose element is not below a value.
func lowerBound(_ sorted: [Double], _ value: Double) -> Int {
    var (low, high) = (0, sorted.count)
    while low < high {
        let middle = (low + high) / 2
        if sorted[middle] < value { low = middle + 1 } else { high = middle }
    }
    return low
}

/// The first index whose element is above a value.
func upperBound(_ sorted: [Double], _ value: Double) -> Int {
    var (low, high) = (0, sorted.count)
    while low < high {
        let middle = (low + high) / 2
        if sorted[middle] <= value { low = middle + 1 } else { high = middle }
    }
    return low
}
