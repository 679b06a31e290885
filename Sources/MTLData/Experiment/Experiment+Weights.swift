internal import MTLEngine

extension Experiment {
    /// What is to be said where the tasks' weights change next to nothing: in turns of one task an adaptive optimiser divides every step
    /// by its own size; nil where they do.
    package var idleWeights: String? {
        let schedule = training.schedule
        guard schedule.type == .alternating, schedule.options["trains"] != .scalar("blocks"),
            training.optimizer != .sgd
        else { return nil }
        return
            "the tasks' weights change next to nothing: in turns of one task \(training.optimizer.rawValue) divides each step by its own size; joint, or {type: alternating, trains: blocks}, weighs the tasks against each other"
    }
}
