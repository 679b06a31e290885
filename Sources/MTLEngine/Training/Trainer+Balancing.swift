/// What a training tells the method that weighs its tasks.
extension Trainer {
    /// Whether the method asks for the tasks' quality at every epoch's end.
    var needsIndicators: Bool { trainingStep.balancer?.balancing.needs.contains(.indicators) ?? false }

    /// - Throws: `InputError` where the method asks for a quality that no rows tell.
    func checkIndicators(hasValidation: Bool) throws(InputError) {
        guard let balancer = trainingStep.balancer else { return }
        try balancer.balancing.checkIndicators(hasValidation: hasValidation, place: "balancing")
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
}
