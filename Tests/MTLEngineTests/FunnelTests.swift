import MTLEngine
import MTLTestSupport
import Testing

/// Architectures in which a task's event needs another's.
@Suite struct FunnelTests {
    static let tower: [HiddenLayer] = [.dense(4, .tanh)]
    static let tasks: [LearningTask] = [
        .binary("click", weight: 0.6, tower: tower), .regression("spend", weight: 0.3),
        .binary("buy", weight: 1.1), .binary("cart", weight: 0.8, tower: tower),
    ]
    static let parents = ["cart": "click", "buy": "cart"]
    static let layers: [HiddenLayer] = [.dense(6, .tanh), .dense(5, .tanh)]
    private static let experts = MMoE(experts: 3, layers: [.dense(5, .tanh)], gate: [.dense(4, .tanh)])
    static let architectures: [(name: String, architecture: any Architecture)] = [
        ("esmm", ESMM(parents: parents, trunk: [.dense(6, .tanh)])),
        (
            "ips",
            ESCM2(parents: parents, trunk: [.dense(6, .tanh)], isDoublyRobust: false, maximumWeight: 4)
        ),
        ("dr", ESCM2(parents: parents, trunk: [.dense(6, .tanh)], maximumWeight: 4)),
        ("aitm", AITM(parents: parents, layers: layers)),
        ("resflow", ResFlow(parents: parents, layers: layers)),
        (
            "dbmtl",
            DBMTL(
                parents: ["cart": ["click"], "buy": ["click", "cart"], "spend": ["buy"]],
                trunk: [.dense(8, .tanh)], layers: [.dense(5, .tanh)], relation: [.dense(3, .tanh)])
        ),
        ("esmm_experts", ESMM(parents: parents, trunk: [.dense(6, .tanh)], experts: experts)),
        (
            "dr_experts",
            ESCM2(parents: parents, trunk: [.dense(6, .tanh)], experts: experts, maximumWeight: 4)
        ),
        ("aitm_experts", AITM(parents: parents, experts: experts, layers: layers)),
        (
            "dbmtl_experts",
            DBMTL(
                parents: ["cart": ["click"], "buy": ["click", "cart"], "spend": ["buy"]],
                trunk: [.dense(8, .tanh)], experts: experts, layers: [.dense(5, .tanh)],
                relation: [.dense(3, .tanh)])
        ),
    ]
    /// Losses with a propensity, a constant of the loss that differences see move.
    static let counterfactual: Set = ["ips", "dr", "dr_experts"]
    static let numbers = Array(architectures.indices)

    /// Rows of the funnel: a cart without a click has label 0; some labels are missing.
    func data<Scalar: BLASScalar>(_: Scalar.Type, rows: Int, missing: Int = 7) throws -> Dataset<Scalar> {
        var generator = SeededGenerator(seed: 5)
        let x = (0..<rows * 7).map { _ in Scalar(generator.normal()) }
        func label(_ task: String, _ row: Int) -> Scalar {
            let (a, b, c) = (x[row * 7], x[row * 7 + 1], x[row * 7 + 2])
            switch task {
            case "click": return a > -0.5 ? 1 : 0
            case "cart": return a > -0.5 && b > -0.3 ? 1 : 0
            case "buy": return a > -0.5 && b > -0.3 && c > 0 ? 1 : 0
            default: return a + b
            }
        }
        return try Dataset(
            featureNames: (0..<7).map { "x\($0)" }, features: x,
            labels: Self.tasks.enumerated().map { index, task in
                (
                    task.name,
                    (0..<rows).map { ($0 + 2 * index) % missing == 0 ? .nan : label(task.name, $0) }
                )
            })
    }

    // MARK: Gradients

    @Test(arguments: numbers) func gradients(number: Int) throws {
        let (name, architecture) = Self.architectures[number]
        guard !Self.counterfactual.contains(name) else { return }
        try GradientCheck.check(architecture, tasks: Self.tasks, inputs: 3, rows: [1, 23])
    }

    /// The counterfactual losses behind a stop: their propensity is a value that no parameter moves. In the square of the doubly
    /// robust one the loss is a constant, which differences see move: there the imputation's parameters alone are looked at.
    @Test func counterfactualGradients() throws {
        func probe(_ isRobust: Bool) throws -> MultiTaskModel {
            try MultiTaskModel(
                inputs: 6,
                architecture: Probe { graph in
                    let x = graph.dense(graph.denseFeatures, units: 8, activation: .tanh, name: "h")
                    let z = graph.heads([x, x])
                    let y = graph.dense(graph.denseFeatures, units: 8, activation: .tanh, name: "guess.0")
                    let u = graph.dense(y, units: 1, activation: .identity, name: "guess.1")
                    graph.penalizeCounterfactual(
                        conditional: z[1], propensity: graph.denseFeatures.columns(1..<2),
                        imputed: isRobust ? u : nil, outcome: 1, observed: 0, maximumWeight: 3, weight: 0.7)
                    return [z[0], graph.logitProduct(z[0], z[1])]
                }, tasks: [.binary("click"), .binary("buy", weight: 0.5)])
        }
        for (number, compute) in ComputeOptions.various.enumerated() {
            for isRobust in [false, true] {
                try GradientCheck.expectAgreement(
                    of: probe(isRobust), rows: 37, compute: compute, gathered: number % 2 == 1,
                    weighted: number == 0, skips: { isRobust && !$0.hasPrefix("guess") })
            }
        }
    }

    /// The conditional probability learns by the same gradient with an imputation as without: an estimate of its loss moves it no
    /// more than a constant would.
    @Test func theImputationDoesNotPullTheConditional() throws {
        func gradient(_ isRobust: Bool) throws -> [Double] {
            let model = try MultiTaskModel(
                inputs: 7, architecture: ESCM2(parents: ["buy": "click"], isDoublyRobust: isRobust),
                tasks: [.binary("click"), .binary("buy")])
            let trainer = try Trainer<Double>(model, batchSize: 100, seed: 8)
            try trainer.stepWithoutUpdate(try data(Double.self, rows: 100), rows: 0..<100)
            return try ["heads.buy.0.weight", "heads.buy.0.bias"].flatMap { name in
                let segment = try #require(model.layout.segments.first { $0.name == name })
                return trainer.trainingStep.gradient(segment)
            }
        }
        expectClose(try gradient(true), try gradient(false), relative: 1e-12, absolute: 1e-15)
    }

    /// Clicked rows whose later label is missing say nothing of what follows a click, and do not thin the mean.
    @Test func rowsThatSayNothingDoNotCount() throws {
        for isRobust in [false, true] {
            let model = try MultiTaskModel(
                inputs: 7, architecture: ESCM2(parents: ["buy": "click"], isDoublyRobust: isRobust),
                tasks: [.binary("click"), .binary("buy")])
            func penalty(_ rows: [Int]) throws -> Double {
                var generator = SeededGenerator(seed: 9)
                let x = (0..<60 * 7).map { _ in generator.normal() }
                let data = try Dataset<Double>(
                    featureNames: (0..<7).map { "x\($0)" },
                    features: rows.flatMap { x[$0 * 7..<$0 * 7 + 7] },
                    labels: [
                        ("click", rows.map { $0 % 2 == 0 || $0 % 3 == 0 ? 1 : 0 }),
                        ("buy", rows.map { $0 % 3 == 0 ? .nan : $0 % 4 == 0 ? 1 : 0 }),
                    ])
                let trainer = try Trainer<Double>(model, batchSize: 60, seed: 4)
                try trainer.stepWithoutUpdate(data, rows: 0..<rows.count)
                return trainer.trainingStep.penalties
            }
            let (all, known) = (
                try penalty(Array(0..<60)), try penalty((0..<60).filter { $0 % 3 != 0 })
            )
            #expect(known > 0 && abs(all / known - 1) < 1e-12, "\(all), \(known)")
        }
    }

    /// One dense layer over blocks, of wide and narrow outputs, between blocks of which some are read twice.
    @Test func tiedDense() throws {
        try GradientCheck.check(
            Probe { graph in
                let h = graph.dense(graph.features, units: 12, activation: .tanh, name: "h")
                let wide = graph.tiedDense(h, blocks: 3, units: 9, activation: .relu, name: "wide")
                let narrow = graph.tiedStack(
                    wide, blocks: 3, [.dense(10, .gelu), .dense(2, .tanh)], name: "narrow")
                let all = graph.concatenate([narrow, wide.columns(0..<9)])
                let first = graph.tiedDense(graph.features, blocks: 1, units: 4, activation: .tanh, name: "x")
                return graph.heads([all, narrow.columns(0..<2), first, h])
            }, inputs: 4, rows: [37], computes: [ComputeOptions(threads: 1), ComputeOptions(threads: 2)])
    }

    // MARK: Goldens

    @Test(arguments: numbers) func matchesPyTorch(number: Int) throws {
        let (name, architecture) = Self.architectures[number]
        let model = try MultiTaskModel(inputs: 7, architecture: architecture, tasks: Self.tasks)
        try Golden("funnel_" + name).checkFirstBatch(model)
    }

    // MARK: Laws

    /// p(later) ≤ p(earlier) in every row, in Float, whatever the logits.
    @Test(arguments: [1.0, 30, 1e4, 1e30]) func laterIsNoMoreLikely(scale: Double) throws {
        func check(_ architecture: some Architecture) throws {
            let model = try MultiTaskModel(inputs: 7, architecture: architecture, tasks: Self.tasks)
            let trainer = try Trainer<Float>(model, batchSize: 100)
            var generator = SeededGenerator(seed: 3)
            trainer.parameters = trainer.parameters.map { _ in Float(scale * generator.normal()) }
            let data = try data(Float.self, rows: 3000)
            let (p, z) = (try trainer.predict(data), try Predictor(model, parameters: trainer.parameters))
            let logits = try z.logits(data)
            var differs = false
            for (later, earlier) in [("cart", "click"), ("buy", "cart")] {
                for (a, b) in zip(try p.values(later), try p.values(earlier)) {
                    #expect(a <= b && a >= 0 && b <= 1)
                    differs = differs || a < b
                }
                for (a, b) in zip(try logits.values(later), try logits.values(earlier)) {
                    #expect(a <= b && !a.isNaN)
                }
            }
            #expect(differs)
        }
        try check(ESMM(parents: Self.parents))
        try check(ESCM2(parents: Self.parents))
    }

    /// Losses and gradients of logits far out stay finite.
    @Test func extremeLogitsTrain() throws {
        for (_, architecture) in Self.architectures {
            let model = try MultiTaskModel(inputs: 7, architecture: architecture, tasks: Self.tasks)
            let trainer = try Trainer<Float>(model, batchSize: 100)
            var generator = SeededGenerator(seed: 3)
            trainer.parameters = trainer.parameters.map { _ in Float(300 * generator.normal()) }
            for _ in 0..<3 {
                let losses = try trainer.step(try data(Float.self, rows: 100), rows: 0..<100)
                #expect(losses.allSatisfy { $0.isFinite })
            }
            #expect(trainer.parameters.allSatisfy { $0.isFinite })
        }
    }

    private func separate(_ trainer: Trainer<Double>, _ change: (String, [Double]) -> [Double]) throws {
        for segment in trainer.model.layout.segments {
            try trainer.setParameter(segment.name, to: change(segment.name, trainer.parameter(segment.name)))
        }
    }

    /// What a later task predicts once nothing is passed on is what it predicts alone.
    @Test func withoutTransferTasksAreSeparate() throws {
        func check(
            _ architecture: some Architecture, _ change: @escaping (String, [Double]) -> [Double]
        ) throws {
            let model = try MultiTaskModel(inputs: 7, architecture: architecture, tasks: Self.tasks)
            let together = try Trainer<Double>(model, batchSize: 100, seed: 8)
            let data = try data(Double.self, rows: 300)
            let before = try together.predict(data).values("cart")
            try separate(together, change)
            let tower = SharedBottom(trunk: Self.layers)
            let alone = try Trainer<Double>(
                MultiTaskModel(inputs: 7, architecture: tower, tasks: [Self.tasks[3]]), batchSize: 100)
            try separate(alone) { name, _ in
                (try? together.parameter(name.replacing("trunk", with: "networks.cart"))) ?? []
            }
            let (a, b) = (
                try together.predict(data).values("cart"), try alone.predict(data).values("cart")
            )
            expectClose(a, b, absolute: 1e-12, "cart")
            #expect(zip(a, before).contains { abs($0 - $1) > 1e-3 })
        }
        // The parent's network and head pass on nothing.
        try check(ResFlow(parents: Self.parents, layers: Self.layers)) { name, values in
            name.contains(".click.") ? values.map { _ in 0 } : values
        }
        // Both inputs weigh a half; the value doubles the own one, and nothing is transferred.
        try check(AITM(parents: Self.parents, layers: Self.layers)) { name, values in
            switch name {
            case "attention.cart.value.weight":
                return values.indices.map { $0 % 6 == 0 ? 2 : 0 }
            case _ where name.hasPrefix("transfers.cart") || name.hasPrefix("attention.cart"):
                return values.map { _ in 0 }
            default: return values
            }
        }
    }

    @Test(arguments: numbers) func permutingTasksPermutesOutputs(number: Int) throws {
        let architecture = Self.architectures[number].architecture
        let order = [3, 2, 0, 1]
        func trainer(_ tasks: [LearningTask]) throws -> Trainer<Double> {
            try Trainer(
                MultiTaskModel(inputs: 7, architecture: architecture, tasks: tasks), batchSize: 60, seed: 3)
        }
        let (first, other) = (try trainer(Self.tasks), try trainer(order.map { Self.tasks[$0] }))
        for segment in first.model.layout.segments {
            let (a, b) = (try first.parameter(segment.name), try other.parameter(segment.name))
            #expect(a == b, "\(segment.name)")
        }
        let data = try data(Double.self, rows: 180)
        for step in 0..<3 {
            let rows = step * 60..<(step + 1) * 60
            let (a, b) = (try first.step(data, rows: rows), try other.step(data, rows: rows))
            expectClose(order.map { a[$0] }, b, absolute: 1e-10, "losses")
        }
        for task in Self.tasks {
            expectClose(
                try first.predict(data).values(task.name), try other.predict(data).values(task.name),
                absolute: 1e-8)
        }
    }

    @Test(arguments: numbers) func sameBitsForAnyThreads(number: Int) throws {
        try expectSameBits(
            MultiTaskModel(
                inputs: 7, architecture: Self.architectures[number].architecture, tasks: Self.tasks),
            data(Float.self, rows: 1500), until: StoppingRule(epochs: 2, steps: 9, patience: nil))
    }

    /// Where labels say the opposite, the calibrator keeps later probabilities from standing above earlier ones.
    @Test func theCalibratorOrders() throws {
        let tasks: [LearningTask] = [.binary("click"), .binary("buy")]
        var generator = SeededGenerator(seed: 5)
        let data = try Dataset<Double>(
            featureNames: (0..<7).map { "x\($0)" }, features: (0..<7000).map { _ in generator.normal() },
            labels: [
                ("click", (0..<1000).map { $0 % 5 == 0 ? 1 : 0 }),
                ("buy", (0..<1000).map { $0 % 5 > 1 ? 1 : 0 }),
            ])
        func excess(_ calibration: Double) throws -> Double {
            let model = try MultiTaskModel(
                inputs: 7,
                architecture: AITM(
                    parents: ["buy": "click"], layers: Self.layers, calibration: calibration), tasks: tasks)
            let trainer = try Trainer<Double>(
                model, optimizer: .adam(learningRate: 1e-2), batchSize: 100, seed: 4)
            try trainer.fit(data, until: StoppingRule(epochs: 5, patience: nil))
            let p = try trainer.predict(data)
            return try zip(p.values("buy"), p.values("click")).reduce(0) { $0 + max($1.0 - $1.1, 0) }
        }
        let (bound, free) = (try excess(5), try excess(0))
        #expect(free > 200 && bound < 0.2 * free, "\(bound) and \(free)")
    }

    /// Where a task does not exist there is no order to keep, and its rows do not thin the mean.
    @Test func theCalibratorKnowsWhereTasksExist() throws {
        let tasks: [LearningTask] = [.binary("click"), .binary("buy").only(inScenarios: [0])]
        let model = try MultiTaskModel(
            inputs: 7, scenarios: 2,
            architecture: AITM(parents: ["buy": "click"], layers: Self.layers, calibration: 2), tasks: tasks)
        func penalty(scenarios: Set<Int>) throws -> Double {
            var generator = SeededGenerator(seed: 5)
            let all = (0..<60).map { row in (row % 2, (0..<7).map { _ in generator.normal() }) }
            let rows = all.filter { scenarios.contains($0.0) }
            let data = try Dataset<Double>(
                featureNames: (0..<7).map { "x\($0)" }, features: rows.flatMap(\.1),
                labels: [
                    ("click", rows.map { _ in 1 }), ("buy", rows.map { $0.0 == 0 ? 1 : .nan }),
                ], scenarios: rows.map { Int32($0.0) })
            let trainer = try Trainer<Double>(model, batchSize: rows.count, seed: 4)
            // All buy more often than they click.
            for segment in model.layout.segments
            where segment.name.hasPrefix("heads.buy") && segment.name.hasSuffix("bias") {
                try trainer.setParameter(segment.name, to: [3])
            }
            try trainer.stepWithoutUpdate(data, rows: 0..<rows.count)
            return trainer.trainingStep.penalties
        }
        let (alone, both) = (try penalty(scenarios: [0]), try penalty(scenarios: [0, 1]))
        #expect(alone > 0 && abs(both - alone) < 1e-12)
    }

    // MARK: Experts

    /// With one expert, whose mixture is itself, a funnel is one over a longer trunk; imputations have mixtures of their own.
    @Test func oneExpertIsATrunk() throws {
        let one = MMoE(experts: 1, layers: [.dense(5, .tanh)])
        let trunk: [HiddenLayer] = [.dense(6, .tanh)]
        for isRobust in [false, true] {
            let (mixed, plain) = (
                ESCM2(parents: Self.parents, trunk: trunk, experts: one, isDoublyRobust: isRobust),
                ESCM2(parents: Self.parents, trunk: trunk + one.layers, isDoublyRobust: isRobust)
            )
            let trainers = try [mixed, plain].map {
                try Trainer<Double>(
                    MultiTaskModel(inputs: 7, architecture: $0, tasks: Self.tasks), batchSize: 100, seed: 4)
            }
            for segment in trainers[1].model.layout.segments {
                let name = segment.name.replacing("trunk.1", with: "experts.0.0")
                try trainers[1].setParameter(segment.name, to: trainers[0].parameter(name))
            }
            let gates = trainers[0].model.layout.segments.map(\.name).filter { $0.hasPrefix("gates.") }
            #expect(gates.contains("gates.imputations.buy.0.weight") == isRobust)
            let data = try data(Double.self, rows: 100)
            expectClose(
                try trainers[0].stepWithoutUpdate(data, rows: 0..<100),
                try trainers[1].stepWithoutUpdate(data, rows: 0..<100), relative: 1e-12, absolute: 1e-14)
            let penalties = trainers.map(\.trainingStep.penalties)
            #expect(penalties[0] > 0 && abs(penalties[0] / penalties[1] - 1) < 1e-12)
        }
    }

    /// One gate for all tasks, as of OMoE: all read the same mixture.
    @Test func oneGateServesAllTasks() throws {
        let model = try MultiTaskModel(
            inputs: 7,
            architecture: AITM(
                parents: Self.parents,
                experts: MMoE(experts: 3, layers: [.dense(5, .tanh)], gating: .shared), layers: Self.layers),
            tasks: Self.tasks)
        let gates = model.layout.segments.map(\.name).filter { $0.hasPrefix("gates.") }
        #expect(gates.sorted() == ["gates.shared.0.bias", "gates.shared.0.weight"])
    }

    // MARK: Options

    @Test func wrongFunnelsAreRefused() throws {
        func error(_ parents: [String: String]) -> InputError? {
            failure {
                _ = try MultiTaskModel(inputs: 7, architecture: ESMM(parents: parents), tasks: Self.tasks)
            }
        }
        #expect(error(["buy": "clicks"])?.place == "funnel, buy")
        #expect(error(["purchase": "click"])?.place == "funnel, purchase")
        #expect(error(["spend": "click"])?.place == "funnel, spend")
        #expect(error(["buy": "spend"])?.place == "funnel, buy")
        #expect(error(["buy": "buy"])?.place == "funnel, buy")
        #expect(error(["click": "buy", "buy": "cart", "cart": "click"])?.place == "funnel, click")
        // What follows a cycle is not named for it.
        #expect(error(["click": "buy", "buy": "click", "cart": "click"])?.place == "funnel, click")
        #expect(error([:])?.place == "funnel")
        #expect(error(["buy": "click", "cart": "click"]) == nil)
    }

    @Test func wrongOptionsAreRefused() throws {
        func place(_ architecture: some Architecture) -> String? {
            failure {
                _ = try MultiTaskModel(inputs: 7, architecture: architecture, tasks: Self.tasks)
            }?.place
        }
        let parents = Self.parents
        #expect(place(ESMM(parents: parents, trunk: [.relu(0)])) == "trunk, layer 0")
        #expect(place(ESCM2(parents: parents, weight: -1)) == "weight")
        #expect(place(ESCM2(parents: parents, weight: .nan)) == "weight")
        #expect(place(ESCM2(parents: parents, maximumWeight: 0.5)) == "maximum weight")
        #expect(place(AITM(parents: parents, layers: [])) == "layers")
        #expect(place(AITM(parents: parents, layers: Self.layers, calibration: -1)) == "calibration")
        #expect(place(AITM(parents: ["spend": "click"], layers: Self.layers)) == "funnel, spend")
        for experts in [MMoE(experts: 0, layers: Self.layers), MMoE(layers: [])] {
            #expect(place(ESMM(parents: parents, experts: experts)) == "experts")
            #expect(place(ESCM2(parents: parents, experts: experts)) == "experts")
            #expect(place(AITM(parents: parents, experts: experts, layers: Self.layers)) == "experts")
            #expect(
                place(DBMTL(parents: ["buy": ["click"]], experts: experts, layers: Self.layers)) == "experts")
        }
        #expect(place(ResFlow(parents: parents, layers: [])) == "layers")
        #expect(place(ResFlow(parents: ["a": "b"], layers: Self.layers)) == "funnel, a")
        func bayesian(_ parents: [String: [String]], relation: [HiddenLayer] = [.relu(3)]) -> DBMTL {
            DBMTL(parents: parents, layers: Self.layers, relation: relation)
        }
        #expect(place(bayesian(["buy": ["click"]], relation: [])) == "relation")
        #expect(place(bayesian(["buy": []])) == "funnel, buy")
        #expect(place(bayesian(["buy": ["click", "click"]])) == "funnel, buy")
        #expect(place(bayesian(["buy": ["click"], "click": ["spend", "buy"]])) == "funnel, click")
    }
}
