/// Tasks that stop one by one; see `StoppingRule.Stopping`.
extension Trainer {
    /// Tasks that a loss ties to each other cannot stop one by one.
    ///
    /// - Throws: `InputError` that names the tasks.
    func checkTasksStopAlone(_ rule: StoppingRule) throws(InputError) {
        guard rule.stop == .eachTask else { return }
        try trainingStep.balancer?.balancing.check(stop: rule.stop, place: "balancing")
        guard model.plan.structures.isEmpty else {
            throw InputError(
                .value, at: "stopping rule, stop",
                found: "each_task, and an architecture that moves the weights of all tasks between steps",
                expected: "together, or another architecture")
        }
        if case .hierarchical(let hierarchy) = schedule, hierarchy.unfreezeEvery != nil {
            throw InputError(
                .value, at: "stopping rule, stop",
                found: "each_task, and layers that thaw with the levels' turns",
                expected: "together, or no unfreeze_every")
        }
        for task in model.tasks.indices {
            let first = model.plan.events.root(task)
            guard first != task, model.tasks[first].negativeRate < 1 else { continue }
            throw InputError(
                .value, at: "stopping rule, stop",
                found: "each_task, and a funnel whose rows were sampled by \(model.tasks[first].name)",
                expected:
                    "together, or no sampling: \(model.tasks[task].name) is corrected by the other's logit of the same epoch"
            )
        }
        for joint in model.plan.joints {
            let tasks = joint.tasks(model.plan.logits)
            guard tasks.count > 1 else { continue }
            let names = tasks.sorted().map { model.tasks[$0].name }.joined(separator: " and ")
            throw InputError(
                .value, at: "stopping rule, stop", found: "each_task, and a loss over \(names)",
                expected: "together, or the architecture without that loss")
        }
    }

    /// Lets the tasks rest that have stopped.
    func rest(_ state: FitState, _ sequence: TurnSequence) {
        guard let tasks = state.tasks else { return }
        let stopped = Set(tasks.indices.filter { tasks[$0].stoppedAfter != nil })
        trainingStep.stop(stopped)
        sequence.rest(stopped)
    }

    /// Judges every task that goes on by its own value at the end of an epoch, and lets those stop that have not improved.
    ///
    /// - Returns: whether the epoch is some task's best.
    func judgeTasks(
        _ epoch: inout EpochReport, _ state: inout FitState, _ rule: StoppingRule
    ) throws(InputError) -> Bool {
        guard var tasks = state.tasks else { return false }
        var (isBest, stopped) = (false, [String]())
        for (index, task) in model.tasks.enumerated() where tasks[index].stoppedAfter == nil {
            if let value = try value(of: task, index, epoch, rule),
                value < (tasks[index].best?.loss ?? .infinity) - rule.minimumImprovement
            {
                tasks[index].best = FitState.Best(loss: value, epoch: state.epoch)
                tasks[index].waited = 0
                isBest = true
            } else if schedulePlan.epochsPerRound == 1 || !epoch.trainingLosses[index].isNaN {
                tasks[index].waited += 1
            }
            if let patience = rule.patience, tasks[index].best != nil, tasks[index].waited >= patience {
                tasks[index].stoppedAfter = state.epoch
                stopped.append(task.name)
            }
        }
        state.tasks = tasks
        epoch.stoppedTasks = stopped
        return isBest
    }

    /// What a task is judged by, less of which is better; nil where the epoch does not say it.
    private func value(
        of task: LearningTask, _ index: Int, _ epoch: EpochReport, _ rule: StoppingRule
    ) throws(InputError) -> Double? {
        if let metric = rule.metric(of: task) {
            return try epoch.validationMetrics?.watched(metric, of: task.name)
        }
        let loss = epoch.loss(index)
        return loss.isNaN ? nil : loss
    }

    /// Whether nothing is left to learn: a task that weighs nothing is not waited for.
    func allHaveStopped(_ state: FitState) -> Bool {
        zip(model.tasks, state.tasks ?? []).allSatisfy { $0.weight == 0 || $1.stoppedAfter != nil }
    }

    /// Losses, of tasks that have stopped those of their best epoch.
    func atTheirBest(_ losses: [Double], _ state: FitState) -> [Double] {
        guard let tasks = state.tasks else { return losses }
        return losses.indices.map { index in
            guard tasks[index].stoppedAfter != nil, let best = tasks[index].best,
                let epoch = state.epochs.first(where: { $0.epoch == best.epoch })
            else { return losses[index] }
            return epoch.loss(index)
        }
    }

    /// Per task the parameters of its best epoch, and of one that was never judged those of the latest of these epochs; nil where
    /// nothing was copied.
    func members(
        _ tasks: [TaskProgress], _ best: [Int: [Scalar]], beginning: [Scalar]?
    ) throws(InputError) -> ModelMembers<Scalar>? {
        let epochs = Set(tasks.compactMap(\.best?.epoch)).sorted()
        guard let latest = epochs.last else {
            return beginning.map { ModelMembers($0, tasks: tasks.count) }
        }
        let vectors = epochs.compactMap { best[$0] }
        guard vectors.count == epochs.count else { return nil }
        return try ModelMembers(
            vectors,
            ofTasks: tasks.map { task in
                [epochs.firstIndex(of: task.best?.epoch ?? latest) ?? epochs.count - 1]
            })
    }

    func outcomes(_ state: FitState) -> [TaskOutcome] {
        zip(model.tasks, state.tasks ?? []).map { task, progress in
            TaskOutcome(
                task: task.name, bestEpoch: progress.best?.epoch, stoppedAfter: progress.stoppedAfter)
        }
    }
}
