#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What becomes of a number before it is learned, so that losses of labels in any unit begin at about the same size:
/// (f(label) - shift) / scale, f the identity or log(1 + label). Predictions come back in the label's unit.
///
/// Models with a log link (Poisson, Tweedie, zero-inflated lognormal) have a scale alone: what they learn is then the logarithm of the
/// mean in that unit.
public struct LabelScale: Sendable, Equatable, Codable, BitwiseCopyable {
    /// What is taken off.
    public let shift: Double
    /// What is divided by; above 0.
    public let scale: Double
    /// Whether log(1 + label) is taken first. What comes back is then exp of what is expected of the logarithm: near the median
    /// of a skewed label, below its mean.
    public let isLogarithmic: Bool

    /// Labels as they are.
    public static let identity = LabelScale(shift: 0, scale: 1)

    /// A scale of given numbers; a model refuses what is no finite number, and a scale that is not above 0.
    public init(shift: Double, scale: Double, isLogarithmic: Bool = false) {
        self.shift = shift
        self.scale = scale
        self.isLogarithmic = isLogarithmic
    }

    /// Whether labels are learned as they are.
    public var isIdentity: Bool { self == .identity }

    /// A label as it is learned; NaN for NaN.
    @inline(__always)
    public func encode(_ label: Double) -> Double {
        ((isLogarithmic ? log1p(label) : label) - shift) / scale
    }

    /// A number in the label's unit.
    @inline(__always)
    public func decode(_ value: Double) -> Double {
        let value = shift + scale * value
        return isLogarithmic ? expm1(value) : value
    }

    /// Predictions in the label's unit, cut to what the type holds: an exponential of far-off rows is no prediction, but no infinity
    /// either.
    @inline(__always)
    package func decode<Scalar: BLASScalar>(_ values: MatrixView<Scalar>) {
        guard !isIdentity else { return }
        let most = Double(Scalar.greatestFiniteMagnitude)
        for row in 0..<values.rows {
            for column in 0..<values.columns {
                let value = decode(Double(values.base[row * values.stride + column]))
                values.base[row * values.stride + column] = Scalar(
                    value.isNaN ? value : max(-most, min(most, value)))
            }
        }
    }
}

/// What the labels of training rows come to, by the rows' weights: all that any loss's scale is made of.
package struct LabelMoments: Sendable, Equatable, Codable {
    /// Of the labels, or of log(1 + label) where the logarithm is learned.
    package var mean = 0.0
    package var deviation = 0.0
    package var isLogarithmic = false
    /// The mean logarithm of the labels above 0; nil where there is none, or one below 0.
    package var meanLogOfPositive: Double?
    /// Per class its rows, whatever they weigh (no and yes are two); empty for a regression.
    package var classes: [Double] = []

    package init() {}

    /// The scale that brings labels to a size of about 1: standardised, or where the loss has a log link divided by their mean or by
    /// the geometric mean of payments. Labels that are all the same are shifted alone.
    package func scale(_ kind: LearningTask.Kind) -> LabelScale {
        func sound(_ scale: Double) -> Double { scale > 0 && scale.isFinite ? scale : 1 }
        switch kind {
        case .binary, .multiclass, .ordinal: return .identity
        case .squaredError, .huber, .quantile:
            return LabelScale(shift: mean, scale: sound(deviation), isLogarithmic: isLogarithmic)
        case .poisson, .tweedie: return LabelScale(shift: 0, scale: sound(mean))
        case .zeroInflatedLognormal:
            return LabelScale(shift: 0, scale: sound(meanLogOfPositive.map { exp($0) } ?? 1))
        }
    }
}

extension LearningTask.Kind {
    /// Whether labels below 0 have no loss.
    package var needsPositive: Bool {
        switch self {
        case .poisson, .tweedie, .zeroInflatedLognormal: true
        default: false
        }
    }
}

extension LearningTask {
    /// The same regression task with labels brought to a size of about 1, by the training rows' mean and deviation (of labels
    /// with a log link by their mean). Its loss, and Huber's delta with it, are in these units; predictions and metrics in the
    /// label's. To be done before the model is made, and saved with it (`labelScale`).
    ///
    /// - Parameters:
    ///   - training: the rows that are learned from, with the task's label; by the rows' weights where they have any.
    ///   - isLogarithmic: whether log(1 + label) is learned; labels below 0 are then refused.
    /// - Throws: `InputError` where there is no such label, no row that has it, or one that the loss does not allow.
    public func scaled<Scalar>(
        to training: Dataset<Scalar>, isLogarithmic: Bool = false
    ) throws(InputError) -> LearningTask {
        if isLogarithmic {
            switch kind {
            case .squaredError, .huber, .quantile: break
            default:
                throw InputError(
                    .value, at: "task \"\(name)\", label scale", found: "a logarithm",
                    expected: "none: the task has classes, or its loss a logarithm of its own")
            }
        }
        var task = self
        task.labelScale = LabelScale(shift: 0, scale: 1, isLogarithmic: isLogarithmic)
        try task.checkLabels(training)
        let (column, width) = (try training.labelColumn(name), training.labelNames.count)
        func sum(_ term: (Double) -> Double?) -> (sum: Double, weight: Double) {
            var (sum, total) = (0.0, 0.0)
            for row in 0..<training.rowCount {
                let label = Double(training.labels.base[row * width + column])
                guard !label.isNaN, let value = term(label) else { continue }
                let weight = training.labelWeights.map { Double($0.base[row * width + column]) } ?? 1
                (sum, total) = (sum + weight * value, total + weight)
            }
            return (sum, total)
        }
        func mean(_ term: (Double) -> Double?) -> Double? {
            let found = sum(term)
            return found.weight > 0 ? found.sum / found.weight : nil
        }
        var moments = LabelMoments()
        moments.isLogarithmic = isLogarithmic
        let centre = mean { isLogarithmic ? log1p($0) : $0 } ?? 0
        moments.mean = centre
        moments.deviation =
            (mean {
                let distance = (isLogarithmic ? log1p($0) : $0) - centre
                return distance * distance
            } ?? 0).squareRoot()
        moments.meanLogOfPositive = mean { $0 > 0 ? log($0) : nil }
        task.labelScale = moments.scale(kind)
        return task
    }
}
