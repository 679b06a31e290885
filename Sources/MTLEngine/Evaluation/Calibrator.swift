#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A rising map from predicted probabilities to those that come true as often as they say, fitted on rows that the model did not learn from.
///
/// z = ln(p / (1 - p)), taken within ±30.
public enum Calibrator: Sendable, Equatable, Codable {
    /// How a map is found.
    public enum Method: String, Sendable, CaseIterable, Codable {
        /// σ(a z + b), labels drawn a little towards one half (Platt, 1999): `sklearn.calibration`'s "sigmoid".
        case platt
        /// σ(z / T) (Guo et al., arXiv 1706.04599).
        case temperature
        /// σ(a ln p - b ln(1 - p) + c) with a and b at least 0 (Kull et al., AISTATS 2017).
        case beta
        /// The closest steps that rise, straight lines between them (Zadrozny & Elkan, 2002): scikit-learn's `IsotonicRegression`.
        case isotonic
    }

    case sigmoid(slope: Double, intercept: Double)
    case beta(a: Double, b: Double, c: Double)
    /// Values at rising predictions, and straight lines between; beyond the ends the values there.
    case steps(predictions: [Double], values: [Double])

    /// Fits a map to rows whose labels are known.
    ///
    /// - Parameters:
    ///   - method: how.
    ///   - probabilities: `[rows]`, 0 to 1.
    ///   - labels: `[rows]`, 0 or 1, NaN where missing.
    /// - Throws: `InputError` where there are not labels of both kinds, or a probability is no number.
    public init(
        _ method: Method, probabilities: [Double], labels: [Double]
    ) throws(InputError) {
        precondition(probabilities.count == labels.count, "\(probabilities.count) of \(labels.count) labels")
        let rows = labels.indices.filter { !labels[$0].isNaN }
        if let row = rows.first(where: { !(0...1).contains(probabilities[$0]) }) {
            throw InputError(
                .value, at: "calibration, row \(row + 1)", found: "\(probabilities[row])", expected: "0 to 1")
        }
        let (p, y) = (rows.map { probabilities[$0] }, rows.map { labels[$0] })
        let (yes, all) = (Double(y.count { $0 == 1 }), Double(y.count))
        guard yes > 0, yes < all else {
            throw InputError(
                .value, at: "calibration", found: "\(Int(yes)) of \(Int(all)) labels are 1",
                expected: "labels of both kinds")
        }
        let ones = [Double](repeating: 1, count: y.count)
        func fit(_ columns: [[Double]], _ targets: [Double], from start: [Double]) -> [Double] {
            LogisticFit(
                columns: columns, offsets: nil, targets: targets, weights: ones,
                ridge: start.map { _ in 1e-9 }
            ).coefficients(from: start)
        }
        switch method {
        case .platt:
            let targets = y.map { $0 == 1 ? (yes + 1) / (yes + 2) : 1 / (all - yes + 2) }
            let found = fit([p.map(Self.logit), ones], targets, from: [1, 0])
            self = .sigmoid(slope: found[0], intercept: found[1])
        case .temperature:
            self = .sigmoid(slope: fit([p.map(Self.logit)], y, from: [1])[0], intercept: 0)
        case .beta:
            let (x, rest) = (p.map { log(Self.inside($0)) }, p.map { -log(Self.inside(1 - $0)) })
            var found = fit([x, rest, ones], y, from: [1, 1, 0])
            if found[0] < 0 {
                let two = fit([rest, ones], y, from: [1, 0])
                found = [0, two[0], two[1]]
            } else if found[1] < 0 {
                let two = fit([x, ones], y, from: [1, 0])
                found = [two[0], 0, two[1]]
            }
            self = .beta(a: found[0], b: found[1], c: found[2])
        case .isotonic: self = Self.isotonic(p, y)
        }
        // A falling map would turn the order round; nothing that rises is then better than the rate.
        if !isValid { self = .sigmoid(slope: 0, intercept: Self.logit(yes / all)) }
    }

    /// The calibrated probability; NaN of NaN.
    public func probability(_ p: Double) -> Double {
        guard !p.isNaN else { return p }
        switch self {
        case .sigmoid(let slope, let intercept): return Self.sigmoid(slope * Self.logit(p) + intercept)
        case .beta(let a, let b, let c):
            return Self.sigmoid(a * log(Self.inside(p)) - b * log(Self.inside(1 - p)) + c)
        case .steps(let predictions, let values):
            var (low, high) = (0, predictions.count)
            while low < high {
                let middle = (low + high) / 2
                if predictions[middle] <= p { low = middle + 1 } else { high = middle }
            }
            guard low > 0 else { return values[0] }
            guard low < predictions.count else { return values[low - 1] }
            let width = predictions[low] - predictions[low - 1]
            let share = width > 0 ? (p - predictions[low - 1]) / width : 0
            return values[low - 1] + share * (values[low] - values[low - 1])
        }
    }

    /// Whether all numbers are such as a fit gives.
    package var isValid: Bool {
        switch self {
        case .sigmoid(let slope, let intercept): slope >= 0 && slope.isFinite && intercept.isFinite
        case .beta(let a, let b, let c):
            a >= 0 && b >= 0 && a.isFinite && b.isFinite && c.isFinite
        case .steps(let predictions, let values):
            !predictions.isEmpty && predictions.count == values.count
                && (predictions + values).allSatisfy { (0...1).contains($0) }
                && zip(predictions, predictions.dropFirst()).allSatisfy { $0 < $1 }
                && zip(values, values.dropFirst()).allSatisfy { $0 <= $1 }
        }
    }

    static func sigmoid(_ z: Double) -> Double { 1 / (1 + exp(-z)) }

    /// ln(p / (1 - p)) within ±30.
    static func logit(_ p: Double) -> Double { max(-30, min(30, log(p) - log1p(-p))) }

    /// A probability whose logarithm is finite.
    private static func inside(_ p: Double) -> Double { max(p, 1e-13) }

    /// Pools neighbours whose means fall. A mean of 0 or 1 becomes that of half a row more of the other kind: no rows say never or always.
    private static func isotonic(_ p: [Double], _ y: [Double]) -> Calibrator {
        let order = p.indices.sorted { p[$0] < p[$1] }
        var blocks: [(first: Double, last: Double, sum: Double, count: Double)] = []
        for row in order {
            if let last = blocks.last, last.last == p[row] {
                blocks[blocks.count - 1].sum += y[row]
                blocks[blocks.count - 1].count += 1
            } else {
                blocks.append((p[row], p[row], y[row], 1))
            }
        }
        var pooled: [(first: Double, last: Double, sum: Double, count: Double)] = []
        for block in blocks {
            pooled.append(block)
            while pooled.count > 1 {
                let (one, two) = (pooled[pooled.count - 2], pooled[pooled.count - 1])
                guard one.sum * two.count >= two.sum * one.count else { break }
                pooled.removeLast(2)
                pooled.append((one.first, two.last, one.sum + two.sum, one.count + two.count))
            }
        }
        var (predictions, values): ([Double], [Double]) = ([], [])
        var means = pooled.map { $0.sum / $0.count }
        if means.count > 1 {
            if means[0] == 0 { means[0] = min(0.5 / (pooled[0].count + 0.5), means[1]) }
            let (last, count) = (means.count - 1, pooled[means.count - 1].count)
            if means[last] == 1 { means[last] = max(count / (count + 0.5), means[last - 1]) }
        }
        for (block, mean) in zip(pooled, means) {
            for place in block.first < block.last ? [block.first, block.last] : [block.first] {
                predictions.append(place)
                values.append(mean)
            }
        }
        return .steps(predictions: predictions, values: values)
    }
}
