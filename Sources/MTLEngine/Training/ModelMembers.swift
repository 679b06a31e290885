/// Vectors of parameters of one model, its members, and per task those whose predictions are averaged.
///
/// One vector is the usual case. Several are the runs of several seeds (Hansen & Salamon, *Neural Network Ensembles*, IEEE
/// PAMI 1990), or one run at the best epoch of each task. A task's prediction is the mean of its members' probabilities, of a
/// regression the mean of their values.
public struct ModelMembers<Scalar: BLASScalar>: Sendable, Equatable {
    /// Per member its parameters, `[layout.count]` each.
    public let vectors: [[Scalar]]
    /// Per task of the model the members that predict it, as places in `vectors`, rising.
    public let ofTasks: [[Int]]

    /// One vector that predicts all tasks.
    public init(_ parameters: [Scalar], tasks: Int) {
        vectors = [parameters]
        ofTasks = [[Int]](repeating: [0], count: tasks)
    }

    /// Several vectors.
    ///
    /// - Parameters:
    ///   - vectors: parameters of one layout, at least one vector.
    ///   - ofTasks: per task its members, at least one.
    /// - Throws: `InputError` where vectors differ in length, a task has no member, one that is not there or one twice, or no task
    ///   has a member.
    public init(_ vectors: [[Scalar]], ofTasks: [[Int]]) throws(InputError) {
        try Self.check(ofTasks, count: vectors.count)
        if let first = vectors.first, let other = vectors.first(where: { $0.count != first.count }) {
            throw InputError(
                .shape, at: "members", found: "\(first.count) and \(other.count) parameters",
                expected: "vectors of one model")
        }
        self.vectors = vectors
        self.ofTasks = ofTasks.map { $0.sorted() }
    }

    /// Checks which members tasks have, before there are any.
    package static func check(_ ofTasks: [[Int]], count: Int) throws(InputError) {
        for (task, own) in ofTasks.enumerated() {
            guard !own.isEmpty, own.allSatisfy({ 0..<count ~= $0 }), Set(own).count == own.count else {
                throw InputError(
                    .value, at: "members of task \(task)", found: "\(own)",
                    expected: "some of 0 to \(count - 1), each once")
            }
        }
        let used = Set(ofTasks.joined())
        guard let unused = (0..<max(1, count)).first(where: { !used.contains($0) }) else { return }
        throw InputError(
            .value, at: "members", found: "member \(unused), which no task has", expected: "a task for each")
    }

    /// The members of all runs together: every run counts as much in a task's mean.
    ///
    /// - Parameter runs: of one model, at least one, each with one member a task.
    package static func together(_ runs: [ModelMembers]) throws(InputError) -> ModelMembers {
        var start = 0
        var vectors: [[Scalar]] = []
        var ofTasks = [[Int]](repeating: [], count: runs.first?.ofTasks.count ?? 0)
        for run in runs {
            vectors += run.vectors
            for (task, own) in run.ofTasks.enumerated() { ofTasks[task] += own.map { start + $0 } }
            start += run.vectors.count
        }
        return try ModelMembers(vectors, ofTasks: ofTasks)
    }

    /// The tasks that a member predicts.
    package func tasks(of member: Int) -> [Int] { ofTasks.indices.filter { ofTasks[$0].contains(member) } }

    /// Makes sure that they are a model's.
    package func check(_ model: MultiTaskModel) throws(InputError) {
        guard vectors.allSatisfy({ $0.count == model.layout.count }) else {
            throw InputError(
                .shape, at: "parameters", found: "\(vectors.first?.count ?? 0)",
                expected: "\(model.layout.count)")
        }
        guard ofTasks.count == model.tasks.count else {
            throw InputError(
                .shape, at: "members", found: "those of \(ofTasks.count) tasks",
                expected: "\(model.tasks.count), the model's")
        }
    }
}
