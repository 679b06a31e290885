/// How much of a term over parameters a turn's loss has.
///
/// The joint loss is Σ_t L_t + P for a term P. Turns of some tasks have L_t for those alone; each gets P's share of these tasks
/// among all whose turns train the parameter, so that a round of turns adds up to P once, as a joint step does.
struct TurnShares {
    private let trained: [ParameterRange]
    /// Per task what it trains when all tasks learn together.
    private let perTask: [[ParameterRange]]
    private let tasks: Set<Int>
    private let rates: TurnRates
    /// The turns of a round with this one: their tasks, and what they train.
    private let round: [(tasks: [Int], rates: TurnRates)]

    init(_ plan: ModelPlan, tasks: [LearningTask], specs: [TurnSpec], turn: Int, trained: [ParameterRange]) {
        let spec = specs[turn]
        self.trained = trained
        self.tasks = Set(spec.tasks)
        rates = TurnRates(spec, plan.layout)
        // Every group has one turn in a round, of the same stage of thawing.
        let stage = specs[..<turn].count { $0.group == spec.group }
        round = Dictionary(grouping: specs, by: \.group).values.map { group in
            let other = group[min(stage, group.count - 1)]
            return (other.tasks, TurnRates(other, plan.layout))
        }
        // Turns of all tasks have all of every term.
        let isWhole = spec.tasks.count == tasks.count || plan.penalties.isEmpty && plan.structures.isEmpty
        perTask = isWhole ? [] : tasks.indices.map { Program(plan, tasks: tasks, task: $0).parameters }
    }

    /// The share of a term over one parameter, 0 where the turn does not train it.
    func share(of segment: ParameterSegment) -> Double {
        guard trained.contains(segment) else { return 0 }
        guard !perTask.isEmpty else { return 1 }
        let readers = perTask.indices.filter { perTask[$0].contains(segment) }
        let own = readers.count(where: tasks.contains)
        let all = round.reduce(0) { sum, turn in
            turn.rates.factor(at: segment.offset) > 0 ? sum + readers.count(where: turn.tasks.contains) : sum
        }
        return own == 0 ? 1 : Double(own) / Double(all)
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
