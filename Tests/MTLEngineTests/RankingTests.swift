import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// Losses between the rows of a group.
@Suite struct RankingTests {
    private static let tasks = [
        LearningTask("a", kind: .binary, weight: 0.8, ranking: RankingLoss(.pairwise)),
        LearningTask("b", kind: .binary, weight: 1.3, ranking: RankingLoss(.listwise, share: 0.3)),
    ]

    /// PyTorch's text of both (make_ranking_golden.py): losses and gradients, and thirty steps of Adam.
    @Test func matchesPyTorch() throws {
        let model = try MultiTaskModel(inputs: 5, trunk: [.dense(7, .tanh)], tasks: Self.tasks)
        let golden = try Golden("ranking")
        let run = Golden.Run(
            .adam(learningRate: 1e-2), batch: 41, steps: 30, computes: ComputeOptions.various)
        try golden.check(model, Double.self, Golden.Tolerance(relative: 1e-11, absolute: 1e-12), run)
        try golden.check(model, Float.self, Golden.Tolerance(relative: 3e-5, absolute: 1e-5), run)
    }

    /// Two logits, and a loss whose weights the batch decides.
    private static let otherTasks = [
        LearningTask("a", kind: .binary, weight: 0.8, ranking: RankingLoss(.jrc, share: 0.4)),
        LearningTask("b", kind: .binary, weight: 1.3, f1: 2),
    ]

    /// PyTorch's text of JRC and of the loss for the F-measure (make_ranking_golden.py).
    @Test func jointRankingAndF1MatchPyTorch() throws {
        let model = try MultiTaskModel(inputs: 5, trunk: [.dense(7, .tanh)], tasks: Self.otherTasks)
        let golden = try Golden("ranking_jrc")
        let run = Golden.Run(
            .adam(learningRate: 1e-2), batch: 41, steps: 30, computes: ComputeOptions.various)
        try golden.check(model, Double.self, Golden.Tolerance(relative: 1e-11, absolute: 1e-12), run)
        try golden.check(model, Float.self, Golden.Tolerance(relative: 3e-5, absolute: 1e-5), run)
    }

    private static let architectures: [any Architecture & Sendable] = [
        SharedBottom(trunk: [.dense(5, .tanh)]),
        MMoE(experts: 2, layers: [.dense(5, .tanh)]),
        SharedBottom(trunk: [.dense(5, .tanh, normalization: .batch)]),
    ]

    @Test(arguments: architectures.indices) func gradientsAgreeWithDifferences(number: Int) throws {
        try GradientCheck.check(
            Self.architectures[number], tasks: Self.tasks + [.regression("spend", weight: 0.5)])
    }

    @Test(arguments: architectures.indices) func gradientsOfTwoLogitsAgreeWithDifferences(number: Int) throws
    {
        try GradientCheck.check(
            Self.architectures[number], tasks: [Self.otherTasks[0], .regression("spend", weight: 0.5)])
        try GradientCheck.check(
            ScenarioTowers(trunk: [.dense(5, .tanh)]), tasks: [Self.otherTasks[0]], scenarios: 3)
    }

    @Test func gradientsAgreeWhereScenariosOrderTheRows() throws {
        try GradientCheck.check(
            ScenarioTowers(trunk: [.dense(5, .tanh)]), tasks: Self.tasks, scenarios: 3)
    }

    private func rows(_ count: Int, groups: Bool = true) throws -> Dataset<Float> {
        var generator = SeededGenerator(seed: 5)
        let sessions = (0..<count).map { Int32($0 / 7 % 40) }
        let features = (0..<count * 4).map { _ in Float(generator.normal()) }
        return try Dataset(
            featureNames: ["x0", "x1", "x2", "x3"], features: features,
            labels: ["a", "b"].map { name in
                (
                    name,
                    (0..<count).map { row in
                        generator.uniform() < 0.3 + (features[4 * row] > 0 ? 0.3 : 0) ? 1 : 0
                    }
                )
            }, scenarios: sessions.map { $0 % 3 }, groups: groups ? sessions : nil)
    }

    @Test(arguments: [tasks, otherTasks]) func bitsDoNotDependOnThreads(tasks: [LearningTask]) throws {
        let rows = try rows(900)
        for architecture: any Architecture in [
            SharedBottom(trunk: [.relu(8)]), ScenarioTowers(trunk: [.relu(8)]),
        ] {
            let model = try MultiTaskModel(
                inputs: 4, scenarios: 3, architecture: architecture, tasks: tasks)
            let parameters = try [1, 2, 3, 4].map { threads in
                let trainer = try Trainer<Float>(
                    model, batchSize: 130, seed: 2, compute: ComputeOptions(threads: threads))
                try trainer.fit(rows, until: StoppingRule(epochs: 3))
                return trainer.parameters
            }
            #expect(parameters.allSatisfy { $0 == parameters[0] })
        }
    }

    /// Rows of a group are neighbours in a pass, wherever they are in the dataset, and every row is there once.
    @Test func groupsStayTogether() {
        var order = (0..<500).map { Int32($0) }
        var generator = SeededGenerator(seed: 1)
        order.withUnsafeMutableBufferPointer { order in
            generator.shuffle(order)
            order.gatherGroups { $0 % 9 == 0 ? -1 : $0 % 61 }
        }
        #expect(Set(order).count == 500)
        var seen = Set<Int32>()
        var latest: Int32 = -1
        for row in order where row % 9 != 0 {
            let group = row % 61
            if group != latest { #expect(seen.insert(group).inserted, "group \(group) twice") }
            latest = group
        }
        #expect(order != order.sorted())
    }

    /// Sessions whose level is noise that no feature knows: what matters is the order within them.
    @Test func theOrderWithinGroupsIsLearned() throws {
        var generator = SeededGenerator(seed: 9)
        func draw(_ sessions: Int) throws -> Dataset<Float> {
            var (features, labels, groups): ([Float], [Float], [Int32]) = ([], [], [])
            for session in 0..<sessions {
                // A misleading feature: high where sessions have many clicks, low on the clicked rows of a session.
                let level = 2.5 * generator.normal()
                for _ in 0..<6 {
                    let taste = generator.normal()
                    features += [Float(0.6 * taste + generator.normal()), Float(level - 0.5 * taste)]
                    labels.append(generator.uniform() < 1 / (1 + exp(-level - taste)) ? 1 : 0)
                    groups.append(Int32(session))
                }
            }
            return try Dataset(
                featureNames: ["x", "level"], features: features, labels: [("a", labels)], groups: groups)
        }
        let (training, test) = (try draw(1500), try draw(1500))
        func gauc(_ ranking: RankingLoss?) throws -> Double {
            let model = try MultiTaskModel(
                inputs: 2, trunk: [], tasks: [LearningTask("a", kind: .binary, ranking: ranking)])
            let trainer = try Trainer<Float>(
                model, optimizer: .adam(learningRate: 1e-2), batchSize: 300, seed: 1)
            try trainer.fit(training, until: StoppingRule(epochs: 20))
            return try #require(
                Metrics.groupedAreaUnderROC(
                    scores: try trainer.predict(test).values("a").map { Double($0) },
                    labels: try test.labels("a").map { Double($0) },
                    groups: (0..<test.rowCount).map { $0 / 6 }))
        }
        let plain = try gauc(nil)
        for kind in RankingLoss.Kind.allCases {
            let ranked = try gauc(RankingLoss(kind, share: 0.9))
            #expect(ranked > plain + 0.02, "\(kind): \(ranked), plain \(plain)")
        }
    }

    @Test func whatHasNoMeaningIsRefused() throws {
        func place(_ task: LearningTask, ensemble: Int? = nil) -> String? {
            failure { () throws(InputError) in
                _ = try MultiTaskModel(inputs: 4, trunk: [], tasks: [task], ensemble: ensemble)
            }?.place
        }
        let pairwise = RankingLoss(.pairwise)
        #expect(
            place(LearningTask("a", kind: .squaredError, ranking: pairwise)) == "task \"a\", ranking")
        for share in [0, 1, -1, .nan] {
            #expect(
                place(LearningTask("a", kind: .binary, ranking: RankingLoss(.listwise, share: share)))
                    == "task \"a\", ranking, share")
        }
        #expect(place(LearningTask("a", kind: .binary, ranking: pairwise), ensemble: 2) == "ensemble")
        #expect(place(LearningTask("a", kind: .binary, f1: 1), ensemble: 2) == "ensemble")
        for beta in [0, -1, .nan, .infinity] {
            #expect(place(LearningTask("a", kind: .binary, f1: beta)) == "task \"a\", F1")
        }
        let others = [
            LearningTask("a", kind: .squaredError, f1: 1),
            LearningTask("a", kind: .binary, negativeRate: 0.5, f1: 1),
            LearningTask("a", kind: .binary, smoothing: 0.1, f1: 1),
            LearningTask("a", kind: .binary, classWeights: [1, 2], f1: 1),
            LearningTask("a", kind: .binary, focusing: 2, f1: 1),
            LearningTask("a", kind: .binary, ranking: pairwise, f1: 1),
            LearningTask("a", kind: .binary, f1: 1, teacher: Teacher(column: "t", weight: 0.5)),
        ]
        for task in others { #expect(place(task) == "task \"a\", F1") }
        for task in [Self.otherTasks[0], LearningTask("a", kind: .binary, f1: 1)] {
            let error = failure { () throws(InputError) in
                _ = try MultiTaskModel(
                    inputs: 4, architecture: ESMM(parents: ["b": "a"], trunk: []),
                    tasks: [task, .binary("b")])
            }
            #expect(error?.place == "funnel, a")
        }
        let model = try MultiTaskModel(inputs: 4, trunk: [], tasks: Self.tasks)
        let trainer = try Trainer<Float>(model, batchSize: 64)
        let rows = try rows(200, groups: false)
        let error = failure { () throws(InputError) in _ = try trainer.fit(rows) }
        #expect(error?.place == "groups")
        // To judge them none are needed.
        #expect(try trainer.evaluate(rows).count == 2)
        #expect(throws: InputError.self) {
            try Dataset<Float>(
                featureNames: ["x"], features: [1, 2], labels: [("a", [0, 1])], groups: [1])
        }
    }

    /// The gradient of the loss for F1 is that of the plain one, rows with label 0 times TP / (β² P + FP).
    @Test func rowsWithLabelZeroCountWhatTheBatchSays() throws {
        let features: [Double] = [1, -0.5, 2, 0.3, -1.2, 0.7]
        let labels: [Double] = [1, 0, 0, 1, .nan, 0]
        let weights: [Double] = [2, 1, 3, 0.5, 1, 1]
        let rows = try Dataset<Double>(
            featureNames: ["x"], features: features, labels: [("a", labels)], weights: weights)
        let trainer = try Trainer<Double>(
            MultiTaskModel(inputs: 1, trunk: [], tasks: [LearningTask("a", kind: .binary, f1: 0.5)]),
            batchSize: 6)
        try trainer.setParameter("heads.a.0.weight", to: [0.8])
        try trainer.setParameter("heads.a.0.bias", to: [-0.1])
        let loss = try trainer.stepWithoutUpdate(rows, rows: 0..<6)[0]
        var (positives, hits, alarms) = (0.0, 0.0, 0.0)
        let scores = features.map { 1 / (1 + exp(0.1 - 0.8 * $0)) }
        for (row, label) in labels.enumerated() where !label.isNaN {
            if label == 1 {
                (positives, hits) = (positives + weights[row], hits + weights[row] * scores[row])
            } else {
                alarms += weights[row] * scores[row]
            }
        }
        let factor = hits / (0.25 * positives + alarms)
        var (sum, total, slope) = (0.0, 0.0, 0.0)
        for (row, label) in labels.enumerated() where !label.isNaN {
            let weight = weights[row] * (label == 1 ? 1 : factor)
            sum -= weight * log(label == 1 ? scores[row] : 1 - scores[row])
            slope += weight * (scores[row] - label)
            total += weights[row]
        }
        expectClose([loss], [sum / total], relative: 1e-12, absolute: 1e-14, "loss")
        expectClose(
            try trainer.gradient("heads.a.0.bias"), [slope / total], relative: 1e-12, absolute: 1e-14, "slope"
        )
    }

    /// A batch without any row of label 1 teaches nothing, rather than a division by nothing.
    @Test func aBatchWithoutPositivesTeachesNothing() throws {
        let rows = try Dataset<Float>(
            featureNames: ["x"], features: [1, 2, 3, 4], labels: [("a", [0, 0, 0, 1])])
        let trainer = try Trainer<Float>(
            MultiTaskModel(inputs: 1, trunk: [], tasks: [LearningTask("a", kind: .binary, f1: 1)]),
            batchSize: 3)
        #expect(try abs(trainer.stepWithoutUpdate(rows, rows: 0..<3)[0]) < 1e-6)
        #expect(try trainer.gradient("heads.a.0.weight") == [0])
    }

    /// Every architecture that is no funnel has heads of two logits.
    @Test(arguments: ScenarioArchitectures.all.indices) func anyArchitectureMayHaveTwoLogits(index: Int)
        throws
    {
        let (name, architecture) = ScenarioArchitectures.all[index]
        // Its gates are shown no gradient, which differences know nothing of.
        guard !name.hasPrefix("m3oe") else { return }
        try GradientCheck.check(
            architecture, tasks: [Self.otherTasks[0], .binary("b")], scenarios: 3)
    }
}
