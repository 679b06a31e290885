import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// Rows judged block by block have what they have when judged at once.
@Suite struct StreamedEvaluationTests {
    private struct Rows {
        var predictions: [Double] = []
        var labels: [Double] = []
        var weights: [Double] = []
    }

    /// Rows of a kind of task, some without a label, some of weight 0, with predictions that tie.
    private static func rows(_ kind: LearningTask.Kind, _ count: Int) -> Rows {
        var random = SeededGenerator(seed: 11)
        var rows = Rows()
        for _ in 0..<count {
            let signal = random.normal()
            var label = 0.0
            switch kind {
            case .binary:
                let p = 1 / (1 + exp(-2 * signal - 1))
                rows.predictions.append(random.uniform() < 0.3 ? (p * 20).rounded() / 20 : p)
                label = random.uniform() < p ? 1 : 0
            case .multiclass(let classes), .ordinal(let classes):
                let scores = (0..<classes).map { exp(signal * Double($0)) }
                let total = scores.reduce(0, +)
                rows.predictions += scores.map { $0 / total }
                label = Double(Int.random(in: 0..<classes, using: &random))
            default:
                rows.predictions.append(exp(signal))
                label = random.uniform() < 0.3 ? 0 : (1000 + exp(signal + random.normal()))
            }
            rows.labels.append(random.uniform() < 0.1 ? .nan : label)
            rows.weights.append(random.uniform() < 0.1 ? 0 : random.uniform() * 3)
        }
        return rows
    }

    @Test(
        arguments: [
            LearningTask.Kind.binary, .multiclass(classes: 6), .ordinal(classes: 3), .squaredError,
            .huber(delta: 1), .quantile(level: 0.8), .poisson, .tweedie(power: 1.4), .zeroInflatedLognormal,
        ], [false, true])
    func blocksAreTheWhole(_ kind: LearningTask.Kind, isWeighted: Bool) throws {
        let count = 5000
        let rows = Self.rows(kind, count)
        let weights = isWeighted ? rows.weights : nil
        let whole = TaskEvaluation(
            task: "task", kind: kind, predictions: rows.predictions, labels: rows.labels, weights: weights,
            isDetailed: true)
        var streamed = StreamedEvaluation(task: "task", kind: kind, isDetailed: true)
        let width = kind.predictions
        // Blocks of no row, of one and of many.
        for block in [0..<0, 0..<1, 1..<700, 700..<4999, 4999..<5000] {
            streamed.add(
                predictions: Array(
                    rows.predictions[block.lowerBound * width..<block.upperBound * width]),
                labels: Array(rows.labels[block]), weights: weights.map { Array($0[block]) })
        }
        let found = streamed.evaluation
        #expect(found.labelledRows == whole.labelledRows && found.task == "task")
        #expect(abs((found.meanLabel ?? 0) - (whole.meanLabel ?? 0)) < 1e-9)
        let values = Dictionary(found.values.map { ($0.name, $0.value) }) { first, _ in first }
        let left: Set<String> = ["AUC", "macro AUC", "Spearman", "XAUC"]
        let error = try kind == .binary ? #require(streamed.areaError) : 0
        #expect(error < 1e-3)
        // Scores within a bin of 4e-5 count as equal: what is read off the order may move by as much.
        let ofOrder: [String: Double] = [
            "AUC": error, "Gini": 2 * error, "PR-AUC": 1e-4, "KS": 2e-3, "lift at 1 %": 1e-2,
            "lift at 10 %": 1e-2, "best F1": 1e-3, "its threshold": 1e-2, "ECE": 1e-3,
        ]
        for (name, value, _) in whole.values {
            guard let own = values[name] else {
                #expect(left.contains(name) && kind != .binary, "\(name)")
                continue
            }
            let tolerance = kind == .binary ? ofOrder[name] ?? 1e-9 : 1e-9
            #expect(abs(own - value) <= tolerance * max(1, abs(value)), "\(name): \(own), not \(value)")
        }
        #expect(values.keys.allSatisfy { name in whole.values.contains { $0.name == name } })
        for (name, value) in found.constantValues {
            #expect(abs(value - (whole.constantValues[name] ?? .nan)) <= 1e-9 * max(1, abs(value)), "\(name)")
        }
        #expect(found.constantValues["RMSE"] != nil || kind == .binary || width > 1)
    }

    @Test func nothingIsDefinedWithoutRows() {
        var streamed = StreamedEvaluation(task: "task", kind: .binary, isDetailed: true)
        #expect(streamed.evaluation.values.isEmpty && streamed.areaError == nil)
        streamed.add(predictions: [0.5, 0.2], labels: [.nan, 1])
        // One class alone has no area, and a rate of 1 no entropy.
        let names = streamed.evaluation.values.map(\.name)
        #expect(!names.contains("AUC") && !names.contains("normalised entropy") && names.contains("log loss"))
    }

    /// Scores at both ends, and a threshold at one half.
    @Test func edgesAreInside() throws {
        let scores: [Float] = [0, 1, 0.5, 0.49999997, 1e-30, 0.9999999]
        let labels: [Float] = [0, 1, 1, 0, 0, 1]
        var streamed = StreamedEvaluation(task: "task", kind: .binary, isDetailed: true)
        streamed.add(predictions: scores, labels: labels)
        let found = streamed.evaluation
        #expect(found.areaUnderROC == 1 && found.details.first { $0.name == "F1 at 0.5" }?.value == 1)
        streamed.add(predictions: [Float.nan], labels: [1])
        #expect(streamed.evaluation.areaUnderROC == nil)
    }
}
