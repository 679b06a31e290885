import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// What is learned of another model's predictions beside labels.
@Suite struct TeacherTests {
    private static let rows = 14

    private static func data() throws -> Dataset<Double> {
        var generator = SeededGenerator(seed: 8)
        func missing(_ row: Int, _ place: Int, _ value: Double) -> Double { row % 5 == place ? .nan : value }
        let scales = (0..<rows).map { _ in generator.normal() }
        return try Dataset(
            featureNames: ["x", "y", "z"], features: (0..<rows * 3).map { _ in generator.normal() },
            labels: [
                ("a", (0..<rows).map { missing($0, 1, Double(generator.below(2))) }),
                ("b", scales.enumerated().map { missing($0, 2, 3 + 5 * $1) }),
                ("of a", (0..<rows).map { missing($0, 3, generator.uniform()) }),
                ("of b", scales.enumerated().map { missing($0, 1, 4 + 5 * $1 + generator.normal()) }),
            ])
    }

    private static func trainer(_ weight: Double?, ensemble: Int? = nil) throws -> Trainer<Double> {
        func teacher(_ column: String) -> Teacher? { weight.map { Teacher(column: column, weight: $0) } }
        return try Trainer(
            MultiTaskModel(
                inputs: 3, trunk: [.dense(6, .gelu)],
                tasks: [
                    LearningTask("a", kind: .binary, weight: 0.7, teacher: teacher("of a")),
                    LearningTask(
                        "b", kind: .squaredError, weight: 0.4, tower: [.dense(5, .tanh)],
                        teacher: teacher("of b"), labelScale: LabelScale(shift: 3, scale: 5)),
                ], ensemble: ensemble), batchSize: rows, seed: 5)
    }

    @Test(arguments: [0.3, 1]) func gradientsAreThoseOfTheMix(weight: Double) throws {
        let model = try MultiTaskModel(
            inputs: 3, trunk: [.dense(6, .gelu)],
            tasks: [
                LearningTask("a", kind: .binary, teacher: Teacher(column: "of a", weight: weight)),
                LearningTask(
                    "b", kind: .squaredError, weight: 0.4, tower: [.dense(5, .tanh)],
                    teacher: Teacher(column: "of b", weight: weight),
                    labelScale: LabelScale(shift: 0.5, scale: 2)),
                .binary("c"),
            ])
        for missing in [0, 0.4] {
            for gathered in [false, true] {
                for weighted in [false, true] {
                    let error = try GradientCheck.relativeError(
                        of: model, rows: 29, missing: missing, compute: ComputeOptions(threads: 2),
                        gathered: gathered, weighted: weighted)
                    #expect(error < GradientCheck.tolerance, "\(missing) \(gathered) \(weighted)")
                }
            }
        }
    }

    /// The step's losses, worked out from the logits: both losses of rows with label and prediction, one of the others.
    @Test func theLossIsBothLosses() throws {
        let (trainer, data) = (try Self.trainer(0.3), try Self.data())
        let logits = try Predictor(trainer.model, parameters: trainer.parameters).logits(data).values("a")
        let (labels, taught) = (try data.labels("a"), try data.labels("of a"))
        func entropy(_ z: Double, _ y: Double) -> Double { log(1 + exp(z)) - y * z }
        var (sum, known) = (0.0, 0.0)
        for row in 0..<Self.rows where !labels[row].isNaN || !taught[row].isNaN {
            known += 1
            let (y, t) = (labels[row], taught[row])
            sum +=
                t.isNaN
                ? entropy(logits[row], y)
                : y.isNaN
                    ? entropy(logits[row], t)
                    : 0.7 * entropy(logits[row], y) + 0.3 * entropy(logits[row], t)
        }
        let found = try trainer.stepWithoutUpdate(data, rows: 0..<Self.rows)[0]
        #expect(abs(found - sum / known) < 1e-12)
        // Rows that nobody taught.
        #expect(try Self.trainer(0.3).losses(data) == Self.trainer(nil).losses(data))
        #expect(known == 14)
    }

    /// A teacher that is right about every row changes nothing, and neither does one that says nothing.
    @Test(arguments: [nil, 3]) func aTeacherThatSaysTheLabelsIsNone(ensemble: Int?) throws {
        let data = try Self.data()
        let (a, b) = (try data.labels("a"), try data.labels("b"))
        let features = (0..<Self.rows).flatMap { data.features(row: $0) }
        for silent in [false, true] {
            let taught = silent ? [Double](repeating: .nan, count: Self.rows) : a
            let same = try Dataset(
                featureNames: data.featureNames, features: features,
                labels: [("a", a), ("b", b), ("of a", taught), ("of b", silent ? taught : b)])
            let (one, other) = (
                try Self.trainer(0.5, ensemble: ensemble), try Self.trainer(nil, ensemble: ensemble)
            )
            #expect(
                try one.stepWithoutUpdate(same, rows: 0..<Self.rows)
                    == other.stepWithoutUpdate(same, rows: 0..<Self.rows))
            for segment in one.model.layout.segments {
                #expect(try one.gradient(segment.name) == other.gradient(segment.name))
            }
        }
    }

    @Test func wrongTeachersAreNamed() throws {
        let teacher = Teacher(column: "t")
        for (task, place) in [
            (LearningTask("a", kind: .binary, teacher: Teacher(column: "t", weight: 0)), ", weight"),
            (LearningTask("a", kind: .binary, teacher: Teacher(column: "t", weight: 1.1)), ", weight"),
            (LearningTask("a", kind: .binary, teacher: Teacher(column: "t", weight: .nan)), ", weight"),
            (LearningTask("a", kind: .multiclass(classes: 3), teacher: teacher), ""),
            (LearningTask("a", kind: .huber(delta: 1), teacher: teacher), ""),
            (LearningTask("a", kind: .binary, focusing: 2, teacher: teacher), ""),
            (LearningTask("a", kind: .binary, classWeights: [1, 2], teacher: teacher), ""),
            (LearningTask("a", kind: .binary, ranking: RankingLoss(.pairwise), teacher: teacher), ""),
            (LearningTask("a", kind: .binary, negativeRate: 0.5, teacher: teacher), ""),
        ] {
            let error = failure { _ = try MultiTaskModel(inputs: 1, trunk: [], tasks: [task]) }
            #expect(error?.place == "task \"a\", teacher\(place)", "\(task)")
        }
        func dataset(_ taught: [Double]?) throws -> Dataset<Double> {
            try Dataset(
                featureNames: ["x"], features: [1, 2],
                labels: [("a", [0, 1])] + (taught.map { [("t", $0)] } ?? []))
        }
        func error(_ taught: [Double]?) throws -> InputError? {
            let trainer = try Trainer<Double>(
                MultiTaskModel(
                    inputs: 1, trunk: [], tasks: [LearningTask("a", kind: .binary, teacher: teacher)]),
                batchSize: 2, seed: 1)
            let data = try dataset(taught)
            return failure { _ = try trainer.fit(data, until: StoppingRule(epochs: 1, patience: nil)) }
        }
        #expect(try error([0, 1.5])?.place == "task \"a\", teacher, row 1")
        #expect(try error([0, -0.1])?.found == "-0.1")
        #expect(try error(nil)?.place == "task \"a\", teacher")
        #expect(try error([0, .nan]) == nil)
    }

    /// The counterfactual loss is of labels as they are, and a chain of sampled events is corrected for what a teacher has not.
    @Test func funnelsRefuseWhatTheyCannotMix() throws {
        let taught = LearningTask("b", kind: .binary, teacher: Teacher(column: "t"))
        func place(_ architecture: any Architecture, _ first: LearningTask) -> String? {
            failure { () throws(InputError) in
                _ = try MultiTaskModel(inputs: 2, architecture: architecture, tasks: [first, taught])
            }?.place
        }
        let parents = ["b": "a"]
        #expect(place(ESCM2(parents: parents, trunk: []), .binary("a")) == "task \"b\", teacher")
        #expect(place(ESMM(parents: parents, trunk: []), .binary("a")) == nil)
        let sampled = LearningTask("a", kind: .binary, negativeRate: 0.5)
        #expect(place(ESMM(parents: parents, trunk: []), sampled) == "task \"b\", teacher")
    }

    /// A label whose logarithm is learned is mixed with the logarithm of what the teacher says.
    @Test func logarithmsAreMixed() throws {
        let (labels, taught): ([Double], [Double]) = ([3, 0, 12, .nan], [5, 1, .nan, 7])
        let task = LearningTask(
            "a", kind: .squaredError, teacher: Teacher(column: "t", weight: 0.25),
            labelScale: LabelScale(shift: 0.5, scale: 2, isLogarithmic: true))
        let trainer = try Trainer<Double>(
            MultiTaskModel(inputs: 1, trunk: [], tasks: [task]), batchSize: 4)
        let data = try Dataset<Double>(
            featureNames: ["x"], features: [1, 2, 3, 4], labels: [("a", labels), ("t", taught)])
        let loss = try trainer.stepWithoutUpdate(data, rows: 0..<4)[0]
        let z = try Predictor(trainer.model, parameters: trainer.parameters).logits(data).values("a")
        func encoded(_ value: Double) -> Double { (log(1 + value) - 0.5) / 2 }
        var sum = 0.0
        for row in 0..<4 {
            let (y, t) = (encoded(labels[row]), encoded(taught[row]))
            let target = t.isNaN ? y : y.isNaN ? t : 0.75 * y + 0.25 * t
            sum += (z[row] - target) * (z[row] - target)
        }
        expectClose([loss], [sum / 4], relative: 1e-12, absolute: 1e-12, "loss")
    }
}
