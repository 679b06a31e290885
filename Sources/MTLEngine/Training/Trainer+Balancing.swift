/// What a training tells the method that weighs its tasks.
extension Trainer {
    /// Whether the method asks for the tasks' quality at every epoch's end.
    var needsIndicators: Bool { trainingStep.balancer?.balancing.needs.contains(.indicators) ?? false }

    /// - Throws: `InputError` where the method asks for a quality that no rows tell.
    func checkIndicators(hasValidation: Bool) throws(InputError) {
        guard let balancer = trainingStep.balancer else { return }
        try balancer.balancing.checkIndicators(hasValidation: hasValidation, place: "balancing")
    }

    /// Whether an epoch is the best so far. Where the weighted loss says little of what is wanted it is the latest one: it knows of no
    /// bounds, and in the first phases of priorities nothing of what is to come; over the training rows it is of preferences at random.
    func improves(_ report: EpochReport, on best: FitState.Best?, _ rule: StoppingRule) -> Bool {
        let kind = trainingStep.balancer?.balancing.kind
        let isBlind = kind == .priorities || kind == .cosmos && report.validationLosses == nil
        if isBlind, rule.watch == .weightedLoss { return report.watchedLoss.isFinite }
        return report.watchedLoss < (best?.loss ?? .infinity) - rule.minimumImprovement
    }

    /// An epoch is over.
    func endBalancedEpoch(_ report: EpochReport) {
        guard let balancer = trainingStep.balancer else { return }
        guard needsIndicators, let metrics = report.validationMetrics else { return balancer.endEpoch() }
        let indicators = AlignedStorage(
            copying: model.tasks.map { task in
                let judged = metrics.first { $0.task == task.name }
                return switch task.kind {
                case .multiclass, .ordinal: judged?.accuracy ?? .nan
                default: judged?.areaUnderROC ?? .nan
                }
            })
        balancer.endEpoch(indicators: UnsafePointer(indicators.base))
    }
}

extension Balancing {
    /// Whether the quality of every task can be told.
    ///
    /// - Throws: `InputError` where there are no rows to judge by.
    package func checkIndicators(hasValidation: Bool, place: String) throws(InputError) {
        guard needs.contains(.indicators), !hasValidation else { return }
        throw InputError(
            .value, at: place, found: "\(kind.rawValue) without validation rows",
            expected: "a split that has some: each task's AUC or accuracy on them decides its weight")
    }

    /// Whether tasks may stop by themselves.
    ///
    /// - Throws: `InputError` for a method whose tasks have their times.
    package func check(stop: StoppingRule.Stopping, place: String) throws(InputError) {
        guard kind == .priorities, stop == .eachTask else { return }
        throw InputError(
            .value, at: place, found: "priorities beside stop: each_task",
            expected: "stop: together: a task that stops is held to its bound no more")
    }
}
