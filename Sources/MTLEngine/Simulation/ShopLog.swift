/// A simulated log: rows to learn from, and the truth behind their labels.
package struct ShopLog: Sendable {
    /// What the labels were drawn from, row by row.
    package struct Truth: Sendable {
        /// The probability of a click, `[rows]`.
        package internal(set) var click: [Double]
        /// The probability that a click becomes a purchase, `[rows]`.
        package internal(set) var purchase: [Double]
        /// The expected log spend of a purchase, `[rows]`.
        package internal(set) var spend: [Double]
        /// The probabilities of the visitor's tags, row-major `[rows, 4]`.
        package internal(set) var tag: [Double]

        init(rows: Int) {
            click = [Double](repeating: 0, count: rows)
            purchase = click
            spend = click
            tag = []
            tag.reserveCapacity(4 * rows)
        }
    }

    /// Features and the labels click, purchase (NaN without a click), spend (log; NaN without a purchase) and
    /// tag (NaN where unknown).
    package let dataset: Dataset<Float>
    /// What the labels were drawn from.
    package let truth: Truth

    /// The metrics of a model that knows the truth: no model can be better, but for the luck of the draw.
    package func bayes() throws(InputError) -> [TaskEvaluation] {
        var evaluations: [TaskEvaluation] = []
        for (task, truth) in zip(ShopSimulator.tasks, [truth.click, truth.purchase, truth.spend, truth.tag]) {
            evaluations.append(
                TaskEvaluation(
                    task: task.name, kind: task.kind, predictions: truth,
                    labels: try dataset.labels(task.name).map { Double($0) }))
        }
        return evaluations
    }
}
