import MTLEngine
import MTLTestSupport
import Testing

/// Architectures in which a task's event needs another's.
@Suite struct FunnelTests {
    // MARK: Gradients

    @Test(arguments: FunnelCases.differentiable) func gradients(number: Int) throws {
        let (_, architecture) = FunnelCases.architectures[number]
        try GradientCheck.check(architecture, tasks: FunnelCases.tasks, inputs: 3, rows: [1, 23])
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

    @Test(arguments: FunnelCases.numbers) func matchesPyTorch(number: Int) throws {
        let (name, architecture) = FunnelCases.architectures[number]
        let model = try MultiTaskModel(inputs: 7, architecture: architecture, tasks: FunnelCases.tasks)
        try Golden("funnel_" + name).checkFirstBatch(model)
    }

    // MARK: Laws

    /// p(later) ≤ p(earlier) in every row, in Float, whatever the logits.
    @Test(arguments: [1.0, 30, 1e4, 1e30]) func laterIsNoMoreLikely(scale: Double) throws {
        func check(_ architecture: some Architecture) throws {
            let model = try MultiTaskModel(inputs: 7, architecture: architecture, tasks: FunnelCases.tasks)
            let trainer = try Trainer<Float>(model, batchSize: 100)
            var generator = SeededGenerator(seed: 3)
            trainer.parameters = trainer.parameters.map { _ in Float(scale * generator.normal()) }
            let data = try FunnelCases.data(Float.self, rows: 3000)
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
        try check(ESMM(parents: FunnelCases.parents))
        try check(ESCM2(parents: FunnelCases.parents))
    }

    /// Losses and gradients of logits far out stay finite.
    @Test func extremeLogitsTrain() throws {
        for (_, architecture) in FunnelCases.architectures {
            let model = try MultiTaskModel(inputs: 7, architecture: architecture, tasks: FunnelCases.tasks)
            let trainer = try Trainer<Float>(model, batchSize: 100)
            var generator = SeededGenerator(seed: 3)
            trainer.parameters = trainer.parameters.map { _ in Float(300 * generator.normal()) }
            for _ in 0..<3 {
                let losses = try trainer.step(try FunnelCases.data(Float.self, rows: 100), rows: 0..<100)
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
            let model = try MultiTaskModel(inputs: 7, architecture: architecture, tasks: FunnelCases.tasks)
            let together = try Trainer<Double>(model, batchSize: 100, seed: 8)
            let data = try FunnelCases.data(Double.self, rows: 300)
            let before = try together.predict(data).values("cart")
            try separate(together, change)
            let tower = SharedBottom(trunk: FunnelCases.layers)
            let alone = try Trainer<Double>(
                MultiTaskModel(inputs: 7, architecture: tower, tasks: [FunnelCases.tasks[3]]), batchSize: 100)
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
        try check(ResFlow(parents: FunnelCases.parents, layers: FunnelCases.layers)) { name, values in
            name.contains(".click.") ? values.map { _ in 0 } : values
        }
        // Both inputs weigh a half; the value doubles the own one, and nothing is transferred.
        try check(AITM(parents: FunnelCases.parents, layers: FunnelCases.layers)) { name, values in
            switch name {
            case "attention.cart.value.weight":
                return values.indices.map { $0 % 6 == 0 ? 2 : 0 }
            case _ where name.hasPrefix("transfers.cart") || name.hasPrefix("attention.cart"):
                return values.map { _ in 0 }
            default: return values
            }
        }
    }

    @Test(arguments: FunnelCases.numbers) func permutingTasksPermutesOutputs(number: Int) throws {
        let architecture = FunnelCases.architectures[number].architecture
        let order = [3, 2, 0, 1]
        func trainer(_ tasks: [LearningTask]) throws -> Trainer<Double> {
            try Trainer(
                MultiTaskModel(inputs: 7, architecture: architecture, tasks: tasks), batchSize: 60, seed: 3)
        }
        let (first, other) = (
            try trainer(FunnelCases.tasks), try trainer(order.map { FunnelCases.tasks[$0] })
        )
        for segment in first.model.layout.segments {
            let (a, b) = (try first.parameter(segment.name), try other.parameter(segment.name))
            #expect(a == b, "\(segment.name)")
        }
        let data = try FunnelCases.data(Double.self, rows: 180)
        for step in 0..<3 {
            let rows = step * 60..<(step + 1) * 60
            let (a, b) = (try first.step(data, rows: rows), try other.step(data, rows: rows))
            expectClose(order.map { a[$0] }, b, absolute: 1e-10, "losses")
        }
        for task in FunnelCases.tasks {
            expectClose(
                try first.predict(data).values(task.name), try other.predict(data).values(task.name),
                absolute: 1e-8)
        }
    }

    @Test(arguments: FunnelCases.numbers) func sameBitsForAnyThreads(number: Int) throws {
        try expectSameBits(
            MultiTaskModel(
                inputs: 7, architecture: FunnelCases.architectures[number].architecture,
                tasks: FunnelCases.tasks),
            FunnelCases.data(Float.self, rows: 1500),
            until: StoppingRule(epochs: 2, steps: 9, patience: nil))
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
                    parents: ["buy": "click"], layers: FunnelCases.layers, calibration: calibration),
                tasks: tasks)
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
            architecture: AITM(parents: ["buy": "click"], layers: FunnelCases.layers, calibration: 2),
            tasks: tasks)
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

    /// One gate for all tasks, as of OMoE: all read the same mixture.
    @Test func oneGateServesAllTasks() throws {
        let model = try MultiTaskModel(
            inputs: 7,
            architecture: AITM(
                parents: FunnelCases.parents,
                experts: MMoE(experts: 3, layers: [.dense(5, .tanh)], gating: .shared),
                layers: FunnelCases.layers),
            tasks: FunnelCases.tasks)
        let gates = model.layout.segments.map(\.name).filter { $0.hasPrefix("gates.") }
        #expect(gates.sorted() == ["gates.shared.0.bias", "gates.shared.0.weight"])
    }

    // MARK: Options

    @Test func wrongFunnelsAreRefused() throws {
        func error(_ parents: [String: String]) -> InputError? {
            failure {
                _ = try MultiTaskModel(
                    inputs: 7, architecture: ESMM(parents: parents), tasks: FunnelCases.tasks)
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
                _ = try MultiTaskModel(inputs: 7, architecture: architecture, tasks: FunnelCases.tasks)
            }?.place
        }
        let parents = FunnelCases.parents
        #expect(place(ESMM(parents: parents, trunk: [.relu(0)])) == "trunk, layer 0")
        #expect(place(ESCM2(parents: parents, weight: -1)) == "weight")
        #expect(place(ESCM2(parents: parents, weight: .nan)) == "weight")
        #expect(place(ESCM2(parents: parents, maximumWeight: 0.5)) == "maximum weight")
        #expect(place(AITM(parents: parents, layers: [])) == "layers")
        #expect(place(AITM(parents: parents, layers: FunnelCases.layers, calibration: -1)) == "calibration")
        #expect(place(AITM(parents: ["spend": "click"], layers: FunnelCases.layers)) == "funnel, spend")
        for experts in [MMoE(experts: 0, layers: FunnelCases.layers), MMoE(layers: [])] {
            #expect(place(ESMM(parents: parents, experts: experts)) == "experts")
            #expect(place(ESCM2(parents: parents, experts: experts)) == "experts")
            #expect(place(AITM(parents: parents, experts: experts, layers: FunnelCases.layers)) == "experts")
            #expect(
                place(DBMTL(parents: ["buy": ["click"]], experts: experts, layers: FunnelCases.layers))
                    == "experts")
        }
        #expect(place(ResFlow(parents: parents, layers: [])) == "layers")
        #expect(place(ResFlow(parents: ["a": "b"], layers: FunnelCases.layers)) == "funnel, a")
        func bayesian(_ parents: [String: [String]], relation: [HiddenLayer] = [.relu(3)]) -> DBMTL {
            DBMTL(parents: parents, layers: FunnelCases.layers, relation: relation)
        }
        #expect(place(bayesian(["buy": ["click"]], relation: [])) == "relation")
        #expect(place(bayesian(["buy": []])) == "funnel, buy")
        #expect(place(bayesian(["buy": ["click", "click"]])) == "funnel, buy")
        #expect(place(bayesian(["buy": ["click"], "click": ["spend", "buy"]])) == "funnel, click")
    }
}
