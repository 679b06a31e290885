/// How much of a term over parameters a turn's loss has.
///
/// The joint loss is Σ_t L_t + P for a term P. Turns of some tasks have L_t for those alone; each gets P's share of these tasks
/// among all that train the parameter, so that a round of turns adds up to P once, as a joint step does.
struct TurnShares {
    private let trained: [ParameterRange]
    /// Per task what it trains when all tasks learn together.
    private let perTask: [[ParameterRange]]
    private let tasks: Set<Int>
    private let rates: TurnRates

    init(_ plan: ModelPlan, tasks: [LearningTask], _ spec: TurnSpec, trained: [ParameterRange]) {
        self.trained = trained
        self.tasks = Set(spec.tasks)
        rates = TurnRates(spec, plan.layout)
        // Turns of all tasks have all of every term.
        let isWhole = spec.tasks.count == tasks.count || plan.penalties.isEmpty && plan.structures.isEmpty
        perTask = isWhole ? [] : tasks.indices.map { Program(plan, tasks: tasks, task: $0).parameters }
    }

    /// The share of a term over one parameter, 0 where the turn does not train it.
    func share(of segment: ParameterSegment) -> Double {
        guard trained.contains(segment) else { return 0 }
        guard !perTask.isEmpty else { return 1 }
        let readers = perTask.indices.filter { perTask[$0].contains(segment) }
        let own = readers.filter(tasks.contains).count
        return own == 0 ? 1 : Double(own) / Double(readers.count)
    }

    /// The turn's share of a round's moves of several pieces, each at its factor of the learning rate: 1 where all move at the
    /// whole rate.
    func moved(_ segments: [ParameterSegment]) -> Double {
        let total = segments.reduce(0) { $0 + $1.count }
        let moved = segments.reduce(0.0) {
            $0 + Double($1.count) * share(of: $1) * rates.factor(at: $1.offset)
        }
        return moved / Double(max(1, total))
    }
}

extension [ParameterRange] {
    fileprivate func contains(_ segment: ParameterSegment) -> Bool {
        contains { $0.start <= segment.offset && segment.offset < $0.start + $0.count }
    }
}
