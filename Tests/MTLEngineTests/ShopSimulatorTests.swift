import MTLEngine
import Testing

@Suite struct ShopSimulatorTests {
    @Test func sameSeedSameRowsAndStreamsDiffer() throws {
        let shop = try ShopSimulator(seed: 3, users: 50, items: 20)
        let again = try ShopSimulator(seed: 3, users: 50, items: 20)
        let first = try shop.log(rows: 200, stream: 1)
        let second = try again.log(rows: 200, stream: 1)
        for row in 0..<200 { #expect(first.dataset.features(row: row) == second.dataset.features(row: row)) }
        #expect(first.truth.click == second.truth.click)
        #expect(first.truth.click != (try shop.log(rows: 200, stream: 2).truth.click))
    }

    /// Labels fall as often as their true probabilities say, within five standard errors.
    @Test func labelsFollowTheTruth() throws {
        let log = try ShopSimulator(seed: 1).log(rows: 50_000, stream: 1)
        for (name, truth) in [("click", log.truth.click), ("purchase", log.truth.purchase)] {
            var (difference, variance) = (0.0, 0.0)
            for (label, p) in zip(try log.dataset.labels(name), truth) where !label.isNaN {
                difference += Double(label) - p
                variance += p * (1 - p)
            }
            #expect(abs(difference) < 5 * variance.squareRoot(), "\(name)")
        }
        let spend = zip(try log.dataset.labels("spend"), log.truth.spend).filter { !$0.0.isNaN }
        let bias = spend.reduce(0) { $0 + Double($1.0) - $1.1 } / Double(spend.count)
        #expect(abs(bias) < 5 * 0.4 / Double(spend.count).squareRoot())
    }

    @Test func funnelLeavesLabelsOut() throws {
        let data = try ShopSimulator(seed: 2).log(rows: 5_000, stream: 1).dataset
        let (clicks, purchases, spend) = (
            try data.labels("click"), try data.labels("purchase"), try data.labels("spend")
        )
        for row in 0..<data.rowCount {
            #expect(purchases[row].isNaN == (clicks[row] == 0))
            #expect(spend[row].isNaN == (purchases[row] != 1))
        }
    }

    @Test func badArgumentsAreNamed() {
        #expect(throws: InputError.self) { try ShopSimulator(users: 0) }
        #expect(throws: InputError.self) { try ShopSimulator(users: 2, items: 2).log(rows: 0, stream: 1) }
    }

    /// Joint training comes within .025 of the best possible AUC on fewer rows than the default.
    @Test func aSmallModelLearnsTheShop() throws {
        let shop = try ShopSimulator(seed: 1)
        let test = try shop.log(rows: 20_000, stream: 3)
        let training = try shop.log(rows: 40_000, stream: 1).dataset
        let model = try MultiTaskModel(
            inputs: training.featureCount, trunk: [.relu(32), .relu(32)], tasks: ShopSimulator.tasks)
        let trainer = try Trainer<Float>(model, optimizer: .adam(learningRate: 2e-3), batchSize: 128)
        try trainer.fit(
            training, validation: try shop.log(rows: 5_000, stream: 2).dataset, until: StoppingRule(epochs: 6)
        )
        for (learned, best) in zip(try trainer.evaluate(test.dataset), try test.bayes()).prefix(2) {
            let gap = try #require(best.areaUnderROC) - (try #require(learned.areaUnderROC))
            #expect(gap < 0.025 && gap > -0.005, "\(learned.task): \(gap)")
        }
    }
}
