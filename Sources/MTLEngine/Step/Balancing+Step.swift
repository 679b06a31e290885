extension Balancing {
    /// Whether the weights of a step depend on its rows, which so meet between forward and backward.
    package var meets: Bool { needs.contains(.losses) || needs.areOfGradients }

    /// Whether a step can give it what it needs, whatever the model.
    package var isServed: Bool {
        needs.isSubset(of: [
            .losses, .gram, .norms, .laterGram, .excessRisks, .lossesAfter, .indicators, .epochs,
        ])
    }

    /// Whether a task's weight depends on the losses that others have in the batch: alone it has none. Where it does not, but counts
    /// only beside others in one gradient, an optimiser of the task's own takes it out again.
    var comparesBatchLosses: Bool {
        switch method {
        case .uwSO, .gls, .stch, .famo, .pbi, .ldcMTL, .cosmos, .priorities: true
        default: false
        }
    }

    /// Whether a task's weight counts the tasks of other turns too.
    package var weighsAllTasks: Bool { needs.areKnownBefore && !needs.areOfGradients }

    /// Whether a task has a quality from 0 to 1.
    private static func hasIndicator(_ task: LearningTask) -> Bool {
        switch task.kind {
        case .binary, .multiclass, .ordinal, .zeroInflatedLognormal: true
        case .squaredError, .huber, .quantile, .poisson, .tweedie: false
        }
    }

    /// Whether it takes ratios or logarithms of losses.
    private var needsPositiveLosses: Bool {
        switch method {
        case .uw, .uwSO, .dwa, .gls, .imtlL, .cov, .lbtw, .stch, .famo, .pbi, .ldcMTL, .priorities, .dbMTL,
            .mgda(.loss), .mgda(.lossNorm), .autoScale(.lossScale, _):
            true
        default: false
        }
    }

    /// Whether a preference is drawn for a model that reads one, and for no other.
    ///
    /// - Throws: `InputError` that says what is missing.
    package func checkPreference(_ plan: ModelPlan, place: String) throws(InputError) {
        guard plan.preferences.isEmpty == (kind == .cosmos) else { return }
        throw InputError(
            .value, at: place,
            found: kind == .cosmos
                ? "cosmos of a model that reads no preference"
                : "\(kind.rawValue) of a model that reads a preference",
            expected: kind == .cosmos
                ? "a model with a preference" : "cosmos, which draws one, or a model without a preference")
    }

    /// Whether a step can give the method what it needs.
    ///
    /// - Returns: which turns it weighs.
    /// - Throws: `InputError` that says what stands in the way.
    @discardableResult
    package func checkStep(
        _ plan: ModelPlan, tasks: [LearningTask], turns: [TurnSpec], place: String
    ) throws(InputError) -> BalancedTurns {
        func refuse(_ found: String, _ expected: String) throws(InputError) {
            throw InputError(.value, at: place, found: found, expected: expected)
        }
        if tasks.count < 2 { try refuse("\(kind.rawValue) of one task", "several tasks") }
        if !isServed {
            let others = Kind.allCases.filter { Self.usual($0).isServed }.map(\.rawValue)
            let expected =
                kind == .dbMTL
                ? "momentum: 0" : "one of those that a step serves: \(others.joined(separator: ", "))"
            // A gradient at the representation has a number for every row of its batch.
            let reason =
                needs.contains(.trackedGradients)
                ? ", which follows gradients over steps: at the representation they are of other rows at every step"
                : ", which takes the gradients of two batches for a step"
            try refuse(
                (kind == .dbMTL ? "\(kind.rawValue) with a momentum" : kind.rawValue) + reason, expected)
        }
        if needsPositiveLosses, let task = tasks.first(where: { $0.kind == .zeroInflatedLognormal }) {
            try refuse(
                "\(kind.rawValue) beside task \"\(task.name)\", whose loss may be below 0",
                "another loss than ziln, or a method that takes no ratio of losses: rlw, decay or one of gradients"
            )
        }
        if needs.contains(.indicators), let task = tasks.first(where: { !Self.hasIndicator($0) }) {
            try refuse(
                "\(kind.rawValue) beside task \"\(task.name)\", which has no AUC or accuracy",
                "tasks that are binary, multiclass, ordinal or ziln, or another method")
        }
        if meets, plan.members != nil {
            try refuse(
                "\(kind.rawValue) of a packed ensemble",
                "one network, or weights that are known before the batch: members run one after the other")
        }
        return try BalancedTurns(self, plan, tasks: tasks, turns: turns, place: place)
    }
}
