#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Metrics of numbers whose loss is no squared error; definitions are scikit-learn's.
extension Metrics {
    /// Mean of level (label - prediction) above the prediction and (1 - level)(prediction - label) below it
    /// (`mean_pinball_loss`), in the label's unit; nil without a labelled row.
    ///
    /// - Parameters:
    ///   - predictions: `[rows]`.
    ///   - labels: `[rows]`, NaN where missing.
    ///   - level: the quantile's level, above 0 and below 1.
    public static func pinballLoss<Scalar: BinaryFloatingPoint>(
        predictions: [Scalar], labels: [Scalar], level: Double
    ) -> Double? {
        mean(predictions, labels) { prediction, label in
            label > prediction ? level * (label - prediction) : (1 - level) * (prediction - label)
        }
    }

    /// The share of labels at or below their prediction; nil without a labelled row.
    public static func coverage<Scalar: BinaryFloatingPoint>(
        predictions: [Scalar], labels: [Scalar]
    ) -> Double? {
        mean(predictions, labels) { $1 <= $0 ? 1 : 0 }
    }

    /// Mean Tweedie deviance of a power from 1 (Poisson) to below 2 (`mean_tweedie_deviance`); nil without a labelled row, or where a
    /// label is below 0 or a prediction not above it.
    public static func tweedieDeviance<Scalar: BinaryFloatingPoint>(
        predictions: [Scalar], labels: [Scalar], power: Double
    ) -> Double? {
        precondition(power >= 1 && power < 2, "a power of \(power)")
        for (prediction, label) in zip(predictions, labels) where !label.isNaN {
            guard label >= 0, prediction > 0 else { return nil }
        }
        return mean(predictions, labels) { prediction, label in
            if power == 1 {
                return 2 * ((label > 0 ? label * log(label / prediction) : 0) - label + prediction)
            }
            let (first, second) = (1 - power, 2 - power)
            return 2
                * (pow(label, second) / (first * second) - label * pow(prediction, first) / first
                    + pow(prediction, second) / second)
        }
    }

    private static func mean<Scalar: BinaryFloatingPoint>(
        _ predictions: [Scalar], _ labels: [Scalar], _ term: (Double, Double) -> Double
    ) -> Double? {
        precondition(
            predictions.count == labels.count, "\(predictions.count) predictions, \(labels.count) labels")
        var (sum, count) = (0.0, 0)
        for (prediction, label) in zip(predictions, labels) where !label.isNaN {
            sum += term(Double(prediction), Double(label))
            count += 1
        }
        return count > 0 ? sum / Double(count) : nil
    }
}
