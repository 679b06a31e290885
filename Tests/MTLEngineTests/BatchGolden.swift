import MTLEngine
import Testing

/// One batch against PyTorch: logits, losses, joint losses and every gradient by name.
struct BatchGolden {
    let name: String
    private let golden: Safetensors

    init(_ name: String) throws {
        self.name = name
        golden = try Safetensors.fixture(name)
    }

    /// In both precisions, in every way of computing.
    func check(_ model: MultiTaskModel) throws {
        try check(model, Double.self, relative: 1e-11, absolute: 1e-12)
        try check(model, Float.self, relative: 2e-5, absolute: 1e-5)
    }

    private func check<Scalar: BLASScalar>(
        _ model: MultiTaskModel, _: Scalar.Type, relative: Double, absolute: Double
    ) throws {
        func values(_ key: String) throws -> [Scalar] { try golden.values(key).map { Scalar($0) } }
        func compare(_ found: [Scalar], _ key: String) throws {
            let expected = try golden.values(key)
            #expect(found.count == expected.count, "\(name), \(key)")
            for (index, pair) in zip(found, expected).enumerated()
            where !(abs(Double(pair.0) - pair.1) <= relative * abs(pair.1) + absolute) {
                Issue.record("\(name), \(Scalar.self), \(key)[\(index)]: \(pair.0), expected \(pair.1)")
                return
            }
        }
        let labels = try values("labels")
        let (count, rows) = (model.tasks.count, labels.count / model.tasks.count)
        let dataset = try Dataset<Scalar>(
            featureNames: (0..<model.inputs).map { "x\($0)" },
            features: model.inputs > 0 ? try values("x") : [],
            ids: try model.embedded.map { try ids($0, rows: rows) },
            labels: model.tasks.enumerated().map { index, task in
                (task.name, (0..<rows).map { labels[$0 * count + index] })
            })
        for compute in GraphGradientTests.computes {
            let trainer = try Trainer<Scalar>(model, batchSize: rows, compute: compute)
            let parameters = golden.names(under: "initial")
            #expect(Set(parameters) == Set(model.layout.segments.map(\.name)), "\(name)")
            for parameter in parameters {
                try trainer.setParameter(parameter, to: values("initial/" + parameter))
            }
            let logits = try Predictor(model, parameters: trainer.parameters, compute: compute).logits(
                dataset)
            for task in model.tasks { try compare(logits.values(task.name), "logits/" + task.name) }
            try compare(trainer.step(dataset, rows: 0..<rows).map { Scalar($0) }, "task_losses")
            let penalty = trainer.trainingStep.penalties
            try compare([Scalar(penalty)], "penalty")
            for parameter in parameters {
                try compare(trainer.gradient(parameter), "gradient/" + parameter)
            }
        }
    }

    /// One id a row as "ids/NAME" `[rows]`; bags as `[rows, most]`, -1 behind their last.
    private func ids<Scalar: BLASScalar>(
        _ feature: EmbeddedFeature, rows: Int
    ) throws -> IDColumn<Scalar> {
        let all = try golden.values("ids/" + feature.name).map { Int32($0) }
        guard feature.pooling != .single else { return try IDColumn(feature.name, ids: all) }
        let most = all.count / rows
        return try IDColumn(
            feature.name,
            bags: (0..<rows).map { row in all[row * most..<(row + 1) * most].filter { $0 >= 0 } })
    }
}
