#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The members of a model, which answer one after the other for the same rows; a task's answer is the mean of its own.
package final class InferencePanel<Scalar: BLASScalar> {
    private let model: MultiTaskModel
    private let members: [Inference<Scalar>]
    private let ofTasks: [[Int]]

    /// - Parameter ofTasks: per task its members, which predict it at least.
    package init(_ model: MultiTaskModel, _ members: [Inference<Scalar>], ofTasks: [[Int]]) {
        self.model = model
        self.members = members
        self.ofTasks = ofTasks
    }

    /// The only member, where there is one.
    package var sole: Inference<Scalar>? { members.count == 1 ? members[0] : nil }

    package func predictions(
        _ dataset: Dataset<Scalar>, asLogits: Bool
    ) throws(InputError) -> Predictions<Scalar> {
        let source = try BatchSource(dataset, for: model, checksLabels: false)
        let values = withExtendedLifetime(source) {
            self.values(source.batch(start: 0, rows: dataset.rowCount), asLogits: asLogits)
        }
        return Predictions(
            rowCount: dataset.rowCount, tasks: model.tasks, values: values,
            events: asLogits ? nil : model.plan.events)
    }

    /// Whether several networks answer, so that there is a distance between them.
    package var hasSpread: Bool { members.count > 1 || model.ensemble ?? 1 > 1 }

    /// Predictions, and the standard deviation of those that they are the mean of.
    ///
    /// - Throws: `InputError` where one network alone answers, or the dataset does not fit.
    package func spreads(
        _ dataset: Dataset<Scalar>
    ) throws(InputError) -> (predictions: Predictions<Scalar>, spreads: Predictions<Scalar>) {
        guard hasSpread else {
            throw InputError(
                .value, at: "spread", found: "a model of one network",
                expected: "a packed ensemble, or a model of several members")
        }
        let source = try BatchSource(dataset, for: model, checksLabels: false)
        let values = withExtendedLifetime(source) {
            self.spreads(source.batch(start: 0, rows: dataset.rowCount))
        }
        func make(_ values: [[Scalar]], _ events: EventChain?) -> Predictions<Scalar> {
            Predictions(rowCount: dataset.rowCount, tasks: model.tasks, values: values, events: events)
        }
        return (make(values.predictions, model.plan.events), make(values.spreads, nil))
    }

    private func spreads(_ batch: BatchView<Scalar>) -> (predictions: [[Scalar]], spreads: [[Scalar]]) {
        var found = [MemberSpread](repeating: MemberSpread(), count: ofTasks.count)
        for (number, member) in members.enumerated() {
            let own = member.spreads(batch)
            for task in ofTasks.indices where ofTasks[task].contains(number) {
                found[task].add(own.predictions[task], own.spreads[task])
            }
        }
        return (found.map { $0.means.map { Scalar($0) } }, found.map { $0.spreads.map { Scalar($0) } })
    }

    /// Per task `[rows, predictions]`, or logits `[rows, outputs]`.
    private func values(_ batch: BatchView<Scalar>, asLogits: Bool) -> [[Scalar]] {
        var values = [[Scalar]](repeating: [], count: ofTasks.count)
        var sums = [[Double]](repeating: [], count: ofTasks.count)
        for (number, member) in members.enumerated() {
            let own = ofTasks.indices.filter { ofTasks[$0].contains(number) }
            let byMean = own.filter { asLogits && takesLogitOfMean($0) }
            let asAsked = own.filter { !byMean.contains($0) }
            if !asAsked.isEmpty {
                let found = member.predictions(batch, asLogits: asLogits)
                for task in asAsked {
                    if ofTasks[task].count == 1 {
                        values[task] = found[task]
                    } else {
                        Self.add(found[task], to: &sums[task])
                    }
                }
            }
            guard !byMean.isEmpty else { continue }
            let found = member.predictions(batch, asLogits: false)
            for task in byMean { Self.add(found[task], to: &sums[task]) }
        }
        for task in ofTasks.indices where ofTasks[task].count > 1 {
            let share = 1 / Double(ofTasks[task].count)
            let isByMean = asLogits && takesLogitOfMean(task)
            values[task] = sums[task].map { sum in
                let mean = sum * share
                return Scalar(isByMean ? Self.logit(mean, model.tasks[task]) : mean)
            }
        }
        return values
    }

    /// Whether the logits of several members are that of their mean prediction; outputs that it does not tell are averaged.
    private func takesLogitOfMean(_ task: Int) -> Bool {
        ofTasks[task].count > 1 && !model.tasks[task].kind.hasOutputsOfItsOwn
    }

    private static func add(_ found: [Scalar], to sums: inout [Double]) {
        if sums.isEmpty { sums = [Double](repeating: 0, count: found.count) }
        for index in found.indices { sums[index] += Double(found[index]) }
    }

    private static func logit(_ mean: Double, _ task: LearningTask) -> Double {
        switch task.kind {
        case .binary: log(mean) - log1p(-mean)
        case .multiclass: log(mean)
        case .squaredError, .huber, .quantile, .zeroInflatedLognormal, .ordinal: task.labelScale.encode(mean)
        case .poisson, .tweedie: log(task.labelScale.encode(mean))
        }
    }
}

extension LearningTask.Kind {
    /// Whether its outputs are no logits of what it predicts.
    fileprivate var hasOutputsOfItsOwn: Bool {
        switch self {
        case .zeroInflatedLognormal, .ordinal: true
        default: false
        }
    }
}

/// Mean and spread of groups of networks, each as large as the others, of which mean and spread are known.
private struct MemberSpread {
    private(set) var means: [Double] = []
    private var squares: [Double] = []
    private var count = 0.0

    mutating func add<Scalar: BLASScalar>(_ predictions: [Scalar], _ spreads: [Scalar]) {
        if means.isEmpty {
            means = [Double](repeating: 0, count: predictions.count)
            squares = means
        }
        count += 1
        for index in predictions.indices {
            let distance = Double(predictions[index]) - means[index]
            means[index] += distance / count
            squares[index] +=
                distance * (Double(predictions[index]) - means[index])
                + Double(spreads[index]) * Double(spreads[index])
        }
    }

    var spreads: [Double] { squares.map { ($0 / count).squareRoot() } }
}

/// What a model predicts for the rows of a dataset.
public struct Predictions<Scalar: BLASScalar>: Sendable {
    /// The number of rows.
    public let rowCount: Int
    let tasks: [LearningTask]
    let values: [[Scalar]]
    /// Which probabilities are products of others; nil where these are no probabilities.
    let events: EventChain?

    init(rowCount: Int, tasks: [LearningTask], values: [[Scalar]], events: EventChain?) {
        self.rowCount = rowCount
        self.tasks = tasks
        self.values = values
        self.events = events
    }

    /// A task's predictions: the probability of label 1 (binary) or the expected value (regression) in the label's unit, `[rows]`;
    /// the probability of every class (multiclass), row-major `[rows, classes]`. Or its logits, row-major `[rows, outputs]`, those
    /// of a regression in the units of its `LabelScale`.
    ///
    /// - Throws: `InputError` if the model has no such task.
    public func values(_ task: String) throws(InputError) -> [Scalar] { values[try place(task)] }

    /// Of an entire-space model (`ESMM`, `ESCM2`) the probability of a later event once an earlier one has happened, such as of a
    /// purchase given a click, `[rows]`: the quotient of both tasks' predictions, at most 1, for all rows, clicked or not. NaN where
    /// the earlier event is predicted to be impossible, or where one of the tasks does not exist.
    ///
    /// - Parameters:
    ///   - task: the later event.
    ///   - earlier: the one before it, or one before that.
    /// - Throws: `InputError` if the model has no such task, its probability is no product of the earlier one's, or these are
    ///   logits or spreads.
    public func values(_ task: String, given earlier: String) throws(InputError) -> [Scalar] {
        let (later, first) = (try place(task), try place(earlier))
        guard let events else {
            throw InputError(
                .value, at: "\(task) given \(earlier)", found: "logits or spreads", expected: "predictions")
        }
        let before = events.before(later)
        guard let steps = before.firstIndex(of: first),
            ([later] + before[..<steps]).allSatisfy(events.products.contains)
        else {
            let known = tasks.indices.filter(events.products.contains).flatMap { task in
                events.before(task).prefix(1).map { "\(tasks[task].name) given \(tasks[$0].name)" }
            }
            throw InputError(
                .name, at: "\(task) given \(earlier)", found: "no product of probabilities",
                expected: known.isEmpty
                    ? "an entire-space model: ESMM or ESCM2" : "one such as \(known.joined(separator: ", "))")
        }
        return zip(values[later], values[first]).map { conditionalProbability(of: $0, given: $1) }
    }

    private func place(_ task: String) throws(InputError) -> Int {
        guard let index = tasks.firstIndex(where: { $0.name == task }) else {
            throw InputError(
                .name, at: "task \"\(task)\"", found: "no such task",
                expected: "one of \(tasks.map(\.name).joined(separator: ", "))")
        }
        return index
    }
}
