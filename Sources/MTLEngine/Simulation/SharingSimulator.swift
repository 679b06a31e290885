#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A seeded simulator of what sharing may meet, with known truth: two tasks in three scenarios that are alike, conflict, or have
/// nothing in common.
///
/// The logit of a task is a random network of tanh units of standard normal features; worlds differ in which units, which features
/// and which signs tasks and scenarios have in common. Labels are drawn, so that the best AUC is known.
package struct SharingSimulator: Sendable {
    /// What tasks and scenarios have in common.
    package enum World: String, Sendable, CaseIterable {
        /// Both tasks read nearly the same function; the second has labels for one row of twenty.
        case smallTask = "a small task"
        /// All scenarios read the same units, half of which each takes with a sign of its own.
        case scenariosConflict = "scenarios conflict"
        /// Both tasks read all features, by other units each, more of them than a narrow trunk has; the second has a fourth of
        /// the first's labels.
        case tasksConflict = "tasks conflict"
        /// Each task reads its own half of the features, and each scenario its own function of them.
        case nothingShared = "nothing shared"

        /// The share of the rows that have a label of the second task.
        package var knownShare: Double {
            switch self {
            case .smallTask: 0.05
            case .tasksConflict: 0.25
            case .scenariosConflict, .nothingShared: 1
            }
        }
    }

    /// Dense features of a row.
    package static let featureCount = 24
    /// The scenarios of a row, equally frequent.
    package static let scenarios = 3
    /// The tasks that a log has labels for.
    package static let tasks: [LearningTask] = [.binary("first"), .binary("second")]

    private struct Unit {
        var weights: [Double]
        /// What the unit adds to the logits of the tasks, `[scenarios][tasks]`.
        var outputs: [[Double]]
    }

    private let world: World
    private let units: [Unit]
    private let seed: UInt64

    /// One world of a kind; another seed, another world.
    package init(_ world: World, seed: UInt64 = 1) {
        self.world = world
        self.seed = seed
        var generator = SeededGenerator(seed: seed).split(21)
        let width = Self.featureCount
        func weights(_ read: Range<Int>) -> [Double] {
            (0..<width).map {
                read.contains($0) ? 2 * generator.normal() / Double(read.count).squareRoot() : 0
            }
        }
        func outputs(_ build: (_ scenario: Int) -> [Double]) -> [[Double]] {
            (0..<Self.scenarios).map(build)
        }
        // Of either task's logit the standard deviation is about 2.
        let size = 0.75
        var units: [Unit] = []
        switch world {
        case .smallTask:
            units = (0..<12).map { _ in
                let first = size * generator.normal()
                let second: Double = 0.95 * first + 0.3 * size * generator.normal()
                return Unit(weights: weights(0..<width), outputs: outputs { _ in [first, second] })
            }
        case .scenariosConflict:
            units = (0..<12).map { index in
                let both = [size * generator.normal(), size * generator.normal()]
                return Unit(
                    weights: weights(0..<width),
                    outputs: outputs { _ in
                        let sign: Double = index.isMultiple(of: 2) || generator.uniform() < 0.5 ? 1 : -1
                        return both.map { sign * $0 }
                    })
            }
        case .tasksConflict:
            units = (0..<32).map { index in
                let own = 0.85 * size * generator.normal()
                return Unit(
                    weights: weights(0..<width),
                    outputs: outputs { _ in index.isMultiple(of: 2) ? [own, 0] : [0, own] })
            }
        case .nothingShared:
            units = (0..<12 * Self.scenarios).map { index in
                let own = size * generator.normal()
                let isFirst = index.isMultiple(of: 2)
                return Unit(
                    weights: weights(isFirst ? 0..<width / 2 : width / 2..<width),
                    outputs: outputs { scenario in
                        guard scenario == index / 2 % Self.scenarios else { return [0, 0] }
                        return isFirst ? [1.4 * own, 0] : [0, 1.4 * own]
                    })
            }
        }
        self.units = units
    }

    /// Draws rows.
    ///
    /// - Parameters:
    ///   - rows: at least one.
    ///   - stream: another stream, other rows of the same world.
    ///   - hidesLabels: whether labels are as few as the world says; without, every row has both.
    /// - Throws: `InputError` for no row.
    package func log(rows: Int, stream: UInt64, hidesLabels: Bool = true) throws(InputError) -> ScenarioLog {
        guard rows >= 1 else {
            throw InputError(.value, at: "simulator, rows", found: "\(rows)", expected: "at least 1")
        }
        var generator = SeededGenerator(seed: seed).split(22).split(stream)
        let ids = (0..<rows).map { _ in Int32(generator.below(Self.scenarios)) }
        let known = hidesLabels ? world.knownShare : 1
        var chances: [[Double]] = []
        chances.reserveCapacity(rows)
        let dataset = try Dataset<Float>(
            rowCount: rows, featureNames: (0..<Self.featureCount).map { "x\($0)" },
            labelNames: Self.tasks.map(\.name), ids: [try IDColumn<Float>("scenario", ids: ids)],
            scenarios: ids
        ) { features, labels in
            for (row, scenario) in ids.enumerated() {
                let x = (0..<Self.featureCount).map { _ in generator.normal() }
                for (index, value) in x.enumerated() {
                    features[row * Self.featureCount + index] = Float(value)
                }
                let both = self.chances(x, Int(scenario))
                chances.append(both)
                labels[2 * row] = generator.uniform() < both[0] ? 1 : 0
                let second: Float = generator.uniform() < both[1] ? 1 : 0
                labels[2 * row + 1] = generator.uniform() < known ? second : .nan
            }
        }
        return ScenarioLog(dataset: dataset, chances: chances)
    }

    private func chances(_ x: [Double], _ scenario: Int) -> [Double] {
        var logits = [0.0, 0.0]
        for unit in units {
            let value = tanh(zip(unit.weights, x).reduce(0) { $0 + $1.0 * $1.1 })
            for task in 0..<2 { logits[task] += unit.outputs[scenario][task] * value }
        }
        return logits.map { 1 / (1 + exp(-$0)) }
    }
}
