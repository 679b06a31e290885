import Foundation
import MTLEngine
import Testing

/// What the laws of ways to share are tried with.
protocol SharingLaws {}

extension SharingLaws {
    var graph: GraphTests { GraphTests() }
    var layers: [HiddenLayer] { [.dense(8, .tanh), .dense(6, .gelu)] }

    func trainer(
        _ architecture: some Architecture, tasks: [LearningTask] = GraphTests.tasks,
        optimizer: Optimizer = .adam(), seed: UInt64 = 3
    ) throws -> Trainer<Double> {
        try Trainer(
            MultiTaskModel(inputs: 6, architecture: architecture, tasks: tasks), optimizer: optimizer,
            batchSize: 60, seed: seed)
    }

    func distance(_ a: [Double], _ b: [Double]) -> Double {
        zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
    }

    func refusal(_ architecture: some Architecture) -> String {
        do {
            _ = try MultiTaskModel(inputs: 6, architecture: architecture, tasks: GraphTests.tasks)
            return "no error"
        } catch { return error.description }
    }
}
