import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// Losses in training: gradients of whole models, what they are least for, what is refused.
@Suite struct LossTests {
    /// Weighted, focal, scaled and logarithmic tasks, and every kind that is no plain one.
    private static let tasks: [LearningTask] = [
        LearningTask("a", kind: .binary, weight: 0.7, tower: [.dense(5, .tanh)], classWeights: [1, 6]),
        LearningTask("b", kind: .binary, classWeights: [0.75, 0.25], focusing: 2),
        LearningTask("c", kind: .multiclass(classes: 3), weight: 0.4, classWeights: [1, 0.2, 5]),
        LearningTask("d", kind: .multiclass(classes: 3), focusing: 1.5),
        LearningTask("e", kind: .squaredError, labelScale: LabelScale(shift: 0.7, scale: 0.3)),
        LearningTask("f", kind: .huber(delta: 0.8), labelScale: LabelScale(shift: -0.2, scale: 2)),
        LearningTask("g", kind: .quantile(level: 0.9), labelScale: LabelScale(shift: 1, scale: 0.4)),
        LearningTask("h", kind: .poisson, weight: 0.5, labelScale: LabelScale(shift: 0, scale: 1.7)),
        LearningTask(
            "i", kind: .tweedie(power: 1.6), weight: 0.5, labelScale: LabelScale(shift: 0, scale: 2)),
        LearningTask(
            "j", kind: .zeroInflatedLognormal, weight: 0.3, tower: [.dense(4, .gelu)],
            labelScale: LabelScale(shift: 0, scale: 0.6)),
        LearningTask("k", kind: .ordinal(classes: 5), tower: [.dense(4, .gelu)]),
    ]

    @Test func gradientsAreThoseOfTheLosses() throws {
        try GradientCheck.check(SharedBottom(trunk: [.dense(7, .tanh)]), tasks: Self.tasks)
        try GradientCheck.check(
            SharedBottom(trunk: [.dense(7, .gelu)]),
            tasks: [LearningTask("only", kind: .zeroInflatedLognormal)], rows: [37])
    }

    /// Rows without a feature that says anything: predictions come to the share, the mean or the quantile, whatever the loss
    /// weighs.
    @Test func predictionsAreOfRowsAsTheyCome() throws {
        let rows = 400
        let x = [Double](repeating: 1, count: rows)
        let clicks: [Double] = (0..<rows).map { (row: Int) -> Double in row % 10 < 2 ? 1 : 0 }
        let classes: [Double] = (0..<rows).map { (row: Int) -> Double in
            let place = row % 10
            return place < 1 ? 0 : place < 4 ? 1 : 2
        }
        let pays: [Double] = (0..<rows).map { (row: Int) -> Double in
            guard row % 4 == 0 else { return 0 }
            return 1e6 * exp(Double(row / 4 % 5) - 2)
        }
        let tasks: [LearningTask] = [
            LearningTask("weighted", kind: .binary, classWeights: [1, 5]),
            LearningTask("focal", kind: .binary, classWeights: [0.75, 0.25], focusing: 2),
            LearningTask("classes", kind: .multiclass(classes: 3), classWeights: [4, 1, 0.5]),
            LearningTask(
                "focalClasses", kind: .multiclass(classes: 3), classWeights: [2, 1, 1], focusing: 2),
            LearningTask("sampled", kind: .binary, negativeRate: 0.5, classWeights: [1, 3]),
            LearningTask("counts", kind: .poisson), LearningTask("sums", kind: .tweedie(power: 1.5)),
            LearningTask("payments", kind: .zeroInflatedLognormal),
            LearningTask("level", kind: .quantile(level: 0.9)),
            LearningTask("rating", kind: .ordinal(classes: 3)),
            LearningTask("squared", kind: .squaredError),
        ]
        let labels: [[Double]] = [
            clicks, clicks, classes, classes, clicks, pays, pays, pays, pays, classes, pays,
        ]
        var columns: [(name: String, values: [Double])] = []
        for (task, values) in zip(tasks, labels) { columns.append((name: task.name, values: values)) }
        let data = try Dataset<Double>(featureNames: ["x"], features: x, labels: columns)
        let numbers: Set<String> = ["counts", "sums", "payments", "level", "squared"]
        var scaled: [LearningTask] = []
        for task in tasks { scaled.append(numbers.contains(task.name) ? try task.scaled(to: data) : task) }
        let trainer = try Trainer<Double>(
            MultiTaskModel(inputs: 1, trunk: [], tasks: scaled), optimizer: .adam(learningRate: 0.02),
            batchSize: rows)
        try trainer.fit(data, until: StoppingRule(epochs: 1500, patience: nil))
        let found = try trainer.predict(data)
        func expect(_ task: String, _ right: [Double], _ tolerance: Double = 1e-3) throws {
            let values = try found.values(task)
            for (place, value) in right.enumerated() {
                #expect(
                    abs(values[place] - value) < tolerance * max(1, value),
                    "\(task) \(place) \(values[place])")
            }
        }
        let mean = pays.reduce(0, +) / Double(rows)
        try expect("weighted", [0.2])
        try expect("focal", [0.2])
        try expect("classes", [0.1, 0.3, 0.6])
        try expect("focalClasses", [0.1, 0.3, 0.6])
        try expect("rating", [0.1, 0.3, 0.6])
        // Of a fifth yes after half of the no were left out: 0.25 / (0.25 + 2).
        try expect("sampled", [0.25 / 2.25])
        try expect("counts", [mean])
        try expect("sums", [mean])
        try expect("squared", [mean])
        // Logarithms of payments are -2 to 2 around that of a million: variance 2.
        try expect("payments", [250_000 * exp(1.0)], 5e-3)
        let evaluation = try trainer.evaluate(data)
        let coverage = try #require(evaluation.first { $0.task == "level" }?.coverage)
        #expect(coverage > 0.849 && coverage < 0.951)
        // What is watched is the plain loss of these predictions.
        let losses = try trainer.losses(data)
        let entropy: Double = -0.2 * log(0.2) - 0.8 * log(0.8)
        #expect(abs(losses[0] - entropy) < 1e-4)
        #expect(abs(losses[1] - losses[0]) < 1e-4)
    }

    @Test func membersAverageInTheLabelsUnit() throws {
        let tasks = [
            LearningTask("a", kind: .squaredError, labelScale: LabelScale(shift: 5e6, scale: 20)),
            LearningTask("b", kind: .poisson, labelScale: LabelScale(shift: 0, scale: 1e4)),
            LearningTask("c", kind: .zeroInflatedLognormal, labelScale: LabelScale(shift: 0, scale: 7)),
        ]
        let model = try MultiTaskModel(inputs: 2, trunk: [.relu(4)], tasks: tasks)
        let vectors = try [1, 2].map { try Trainer<Double>(model, seed: $0).parameters }
        let data = try Dataset<Double>(featureNames: ["x", "y"], features: [1, -2, 0.5, 3], labels: [])
        let alone = try vectors.map { try Predictor(model, parameters: $0).predict(data) }
        let together = try Predictor(
            model, members: ModelMembers(vectors, ofTasks: [[0, 1], [0, 1], [0, 1]]))
        let (found, logits) = (try together.predict(data), try together.logits(data))
        for task in tasks {
            let (first, second) = (try alone[0].values(task.name), try alone[1].values(task.name))
            for (row, value) in try found.values(task.name).enumerated() {
                #expect(abs(value - (first[row] + second[row]) / 2) <= 1e-9 * abs(value))
            }
            #expect(try logits.values(task.name).count == 2 * task.kind.outputs)
        }
        #expect(try logits.values("a").allSatisfy { abs($0) < 10 })
        #expect(
            zip(try logits.values("b"), try found.values("b")).allSatisfy { abs(exp($0) * 1e4 - $1) < 1e-6 })
    }

    @Test func whatIsNoLossIsNamed() {
        for (task, place) in [
            (LearningTask("a", kind: .quantile(level: 1)), ""),
            (LearningTask("a", kind: .tweedie(power: 2)), ""),
            (LearningTask("a", kind: .ordinal(classes: 1)), ""),
            (LearningTask("a", kind: .ordinal(classes: 3), smoothing: 0.1), ", smoothing"),
            (LearningTask("a", kind: .binary, classWeights: [1]), ", class weights"),
            (LearningTask("a", kind: .multiclass(classes: 3), classWeights: [1, 1]), ", class weights"),
            (LearningTask("a", kind: .binary, classWeights: [1, 0]), ", class weights"),
            (LearningTask("a", kind: .squaredError, classWeights: [1, 2]), ", class weights"),
            (LearningTask("a", kind: .poisson, focusing: 1), ", focusing"),
            (LearningTask("a", kind: .binary, focusing: -1), ", focusing"),
            (LearningTask("a", kind: .binary, smoothing: 0.1, focusing: 1), ", smoothing"),
            (LearningTask("a", kind: .poisson, smoothing: 0.1), ", smoothing"),
            (LearningTask("a", kind: .binary, labelScale: LabelScale(shift: 1, scale: 1)), ", label scale"),
            (
                LearningTask("a", kind: .squaredError, labelScale: LabelScale(shift: 0, scale: 0)),
                ", label scale"
            ),
            (LearningTask("a", kind: .poisson, labelScale: LabelScale(shift: 1, scale: 1)), ", label scale"),
        ] {
            let error = failure { _ = try MultiTaskModel(inputs: 1, trunk: [], tasks: [task]) }
            #expect(error?.place == "task \"a\"\(place)", "\(task)")
        }
        func funnel(_ architecture: some Architecture, _ buy: LearningTask) -> InputError? {
            failure {
                _ = try MultiTaskModel(
                    inputs: 1, architecture: architecture, tasks: [.binary("click"), buy])
            }
        }
        let weighted = LearningTask("buy", kind: .binary, classWeights: [1, 9])
        let product = funnel(ESMM(parents: ["buy": "click"]), weighted)
        #expect(product?.place == "funnel, buy" && product?.found == "class weights")
        let layers = [HiddenLayer.relu(3)]
        let order = funnel(AITM(parents: ["buy": "click"], layers: layers), weighted)
        #expect(order?.place == "funnel, buy" && order?.found == "class weights")
        let sampled = funnel(
            AITM(parents: ["buy": "click"], layers: layers),
            LearningTask("buy", kind: .binary, negativeRate: 0.5))
        #expect(sampled?.place == "funnel, buy" && sampled?.found == "negative rate 0.5")
        // Without an order nothing compares the two.
        #expect(funnel(AITM(parents: ["buy": "click"], layers: layers, calibration: 0), weighted) == nil)
    }

    @Test func aLogarithmOfItsOwnIsNotTakenTwice() throws {
        let data = try Dataset<Double>(featureNames: ["x"], features: [1, 2], labels: [("a", [1, 0])])
        for kind in [LearningTask.Kind.poisson, .tweedie(power: 1.5), .zeroInflatedLognormal, .binary] {
            let task = LearningTask("a", kind: kind)
            let error = failure { _ = try task.scaled(to: data, isLogarithmic: true) }
            #expect(error?.place == "task \"a\", label scale" && error?.found == "a logarithm", "\(kind)")
        }
    }

    @Test(arguments: [LearningTask.Kind.poisson, .tweedie(power: 1.5), .zeroInflatedLognormal])
    func labelsBelowZeroAreNamed(kind: LearningTask.Kind) throws {
        let data = try Dataset<Double>(
            featureNames: ["x"], features: [1, 2, 3], labels: [("a", [1, 0, -0.5])])
        let task = LearningTask("a", kind: kind)
        let trainer = try Trainer<Double>(
            MultiTaskModel(inputs: 1, trunk: [], tasks: [task]), batchSize: 3)
        #expect(failure { try trainer.fit(data) }?.place == "task \"a\", row 2")
        #expect(failure { _ = try task.scaled(to: data) }?.place == "task \"a\", row 2")
    }
}
