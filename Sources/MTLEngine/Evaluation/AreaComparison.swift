#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Two models' areas under the ROC over the same rows, and whether they differ by more than chance: DeLong's test (DeLong, DeLong and
/// Clarke-Pearson, *Comparing the Areas under Two or More Correlated Receiver Operating Characteristic Curves*, Biometrics 44, 1988; in
/// O(n log n) after Sun and Xu, *Fast Implementation of DeLong's Algorithm*, IEEE SPL 21, 2014).
///
/// Rows are taken as drawn independently. Rows of one user are not: then a bootstrap by users is wider, and right.
public struct AreaComparison: Sendable, Equatable {
    /// The areas of the first and of the second model.
    public let (first, second): (Double, Double)
    /// The variances of both, and their covariance.
    public let (firstVariance, secondVariance, covariance): (Double, Double, Double)

    /// Compares; nil where labels of one kind are missing or a score is NaN.
    ///
    /// - Parameters:
    ///   - first: the first model's scores, `[rows]`.
    ///   - second: the second model's, `[rows]`.
    ///   - labels: `[rows]`, 0 or 1, NaN where missing.
    public init?<Scalar: BinaryFloatingPoint>(first: [Scalar], second: [Scalar], labels: [Scalar]) {
        guard let one = Placements(first, labels), let other = Placements(second, labels) else { return nil }
        (self.first, self.second) = (one.area, other.area)
        firstVariance = one.covariance(one)
        secondVariance = other.covariance(other)
        covariance = one.covariance(other)
    }

    /// The second area less the first.
    public var difference: Double { second - first }

    /// The standard error of the difference.
    public var standardError: Double {
        max(0, firstVariance + secondVariance - 2 * covariance).squareRoot()
    }

    /// The chance of a difference as large as this, or larger, between models of equal areas; 1 where both order the rows alike.
    public var pValue: Double {
        guard standardError > 0 else { return difference == 0 ? 1 : 0 }
        return erfc(abs(difference) / standardError / 2.0.squareRoot())
    }

    /// The area that a model has over these rows, and its standard error; nil where it has none.
    public static func area<Scalar: BinaryFloatingPoint>(
        scores: [Scalar], labels: [Scalar]
    ) -> (area: Double, standardError: Double)? {
        guard let own = Placements(scores, labels) else { return nil }
        return (own.area, own.covariance(own).squareRoot())
    }

    /// Per row with label 1 the share of rows with label 0 that score below it, per row with label 0 that of those with 1 above it, equal
    /// scores counting half; both in the order of the rows.
    private struct Placements {
        var positives: [Double] = []
        var negatives: [Double] = []

        init?<Scalar: BinaryFloatingPoint>(_ scores: [Scalar], _ labels: [Scalar]) {
            precondition(scores.count == labels.count, "\(scores.count) scores of \(labels.count) labels")
            let rows = labels.indices.filter { !labels[$0].isNaN }
            guard !rows.contains(where: { scores[$0].isNaN }) else { return nil }
            let (yes, no) = (rows.filter { labels[$0] == 1 }, rows.filter { labels[$0] != 1 })
            guard !yes.isEmpty, !no.isEmpty else { return nil }
            func below(_ own: [Int], _ others: [Int]) -> [Double] {
                let sorted = others.map { scores[$0] }.sorted()
                let order = own.indices.sorted { scores[own[$0]] < scores[own[$1]] }
                var shares = [Double](repeating: 0, count: own.count)
                var (less, upTo) = (0, 0)
                for place in order {
                    let score = scores[own[place]]
                    while less < sorted.count, sorted[less] < score { less += 1 }
                    upTo = max(upTo, less)
                    while upTo < sorted.count, sorted[upTo] <= score { upTo += 1 }
                    shares[place] = Double(less + upTo) / 2 / Double(sorted.count)
                }
                return shares
            }
            positives = below(yes, no)
            negatives = below(no, yes).map { 1 - $0 }
        }

        var area: Double { positives.reduce(0, +) / Double(positives.count) }

        /// That of the two areas; of an area and itself its variance. 0 where rows of one label are single.
        func covariance(_ other: Placements) -> Double {
            func part(_ x: [Double], _ y: [Double]) -> Double {
                guard x.count > 1 else { return 0 }
                let count = Double(x.count)
                let (centerX, centerY) = (x.reduce(0, +) / count, y.reduce(0, +) / count)
                let sum = zip(x, y).reduce(0) { $0 + ($1.0 - centerX) * ($1.1 - centerY) }
                return sum / (count - 1) / count
            }
            return part(positives, other.positives) + part(negatives, other.negatives)
        }
    }
}
