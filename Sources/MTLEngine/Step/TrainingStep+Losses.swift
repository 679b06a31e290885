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
            losses[loss.task] = current.taskLoss(loss, batch)
            hasLabels = hasLabels || current.learns(loss.task, batch)
        }
        penalties = current.turn.penalties.isEmpty ? 0 : current.penalty.pointee
        for term in 0..<current.turn.penaltyValues { penalties += current.structureValues[term] }
        for joint in current.turn.joints.indices { penalties += current.partialSum(current.tasks + joint) }
        return hasLabels
    }
}
