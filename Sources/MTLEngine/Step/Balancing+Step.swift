extension Balancing {
    /// Whether the weights of a step depend on its rows, which so meet between forward and backward.
    package var meets: Bool { needs.contains(.losses) || needs.areOfGradients }

    /// Whether a step can give the method what it needs.
    ///
    /// - Throws: `InputError` that says what stands in the way.
    package func checkStep(
        _ plan: ModelPlan, tasks: [LearningTask], turns: [TurnSpec], place: String = "balancing"
    ) throws(InputError) {
        func refuse(_ found: String, _ expected: String) throws(InputError) {
            throw InputError(.value, at: place, found: found, expected: expected)
        }
        guard turns.count == 1, turns[0].tasks.count == tasks.count else {
            return try refuse(
                "\(kind.rawValue) beside turns of some tasks",
                "a joint schedule: it weighs the losses or gradients of all tasks of a batch")
        }
        guard tasks.count > 1 else { return try refuse("\(kind.rawValue) of one task", "several tasks") }
        let given: BalancingNeeds = [.losses, .gram, .norms, .lossesAfter, .epochs]
        guard needs.isSubset(of: given), !(needs.areOfGradients && weighsLosses) else {
            let others = Kind.allCases.filter {
                let usual = Self.usual($0)
                return usual.needs.isSubset(of: given) && !(usual.needs.areOfGradients && usual.weighsLosses)
            }
            return try refuse(
                kind.rawValue,
                "one of those that a step serves: \(others.map(\.rawValue).joined(separator: ", "))")
        }
        if meets, plan.members != nil {
            try refuse(
                "\(kind.rawValue) of a packed ensemble",
                "one network, or weights that are known before the batch: members run one after the other")
        }
        if needs.areOfGradients {
            try TaskFrontier(plan, turn: turns[0]).check(plan, turn: turns[0], place: place)
        }
    }
}
