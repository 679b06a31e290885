/// The tasks of a step against each other.
extension TrainingStep {
    /// Tells the method what it learns from: the step's losses, and those of the same rows after it. A task that is left out has none.
    func balance(_ batch: BatchView<Scalar>) {
        guard let balancer, current.isWeighed, !balancer.isFixed else { return }
        let (before, after) = (current.balance.losses, current.balance.losses + losses.count)
        for task in 0..<losses.count { (before[task], after[task]) = (.nan, .nan) }
        for loss in current.turn.losses where current.learns(loss.task, batch) {
            before[loss.task] = losses[loss.task]
        }
        guard balancer.balancing.needs.contains(.lossesAfter) else {
            return balancer.learn(losses: before, gram: hasTaskProducts ? current.balance.gram : nil)
        }
        let update = current.update
        (current.isTrial, current.update) = (true, nil)
        store.pool.run(self)
        (current.isTrial, current.update) = (false, update)
        for loss in current.turn.losses where current.learns(loss.task, batch) {
            after[loss.task] = current.taskLoss(loss, batch)
        }
        balancer.learn(losses: before, after: after)
    }

    /// Gives the model the preference of the step to come.
    func drawPreference() {
        guard let balancer, usualPreference.count > 0 else { return }
        let parameters = store.parameters.base
        for (place, start) in store.plan.preferences.enumerated() {
            (usualPreference.base + place * balancer.taskCount).update(
                from: parameters + start, count: balancer.taskCount)
        }
        balancer.drawPreference()
        store.plan.write(preference: UnsafePointer(balancer.preference.base), to: parameters)
    }

    /// Gives the model back its own: between steps it is asked for nothing else.
    func restorePreference() {
        guard let balancer, usualPreference.count > 0 else { return }
        for (place, start) in store.plan.preferences.enumerated() {
            (store.parameters.base + start).update(
                from: usualPreference.base + place * balancer.taskCount, count: balancer.taskCount)
        }
    }

    /// The preference of the latest step, where one is drawn.
    package var preference: [Double] { balancer.map { Array($0.preference.buffer) } ?? [] }

    /// Per task its weight in the latest step, where some method weighs them.
    package var taskWeights: [Double] {
        (0..<(balancer?.taskCount ?? 0)).map { current.balance.weights[$0] }
    }

    /// Whether the tasks of the latest step were weighed.
    var isWeighed: Bool { current.isWeighed }

    /// Whether the latest step looked at the tasks' gradients.
    var hasTaskProducts: Bool { balancer != nil && current.turn.passes != nil }

    /// The products of the tasks' gradients in the latest step, `[tasks, tasks]`; empty for a method without.
    package var taskProducts: [Double] {
        guard let balancer, hasTaskProducts else { return [] }
        return (0..<balancer.taskCount * balancer.taskCount).map { current.balance.gram[$0] }
    }
}
