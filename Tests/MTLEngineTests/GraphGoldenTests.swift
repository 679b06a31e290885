import MTLEngine
import Testing

/// Architectures and nodes against PyTorch in float64: logits, losses, every gradient by name, and after six steps of
/// Adam every parameter, every moving statistic and the answers.
@Suite struct GraphGoldenTests {
    static let rows = 23
    static let tower: [HiddenLayer] = [.dense(4, .tanh)]
    static let tasks: [LearningTask] = [
        .binary("click", weight: 0.6, tower: tower), .regression("spend", weight: 0.3),
        .binary("buy", weight: 1.1, tower: tower),
    ]
    static let names = ["mmoe", "ple", "cross_stitch", "star", "batch_norm", "layer_norm", "funnel"]

    func model(_ name: String) throws -> MultiTaskModel {
        func make(_ architecture: some Architecture) throws -> MultiTaskModel {
            try MultiTaskModel(inputs: 7, scenarios: 3, architecture: architecture, tasks: Self.tasks)
        }
        func layer(_ units: Int) -> HiddenLayer { .dense(units, .tanh) }
        switch name {
        case "mmoe":
            return try make(
                MMoE(experts: 3, layers: [layer(6), layer(5)], gate: [layer(4)], temperature: 2))
        case "ple":
            return try make(
                PLE(levels: [
                    PLE.Level(own: 2, shared: 1, layers: [layer(5)]),
                    PLE.Level(own: 1, shared: 2, layers: [layer(4)]),
                ]))
        case "cross_stitch": return try make(CrossStitch(layers: [layer(6), layer(5)]))
        case "star":
            return try make(
                Probe { graph in
                    var h = graph.batchNorm(graph.features, isPartitioned: true, name: "norm")
                    for (depth, units) in [6, 5].enumerated() {
                        h = graph.scenarioDense(
                            h, units: units, activation: .tanh, sharesFactor: true, name: "star.\(depth)")
                    }
                    h = graph.scenarioDense(h, units: 5, activation: .tanh, name: "own")
                    return graph.heads([h, h, h])
                })
        case "batch_norm":
            return try make(
                Probe { graph in
                    var h = graph.features
                    for (depth, units) in [6, 5].enumerated() {
                        h = graph.dense(h, units: units, activation: .tanh, name: "trunk.\(depth)")
                        h = graph.batchNorm(h, name: "norms.\(depth)")
                    }
                    return graph.heads([h, h, h])
                })
        case "layer_norm":
            return try make(
                Probe { graph in
                    let h = graph.dense(graph.features, units: 6, activation: .identity, name: "trunk.0")
                    let normed = graph.activation(graph.layerNorm(h, names: ["norms.0"]), .gelu)
                    return graph.heads([normed, normed, normed])
                })
        default:
            return try make(
                Probe { graph in
                    let logits = graph.stack(
                        graph.features, [.dense(5, .tanh), .dense(1, .identity)],
                        names: ["towers.click", "towers.conversion", "towers.spend"]
                    ).blocks(3)
                    return [logits[0], logits[2], graph.logitProduct(logits[0], logits[1])]
                })
        }
    }

    private func expectClose<Scalar: BLASScalar>(
        _ found: [Scalar], _ expected: [Double], relative: Double, absolute: Double, _ what: String
    ) {
        guard found.count == expected.count else {
            Issue.record("\(what): \(found.count) values, expected \(expected.count)")
            return
        }
        for (index, pair) in zip(found, expected).enumerated()
        where !(abs(Double(pair.0) - pair.1) <= relative * abs(pair.1) + absolute) {
            Issue.record("\(what)[\(index)]: \(pair.0), expected \(pair.1)")
            return
        }
    }

    @Test(arguments: names)
    func matchesPyTorch(name: String) throws {
        try check(name, Double.self, relative: 1e-11, absolute: 1e-12)
        try check(name, Float.self, relative: 2e-5, absolute: 1e-5)
    }

    func check<Scalar: BLASScalar>(
        _ name: String, model given: MultiTaskModel? = nil, _: Scalar.Type, relative: Double, absolute: Double
    ) throws {
        let golden = try Safetensors.fixture("graph_" + name)
        let model = try given ?? model(name)
        let labels = try golden.values("labels")
        let dataset = try Dataset<Scalar>(
            featureNames: (0..<7).map { "x\($0)" }, features: try golden.values("x").map { Scalar($0) },
            labels: model.tasks.enumerated().map { index, task in
                (task.name, (0..<3 * Self.rows).map { Scalar(labels[$0 * 3 + index]) })
            }, scenarios: try golden.values("scenarios").map { Int32($0) })
        for compute in GraphGradientTests.computes {
            let trainer = try Trainer<Scalar>(
                model, optimizer: .adam(learningRate: 1e-2), batchSize: Self.rows, compute: compute)
            let parameters = golden.names(under: "initial")
            #expect(Set(parameters) == Set(model.layout.segments.map(\.name)))
            for parameter in parameters {
                try trainer.setParameter(
                    parameter, to: golden.values("initial/" + parameter).map { Scalar($0) })
            }
            // Others answer otherwise in training, whose logits the golden holds.
            if !["star", "batch_norm", "nddr", "snr", "snr_transforms"].contains(name) {
                let logits = try Predictor(model, parameters: trainer.parameters, compute: compute).logits(
                    dataset)
                for task in model.tasks {
                    expectClose(
                        Array(try logits.values(task.name).prefix(Self.rows)),
                        try golden.values("logits/" + task.name), relative: relative, absolute: absolute,
                        "\(name), logits of \(task.name)")
                }
            }
            for step in 0..<6 {
                let first = step % 3 * Self.rows
                let losses = try trainer.step(dataset, rows: first..<first + Self.rows)
                guard step == 0 else { continue }
                expectClose(
                    losses, try golden.values("task_losses"), relative: relative, absolute: absolute,
                    "\(name), losses")
                if given != nil {
                    let found = trainer.trainingStep.penalties
                    expectClose(
                        [found], try golden.values("penalty"), relative: relative, absolute: absolute,
                        "\(name), penalty")
                }
                for parameter in golden.names(under: "gradient") {
                    expectClose(
                        try trainer.gradient(parameter), try golden.values("gradient/" + parameter),
                        relative: relative, absolute: absolute, "\(name), gradient of \(parameter)")
                }
            }
            // Adam divides by gradients' size: what a gradient near 0 lost is seen in its step.
            for parameter in golden.names(under: "final") {
                expectClose(
                    try trainer.parameter(parameter), try golden.values("final/" + parameter),
                    relative: 100 * relative, absolute: 100 * absolute, "\(name), final \(parameter)")
            }
            let answers = try Predictor(model, parameters: trainer.parameters, compute: compute).logits(
                dataset)
            for task in model.tasks {
                expectClose(
                    try answers.values(task.name), try golden.values("answers/" + task.name),
                    relative: 100 * relative, absolute: 100 * absolute, "\(name), answers of \(task.name)")
            }
        }
    }
}
