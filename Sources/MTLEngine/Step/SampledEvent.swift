#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A later event of a funnel whose rows were sampled by the first one: of rows without it a share w was learned from, with all
/// labels of the funnel (`LearningTask.negativeRate` of the first task).
///
/// Of rows like x the share s = P(first) + w (1 - P(first)) was kept, and every event that needs the first is among them 1/s times as
/// likely: p = s p_kept, with 1/s = 1 + (1/w - 1)(1 - σ(z_first)) of the first task's logit as it was learned. What is likely once the
/// first has happened is the same in both.
package struct SampledEvent: Sendable {
    let logits: GraphValue
    let parent: GraphValue
    let first: GraphValue
    let rate: Double
    /// Whether the parent is the first event, whose logit is corrected last, and whether the probability is a product with its.
    private let followsFirst: Bool
    private let isProduct: Bool

    /// The corrections of a model's tasks, each behind that of its parent.
    package static func all(_ plan: ModelPlan, _ tasks: [LearningTask]) -> [SampledEvent] {
        tasks.indices.map { ($0, plan.events.before($0)) }.sorted { $0.1.count < $1.1.count }
            .compactMap { task, before in
                guard let first = before.last, tasks[first].negativeRate < 1 else { return nil }
                return SampledEvent(
                    logits: plan.logits[task], parent: plan.logits[before[0]], first: plan.logits[first],
                    rate: tasks[first].negativeRate, followsFirst: before.count == 1,
                    isProduct: plan.events.products.contains(task))
            }
    }

    /// Corrects the logits of a tile's rows, while the first event's are as they were learned.
    func correct<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let (own, before, first) = (tile.view(logits), tile.view(parent), tile.view(first))
        let (excess, shift) = (1 / rate - 1, Scalar(log(rate)))
        for row in 0..<own.rows {
            let thinned = excess / (1 + exp(Double(first.base[row * first.stride])))
            let corrected = Scalar(Self.corrected(Double(own.base[row * own.stride]), thinned))
            // Rounding puts no product above its factor.
            let above = before.base[row * before.stride] + (followsFirst ? shift : 0)
            own.base[row * own.stride] = isProduct ? min(corrected, above) : corrected
        }
    }

    /// The logit of σ(z) / (1 + g): -log((1 + g) e^-z + g).
    private static func corrected(_ z: Double, _ g: Double) -> Double {
        let (a, b) = (log1p(g) - z, log(g))
        guard a != b else { return -(a + log(2)) }
        return -(max(a, b) + log1p(exp(-abs(a - b))))
    }
}
