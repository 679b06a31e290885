/// How often a step's turns have stepped: with `TrainingStep.memories` and the parameters all that steps depend on.
package struct StepCounters: Sendable, Equatable, Codable {
    /// Per turn.
    package var turns: [Int]
    /// All of them.
    package var updates: Int
}

extension TrainingStep {
    /// What steps remember beside the parameters, by name. Neither names nor lengths depend on the number of threads.
    package var memories: [(name: String, values: UnsafeMutableBufferPointer<Scalar>)] {
        var found = [("optimizer", current.stateValues)]
        if let embedding = current.embedding { found.append(("optimizer.tables", embedding.stateValues)) }
        if current.turn.slices != nil { found.append(("optimizer.slices", current.sliceValues)) }
        return found.filter { !$0.1.isEmpty }
    }

    /// Goes on from counters, after memories and parameters were written.
    package func restore(_ counters: StepCounters) {
        precondition(counters.turns.count == self.counters.turns.count, "counters of other turns")
        self.counters = counters
        current.repeatState()
    }
}
