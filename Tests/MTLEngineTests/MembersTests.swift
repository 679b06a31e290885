import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// Models of several members: a task's prediction is the mean of its members'.
@Suite struct MembersTests {
    private static let tasks: [LearningTask] = [
        .binary("a", weight: 0.7, tower: [.dense(5, .tanh)]), .regression("b"),
        .multiclass("c", classes: 3), LearningTask("d", kind: .binary, negativeRate: 0.2),
    ]

    private func model() throws -> MultiTaskModel {
        try MultiTaskModel(
            inputs: 6, embedded: SmallProblem.embedded, tables: SmallProblem.tables,
            trunk: [.dense(8, .tanh)], tasks: Self.tasks)
    }

    private func vectors(_ model: MultiTaskModel, _ count: Int) throws -> [[Float]] {
        try (0..<count).map { try Trainer<Float>(model, seed: UInt64($0)).parameters }
    }

    private func data(_ rows: Int = 300) throws -> Dataset<Float> {
        try SmallProblem.data(Float.self, rows: rows, embedded: true)
    }

    @Test func predictionsAreMeansOfTheMembers() throws {
        let (model, data) = (try model(), try data())
        let vectors = try vectors(model, 3)
        let alone = try vectors.map { try Predictor(model, parameters: $0).predict(data) }
        let logits = try vectors.map { try Predictor(model, parameters: $0).logits(data) }
        let ofTasks = [[0, 1, 2], [2, 0], [1, 2], [1]]
        let members = try ModelMembers(vectors, ofTasks: ofTasks)
        for threads in [1, 2, 3] {
            let together = try Predictor(model, members: members, compute: ComputeOptions(threads: threads))
            let (found, foundLogits) = (try together.predict(data), try together.logits(data))
            for (task, own) in zip(Self.tasks, ofTasks) {
                let values = try own.map { try alone[$0].values(task.name) }
                let mean = values[0].indices.map { index in
                    Float(values.reduce(0.0) { $0 + Double($1[index]) } / Double(own.count))
                }
                expectClose(
                    try found.values(task.name), mean.map { Double($0) }, relative: 1e-6, absolute: 1e-7)
                // A task of one member has its very bits.
                if own.count == 1 {
                    #expect(try found.values(task.name) == alone[own[0]].values(task.name))
                    #expect(try foundLogits.values(task.name) == logits[own[0]].values(task.name))
                } else if task.kind == .binary {
                    let back = try foundLogits.values(task.name).map { 1 / (1 + exp(-Double($0))) }
                    expectClose(try found.values(task.name), back, relative: 1e-5, absolute: 1e-6)
                } else if case .multiclass = task.kind {
                    let back = try foundLogits.values(task.name).map { exp(Double($0)) }
                    expectClose(try found.values(task.name), back, relative: 1e-5, absolute: 1e-6)
                }
            }
        }
    }

    @Test func oneMemberIsAPredictorOfItsParameters() throws {
        let (model, data) = (try model(), try data())
        let vector = try vectors(model, 1)[0]
        let (one, plain) = (
            try Predictor(model, members: ModelMembers(vector, tasks: 4)).predict(data),
            try Predictor(model, parameters: vector).predict(data)
        )
        for task in Self.tasks { #expect(try one.values(task.name) == plain.values(task.name)) }
    }

    @Test func everyMemberTakesMemory() throws {
        let model = try model()
        let one = MemoryNeed(predicting: model, workers: 2, scalarBytes: 4).bytes
        #expect(MemoryNeed(predicting: model, members: 3, workers: 2, scalarBytes: 4).bytes == 3 * one)
    }

    @Test func membersThatMakeNoSenseAreRefused() throws {
        let model = try model()
        let two = try vectors(model, 2)
        func refusal(_ vectors: [[Float]], _ ofTasks: [[Int]]) -> InputError? {
            failure {
                _ = try Predictor(model, members: ModelMembers(vectors, ofTasks: ofTasks))
            }
        }
        #expect(refusal(two, [[0], [1], [0, 1], [0]]) == nil)
        #expect(refusal(two, [[0], [2], [1], [0]])?.place == "members of task 1")
        #expect(refusal(two, [[0], [-1], [1], [0]])?.place == "members of task 1")
        #expect(refusal(two, [[0], [1, 1], [1], [0]])?.place == "members of task 1")
        #expect(refusal(two, [[0], [], [1], [0]])?.place == "members of task 1")
        #expect(refusal(two, [[0], [0], [0], [0]])?.found == "member 1, which no task has")
        #expect(refusal([], [[], [], [], []])?.kind == .value)
        #expect(refusal([], [])?.kind == .value)
        #expect(refusal(two, [[0], [1]])?.place == "members")
        #expect(refusal([two[0], []], [[0], [1], [0], [0]])?.kind == .shape)
        #expect(refusal([two[0].dropLast()], [[0], [0], [0], [0]])?.place == "parameters")
    }

    @Test func gatesOfSeveralMembersAreNotMixed() throws {
        let model = try MultiTaskModel(
            inputs: 6, architecture: MMoE(experts: 2, layers: [.relu(4)]), tasks: Self.tasks)
        let data = try SmallProblem.data(Float.self, rows: 40)
        let two = try vectors(model, 2)
        let predictor = try Predictor(
            model, members: ModelMembers(two, ofTasks: Self.tasks.map { _ in [0, 1] }))
        #expect(failure { _ = try predictor.expertUtilisation(of: data) }?.place == "members")
        let one = try Predictor(model, parameters: two[0]).expertUtilisation(of: data)
        let trained = try Trainer<Float>(model, seed: 0).expertUtilisation(of: data)
        #expect("\(one)" == "\(trained)")
    }
}
