import Charts
import MTLEngine

/// The drawings of one task's predictions beside its labels.
struct TaskCurves {
    private(set) var drawings: [String] = []

    init(_ predictions: [Float], _ labels: [Float], _ kind: LearningTask.Kind) {
        switch kind {
        case .binary: binary(predictions, labels)
        case .squaredError, .huber, .quantile, .poisson, .tweedie, .zeroInflatedLognormal:
            numbers(predictions, labels)
        case .multiclass, .ordinal: break
        }
    }

    private mutating func binary(_ predictions: [Float], _ labels: [Float]) {
        let curve = BinaryCurve(scores: predictions, labels: labels)
        guard curve.positives > 0, curve.negatives > 0 else { return }
        let (yes, no) = (curve.positives, curve.negatives)
        let roc = curve.thresholds.indices.map {
            (x: curve.falsePositives[$0] / no, y: curve.truePositives[$0] / yes)
        }
        let area = curve.areaUnderROC.map { Self.text($0) } ?? "-"
        drawings.append(
            LineChart(
                "ROC, area \(area)", x: "share of no let through", y: "share of yes let through",
                [
                    LineChart.Series("", [(0, 0)] + roc),
                    LineChart.Series("by chance", [(0, 0), (1, 1)], isGuide: true),
                ], xRange: 0...1, yRange: 0...1
            ).svg)
        let precision = curve.thresholds.indices.map { place in
            (
                x: curve.truePositives[place] / yes,
                y: curve.truePositives[place] / (curve.truePositives[place] + curve.falsePositives[place])
            )
        }
        drawings.append(
            LineChart(
                "Precision over recall, area \(curve.averagePrecision.map { Self.text($0) } ?? "-")",
                x: "recall", y: "precision",
                [
                    LineChart.Series("", precision),
                    LineChart.Series(
                        "the rate", [(0, yes / (yes + no)), (1, yes / (yes + no))], isGuide: true),
                ], xRange: 0...1, yRange: 0...1
            ).svg)
        let bins = Self.reliability(predictions, labels)
        drawings.append(Self.reliabilityChart(nil, [LineChart.Series("", bins, isMarked: true)]).svg)
        drawings.append(Self.distribution(predictions, labels))
    }

    /// Mean prediction and share of yes, of bins of about equal numbers.
    static func reliability(_ predictions: [Float], _ labels: [Float]) -> [(x: Double, y: Double)] {
        Metrics.calibrationBins(probabilities: predictions, labels: labels).map {
            ($0.predicted, $0.observed)
        }
    }

    static func reliabilityChart(_ task: String?, _ lines: [LineChart.Series]) -> LineChart {
        let largest = lines.flatMap { $0.points.flatMap { [$0.x, $0.y] } }.max() ?? 1
        return LineChart(
            task.map { "\($0): predicted and observed" } ?? "Predicted and observed", x: "mean prediction",
            y: "share of yes",
            lines + [LineChart.Series("right", [(0, 0), (largest, largest)], isGuide: true)])
    }

    private static func distribution(_ predictions: [Float], _ labels: [Float]) -> String {
        let known = predictions.indices.filter { !labels[$0].isNaN && predictions[$0].isFinite }
        let top = known.map { Double(predictions[$0]) }.max() ?? 1
        let count = 30
        let width = max(top, 1e-6) / Double(count)
        var heights = [[Double]](repeating: [Double](repeating: 0, count: count), count: 2)
        var sums = [0.0, 0.0]
        for row in known {
            let bin = max(0, min(count - 1, Int(Double(predictions[row]) / width)))
            let side = labels[row] == 1 ? 0 : 1
            heights[side][bin] += 1
            sums[side] += 1
        }
        for side in 0..<2 where sums[side] > 0 { heights[side] = heights[side].map { $0 / sums[side] } }
        return BarChart(
            "Scores of yes and of no", x: "prediction", y: "share of rows",
            edges: (0...count).map { Double($0) * width }, [("yes", heights[0]), ("no", heights[1])]
        ).svg
    }

    private mutating func numbers(_ predictions: [Float], _ labels: [Float]) {
        let known = labels.indices.filter { labels[$0].isFinite && predictions[$0].isFinite }.sorted {
            predictions[$0] < predictions[$1]
        }
        guard known.count > 1 else { return }
        let bins = min(20, known.count)
        let points = (0..<bins).map { bin -> (x: Double, y: Double) in
            let part = known[known.count * bin / bins..<known.count * (bin + 1) / bins]
            let count = Double(part.count)
            return (
                part.reduce(0) { $0 + Double(predictions[$1]) } / count,
                part.reduce(0) { $0 + Double(labels[$1]) } / count
            )
        }
        let all = points.flatMap { [$0.x, $0.y] }
        let (low, high) = (min(0, all.min() ?? 0), all.max() ?? 1)
        drawings.append(
            LineChart(
                "Predicted and observed, twentieths of the rows", x: "mean prediction", y: "mean label",
                [
                    LineChart.Series("", points, isMarked: true),
                    LineChart.Series("right", [(low, low), (high, high)], isGuide: true),
                ]
            ).svg)
    }

    private static func text(_ value: Double) -> String {
        let thousandths = Int((value * 1000).rounded())
        return thousandths == 1000 ? "1.000" : "." + String("\(1000 + thousandths)".dropFirst())
    }
}
