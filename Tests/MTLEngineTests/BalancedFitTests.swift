import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// Methods that learn from what a training tells them besides a batch's losses and products: epochs, gradients of a step that is
/// done, gradients of all steps, the quality of the tasks.
@Suite struct BalancedFitTests {
    private static let tasks: [LearningTask] = [
        .binary("a", weight: 0.7), .binary("b", weight: 2), .binary("c", weight: 1),
    ]

    private func trainer(
        _ balancing: Balancing, tasks: [LearningTask] = tasks, threads: Int = 1
    ) throws -> Trainer<Double> {
        let model = try MultiTaskModel(inputs: 6, trunk: [.dense(7, .tanh), .relu(5)], tasks: tasks)
        return try Trainer(
            model, batchSize: 150, balancing: balancing, seed: 4, compute: ComputeOptions(threads: threads))
    }

    private func products(_ parameters: [Double], _ rows: Dataset<Double>) throws -> [Double] {
        let plain = try trainer(.metaBalance(relaxation: 0))
        plain.parameters = parameters
        try plain.step(rows, rows: 0..<150)
        return plain.trainingStep.taskProducts
    }

    /// GradNorm's weights are of the steps before, and multiply whole losses; it learns from the lengths of gradients that have no
    /// weight in them.
    @Test(arguments: [1, 3]) func gradNormLearnsFromTheStepBefore(threads: Int) throws {
        let rows = try SmallProblem.data(Double.self, rows: 150)
        let method = Balancing.gradNorm(learningRate: 0.3)
        let balanced = try trainer(method, threads: threads)
        let other = try BalancerMemory(method, tasks: Self.tasks, seed: 4)
        for step in 0..<8 {
            let (parameters, products) = (
                balanced.parameters, try products(balanced.parameters, rows)
            )
            let losses = try balanced.step(rows, rows: 0..<150)
            let weights = Array(other.weights(losses: losses))
            other.learn(losses: losses, gram: products)
            expectClose(balanced.trainingStep.taskWeights, weights, relative: 1e-8, absolute: 0)
            expectClose(balanced.trainingStep.taskProducts, products, relative: 1e-9, absolute: 1e-15)
            if step < 4 { #expect(weights == [1, 1, 1]) }
            if step > 5 {
                #expect(Set(weights).count == 3)
                let weighed = zip(Self.tasks, weights).map { own, weight in
                    LearningTask.binary(own.name, weight: weight * own.weight)
                }
                let plain = try trainer(.fixed, tasks: weighed)
                plain.parameters = parameters
                try plain.step(rows, rows: 0..<150)
                for name in ["trunk.0.weight", "trunk.1.bias", "heads.a.0.weight"] {
                    expectClose(
                        try balanced.gradient(name), try plain.gradient(name), relative: 1e-9,
                        absolute: 1e-14, name)
                }
            }
            if step == 3 {
                balanced.trainingStep.balancer?.endEpoch()
                other.endEpoch()
            }
        }
        expectClose(
            try #require(balanced.trainingStep.balancer).position.numbers, other.position.numbers,
            relative: 1e-7, absolute: 1e-10)
    }

    /// ExcessMTL's risks, by hand: a head without a tower brings (p - y) λ/n w of each row to what the shared layers put out.
    @Test(arguments: [1, 3]) func excessRisksAreOfAShift(threads: Int) throws {
        let rows = try SmallProblem.data(Double.self, rows: 150)
        let balanced = try trainer(.excessMTL(stepSize: 0.4), threads: threads)
        var (squares, first) = ([Double](repeating: 0, count: 15), [Double]())
        var logits = [0.0, 0, 0]
        for step in 0..<6 {
            let predictions = try balanced.predict(rows)
            var risks: [Double] = []
            for (number, task) in Self.tasks.enumerated() {
                let labels = try rows.labels(task.name)
                let known = Double(labels.count { !$0.isNaN })
                let slope =
                    zip(try predictions.values(task.name), labels).reduce(0) { sum, pair in
                        pair.1.isNaN ? sum : sum + pair.0 - pair.1
                    } * task.weight / known
                var risk = 0.0
                for (column, weight) in try balanced.parameter("heads.\(task.name).0.weight").enumerated() {
                    let square = slope * weight * slope * weight
                    squares[number * 5 + column] += square
                    risk += square / sqrt(squares[number * 5 + column] + 1e-7)
                }
                risks.append(risk)
            }
            if step == 0 { first = risks } else { for t in 0..<3 { logits[t] += 0.4 * risks[t] / first[t] } }
            try balanced.step(rows, rows: 0..<150)
            let sum = logits.reduce(0) { $0 + exp($1) }
            expectClose(
                balanced.trainingStep.taskWeights, logits.map { 3 * exp($0) / sum }, relative: 1e-8,
                absolute: 0, "step \(step)")
        }
        #expect(Set(balanced.trainingStep.taskWeights).count == 3)
    }

    /// What DTP is told at an epoch's end is the AUC of the validation rows.
    @Test func difficultyIsTheValidationRows() throws {
        let trainer = try trainer(.dtp(focusing: 2, momentum: 0.25))
        let report = try trainer.fit(
            SmallProblem.data(Double.self, rows: 150),
            validation: SmallProblem.data(Double.self, rows: 240, of: Array(150..<240)),
            until: StoppingRule(epochs: 4, patience: nil))
        var average: [Double]?
        for epoch in report.epochs {
            let expected = average?.map { -pow(1 - $0, 2) * log($0) } ?? [1, 1, 1]
            expectClose(try #require(epoch.taskWeights), expected, relative: 1e-12, absolute: 0)
            let found = try #require(epoch.validationMetrics).map { try #require($0.areaUnderROC) }
            average = average.map { zip($0, found).map { 0.25 * $0 + 0.75 * $1 } } ?? found
        }
        #expect(report.epochs.count == 4)
    }

    /// After the first phase weights are its means, and the run is one of fixed weights.
    @Test(arguments: [
        Balancing.famo(learningRate: 0.5), .uncertainty(learningRate: 0.1), .mgda(.norm).smoothed(),
    ])
    func weightsAreFixedAfterAPhase(_ method: Balancing) throws {
        let rows = try SmallProblem.data(Double.self, rows: 150)
        let trainer = try trainer(method.fixed(after: 2))
        let report = try trainer.fit(rows, until: StoppingRule(epochs: 5, patience: nil))
        let weights = try report.epochs.map { try #require($0.taskWeights) }
        let means = (0..<3).map { (weights[0][$0] + weights[1][$0]) / 2 }
        for epoch in 2..<5 {
            expectClose(weights[epoch], means, relative: 1e-12, absolute: 0, "epoch \(epoch)")
        }
        #expect(weights[0] != weights[1] && Set(means).count == 3)
        let free = try self.trainer(method).fit(rows, until: StoppingRule(epochs: 2, patience: nil))
        #expect(free.epochs.map(\.taskWeights) == report.epochs.prefix(2).map(\.taskWeights))
    }

    @Test func difficultyNeedsAQuality() throws {
        let trainer = try trainer(.dtp())
        let rows = try SmallProblem.data(Double.self, rows: 150)
        #expect(failure { try trainer.fit(rows) }?.found == "dtp without validation rows")
        let error = failure {
            _ = try self.trainer(.dtp(), tasks: [.binary("a"), LearningTask("b", kind: .squaredError)])
        }
        #expect(error?.found == "dtp beside task \"b\", which has no AUC or accuracy")
    }
}
