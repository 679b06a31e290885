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
            losses[loss.task] = meanLoss(
                partialSum(loss.task) / Double(max(1, current.turn.members)), labelled[loss.task])
            if let ranking = loss.ranking {
                losses[loss.task] *= 1 - ranking.share
                losses[loss.task] += ranking.share * (current.rankings.mean(loss.task) ?? 0)
            }
            hasLabels = hasLabels || current.learns(loss.task, batch)
        }
        penalties = current.turn.penalties.isEmpty ? 0 : current.penalty.pointee
        for term in 0..<current.turn.penaltyValues { penalties += current.structureValues[term] }
        for joint in current.turn.joints.indices { penalties += partialSum(current.tasks + joint) }
        return hasLabels
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
