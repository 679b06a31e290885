/// What a binary task learns of the order of the rows of a group (a session, a query), beside its log loss.
///
/// The loss of a step is (1 - share) times the log loss and share times this one; both are of the same logits, so that predictions
/// stay probabilities as far as the log loss holds them to. Losses that are watched, and metrics, are the usual ones.
public struct RankingLoss: Sendable, Equatable {
    /// Which rows are compared.
    public enum Kind: String, Sendable, Equatable, CaseIterable, Codable {
        /// Each pair of a group with labels 1 and 0: log(1 + exp(z₀ - z₁)), the mean over all pairs of a batch; with weights, a pair
        /// counts the product of its rows' (RankNet, Burges et al., *Learning to Rank using Gradient Descent*, ICML 2005).
        case pairwise
        /// All rows of a group: -log softmax(z) of its rows with label 1, their mean (by their weights); of a batch the mean over the
        /// groups that have both labels (ListNet, Cao et al., *Learning to Rank: From Pairwise Approach to Listwise Approach*, ICML
        /// 2007).
        case listwise
        /// All rows of a group, with two logits per row, z₀ for no and z₁ for yes: -log softmax(z_y) of a row with label y among those
        /// of the group, the mean over the labelled rows (by their weights) that share a group with others; the log loss is that
        /// of σ(z₁ - z₀). What all rows of a group have in common is then free for the log loss to use (JRC, Sheng et al., *Joint
        /// Optimization of Ranking and Calibration with Contextualized Hybrid Model*, arXiv 2208.06164, whose α is 1 - share).
        case jrc
    }

    /// Which rows are compared.
    public let kind: Kind
    /// The share of this loss in the task's, above 0 and below 1.
    public let share: Double

    /// By default as much as the log loss.
    public init(_ kind: Kind, share: Double = 0.5) {
        self.kind = kind
        self.share = share
    }

    func check(_ task: LearningTask, _ place: String) throws(InputError) {
        guard task.kind == .binary else {
            throw InputError(
                .value, at: "\(place), ranking", found: "a task of another kind", expected: "a binary one")
        }
        try checkShare(place)
    }

    /// Checks that some of the log loss is left.
    package func checkShare(_ place: String) throws(InputError) {
        guard share > 0, share < 1 else {
            throw InputError(
                .value, at: "\(place), ranking, share", found: "\(share)",
                expected:
                    "above 0 and below 1: the rest is the log loss's, which keeps predictions probabilities")
        }
    }
}
