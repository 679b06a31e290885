/// A training of a seed: the one that its epochs are chosen by, or the one on all rows that follows it.
package struct RunStage: Sendable, Equatable {
    /// The seed.
    package let seed: UInt64
    /// The epochs on training and validation rows together; nil where validation rows are watched.
    package let refitEpochs: Int?

    /// The training that its epochs are chosen by, or one on all rows.
    package init(seed: UInt64, refitEpochs: Int? = nil) {
        self.seed = seed
        self.refitEpochs = refitEpochs
    }

    var isRefit: Bool { refitEpochs != nil }
    /// In names of files, and in checkpoints.
    var name: String { "\(seed)\(isRefit ? "-refit" : "")" }
    /// In messages.
    var title: String { isRefit ? "seed \(seed) on all rows" : "seed \(seed)" }
}
