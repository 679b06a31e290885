/// How often a step's turns have stepped, and where the latest one was: with `TrainingStep.memories`, the stamps of the average
/// and the parameters all that steps depend on.
package struct StepCounters: Sendable, Equatable, Codable {
    /// Per count of steps that the turns' paces follow.
    package var steps: [Int]
    /// All steps of all turns.
    package var updates = 0
    /// The group of the latest turn; nil before the first.
    package var latestGroup: Int?
    /// Per structure of the plan the sum of the learning rates of the steps since its latest update, each times how far the step
    /// moved its parameters; nil without structures, and of a checkpoint of before they were counted.
    package var movedRates: [Double]?

    package init(steps: [Int]) { self.steps = steps }
}

extension TrainingStep {
    /// What steps remember beside the parameters, by name. Neither names nor lengths depend on the number of threads.
    package var memories: [(name: String, values: UnsafeMutableBufferPointer<Scalar>)] {
        var found = [("optimizer", current.stateValues)]
        if let embedding = current.embedding { found.append(("optimizer.tables", embedding.stateValues)) }
        if current.turn.slices != nil { found.append(("optimizer.slices", current.sliceValues)) }
        if let average { found.append(("average", average.values)) }
        found.append(("anchor", anchor.buffer))
        return found.filter { !$0.1.isEmpty }
    }

    /// Goes on from counters, after memories and parameters were written.
    package func restore(_ counters: StepCounters) {
        precondition(counters.steps.count == self.counters.steps.count, "counters of other turns")
        let zeros = self.counters.movedRates.map { $0.map { _ in 0.0 } }
        self.counters = counters
        // A checkpoint of before they were counted begins them anew.
        if counters.movedRates?.count != zeros?.count { self.counters.movedRates = zeros }
        current.repeatState()
    }
}
