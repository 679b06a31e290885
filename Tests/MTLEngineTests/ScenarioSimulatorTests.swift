import MTLEngine
import Testing

@Suite struct ScenarioSimulatorTests {
    @Test func sameSeedSameRows() throws {
        let first = try ScenarioSimulator(seed: 2, scenarios: 3).log(rows: [50, 0, 20], stream: 1)
        let second = try ScenarioSimulator(seed: 2, scenarios: 3).log(rows: [50, 0, 20], stream: 1)
        #expect(first.dataset.rowCount == 70 && first.chances == second.chances)
        #expect(first.dataset.features(row: 69) == second.dataset.features(row: 69))
        #expect(
            first.chances
                != (try ScenarioSimulator(seed: 2, scenarios: 3).log(rows: [50, 0, 20], stream: 2)).chances)
    }

    /// Labels fall as often as their true probabilities say, within five standard errors.
    @Test func labelsFollowTheTruth() throws {
        let log = try ScenarioSimulator(seed: 1).log(rows: [20_000, 9_000, 0, 5_000, 0, 700], stream: 1)
        for (task, name) in ["click", "purchase"].enumerated() {
            var (difference, variance) = (0.0, 0.0)
            for (label, both) in zip(try log.dataset.labels(name), log.chances) where !label.isNaN {
                difference += Double(label) - both[task]
                variance += both[task] * (1 - both[task])
            }
            #expect(abs(difference) < 5 * variance.squareRoot(), "\(name)")
        }
        let (clicks, purchases) = (try log.dataset.labels("click"), try log.dataset.labels("purchase"))
        #expect(zip(clicks, purchases).allSatisfy { $1.isNaN == ($0 == 0) })
    }

    @Test func wrongNumbersAreRefused() throws {
        #expect(throws: InputError.self) { try ScenarioSimulator(scenarios: 0) }
        #expect(throws: InputError.self) { try ScenarioSimulator(own: -1) }
        let market = try ScenarioSimulator(scenarios: 2)
        #expect(throws: InputError.self) { try market.log(rows: [5], stream: 1) }
        #expect(throws: InputError.self) { try market.log(rows: [0, 0], stream: 1) }
    }
}
