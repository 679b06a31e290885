/// Tasks in levels that are trained in order, from the lowest: a lower level's tasks are simpler, and what they teach serves
/// those above. `SharedBottom` attaches their heads to a lower layer.
///
/// In a level's turn the sum of its tasks' weighted losses trains all that they reach, by an optimiser of the level's own.
///
/// - SeeAlso: Hashimoto et al., *A Joint Many-Task Model*, arXiv 1611.01587; Howard & Ruder, *Universal Language Model
///   Fine-tuning*, arXiv 1801.06146.
public struct Hierarchy: Sendable, Equatable {
    /// The names of the tasks of each level, the lowest first; every task once.
    public var levels: [[String]]
    /// How long a level's turn is.
    public var turns: Schedule.Turns
    /// δ: adds δ‖θ - θ′‖² to the loss of a level above the lowest, over all that it shares with lower ones; θ′ is what
    /// the parameters were when the level's turn began. Of a table, the rows that a batch touches are held.
    public var regularization: Double
    /// Epochs after which one more of the frozen layers thaws; nil for none frozen.
    ///
    /// What tasks share is frozen at first and thaws from the top: the highest layer after so many epochs, then the
    /// one below it, the tables last. Where a turn is an epoch, the level's own epochs count.
    public var unfreezeEvery: Int?
    /// Per level the factor of the learning rate; empty for 1.
    public var rates: [Double]

    /// Levels whose turns are epochs, unbound, at one learning rate.
    public init(
        levels: [[String]], turns: Schedule.Turns = .epoch, regularization: Double = 0,
        unfreezeEvery: Int? = nil, rates: [Double] = []
    ) {
        self.levels = levels
        self.turns = turns
        self.regularization = regularization
        self.unfreezeEvery = unfreezeEvery
        self.rates = rates
    }
}
