/// How a model's probabilities are calibrated: per binary task a map, and per scenario a shift and a stretch of its logit.
public struct ModelCalibration: Sendable, Equatable, Codable {
    /// A task's map.
    public struct Task: Sendable, Equatable, Codable {
        /// The task.
        public let name: String
        /// Of all scenarios' rows.
        public let calibrator: Calibrator
        /// Per scenario the (1 + δ, b) of σ((1 + δ) z + b), z the logit of what the task's map gives; none where the model knows no scenarios.
        public let scenarios: [Scenario]

        /// Calibrated probabilities, `[rows]`.
        ///
        /// - Parameters:
        ///   - predictions: `[rows]`, as predicted.
        ///   - scenarios: `[rows]`; nil for the task's map alone.
        public func probabilities(_ predictions: [Double], scenarios: [Int32]? = nil) -> [Double] {
            predictions.indices.map { row in
                probability(predictions[row], scenario: scenarios.map { Int($0[row]) })
            }
        }

        func probability(_ prediction: Double, scenario: Int?) -> Double {
            let p = calibrator.probability(prediction)
            guard let scenario, !scenarios.isEmpty else { return p }
            let own = scenarios[scenario]
            return Calibrator.sigmoid(own.slope * Calibrator.logit(p) + own.intercept)
        }
    }

    /// What a scenario has of its own.
    public struct Scenario: Sendable, Equatable, Codable {
        /// What the logit is multiplied by.
        public let slope: Double
        /// What is added to it.
        public let intercept: Double
    }

    /// The tasks that have a map.
    public let tasks: [Task]

    /// How much a scenario's own numbers are drawn to the task's: as much as 40 rows of probability one half say.
    static let ridge = 10.0

    /// The maps of some of a model's tasks.
    public init(tasks: [Task]) { self.tasks = tasks }

    /// Fits a task's map, and to its rows in each scenario a shift and a stretch, which few rows hardly move.
    ///
    /// - Parameters:
    ///   - name: the task.
    ///   - method: how the task's map is found.
    ///   - probabilities: `[rows]`, as predicted.
    ///   - labels: `[rows]`, 0 or 1, NaN where missing.
    ///   - scenarios: `[rows]`, each below `count`; nil for one map for all.
    ///   - count: the number of scenarios.
    /// - Throws: as `Calibrator.init`.
    public static func task(
        _ name: String, _ method: Calibrator.Method, probabilities: [Double], labels: [Double],
        scenarios: [Int32]? = nil, count: Int = 1
    ) throws(InputError) -> Task {
        let calibrator = try Calibrator(method, probabilities: probabilities, labels: labels)
        guard let scenarios, count > 1 else { return Task(name: name, calibrator: calibrator, scenarios: []) }
        var rows = [[Int]](repeating: [], count: count)
        for row in labels.indices where !labels[row].isNaN { rows[Int(scenarios[row])].append(row) }
        let own = rows.map { rows in
            let z = rows.map { Calibrator.logit(calibrator.probability(probabilities[$0])) }
            let found = LogisticFit(
                columns: [z, z.map { _ in 1 }], offsets: z, targets: rows.map { labels[$0] },
                weights: z.map { _ in 1 }, ridge: [ridge, ridge]
            ).coefficients(from: [0, 0])
            // Order is kept.
            return Scenario(slope: max(0, 1 + found[0]), intercept: found[1])
        }
        return Task(name: name, calibrator: calibrator, scenarios: own)
    }

    /// - Throws: `InputError` for a task that the model has not, or not as a binary one, twice, or with numbers that no fit gives.
    package func check(_ model: MultiTaskModel) throws(InputError) {
        var seen = Set<String>()
        for task in tasks {
            let place = "calibration, task \"\(task.name)\""
            guard let known = model.tasks.first(where: { $0.name == task.name }), known.kind == .binary,
                seen.insert(task.name).inserted
            else {
                throw InputError(
                    .name, at: place, found: "no binary task of that name, or one twice",
                    expected: "binary tasks of the model")
            }
            guard task.calibrator.isValid,
                task.scenarios.allSatisfy({ $0.slope >= 0 && $0.slope.isFinite && $0.intercept.isFinite }),
                task.scenarios.isEmpty || task.scenarios.count == model.scenarios
            else {
                throw InputError(
                    .value, at: place, found: "numbers that no fit gives",
                    expected: "a rising map, and of \(model.scenarios) scenarios each or of none")
            }
        }
    }
}

extension Predictions {
    /// The same with calibrated probabilities. Where a later event's is a product of the one's before it, it stays at most that; elsewhere
    /// nothing orders them.
    func calibrated(
        by calibration: ModelCalibration, scenarios: AlignedStorage<Int32>?
    ) -> Predictions {
        var values = values
        for (index, task) in tasks.enumerated() {
            guard let own = calibration.tasks.first(where: { $0.name == task.name }) else { continue }
            for row in values[index].indices {
                let scenario = scenarios.map { Int($0.base[row]) }
                values[index][row] = Scalar(
                    own.probability(Double(values[index][row]), scenario: scenario))
            }
        }
        if let events {
            // Parents first: a chain's bound is the bounded probability of the event before.
            for index in tasks.indices.sorted(by: { events.before($0).count < events.before($1).count }) {
                guard let parent = events.parents[index], events.products.contains(index) else { continue }
                for row in values[index].indices where values[index][row] > values[parent][row] {
                    values[index][row] = values[parent][row]
                }
            }
        }
        return Predictions(rowCount: rowCount, tasks: tasks, values: values, events: events)
    }
}
