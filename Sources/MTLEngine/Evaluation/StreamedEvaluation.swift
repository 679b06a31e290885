/// How well one task is predicted, over rows that come block by block, in memory that does not grow with them.
///
/// Means are those of all rows. What asks for the order of scores (AUC, precision, lift, KS, F1, ECE) is read off a histogram
/// (`ScoreHistogram`), whose `areaError` bounds by how much AUC may be off for it. What only all rows at once can say is left
/// out: GAUC and order within groups, correlations of ranks, areas of classes, medians.
package struct StreamedEvaluation: Sendable {
    /// The task's name.
    package let task: String
    private let kind: LearningTask.Kind
    private let isDetailed: Bool
    /// Of the labels, rows that count alike and rows by their weights.
    private var (plain, weighted) = (Moments(), Moments())
    /// Per class its rows.
    private var classes: [Double]
    /// Sums of weighted terms, and of their weights; a metric that one block leaves undefined is so for all.
    private var sums: [String: (sum: Double, weight: Double)] = [:]
    private var undefined: Set<String> = []
    private var histogram: ScoreHistogram?

    /// - Parameters:
    ///   - task: the task's name.
    ///   - kind: what it predicts.
    ///   - isDetailed: whether `TaskEvaluation.details` are computed too.
    package init(task: String, kind: LearningTask.Kind, isDetailed: Bool = false) {
        self.task = task
        self.kind = kind
        self.isDetailed = isDetailed
        classes = [Double](repeating: 0, count: kind.classes ?? 0)
        if case .binary = kind { histogram = ScoreHistogram() }
    }

    /// Adds rows.
    ///
    /// - Parameters:
    ///   - predictions: probabilities or values, `[rows]`, or `[rows, classes]`.
    ///   - labels: `[rows]`, NaN where there is none.
    ///   - weights: `[rows]`, how much each row counts, 0 or above; nil for once each.
    @specialized(where Scalar == Float)
    package mutating func add<Scalar: BLASScalar>(
        predictions: [Scalar], labels: [Scalar], weights: [Scalar]? = nil
    ) {
        plain.add(labels, nil)
        weighted.add(labels, weights)
        for (name, value, counted) in Self.terms(kind, predictions, labels, weights) {
            let weight = counted.indices.reduce(0.0) { sum, row in
                counted[row].isNaN ? sum : sum + (weights.map { Double($0[row]) } ?? 1)
            }
            guard weight > 0 else { continue }
            if value == nil { undefined.insert(name) }
            let known = sums[name] ?? (0, 0)
            sums[name] = (known.sum + weight * (value ?? 0), known.weight + weight)
        }
        if kind.classes != nil {
            for label in labels where !label.isNaN { classes[Int(label)] += 1 }
        }
        histogram?.add(predictions, labels, weights)
    }

    /// The metrics that are means of a term over rows, with the labels of the rows that count.
    private static func terms<Scalar: BLASScalar>(
        _ kind: LearningTask.Kind, _ predictions: [Scalar], _ labels: [Scalar], _ weights: [Scalar]?
    ) -> [(String, Double?, [Scalar])] {
        var found: [(String, Double?)] = []
        switch kind {
        case .binary:
            found = [
                ("log loss", Metrics.logLoss(probabilities: predictions, labels: labels, weights: weights)),
                ("accuracy", Metrics.accuracy(probabilities: predictions, labels: labels, weights: weights)),
                ("Brier", Metrics.brierScore(probabilities: predictions, labels: labels, weights: weights)),
            ]
        case .multiclass(let classes), .ordinal(let classes):
            found = [
                (
                    "log loss",
                    Metrics.logLoss(
                        classProbabilities: predictions, classes: classes, labels: labels, weights: weights)
                ),
                (
                    "accuracy",
                    Metrics.accuracy(
                        classProbabilities: predictions, classes: classes, labels: labels, weights: weights)
                ),
            ]
            found += TaskEvaluation.topCounts(classes).map { count in
                (
                    "top-\(count) accuracy",
                    Metrics.topAccuracy(
                        count, classProbabilities: predictions, classes: classes, labels: labels,
                        weights: weights)
                )
            }
            return found.map { ($0, $1, labels) }
        case .quantile(let level):
            found = [
                (
                    "pinball loss",
                    Metrics.pinballLoss(
                        predictions: predictions, labels: labels, level: level, weights: weights)
                ), ("coverage", Metrics.coverage(predictions: predictions, labels: labels, weights: weights)),
            ]
        case .poisson, .tweedie:
            var power = 1.0
            if case .tweedie(let own) = kind { power = own }
            found = [
                (
                    "deviance",
                    Metrics.tweedieDeviance(
                        predictions: predictions, labels: labels, power: power, weights: weights)
                )
            ]
        case .squaredError, .huber, .zeroInflatedLognormal: break
        }
        found.append(("prediction", Metrics.mean(labels, weights, of: predictions) { value, _ in value }))
        guard kind != .binary else { return found.map { ($0, $1, labels) } }
        found += [
            (
                "squared error",
                Metrics.rootMeanSquaredError(predictions: predictions, labels: labels, weights: weights)
                    .map { $0 * $0 }
            ), ("MAE", Metrics.meanAbsoluteError(predictions: predictions, labels: labels, weights: weights)),
        ]
        let share = Metrics.meanAbsolutePercentageError(
            predictions: predictions, labels: labels, weights: weights)
        return found.map { ($0, $1, labels) } + [("MAPE", share, labels.map { $0 == 0 ? .nan : $0 })]
    }

    /// By how much the area under the curve may be off for rows that the histogram ties; nil where there is none.
    package var areaError: Double? { histogram?.areaError }

    /// The metrics of the rows so far.
    package var evaluation: TaskEvaluation {
        func mean(_ name: String) -> Double? {
            guard !undefined.contains(name), let found = sums[name] else { return nil }
            return found.sum / found.weight
        }
        let curve = histogram?.curve
        var evaluation = TaskEvaluation(
            task: task, kind: kind, labels: plain, classes: classes,
            details: isDetailed ? details(curve, mean) : nil)
        evaluation.logLoss = mean("log loss")
        evaluation.areaUnderROC = curve?.areaUnderROC
        evaluation.accuracy = mean("accuracy")
        evaluation.rootMeanSquaredError = mean("squared error")?.squareRoot()
        evaluation.meanAbsoluteError = mean("MAE")
        evaluation.pinballLoss = mean("pinball loss")
        evaluation.coverage = mean("coverage")
        evaluation.deviance = mean("deviance")
        return evaluation
    }

    private func details(
        _ curve: BinaryCurve?, _ mean: (String) -> Double?
    ) -> [(String, Double?)] {
        let ratio = mean("prediction").flatMap { weighted.mean > 0 ? $0 / weighted.mean : nil }
        if let histogram, let curve {
            return TaskEvaluation.details(of: curve) + [
                (
                    "normalised entropy",
                    mean("log loss").flatMap { Metrics.normalized(logLoss: $0, share: weighted.mean) }
                ), ("Brier", mean("Brier")), ("ECE", histogram.expectedCalibrationError),
                ("calibration", ratio),
            ]
        }
        if let classes = kind.classes {
            return TaskEvaluation.topCounts(classes).map {
                ("top-\($0) accuracy", mean("top-\($0) accuracy"))
            }
        }
        let error = mean("squared error")
        return [
            ("R²", error.flatMap { weighted.variance > 0 ? 1 - $0 / weighted.variance : nil }),
            ("MAPE", mean("MAPE")), ("calibration", ratio),
        ]
    }
}

/// Weight, mean and variance of values that come in blocks (Chan, Golub and LeVeque, *Updating Formulae and a Pairwise Algorithm for
/// Computing Sample Variances*, 1979).
struct Moments: Sendable {
    private(set) var rows = 0
    private(set) var (weight, mean) = (0.0, 0.0)
    private var squares = 0.0

    var variance: Double { weight > 0 ? squares / weight : 0 }

    /// Adds values that are no NaN, each by its weight.
    mutating func add<Scalar: BinaryFloatingPoint>(_ values: [Scalar], _ weights: [Scalar]?) {
        rows += values.count { !$0.isNaN }
        let known = values.indices.filter { !values[$0].isNaN }
        func own(_ row: Int) -> Double { weights.map { Double($0[row]) } ?? 1 }
        let total = known.reduce(0) { $0 + own($1) }
        guard total > 0 else { return }
        let center = known.reduce(0) { $0 + own($1) * Double(values[$1]) } / total
        let around = known.reduce(0) { sum, row in
            let distance = Double(values[row]) - center
            return sum + own(row) * distance * distance
        }
        let (all, step) = (weight + total, center - mean)
        squares += around + step * step * weight * total / all
        mean += step * total / all
        weight = all
    }
}
