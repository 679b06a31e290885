/// The probability of a later event once an earlier one has happened, of those of both and of the earlier one: their quotient, at most 1.
///
/// Of several networks' means it is that of the mixture. NaN where the earlier one cannot be, or a task does not exist.
package func conditionalProbability<Scalar: BLASScalar>(of both: Scalar, given earlier: Scalar) -> Scalar {
    guard earlier > 0, !both.isNaN else { return .nan }
    return min(1, both / earlier)
}

extension MultiTaskModel {
    /// Per task of an entire-space model (`ESMM`, `ESCM2`) whose probability is that of two events the task of the first; nil for others.
    package var productParents: [Int?] {
        tasks.indices.map { plan.events.products.contains($0) ? plan.events.parents[$0] : nil }
    }

    /// What an entire-space model says of later events once the ones before have happened, over the rows where they have: one
    /// evaluation, "LATER given EARLIER", per task whose probability is a product.
    ///
    /// - Parameters:
    ///   - predictions: per task, `[rows]`.
    ///   - labels: per task, `[rows]`, NaN where there is none.
    ///   - groups: the group of every row, by numbers; nil for none.
    ///   - weights: per task `[rows]`, how much each row counts; nil for once each.
    ///   - judged: the tasks that have labels.
    ///   - isDetailed: whether details are asked for.
    package func conditionalEvaluations<Scalar: BLASScalar>(
        predictions: [[Scalar]], labels: [[Scalar]], groups: [Int]? = nil,
        weights: [[Scalar]?]? = nil, judged: [Int], isDetailed: Bool = false
    ) -> [TaskEvaluation] {
        conditionalRows(predictions: predictions, labels: labels, judged: judged).map { rows in
            TaskEvaluation(
                task: rows.name, kind: .binary, predictions: rows.predictions, labels: rows.labels,
                groups: groups, weights: weights?[rows.task], isDetailed: isDetailed)
        }
    }

    /// The names of what `conditionalRows` gives.
    package func conditionalNames(judged: [Int]) -> [String] {
        conditionalTasks(judged).map { "\(tasks[$0.task].name) given \(tasks[$0.parent].name)" }
    }

    private func conditionalTasks(_ judged: [Int]) -> [(task: Int, parent: Int)] {
        productParents.enumerated().compactMap { task, parent in
            guard let parent, judged.contains(task), judged.contains(parent) else { return nil }
            return (task, parent)
        }
    }

    /// What is predicted of later events once the ones before have happened, and the labels of the rows where they have.
    package func conditionalRows<Scalar: BLASScalar>(
        predictions: [[Scalar]], labels: [[Scalar]], judged: [Int]
    ) -> [(name: String, task: Int, predictions: [Scalar], labels: [Scalar])] {
        zip(conditionalNames(judged: judged), conditionalTasks(judged)).map { name, pair in
            let (task, parent) = pair
            let conditional = zip(predictions[task], predictions[parent]).map {
                conditionalProbability(of: $0, given: $1)
            }
            // A row without a number is one that the model calls impossible, and none of those that are judged.
            let known = labels[task].indices.map {
                labels[parent][$0] == 1 && !conditional[$0].isNaN ? labels[task][$0] : .nan
            }
            return (name, task, conditional, known)
        }
    }
}
