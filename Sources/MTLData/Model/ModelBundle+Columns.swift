package import MTLEngine

extension ModelBundle {
    /// One column of predictions.
    package struct PredictionColumn: Sendable, Equatable {
        /// What a file calls it.
        package let name: String
        /// The task, and which of its outputs.
        package let task: Int
        package let output: Int
        /// The task whose probability this one is divided by: of an event once another has happened.
        package var given: Int?
    }

    /// A column for every number that is predicted: a task's, one per class of a multiclass one, and where a task's
    /// probability is of two events (`esmm`, `escm2`) the same under the name of both, and that of the later one once the
    /// earlier has happened.
    package var predictionColumns: [PredictionColumn] {
        let parents = model.productParents
        return model.tasks.enumerated().flatMap { index, task -> [PredictionColumn] in
            if let classes = task.kind.classes {
                return (0..<classes).map {
                    PredictionColumn(
                        name: "\(task.name) \(preprocessor.className($0, of: index))", task: index, output: $0
                    )
                }
            }
            guard let parent = parents[index] else {
                return [PredictionColumn(name: task.name, task: index, output: 0)]
            }
            let chain = EventChain.before(index) { parents[$0] }.reversed() + [index]
            return [
                PredictionColumn(
                    name: chain.map { model.tasks[$0].name }.joined(separator: "&"), task: index, output: 0),
                PredictionColumn(
                    name: "\(task.name) given \(model.tasks[parent].name)", task: index, output: 0,
                    given: parent),
            ]
        }
    }

    /// Whether several networks answer, packed ones or members with parameters of their own, so that predictions have a spread.
    package var hasSpread: Bool { members.vectors.count > 1 || model.ensemble ?? 1 > 1 }

    /// A column for the spread of every number that is a mean: not of quotients of two.
    package var spreadColumns: [PredictionColumn] {
        predictionColumns.filter { $0.given == nil }.map {
            PredictionColumn(name: "\($0.name)_spread", task: $0.task, output: $0.output)
        }
    }

    /// A name for every number that is predicted: the task's, for multiclass ones "TASK CLASS", and of entire-space models
    /// "EARLIER&LATER" and "LATER given EARLIER".
    public var predictionNames: [String] { predictionColumns.map(\.name) }

    /// Per task what was predicted.
    package func values(_ predictions: Predictions<Float>) throws(InputError) -> [[Float]] {
        var values: [[Float]] = []
        for task in model.tasks { values.append(try predictions.values(task.name)) }
        return values
    }

    /// The cells of a row: blank where a task does not exist in the row's scenario.
    package func cells(_ columns: [PredictionColumn], _ values: [[Float]], row: Int) -> [String] {
        columns.map { column in
            let width = model.tasks[column.task].kind.predictions
            var value = values[column.task][row * width + column.output]
            if let given = column.given {
                value = conditionalProbability(of: value, given: values[given][row])
            }
            return value.isNaN ? "" : "\(value)"
        }
    }
}
