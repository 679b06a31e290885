/// What a step's tiles left of its losses, summed up.
extension TrainingStep {
    /// The tasks' losses, their labelled rows and the penalties of the step that was run; of a packed ensemble the means over
    /// its members.
    ///
    /// - Returns: whether a task that learns had a label.
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    func sumLosses(_ batch: BatchView<Scalar>) -> Bool {
        var hasLabels = false
        for loss in current.turn.losses {
            labelled[loss.task] = current.labelledWeight(loss.task, batch)
            losses[loss.task] = taskLoss(loss, batch)
            hasLabels = hasLabels || current.learns(loss.task, batch)
        }
        penalties = current.turn.penalties.isEmpty ? 0 : current.penalty.pointee
        for term in 0..<current.turn.penaltyValues { penalties += current.structureValues[term] }
        for joint in current.turn.joints.indices { penalties += partialSum(current.tasks + joint) }
        return hasLabels
    }

    /// Per task its weight in the latest step, where some method weighs them.
    package var taskWeights: [Double] {
        (0..<(balancer?.taskCount ?? 0)).map { current.balance.weights[$0] }
    }

    /// The products of the tasks' gradients at the frontier of the latest step, `[tasks, tasks]`; empty for a method without.
    package var taskProducts: [Double] {
        guard let balancer, current.turn.passes != nil else { return [] }
        return (0..<balancer.taskCount * balancer.taskCount).map { current.balance.gram[$0] }
    }

    /// The loss of one task.
    func taskLoss(_ loss: Program.TaskLoss, _ batch: BatchView<Scalar>) -> Double {
        let own = meanLoss(
            partialSum(loss.task) / Double(max(1, current.turn.members)),
            current.labelledWeight(loss.task, batch))
        guard let ranking = loss.ranking else { return own }
        return (1 - ranking.share) * own + ranking.share * (current.rankings.mean(loss.task) ?? 0)
    }

    /// The sum of a column of the partial losses, over the blocks of rows and the members.
    private func partialSum(_ column: Int) -> Double {
        var sum = 0.0
        for member in 0..<max(1, current.turn.members) {
            let partials = current.partialLosses + member * current.memberStride + column
            for block in 0..<current.blockCount { sum += partials[block * current.lossStride] }
        }
        return sum
    }
}
