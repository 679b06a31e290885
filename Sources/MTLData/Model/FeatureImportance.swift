package import MTLEngine

/// What a task loses when the values of one feature are dealt out anew among the rows: permutation importance.
///
/// What only several features tell together, each of them alone may seem to be worth little for. A cross keeps its value when a part
/// of it is shuffled: it is a feature of its own.
/// - SeeAlso: Breiman, *Random Forests*, 2001, section 10; Fisher et al., arXiv 1801.01489.
package struct FeatureImportance: Sendable {
    package let feature: String
    package let task: String
    /// The metric that is told, the task's first.
    package let metric: String
    /// How much worse the metric becomes, the mean over shuffles.
    package let loss: Double
    /// Half the width of its 95 % interval over the shuffles, by Student's t.
    package let margin: Double
}

extension ModelBundle {
    /// Every feature's importance for every judged task, by shuffling it several times among the rows that were looked at.
    ///
    /// - Parameters:
    ///   - rows: what `look` read with this model.
    ///   - repeats: how often each feature is shuffled, 2 to 30.
    ///   - seed: of the shuffles.
    package func importances(
        _ rows: LookedRows, repeats: Int, seed: UInt64, compute: ComputeOptions = ComputeOptions()
    ) throws(InputError) -> [FeatureImportance] {
        precondition((2...30).contains(repeats), "\(repeats) shuffles")
        let predictor = try predictor(compute)
        let before = rows.judged.map { rows.evaluation($0).values.first }
        var random = SeededGenerator(seed: seed)
        var found: [FeatureImportance] = []
        let groups = movedTogether
        for (index, feature) in preprocessor.schema.features.enumerated() {
            let moved = groups.first { $0.contains(index) } ?? [index]
            var losses = rows.judged.map { _ in [Double]() }
            for _ in 0..<repeats {
                var order = Array(0..<rows.count)
                order.shuffle(using: &random)
                var shuffled = rows.encoded
                for one in moved { preprocessor.move(one, of: &shuffled, from: rows.encoded, order) }
                let predicted = try predictor.predict(
                    preprocessor.dataset(shuffled, hasLabels: true))
                for (place, task) in rows.judged.enumerated() {
                    let one = model.tasks[task]
                    let evaluation = TaskEvaluation(
                        task: one.name, kind: one.kind, predictions: try predicted.values(one.name),
                        labels: rows.labels[task], groups: nil)
                    guard let known = before[place],
                        let now = evaluation.values.first(where: { $0.name == known.name })
                    else { continue }
                    losses[place].append((known.value - now.value) * (known.higherIsBetter ? 1 : -1))
                }
            }
            for (place, task) in rows.judged.enumerated() {
                guard let known = before[place], losses[place].count == repeats else { continue }
                guard let interval = ConfidenceInterval.mean(of: losses[place]) else { continue }
                found.append(
                    FeatureImportance(
                        feature: feature.name, task: model.tasks[task].name, metric: known.name,
                        loss: interval.estimate, margin: interval.halfWidth))
            }
        }
        return found
    }
}

extension Preprocessor {
    /// Gives each row r a feature's value of row `order[r]`.
    package func move(_ index: Int, of moved: inout EncodedRows, from rows: EncodedRows, _ order: [Int]) {
        guard schema.features[index].isEmbedded else {
            let widths = schema.features.indices.map { denseNames(of: $0).count }
            let (all, first) = (widths.reduce(0, +), widths[..<index].reduce(0, +))
            for (row, from) in order.enumerated() {
                for column in first..<first + widths[index] {
                    moved.dense[row * all + column] = rows.dense[from * all + column]
                }
            }
            return
        }
        func isBag(_ index: Int) -> Bool { [.tags, .sequence].contains(schema.features[index].kind) }
        let before = embeddedIndices.count { $0 < index && isBag($0) == isBag(index) }
        guard isBag(index) else {
            let width = embeddedIndices.count { !isBag($0) }
            for (row, from) in order.enumerated() {
                moved.ids[row * width + before] = rows.ids[from * width + before]
            }
            return
        }
        moved.bags[before] = rows.bags[before].picked(order)
    }
}
