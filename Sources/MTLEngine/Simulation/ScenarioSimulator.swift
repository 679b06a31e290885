#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A seeded simulator of scenarios (countries, channels) of very unequal size that mostly, not wholly, behave alike: what
/// a large scenario teaches helps a small one, and what is peculiar to one harms another that takes it over.
///
/// The logit of a click is g(x) + δ w_s·x + b_s: g, a fixed random network with tanh units, is every scenario's; w_s and b_s are
/// scenario s's own. A purchase shares g's hidden units. Labels are drawn, so the best AUC is known (`ScenarioLog.chances`).
package struct ScenarioSimulator: Sendable {
    /// Dense features of a row.
    package static let featureCount = 24
    /// The tasks that a log has labels for; purchase is known where there was a click.
    package static let tasks: [LearningTask] = [.binary("click"), .binary("purchase")]

    private static let units = 12
    /// How far scenarios differ: δ.
    private let own: Double
    private let hidden: [[Double]]
    private let outputs: [[Double]]
    private let slopes: [[[Double]]]
    private let biases: [[Double]]
    private let seed: UInt64

    /// The number of scenarios.
    package var scenarios: Int { slopes.count }

    /// A market of scenarios.
    ///
    /// - Parameters:
    ///   - scenarios: how many there are.
    ///   - own: the standard deviation of what is peculiar to a scenario; that of what all share is about 1.5.
    /// - Throws: `InputError` for no scenario or a negative deviation.
    package init(seed: UInt64 = 1, scenarios: Int = 6, own: Double = 0.6) throws(InputError) {
        guard scenarios >= 1 else {
            throw InputError(
                .value, at: "simulator, scenarios", found: "\(scenarios)", expected: "at least 1")
        }
        guard own >= 0, own.isFinite else {
            throw InputError(.value, at: "simulator, own", found: "\(own)", expected: "0 or above")
        }
        self.seed = seed
        self.own = own
        var generator = SeededGenerator(seed: seed).split(11)
        func vector(_ count: Int, _ deviation: Double) -> [Double] {
            (0..<count).map { _ in deviation * generator.normal() }
        }
        let width = Double(Self.featureCount).squareRoot()
        hidden = (0..<Self.units).map { _ in vector(Self.featureCount, 2 / width) }
        outputs = (0..<2).map { _ in vector(Self.units, 0.7) }
        slopes = (0..<scenarios).map { _ in (0..<2).map { _ in vector(Self.featureCount, 1 / width) } }
        biases = (0..<scenarios).map { _ in (0..<2).map { [-0.8, -0.3][$0] + 0.5 * generator.normal() } }
    }

    /// Draws rows.
    ///
    /// - Parameters:
    ///   - rows: of each scenario.
    ///   - stream: another stream, other rows.
    /// - Throws: `InputError` where the counts are no row or not one for each scenario.
    package func log(rows: [Int], stream: UInt64) throws(InputError) -> ScenarioLog {
        guard rows.count == scenarios, rows.allSatisfy({ $0 >= 0 }), rows.contains(where: { $0 > 0 }) else {
            throw InputError(
                .value, at: "simulator, rows", found: "\(rows)", expected: "\(scenarios) counts, 0 or above")
        }
        var generator = SeededGenerator(seed: seed).split(12).split(stream)
        let ids = rows.enumerated().flatMap { [Int32](repeating: Int32($0), count: $1) }
        var chances: [[Double]] = []
        let column = try IDColumn<Float>("scenario", ids: ids)
        let dataset = try Dataset<Float>(
            rowCount: ids.count, featureNames: (0..<Self.featureCount).map { "x\($0)" },
            labelNames: Self.tasks.map(\.name), ids: [column], scenarios: ids
        ) { features, labels in
            for (row, scenario) in ids.enumerated() {
                let x = (0..<Self.featureCount).map { _ in generator.normal() }
                for (index, value) in x.enumerated() {
                    features[row * Self.featureCount + index] = Float(value)
                }
                let both = self.chances(x, Int(scenario))
                chances.append(both)
                let clicked = generator.uniform() < both[0]
                let bought = generator.uniform() < both[1]
                labels[2 * row] = clicked ? 1 : 0
                labels[2 * row + 1] = clicked ? (bought ? 1 : 0) : .nan
            }
        }
        return ScenarioLog(dataset: dataset, chances: chances)
    }

    private func chances(_ x: [Double], _ scenario: Int) -> [Double] {
        func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
        let units = hidden.map { tanh(dot($0, x)) }
        return (0..<2).map { task in
            let logit: Double =
                dot(outputs[task], units) + own * dot(slopes[scenario][task], x) + biases[scenario][task]
            return 1 / (1 + exp(-logit))
        }
    }
}

/// Simulated rows of several scenarios, and the truth behind their labels.
package struct ScenarioLog: Sendable {
    /// 24 dense features, the id column "scenario", and every row's scenario.
    package let dataset: Dataset<Float>
    /// The probabilities of the two tasks' labels to be 1 (of `ScenarioSimulator` a click, and a purchase after it), `[rows][2]`.
    package let chances: [[Double]]
}
