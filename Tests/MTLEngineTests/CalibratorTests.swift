import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// Maps of probabilities against scikit-learn's (make_calibrator_golden.py), and their laws.
@Suite struct CalibratorTests {
    private struct Case: Decodable {
        let probabilities, labels, asked, isotonic: [Double]
        let platt, temperature, beta: [Double]?

        func expected(_ method: Calibrator.Method) -> [Double]? {
            switch method {
            case .platt: platt
            case .temperature: temperature
            case .beta: beta
            case .isotonic: isotonic
            }
        }
    }

    @Test(arguments: Calibrator.Method.allCases)
    func matchesScikitLearn(method: Calibrator.Method) throws {
        var compared = 0
        for one in try fixture([Case].self, "calibrators.json") {
            guard let expected = one.expected(method) else { continue }
            let calibrator = try Calibrator(method, probabilities: one.probabilities, labels: one.labels)
            for (asked, expected) in zip(one.asked, expected) {
                // Its search for a temperature and for Platt's numbers stops earlier than ours.
                let tolerance = method == .isotonic ? 1e-12 : method == .beta ? 1e-7 : 2e-5
                #expect(abs(calibrator.probability(asked) - expected) < tolerance, "\(asked)")
            }
            compared += 1
        }
        #expect(compared >= 3)
    }

    /// Rising, within 0 and 1, and the rate where predictions fall with the labels.
    @Test(arguments: Calibrator.Method.allCases)
    func rises(method: Calibrator.Method) throws {
        var random = SeededGenerator(seed: 3)
        for (count, sign) in [(2, 1.0), (30, 1.0), (500, 1.0), (500, -1.0)] {
            let p = (0..<count).map { _ in Double.random(in: 0...1, using: &random) }
            let labels = p.indices.map { row -> Double in
                if row < 2 { return Double(row) }
                let chance = sign > 0 ? p[row] : 1 - p[row]
                return random.uniform() < chance * chance ? 1 : 0
            }
            let calibrator = try Calibrator(method, probabilities: p, labels: labels)
            let values = (0...200).map { calibrator.probability(Double($0) / 200) }
            #expect(values.allSatisfy { $0 >= 0 && $0 <= 1 })
            #expect(zip(values, values.dropFirst()).allSatisfy { $0 <= $1 })
            #expect(calibrator.probability(.nan).isNaN)
            // Steps may rise at the ends.
            if sign < 0, method != .isotonic {
                let rate = labels.reduce(0, +) / Double(count)
                #expect(values.allSatisfy { abs($0 - rate) < 1e-6 }, "\(calibrator)")
            }
            let data = try JSONEncoder().encode(calibrator)
            #expect(try JSONDecoder().decode(Calibrator.self, from: data) == calibrator)
        }
    }

    /// Labels that can be told apart, and predictions of 0 and 1, leave all numbers finite.
    @Test(arguments: Calibrator.Method.allCases)
    func extremesStayFinite(method: Calibrator.Method) throws {
        let p: [Double] = [0, 0, 0.2, 0.8, 1, 1]
        let calibrator = try Calibrator(method, probabilities: p, labels: [0, 0, 0, 1, 1, .nan])
        for value in p { #expect(calibrator.probability(value).isFinite, "\(calibrator)") }
        for labels in [[0, 0, 0, 0, 0, .nan], [1, 1, 1, 1, 1, 1], [Double](repeating: .nan, count: 6)] {
            #expect(throws: InputError.self) { try Calibrator(method, probabilities: p, labels: labels) }
        }
        #expect(throws: InputError.self) {
            try Calibrator(method, probabilities: [0.5, .nan], labels: [0, 1])
        }
    }

    /// A scenario of many rows gets what it needs, one of few what all have, one of none nothing.
    @Test func scenariosShrink() throws {
        var random = SeededGenerator(seed: 8)
        var (p, labels, scenarios): ([Double], [Double], [Int32]) = ([], [], [])
        for row in 0..<30_003 {
            let scenario = row < 15_000 ? 0 : row < 30_000 ? 1 : 2
            let z = random.normal()
            p.append(1 / (1 + exp(-z)))
            let shift = [0.0, 1.0, 3.0][scenario]
            labels.append(random.uniform() < 1 / (1 + exp(-(z + shift))) ? 1 : 0)
            scenarios.append(Int32(scenario))
        }
        let task = try ModelCalibration.task(
            "a", .platt, probabilities: p, labels: labels, scenarios: scenarios, count: 4)
        let values = (0..<4).map { task.probabilities([0.5], scenarios: [Int32($0)])[0] }
        #expect(abs(values[0] - 0.5) < 0.02 && abs(values[1] - 0.731) < 0.02, "\(values)")
        let all = task.probabilities([0.5])[0]
        // Three rows of a scenario that is all yes.
        #expect(values[2] > all && values[2] < all + 0.1, "\(values) \(all)")
        #expect(values[3] == all)
    }

    /// Maps of every probability near one half to a rate of its task's.
    private func calibration(_ names: [String: Double]) throws -> ModelCalibration {
        ModelCalibration(
            tasks: try names.sorted { $0.key < $1.key }.map { name, rate in
                let labels = (0..<100).map { Double($0) < 100 * rate ? 1.0 : 0 }
                return try ModelCalibration.task(
                    name, .isotonic, probabilities: labels.map { _ in 0.5 }, labels: labels)
            })
    }

    /// Tasks that are related, but no product of each other, may be likelier than those before them.
    @Test func relationsAreNoOrder() throws {
        let model = try MultiTaskModel(
            inputs: 2,
            architecture: AITM(parents: ["buy": "click"], layers: [.relu(4)], calibration: 0),
            tasks: [.binary("click"), .binary("buy")])
        let predictor = try Predictor(
            model, members: ModelMembers(Trainer<Double>(model, seed: 2).parameters, tasks: 2),
            calibration: calibration(["click": 0.4, "buy": 0.7]))
        let found = try predictor.predict(
            Dataset<Double>(featureNames: ["x", "y"], features: [1, 2, 3, 4], labels: []))
        #expect(try found.values("buy").allSatisfy { abs($0 - 0.7) < 1e-9 })
    }

    /// A product stays at most the probability that it is a part of, and logits are as they were.
    @Test func funnelsKeepTheirOrder() throws {
        let model = try MultiTaskModel(
            inputs: 2, architecture: ESMM(parents: ["buy": "click"], trunk: [.relu(4)]),
            tasks: [.binary("click"), .binary("buy")])
        let trainer = try Trainer<Double>(model, seed: 2)
        var random = SeededGenerator(seed: 1)
        let data = try Dataset<Double>(
            featureNames: ["x", "y"], features: (0..<200).map { _ in random.normal() }, labels: [])
        func predictor(_ calibration: ModelCalibration?) throws -> Predictor<Double> {
            try Predictor(
                model, members: ModelMembers(trainer.parameters, tasks: 2), calibration: calibration)
        }
        let plain = try predictor(nil)
        let calibrated = try predictor(calibration(["click": 0.4, "buy": 0.7]))
        let (before, after) = (try plain.predict(data), try calibrated.predict(data))
        #expect(try after.values("click").allSatisfy { abs($0 - 0.4) < 1e-9 })
        #expect(try after.values("buy") == after.values("click"))
        #expect(try before.values("buy") != after.values("buy"))
        #expect(try after.values("buy", given: "click").allSatisfy { abs($0 - 1) < 1e-9 })
        #expect(try calibrated.logits(data).values("buy") == plain.logits(data).values("buy"))
        let click = try calibration(["click": 0.5]).tasks[0]
        let twice = ModelCalibration(tasks: [click, click])
        for wrong in [twice, try calibration(["nothing": 0.5])] {
            #expect(throws: InputError.self) { try predictor(wrong) }
        }
    }
}
