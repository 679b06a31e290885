import MTLEngine
import MTLTestSupport
import Testing

/// Normalisation, dropout and decay of the layers that every architecture stacks.
@Suite struct HiddenLayerTests {
    private static let tasks: [LearningTask] = [
        .binary("a", weight: 0.7, tower: [.dense(5, .tanh, normalization: .layer)]),
        .regression("b", weight: 1.3, tower: [.dense(5, .tanh, normalization: .layer)]),
        .regression("c", tower: [.dense(4, .gelu, normalization: .batch, dropout: 0.2)]),
    ]

    @Test(arguments: HiddenLayer.Normalization.allCases)
    func gradients(normalization: HiddenLayer.Normalization) throws {
        func layer(_ units: Int) -> HiddenLayer {
            .dense(units, .tanh, normalization: normalization, dropout: 0.3)
        }
        // A variance of one or two rows is no number, or bends too much for differences.
        let rows = [37]
        try GradientCheck.check(SharedBottom(trunk: [layer(7), layer(6)]), tasks: Self.tasks, rows: rows)
        try GradientCheck.check(
            MMoE(experts: 3, layers: [layer(7), layer(5)], gate: [layer(4)]), tasks: Self.tasks, rows: rows)
        try GradientCheck.check(CrossStitch(layers: [layer(6), layer(5)]), tasks: Self.tasks, rows: rows)
    }

    /// Activations with a slope for every unit, in stacks, towers, experts, by scenario, and beside a normalisation.
    @Test(arguments: [Activation.prelu, .dice]) func slopes(activation: Activation) throws {
        func layer(_ units: Int, _ normalization: HiddenLayer.Normalization = .none) -> HiddenLayer {
            .dense(units, activation, normalization: normalization, dropout: 0.2)
        }
        let tasks: [LearningTask] = [
            .binary("a", weight: 0.7, tower: [.dense(5, activation)]), .regression("b", weight: 1.3),
            .regression("c", tower: [.dense(5, activation)]),
        ]
        let rows = [37]
        try GradientCheck.check(
            SharedBottom(trunk: [layer(7), layer(6, .layer)]), tasks: tasks, rows: rows)
        try GradientCheck.check(
            MMoE(experts: 3, layers: [layer(7), layer(5)], gate: [layer(4)]), tasks: tasks, rows: rows)
        try GradientCheck.check(
            ScenarioTowers(trunk: [layer(6)]), tasks: tasks, scenarios: 3, rows: rows)
    }

    @Test func parametersOfSlopes() throws {
        let model = try MultiTaskModel(
            inputs: 3, architecture: MMoE(experts: 2, layers: [.dense(4, .prelu), .dense(3, .dice)]),
            tasks: [.binary("a")])
        let trainer = try Trainer<Double>(model, batchSize: 9)
        for expert in 0..<2 {
            #expect(
                try trainer.parameter("experts.\(expert).0.activation.weight") == [0.25, 0.25, 0.25, 0.25])
            #expect(try trainer.parameter("experts.\(expert).1.activation.weight") == [0, 0, 0])
            #expect(try trainer.parameter("experts.\(expert).1.activation.running_var") == [1, 1, 1])
        }
    }

    /// Where a layer is no more than a product and an activation, what has parameters is refused, and never left out.
    @Test(arguments: [Activation.prelu, .dice]) func slopesAreRefusedWhereThereAreNone(activation: Activation)
        throws
    {
        for architecture: any Architecture in [
            HAMUR(trunk: [.dense(4, activation)]), APG(layers: [.dense(4, activation)]),
            AdaptDHM(layers: [.dense(4, activation)]), M2M(layers: [.dense(4, activation)]),
        ] {
            let error = failure {
                _ = try MultiTaskModel(
                    inputs: 3, scenarios: 2, architecture: architecture, tasks: [.binary("a")])
            }
            #expect(error?.place.hasSuffix("layer 0") == true)
        }
    }

    /// M3oE's towers, which it builds by itself, and a single activation of NDDR's.
    @Test(arguments: [Activation.prelu, .dice]) func slopesOfTowersByScenario(activation: Activation) throws {
        let tasks: [LearningTask] = [
            .binary("a", weight: 0.7, tower: [.dense(5, activation, dropout: 0.2)]),
            .regression("b", weight: 1.3),
        ]
        let model = try MultiTaskModel(
            inputs: 6, scenarios: 3, architecture: M3oE(starWidth: 0, shared: 2, layers: [.dense(5, .tanh)]),
            tasks: tasks)
        try GradientCheck.expectAgreement(of: model, rows: 37, compute: ComputeOptions())
        #expect(model.layout.segments.contains { $0.name == "heads.a.0.activation.weight" })
        let error = failure {
            _ = try MultiTaskModel(
                inputs: 3, architecture: NDDR(layers: [.relu(4)], activation: activation),
                tasks: [.binary("a"), .binary("b")])
        }
        #expect(error?.place == "fused activation")
    }

    @Test func parametersOfANormalisation() throws {
        let model = try MultiTaskModel(
            inputs: 3,
            architecture: MMoE(experts: 2, layers: [.dense(4, .relu, normalization: .batch)]),
            tasks: [.binary("a")])
        let names = model.layout.segments.map(\.name)
        for expert in 0..<2 {
            for part in ["weight", "bias", "running_mean", "running_var"] {
                #expect(names.contains("experts.\(expert).0.norm.\(part)"))
            }
        }
        #expect(try model.layout.segment("experts.1.0.norm.weight").shape == [4])
    }

    @Test func whatCannotBeIsRefused() throws {
        func failure(_ layer: HiddenLayer) -> String? {
            MTLTestSupport.failure {
                _ = try MultiTaskModel(inputs: 3, trunk: [layer], tasks: [.binary("a")])
            }?.place
        }
        #expect(failure(.relu(4)) == nil)
        #expect(failure(.dense(4, .relu, normalization: .batch, dropout: 0.5)) == nil)
        #expect(failure(.dense(4, .relu, dropout: 1)) == "trunk, layer 0")
        #expect(failure(.relu(0)) == "trunk, layer 0")
    }

    /// A decayed slope of PReLU would be a ReLU in the end; those of Dice begin at 0.
    @Test func slopesOfPReLUDoNotDecay() throws {
        let model = try MultiTaskModel(
            inputs: 3, architecture: SharedBottom(trunk: [.dense(4, .prelu)]),
            tasks: [.regression("a", weight: 0)])
        let trainer = try Trainer<Double>(
            model, optimizer: .sgd(learningRate: 1, weightDecay: 0.25), batchSize: 8, seed: 1)
        let before = try trainer.parameter("trunk.0.weight")
        _ = try trainer.step(
            Dataset<Double>(
                featureNames: ["x", "y", "z"], features: (0..<24).map { Double($0) / 10 },
                labels: [("a", (0..<8).map { Double($0) })]), rows: 0..<8)
        #expect(try trainer.parameter("trunk.0.activation.weight") == [0.25, 0.25, 0.25, 0.25])
        expectClose(try trainer.parameter("trunk.0.weight"), before.map { 0.75 * $0 }, absolute: 1e-12)
    }

    /// Without a gradient a step is decay alone.
    @Test(arguments: [DecayedParameters.all, .weights, .allBut(["trunk.0"])])
    func decay(decayed: DecayedParameters) throws {
        let model = try MultiTaskModel(
            inputs: 3, architecture: SharedBottom(trunk: [.relu(4), .relu(4)]),
            tasks: [.regression("a", weight: 0)], decayed: decayed)
        let trainer = try Trainer<Double>(
            model, optimizer: .sgd(learningRate: 1, weightDecay: 0.25), batchSize: 8, seed: 1)
        let data = try Dataset<Double>(
            featureNames: ["x", "y", "z"], features: (0..<24).map { Double($0) / 10 },
            labels: [("a", (0..<8).map { Double($0) })])
        var before: [String: [Double]] = [:]
        for segment in model.layout.segments { before[segment.name] = try trainer.parameter(segment.name) }
        _ = try trainer.step(data, rows: 0..<8)
        for (name, values) in before {
            let isDecayed =
                switch decayed {
                case .all: true
                case .weights: name.hasSuffix("weight")
                case .allBut: !name.hasPrefix("trunk.0")
                }
            let expected = values.map { isDecayed ? $0 * 0.75 : $0 }
            let after = try trainer.parameter(name)
            #expect(zip(after, expected).allSatisfy { abs($0 - $1) < 1e-12 }, "\(name)")
        }
    }
}
