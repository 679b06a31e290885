import MTLEngine

/// Simulated visits of a funnel whose true probabilities are known: a click, and of clicks a purchase, which is 0 without one.
///
/// Labels are drawn along the sum of their probabilities: each has its own, but together there are as many as these add up to, within
/// one. A mean prediction is so compared with the truth itself, not with the luck of the draw.
struct FunnelVisits {
    let dataset: Dataset<Float>
    /// True probabilities of a click, and of a click with a purchase, `[rows]`.
    let click: [Double]
    let both: [Double]

    /// What becomes of rows without a click.
    enum Sampling {
        /// This share of them is kept.
        case rows(Double)
        /// All are kept, this share with the click's label.
        case labels(Double)
    }

    private static let shop = try? ShopSimulator(seed: 1, users: 4000, items: 800)

    /// - Parameter conversion: what the probabilities of a purchase after a click are multiplied with.
    init(
        rows: Int, stream: UInt64, _ sampling: Sampling = .rows(1), conversion: Double = 1
    ) throws {
        guard let shop = Self.shop else { throw InputError(.value, at: "simulator", found: "", expected: "") }
        let log = try shop.log(rows: rows, stream: stream)
        var (bought, clicked, kept) = (0.5, 0.5, 0.5)
        func happens(_ p: Double, _ sum: inout Double) -> Bool {
            let before = sum
            sum += p
            return sum.rounded(.down) > before.rounded(.down)
        }
        var features: [Float] = []
        var labels: [(click: Float, purchase: Float)] = []
        var (click, both): ([Double], [Double]) = ([], [])
        for row in 0..<rows {
            let p = log.truth.click[row]
            let product = p * conversion * log.truth.purchase[row]
            let purchase = happens(product, &bought)
            let isClick = purchase || happens((p - product) / (1 - product), &clicked)
            var label: Float = isClick ? 1 : 0
            switch sampling {
            case .rows(let share): if !isClick, share < 1, !happens(share, &kept) { continue }
            case .labels(let share): if !isClick, share < 1, !happens(share, &kept) { label = .nan }
            }
            features += log.dataset.features(row: row)
            labels.append((label, purchase ? 1 : 0))
            click.append(p)
            both.append(product)
        }
        dataset = try Dataset(
            featureNames: log.dataset.featureNames, features: features,
            labels: [("click", labels.map(\.click)), ("purchase", labels.map(\.purchase))])
        (self.click, self.both) = (click, both)
    }
}
