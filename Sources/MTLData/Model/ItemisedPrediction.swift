internal import Foundation
package import MTLEngine

/// What makes up a prediction: how much each feature of a row adds to, or takes from, the mean prediction of other rows.
///
/// Shapley values by sampling: another row takes over this one's values feature by feature, in random order, and each feature is
/// given the difference that it makes when its turn comes. All of them sum to the row's value less the base, however few orders
/// are drawn; a feature that the model does not read has 0. Every order is gone through from its other end as well, which halves what features
/// that work together differ by (antithetic sampling).
/// - SeeAlso: Štrumbelj and Kononenko, *Explaining prediction models and individual predictions with feature contributions*,
///   Knowledge and Information Systems 41, 2014; Mitchell et al., arXiv 2104.12199.
package struct ItemisedPrediction: Sendable {
    /// What the parts of a prediction sum up in.
    package enum Scale: String, Sendable, Codable {
        /// ln(p / (1 - p)) of a binary task.
        case logit
        /// ln p of the class that is the most probable for the row.
        case logProbability = "log_probability"
        /// The unit of the label.
        case label
    }

    /// What a feature gives.
    package struct Part: Sendable {
        /// Its name; of sequences of the same behaviours, which go together, all of them.
        package let features: [String]
        package let amount: Double
        /// Half the width of its 95 % interval over the draws, by Student's t.
        package let margin: Double
    }

    /// The row, counted from 0.
    package let row: Int
    package let task: String
    package let scale: Scale
    /// As `predict` gives it: a probability (of classes, the greatest), or in the label's unit.
    package let prediction: Double
    /// Of classes, the most probable one.
    package let classIndex: Int?
    /// The prediction on the scale, and the mean of the rows that took over this one's values.
    package let value: Double
    package let base: Double
    /// The features in the schema's order.
    package let parts: [Part]
}

extension ModelBundle {
    /// Takes apart the predictions of a row, one for each task that exists in its scenario.
    ///
    /// The row's scenario stays what it is. Rows that take over its values are drawn from all that were looked at.
    /// - Parameters:
    ///   - row: of `rows`, from 0.
    ///   - rows: what `look` read with this model.
    ///   - draws: how many rows take over its values, each in an order and in its reverse; 2 to 10,000.
    ///   - seed: of rows and orders.
    package func itemised(
        _ row: Int, of rows: LookedRows, draws: Int, seed: UInt64, compute: ComputeOptions = ComputeOptions()
    ) throws(InputError) -> [ItemisedPrediction] {
        precondition(rows.encoded.count > row && row >= 0, "row \(row) of \(rows.encoded.count)")
        precondition((2...10_000).contains(draws), "\(draws) draws")
        let predictor = try predictor(compute)
        let features = preprocessor.schema.features
        let groups = movedTogether
        var random = SeededGenerator(seed: seed)
        // The row by itself, then per draw an order and its reverse, each from the other row to this one.
        let states = groups.count + 1
        var found: [[[Double]]] = []
        var own: [[Double]] = []
        let atOnce = max(1, 8192 / (2 * states))
        for first in stride(from: 0, to: draws, by: atOnce) {
            let count = min(atOnce, draws - first)
            var others: [Int] = []
            var ranks: [[Int]] = []
            for _ in 0..<count {
                let other = Int.random(in: 0..<rows.encoded.count, using: &random)
                let order = Array(groups.indices).shuffled(using: &random)
                for order in [order, order.reversed()] {
                    others.append(other)
                    var rank = [Int](repeating: 0, count: groups.count)
                    for (place, group) in order.enumerated() { rank[group] = place }
                    ranks.append(rank)
                }
            }
            var mixed = rows.encoded.picked([Int](repeating: row, count: others.count * states))
            for (group, members) in groups.enumerated() {
                let sources = others.indices.flatMap { walk in
                    (0..<states).map { $0 > ranks[walk][group] ? row : others[walk] }
                }
                for feature in members { preprocessor.move(feature, of: &mixed, from: rows.encoded, sources) }
            }
            let predicted = try predictor.predict(preprocessor.dataset(mixed, hasLabels: false))
            for (index, task) in model.tasks.enumerated() {
                let values = try predicted.values(task.name)
                let width = task.kind.predictions
                if first == 0 {
                    own.append(values[(states - 1) * width..<states * width].map(Double.init))
                    found.append([[Double]](repeating: [], count: groups.count + 1))
                }
                let chosen = own[index].indices.max { own[index][$0] < own[index][$1] } ?? 0
                func value(_ place: Int) -> Double {
                    task.kind.onScale(Double(values[place * width + chosen])).value
                }
                for draw in 0..<count {
                    let walks = [2 * draw, 2 * draw + 1]
                    found[index][groups.count].append(value(walks[0] * states))
                    for group in groups.indices {
                        let differences = walks.map { walk in
                            let place = walk * states + ranks[walk][group]
                            return value(place + 1) - value(place)
                        }
                        found[index][group].append((differences[0] + differences[1]) / 2)
                    }
                }
            }
        }
        return model.tasks.enumerated().compactMap { index, task in
            let chosen = own[index].indices.max { own[index][$0] < own[index][$1] } ?? 0
            let prediction = own[index][chosen]
            guard prediction.isFinite else { return nil }
            let (value, scale) = task.kind.onScale(prediction)
            func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
            return ItemisedPrediction(
                row: row, task: task.name, scale: scale, prediction: prediction,
                classIndex: task.kind.classes == nil ? nil : chosen, value: value,
                base: mean(found[index][groups.count]),
                parts: groups.enumerated().map { group, members in
                    let interval = ConfidenceInterval.mean(of: found[index][group])
                    return ItemisedPrediction.Part(
                        features: members.map { features[$0].name }, amount: mean(found[index][group]),
                        margin: interval?.halfWidth ?? .nan)
                })
        }
    }

    /// The features by what goes together: sequences of the same behaviours, or a row would have more of one than of another.
    package var movedTogether: [[Int]] {
        let features = preprocessor.schema.features
        let aligned = model.plan.alignedSequences
        var groups: [[Int]] = []
        for index in features.indices where !groups.joined().contains(index) {
            let names = aligned.first { $0.contains(features[index].name) } ?? [features[index].name]
            groups.append(features.indices.filter { names.contains(features[$0].name) })
        }
        return groups
    }
}

extension LearningTask.Kind {
    /// A prediction where what features add to it is told.
    fileprivate func onScale(_ prediction: Double) -> (value: Double, scale: ItemisedPrediction.Scale) {
        // Float's least and greatest probabilities: a logit of more says nothing.
        let least = 0x1p-126
        switch self {
        case .binary:
            let inside = min(max(prediction, least), 1 - 0x1p-24)
            return (log(inside) - log1p(-inside), .logit)
        case .multiclass, .ordinal: return (log(max(prediction, least)), .logProbability)
        default: return (prediction, .label)
        }
    }
}
