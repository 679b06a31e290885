/// Which task is optimised when.
public enum Schedule: Sendable, Equatable {
    /// One forward over all tasks, L = Σ λᵢ Lᵢ, one backward, one optimiser over all parameters.
    case joint
    /// Tasks take turns. In task i's turn the forward runs the shared layers and head i, the backward goes
    /// through them, and task i's own optimiser (own moments, own step count) steps both; the other heads rest.
    /// A turn whose batch has no labelled row of its task is skipped.
    case alternating(Turns)

    /// How long a turn is.
    public enum Turns: Sendable, Equatable {
        /// Each batch is used once for every task, in order (the reference loop of the method).
        case batch
        /// Each batch is used for one task; the next task takes over after this many batches.
        case steps(Int)
        /// Each epoch is used for one task.
        case epoch
    }

    package var isAlternating: Bool { self != .joint }

    package func check() throws(InputError) {
        if case .alternating(.steps(let count)) = self, count < 1 {
            throw InputError(
                .value, at: "schedule, steps per turn", found: "\(count)", expected: "at least 1")
        }
    }
}
