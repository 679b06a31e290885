import MTLEngine
import Testing

/// Architectures that know scenarios against PyTorch in float64: logits, losses, every gradient by name, and after six
/// steps of SGD every parameter, every moving statistic and the answers.
@Suite struct ScenarioGoldenTests {
    static let rows = GraphGoldenTests.rows
    static let layers: [HiddenLayer] = [.dense(6, .tanh), .dense(5, .tanh)]
    static let apg = APG(
        layers: layers, rank: 3, condition: .both, scenarioWidth: 2, generator: [.dense(4, .tanh)])
    static let architectures: [(name: String, architecture: any Architecture)] = [
        ("towers", ScenarioTowers(trunk: [.dense(6, .tanh)])),
        ("star", STAR(layers: layers, scenarioWidth: 3, auxiliary: [.dense(4, .tanh)])),
        ("pepnet", PEPNet(personal: ["user"], scenarioWidth: 2, gateWidth: 4)),
        ("sarnet", SARNet(shared: 2, own: 1, layers: layers)),
        ("m3oe", M3oE(starWidth: 8, shared: 2, layers: [.dense(5, .tanh)])),
        ("apg", apg), ("apg_embedded", apg),
        ("hamur", HAMUR(trunk: layers, rank: 3, adapterWidth: 4, hyper: [.dense(4, .tanh)])),
        ("adaptdhm", AdaptDHM(layers: layers, clusters: 3, momentum: 0.9)),
    ]

    private func expectClose<Scalar: BLASScalar>(
        _ found: [Scalar], _ expected: [Double], _ relative: Double, _ what: String
    ) {
        guard found.count == expected.count else {
            Issue.record("\(what): \(found.count) values, expected \(expected.count)")
            return
        }
        for (index, pair) in zip(found, expected).enumerated()
        where !(abs(Double(pair.0) - pair.1) <= relative * (abs(pair.1) + 0.3)) {
            Issue.record("\(what)[\(index)]: \(pair.0), expected \(pair.1)")
            return
        }
    }

    @Test(arguments: architectures.indices)
    func matchesPyTorch(index: Int) throws {
        let (name, architecture) = Self.architectures[index]
        func make(_ architecture: some Architecture) throws -> MultiTaskModel {
            let isEmbedded = ["pepnet", "apg_embedded"].contains(name)
            return try MultiTaskModel(
                inputs: 7, embedded: isEmbedded ? [.single("user"), .single("item")] : [],
                tables: isEmbedded
                    ? [
                        EmbeddingTable("user", rows: 9, dimension: 3),
                        EmbeddingTable("item", rows: 7, dimension: 2),
                    ] : [], scenarios: 3, architecture: architecture, tasks: GraphGoldenTests.tasks)
        }
        let model = try make(architecture)
        try check(name, model, Double.self, 1e-11)
        try check(name, model, Float.self, 3e-5)
    }

    private func check<Scalar: BLASScalar>(
        _ name: String, _ model: MultiTaskModel, _: Scalar.Type, _ relative: Double
    ) throws {
        let golden = try Safetensors.fixture("scenario_" + name)
        let labels = try golden.values("labels")
        let dataset = try Dataset<Scalar>(
            featureNames: (0..<7).map { "x\($0)" }, features: try golden.values("x").map { Scalar($0) },
            ids: try model.embedded.map { feature in
                try IDColumn(feature.name, ids: golden.values("ids/\(feature.name)").map { Int32($0) })
            },
            labels: model.tasks.enumerated().map { index, task in
                (task.name, (0..<3 * Self.rows).map { Scalar(labels[$0 * 3 + index]) })
            }, scenarios: try golden.values("scenarios").map { Int32($0) })
        for compute in [ComputeOptions(), ComputeOptions(threads: 2)] {
            let trainer = try Trainer<Scalar>(
                model, optimizer: .sgd(learningRate: 0.1), batchSize: Self.rows, compute: compute)
            let parameters = golden.names(under: "initial")
            #expect(Set(parameters) == Set(model.layout.segments.map(\.name)))
            for parameter in parameters {
                try trainer.setParameter(
                    parameter, to: golden.values("initial/" + parameter).map { Scalar($0) })
            }
            // A norm's prediction is not the batch's.
            if !["star", "hamur"].contains(name) {
                let logits = try trainer.predictLogits(dataset)
                for task in model.tasks {
                    expectClose(
                        Array(try logits.values(task.name).prefix(Self.rows)),
                        try golden.values("logits/" + task.name), relative, "\(name), logits of \(task.name)")
                }
            }
            for step in 0..<6 {
                let first = step % 3 * Self.rows
                let losses = try trainer.step(dataset, rows: first..<first + Self.rows)
                guard step == 0 else { continue }
                expectClose(losses, try golden.values("task_losses"), relative, "\(name), losses")
                for parameter in golden.names(under: "gradient") {
                    expectClose(
                        try trainer.gradient(parameter), try golden.values("gradient/" + parameter), relative,
                        "\(name), gradient of \(parameter)")
                }
            }
            for parameter in golden.names(under: "final") {
                expectClose(
                    try trainer.parameter(parameter), try golden.values("final/" + parameter), 100 * relative,
                    "\(name), final \(parameter)")
            }
            let answers = try trainer.predictLogits(dataset)
            for task in model.tasks {
                expectClose(
                    try answers.values(task.name), try golden.values("answers/" + task.name), 100 * relative,
                    "\(name), answers of \(task.name)")
            }
        }
    }
}

extension Trainer {
    fileprivate func predictLogits(_ dataset: Dataset<Scalar>) throws -> Predictions<Scalar> {
        try Predictor(model, parameters: parameters).logits(dataset)
    }
}
