import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// Labels of any size: learned as if they were of size 1, predicted in their own unit.
@Suite struct LabelScaleTests {
    private static let rows = 600

    /// A click, and a number of any unit that goes with the features.
    private static func data(
        unit: Double, from: Double = 0, weights: [Double]? = nil
    ) throws -> Dataset<Double> {
        var generator = SeededGenerator(seed: 5)
        var (x, clicks, spend) = ([Double](), [Double](), [Double]())
        for row in 0..<rows {
            let (a, b) = (generator.normal(), generator.normal())
            x += [a, b]
            clicks.append(generator.uniform() < 1 / (1 + exp(-2 * a)) ? 1 : 0)
            spend.append(row % 7 == 0 ? .nan : from + unit * (b - a + 0.3 * generator.normal()))
        }
        return try Dataset(
            featureNames: ["a", "b"], features: x, labels: [("click", clicks), ("spend", spend)],
            weights: weights)
    }

    private static func trainer(_ tasks: [LearningTask], steps: Int = 300) throws -> Trainer<Double> {
        try Trainer(
            MultiTaskModel(inputs: 2, trunk: [.relu(8)], tasks: tasks), optimizer: .adam(learningRate: 0.01),
            batchSize: 50, seed: 4)
    }

    @Test(arguments: [LearningTask.Kind.squaredError, .huber(delta: 0.5), .quantile(level: 0.3)])
    func theUnitChangesNothingButTheUnit(kind: LearningTask.Kind) throws {
        func run(_ unit: Double, _ from: Double) throws -> (parameters: [Double], spend: [Double], [Double]) {
            let data = try Self.data(unit: unit, from: from)
            let task = try LearningTask("spend", kind: kind).scaled(to: data)
            let trainer = try Self.trainer([.binary("click"), task])
            try trainer.fit(data, until: StoppingRule(epochs: 10, patience: nil))
            return (
                trainer.parameters, try trainer.predict(data).values("spend"), try trainer.losses(data)
            )
        }
        let (plain, large) = (try run(1, 0), try run(1e7, 5e8))
        #expect(zip(plain.parameters, large.parameters).allSatisfy { abs($0 - $1) < 1e-5 })
        #expect(zip(plain.spend, large.spend).allSatisfy { abs(($1 - 5e8) / 1e7 - $0) < 1e-4 })
        #expect(zip(plain.2, large.2).allSatisfy { abs($0 - $1) < 1e-5 })
    }

    /// Without a scale the label of 10⁷ takes the shared layers for itself.
    @Test func aLargeLabelSpoilsTheTaskBesideItOnlyWithoutAScale() throws {
        let data = try Self.data(unit: 1e7)
        func area(_ tasks: [LearningTask]) throws -> Double {
            let trainer = try Self.trainer(tasks)
            try trainer.fit(data, until: StoppingRule(epochs: 20, patience: nil))
            return try #require(trainer.evaluate(data)[0].areaUnderROC)
        }
        let spend = LearningTask.regression("spend")
        let alone = try area([.binary("click")])
        #expect(try abs(area([.binary("click"), spend.scaled(to: data)]) - alone) < 0.01)
        #expect(try area([.binary("click"), spend]) < alone - 0.02)
    }

    @Test func momentsAreWeightedAndOfLabelledRows() throws {
        let labels: [Double] = [1, 3, .nan, 7]
        let data = try Dataset<Double>(
            featureNames: ["x"], features: [0, 0, 0, 0], labels: [("y", labels)], weights: [1, 2, 9, 1])
        let scale = try LearningTask.regression("y").scaled(to: data).labelScale
        #expect(scale.shift == 3.5 && abs(scale.scale - (19.0 / 4).squareRoot()) < 1e-12)
        let logged = try LearningTask.regression("y").scaled(to: data, isLogarithmic: true).labelScale
        let logs: [Double] = [log1p(1.0), log1p(3.0), log1p(3.0), log1p(7.0)]
        let mean = logs.reduce(0, +) / 4
        #expect(logged.isLogarithmic && abs(logged.shift - mean) < 1e-12)
        #expect(abs(logged.decode(logged.encode(7)) - 7) < 1e-12 && logged.encode(.nan).isNaN)
        #expect(try LearningTask("y", kind: .poisson).scaled(to: data).labelScale.scale == 3.5)
        let payments = try LearningTask("y", kind: .zeroInflatedLognormal).scaled(to: data).labelScale
        let geometric: Double = exp((2 * log(3.0) + log(7.0)) / 4)
        #expect(payments.shift == 0 && abs(payments.scale - geometric) < 1e-12)
        let same = try Dataset<Double>(featureNames: ["x"], features: [0, 0], labels: [("y", [4, 4])])
        #expect(
            try LearningTask.regression("y").scaled(to: same).labelScale == LabelScale(shift: 4, scale: 1))
        let below = try Dataset<Double>(featureNames: ["x"], features: [0, 0], labels: [("y", [4, -4])])
        #expect(
            failure { _ = try LearningTask.regression("y").scaled(to: below, isLogarithmic: true) }?.place
                == "task \"y\", row 1")
    }

    /// Predictions far out are cut to what the type holds.
    @Test func exponentialsStayNumbers() throws {
        let task = LearningTask(
            "y", kind: .squaredError, labelScale: LabelScale(shift: 0, scale: 50, isLogarithmic: true))
        let trainer = try Trainer<Float>(
            MultiTaskModel(inputs: 1, trunk: [], tasks: [task, LearningTask("n", kind: .poisson)]))
        try trainer.setParameter("heads.y.0.weight", to: [9])
        try trainer.setParameter("heads.n.0.weight", to: [900])
        let data = try Dataset<Float>(featureNames: ["x"], features: [1], labels: [])
        let found = try trainer.predict(data)
        #expect(try found.values("y") == [.greatestFiniteMagnitude])
        #expect(try found.values("n") == [.greatestFiniteMagnitude])
    }

    @Test func descriptionsSayTheScale() {
        let spend = LearningTask(
            "spend", kind: .huber(delta: 1),
            labelScale: LabelScale(shift: 12.5, scale: 3, isLogarithmic: true))
        #expect(
            spend.lossDescription
                == "Huber's loss, delta 1.0 of (log(1 + label) - 12.5) / 3.0; predictions are in the label's unit"
        )
        #expect(LearningTask.regression("y").lossDescription == "squared error of the label")
        #expect(
            LearningTask("y", kind: .binary, classWeights: [1, 5]).lossDescription
                == "log loss, classes weighted 1.0, 5.0; probabilities are corrected for it")
    }
}
