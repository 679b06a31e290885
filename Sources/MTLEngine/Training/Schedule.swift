/// Which task is optimised when.
public enum Schedule: Sendable, Equatable {
    /// One forward over all tasks, L = Σ λᵢ Lᵢ, one backward, one optimiser over all parameters.
    case joint
    /// Tasks take turns. In task i's turn the forward runs the shared layers and head i, the backward goes
    /// through them, and task i's own optimiser (own moments, own step count) steps both; the other heads rest.
    /// A turn whose batch has no labelled row of its task is skipped.
    ///
    /// `trains` says which of those parameters a turn changes; the others are frozen. A loss over several tasks has
    /// no turn and is refused.
    case alternating(Turns, order: TurnOrder = .roundRobin, trains: TrainedParts = .all)
    /// Levels of tasks take turns, the lowest first.
    case hierarchical(Hierarchy)

    /// How long a turn is.
    public enum Turns: Sendable, Equatable {
        /// Each batch is used once for every task, in order (the reference loop of the method).
        case batch
        /// Each batch is used for one task; the next task takes over after this many batches.
        case steps(Int)
        /// Each epoch is used for one task.
        case epoch
    }

    /// Who is next. Random orders are drawn from the seed and the number of the turn alone.
    public enum TurnOrder: Sendable, Equatable {
        /// One after the other, in the order of the tasks.
        case roundRobin
        /// A new order every round: in each, everyone has one turn.
        case shuffled
        /// A turn is task i's with a probability in proportion to nᵢᵃ, of its nᵢ labelled training rows.
        ///
        /// a goes from `exponent` in the first epoch to `annealedTo` in the last, in equal steps: 1 samples in proportion to
        /// the data, 0 evenly. With turns of some steps, the first turn of an epoch begins with it.
        ///
        /// - SeeAlso: Stickland & Murray, *BERT and PALs*, arXiv 1902.02671: annealed sampling, a = 1 - 0.8 (e-1)/(E-1)
        ///   in epoch e of E; Raffel et al., JMLR 21, 2020, on mixing in proportion to the examples.
        case proportional(exponent: Double, annealedTo: Double? = nil)
    }

    /// What a turn trains.
    public enum TrainedParts: String, Sendable, CaseIterable {
        /// The shared layers and the task's own.
        case all
        /// The task's own alone: what several tasks share, tables with it, stays as it is.
        case heads
        /// Turns are not tasks but blocks of parameters, under the losses of all tasks: what several tasks share, then
        /// what is one task's own.
        case blocks
    }

    /// How long its turns are; nil where there is one alone.
    package var turns: Turns? {
        switch self {
        case .joint: nil
        case .alternating(let turns, _, _): turns
        case .hierarchical(let hierarchy): hierarchy.turns
        }
    }
}
