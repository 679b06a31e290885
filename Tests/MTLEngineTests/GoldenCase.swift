import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// A fixture from PyTorch: its description, turned into the engine's values.
struct GoldenCase {
    private struct Description: Decodable {
        struct Layer: Decodable {
            let units: Int
            let activation: String
        }
        struct Task: Decodable {
            let name, kind: String
            let classes: Int
            let delta, weight: Double
            let tower: [Layer]
        }
        struct Model: Decodable {
            let inputs: Int
            let trunk: [Layer]
            let tasks: [Task]
        }
        struct Optimizer: Decodable {
            let kind: String
            let learningRate, momentum, dampening, beta1, beta2, epsilon, weightDecay: Double
            let nesterov: Bool
        }
        struct Table: Decodable {
            let name: String
            let rows, dimension: Int
        }
        struct Embedded: Decodable {
            let name, table: String
            let pooling: EmbeddedFeature.Pooling
            let maximumCount: Int
        }
        let model: Model
        let tables: [Table]?
        let embedded: [Embedded]?
        let optimizer: Optimizer
        let schedule: String
        let batch, steps: Int
    }

    let numbers: Golden
    let model: MultiTaskModel
    let optimizer: Optimizer
    let schedule: Schedule
    let batch: Int
    let steps: Int

    init(_ name: String) throws {
        numbers = try Golden(name)
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let text = numbers.tensors.metadata["case"] ?? ""
        let description = try decoder.decode(Description.self, from: Data(text.utf8))
        func layers(_ source: [Description.Layer]) throws -> [HiddenLayer] {
            try source.map {
                guard let activation = Activation(rawValue: $0.activation) else {
                    throw Safetensors.Failure(text: $0.activation)
                }
                return .dense($0.units, activation)
            }
        }
        model = try MultiTaskModel(
            inputs: description.model.inputs,
            embedded: (description.embedded ?? []).map {
                $0.pooling == .single
                    ? .single($0.name, table: $0.table)
                    : .bag($0.name, table: $0.table, pooling: $0.pooling, maximumCount: $0.maximumCount)
            },
            tables: (description.tables ?? []).map {
                EmbeddingTable($0.name, rows: $0.rows, dimension: $0.dimension)
            }, trunk: layers(description.model.trunk),
            tasks: description.model.tasks.map { task in
                let kind: LearningTask.Kind
                switch task.kind {
                case "binary": kind = .binary
                case "multiclass": kind = .multiclass(classes: task.classes)
                case "huber": kind = .huber(delta: task.delta)
                case "squared_error": kind = .squaredError
                default: throw Safetensors.Failure(text: task.kind)
                }
                return LearningTask(task.name, kind: kind, weight: task.weight, tower: try layers(task.tower))
            })
        let settings = description.optimizer
        switch settings.kind {
        case "sgd":
            optimizer = .sgd(
                learningRate: settings.learningRate, momentum: settings.momentum,
                dampening: settings.dampening,
                nesterov: settings.nesterov, weightDecay: settings.weightDecay)
        case "adam":
            optimizer = .adam(
                learningRate: settings.learningRate, beta1: settings.beta1, beta2: settings.beta2,
                epsilon: settings.epsilon, weightDecay: settings.weightDecay)
        case "adamw":
            optimizer = .adamW(
                learningRate: settings.learningRate, beta1: settings.beta1, beta2: settings.beta2,
                epsilon: settings.epsilon, weightDecay: settings.weightDecay)
        case "adagrad":
            optimizer = .adagrad(
                learningRate: settings.learningRate, epsilon: settings.epsilon,
                weightDecay: settings.weightDecay)
        default: throw Safetensors.Failure(text: settings.kind)
        }
        schedule = description.schedule == "joint" ? .joint : .alternating(.batch)
        batch = description.batch
        steps = description.steps
    }

    func trainer<Scalar: BLASScalar>(
        _: Scalar.Type, schedule: Schedule? = nil, compute: ComputeOptions
    ) throws -> Trainer<Scalar> {
        let trainer = try Trainer<Scalar>(
            model, optimizer: optimizer, schedule: schedule ?? self.schedule, batchSize: batch,
            compute: compute)
        try numbers.begin(trainer)
        return trainer
    }
}
