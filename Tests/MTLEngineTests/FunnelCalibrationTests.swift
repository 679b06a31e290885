import Foundation
import MTLEngine
import Testing

/// Every funnel against the truth behind simulated visits: how much is predicted on the whole, how well, and in which order.
@Suite struct FunnelCalibrationTests {
    private static let parents = ["purchase": "click"]
    private static let layers: [HiddenLayer] = [.relu(32)]
    private static let architectures: [(name: String, architecture: any Architecture)] = [
        ("esmm", ESMM(parents: parents, trunk: layers)),
        ("ips", ESCM2(parents: parents, trunk: layers, isDoublyRobust: false)),
        ("dr", ESCM2(parents: parents, trunk: layers)),
        ("aitm", AITM(parents: parents, layers: layers)),
        ("dbmtl", DBMTL(parents: ["purchase": ["click"]], layers: layers, relation: [.relu(16)])),
        ("resflow", ResFlow(parents: parents, layers: layers)),
    ]

    /// Mean over the rows of the log loss that predictions have under the truth.
    private static func loss(_ predictions: [Float], _ truth: [Double]) -> Double {
        zip(predictions, truth).reduce(0) { sum, pair in
            let (q, p) = (Double(pair.0), pair.1)
            return sum - p * log(q) - (1 - p) * log1p(-q)
        } / Double(truth.count)
    }

    /// Where a tenth of the clicks convert, the squared error of the imputation, were it to train the conversion head, would put
    /// predictions at 1.85 times the rate.
    @Test func rareConversionsAreNotPulledUp() throws {
        let training = try FunnelVisits(rows: 80_000, stream: 11, conversion: 0.3)
        let model = try MultiTaskModel(
            inputs: training.dataset.featureCount,
            architecture: ESCM2(parents: Self.parents, trunk: Self.layers),
            tasks: [.binary("click"), .binary("purchase")])
        let trainer = try Trainer<Float>(
            model, optimizer: .adam(learningRate: 4e-3), rateSchedule: .cosine(), batchSize: 128, seed: 1)
        try trainer.fit(training.dataset, until: StoppingRule(epochs: 3, patience: nil))
        let test = try FunnelVisits(rows: 20_000, stream: 2, conversion: 0.3)
        let found = try trainer.predict(test.dataset).values("purchase")
        let ratio = Self.mean(found.map(Double.init)) / Self.mean(test.both)
        #expect(abs(ratio - 1) < 0.05, "\(ratio) times the rate")
    }

    private static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

    /// Trained on all visits, and on those with a click and a tenth of the others.
    @Test(arguments: architectures.map(\.name), [1, 0.1])
    func predictionsAreAsLikelyAsTheTruth(name: String, share: Double) throws {
        let architecture = try #require(Self.architectures.first { $0.name == name }).architecture
        // Tasks of DBMTL depend on each other, and are sampled each by itself.
        let isAlone = name == "dbmtl"
        let training = try FunnelVisits(
            rows: share == 1 ? 80_000 : isAlone ? 100_000 : 240_000, stream: 11,
            isAlone ? .labels(share) : .rows(share))
        let model = try MultiTaskModel(
            inputs: training.dataset.featureCount, architecture: architecture,
            tasks: [
                LearningTask("click", kind: .binary, negativeRate: share), .binary("purchase"),
            ])
        let trainer = try Trainer<Float>(
            model, optimizer: .adam(learningRate: 4e-3), rateSchedule: .cosine(), batchSize: 128, seed: 1)
        try trainer.fit(training.dataset, until: StoppingRule(epochs: 3, patience: nil))

        let test = try FunnelVisits(rows: 20_000, stream: 2)
        let predictions = try trainer.predict(test.dataset)
        let (click, both) = (try predictions.values("click"), try predictions.values("purchase"))
        for (task, found, truth) in [("click", click, test.click), ("purchase", both, test.both)] {
            let ratio = Self.mean(found.map(Double.init)) / Self.mean(truth)
            #expect(abs(ratio - 1) < 0.03, "\(name), \(task): \(ratio) times the rate")
            let rate = Self.mean(truth)
            let constant = -rate * log(rate) - (1 - rate) * log1p(-rate)
            let best = Self.loss(truth.map(Float.init), truth)
            let loss = Self.loss(found, truth)
            // At least three quarters of what can be known at all.
            #expect(
                loss < constant - 0.75 * (constant - best),
                "\(name), \(task): \(loss), of a constant \(constant), at best \(best)")
        }
        let excess = zip(both, click).reduce(0) { $0 + Double(max(0, $1.0 - $1.1)) } / Double(both.count)
        switch name {
        case "esmm", "ips", "dr":
            #expect(zip(both, click).allSatisfy { $0 <= $1 })
            let given = try predictions.values("purchase", given: "click").map(Double.init)
            let truth = zip(test.both, test.click).map { $0 / $1 }
            let ratio = Self.mean(given) / Self.mean(truth)
            #expect(abs(ratio - 1) < 0.1, "\(name): after a click \(ratio) times the rate")
        case "aitm": #expect(excess < 1e-3, "\(excess)")
        default: break
        }
    }
}
