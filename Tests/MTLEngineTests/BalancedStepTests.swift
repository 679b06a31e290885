import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// Steps whose tasks are weighed against each other: what methods are given, and what becomes of their weights.
@Suite struct BalancedStepTests {
    /// With weights that are all 1 the way through the frontier is the plain one: every gradient of layers and tables.
    @Test(arguments: BalancedModels.all.indices) func equalWeightsAreThePlainStep(number: Int) throws {
        for compute in ComputeOptions.various {
            let rows = try BalancedModels.rows(Double.self, number)
            let plain = try BalancedModels.trainer(Double.self, number, .fixed, compute: compute)
            let cut = try BalancedModels.trainer(
                Double.self, number, .metaBalance(relaxation: 0), compute: compute)
            let losses = try plain.step(rows, rows: 0..<150)
            expectClose(try cut.step(rows, rows: 0..<150), losses, relative: 1e-12, absolute: 0)
            let expected = try BalancedModels.gradients(plain)
            for (name, found) in try BalancedModels.gradients(cut) {
                expectClose(
                    found, try #require(expected[name]), relative: 1e-11, absolute: 1e-13,
                    "\(name), \(compute)")
            }
            #expect(cut.trainingStep.taskWeights == [1, 1, 1])
        }
    }

    /// The products that a method is given, against those of the gradients at the representation, by hand: of a head without a
    /// tower, (p - y) λ/n w of each row.
    @Test func productsAreThoseAtTheRepresentation() throws {
        let tasks: [LearningTask] = [
            .binary("a", weight: 0.7), .binary("b", weight: 2), .binary("c", weight: 1),
        ]
        let model = try MultiTaskModel(inputs: 6, trunk: BalancedModels.layers, tasks: tasks)
        for threads in [1, 3] {
            let trainer = try Trainer<Double>(
                model, batchSize: 150, balancing: .upGrad, seed: 4, compute: ComputeOptions(threads: threads))
            let rows = try SmallProblem.data(Double.self, rows: 150)
            let predictions = try trainer.predict(rows)
            var slopes: [[Double]] = []
            var weights: [[Double]] = []
            for task in tasks {
                let labels = try rows.labels(task.name)
                let known = Double(labels.count { !$0.isNaN })
                slopes.append(
                    zip(try predictions.values(task.name), labels).map {
                        $1.isNaN ? 0 : ($0 - $1) * task.weight / known
                    })
                weights.append(try trainer.parameter("heads.\(task.name).0.weight"))
            }
            func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
            let expected = (0..<9).map {
                dot(slopes[$0 / 3], slopes[$0 % 3]) * dot(weights[$0 / 3], weights[$0 % 3])
            }
            try trainer.step(rows, rows: 0..<150)
            expectClose(trainer.trainingStep.taskProducts, expected, relative: 1e-11, absolute: 1e-15)
        }
    }

    /// What is shared gets Σ w_t g_t, what is one task's its own gradient; g_t by a step of a model whose other tasks weigh nothing.
    @Test(arguments: BalancedModels.all.indices) func sharedParametersGetTheWeightedSum(number: Int) throws {
        let rows = try BalancedModels.rows(Double.self, number)
        let balanced = try BalancedModels.trainer(Double.self, number, .mgda(.norm))
        try balanced.step(rows, rows: 0..<150)
        let weights = balanced.trainingStep.taskWeights
        #expect(Set(weights).count == 3)
        let alone = try BalancedModels.gradientsAlone(number, rows)
        let layout = balanced.model.layout
        var balancedOnes = 0
        for (name, found) in try BalancedModels.gradients(balanced) {
            let isShared = BalancedModels.isShared(name, alone)
            if isShared { balancedOnes += 1 }
            let expected = Balanced.sum(
                try alone.map { try #require($0[name]) }, isShared ? weights : [1, 1, 1])
            expectClose(found, expected, relative: 1e-10, absolute: 1e-13, name)
        }
        #expect(balancedOnes > 0 && layout.segments.contains { $0.name.hasPrefix("embeddings.") })
    }

    /// Weights of whole losses, known before the batch or by its losses, multiply each task's gradient everywhere.
    @Test(arguments: [Balancing.uncertainty(), .rlw, .gls, .softOptimalUncertainty(), .famo(), .imtlL()])
    func lossesAreMultiplied(_ balancing: Balancing) throws {
        let rows = try BalancedModels.rows(Double.self, 0)
        let balanced = try BalancedModels.trainer(Double.self, 0, balancing)
        let losses = try balanced.step(rows, rows: 0..<150)
        let weights = balanced.trainingStep.taskWeights
        let tasks = zip(SmallProblem.tasks, weights).map { own, weight in
            LearningTask(own.name, kind: own.kind, weight: weight * own.weight, tower: own.tower)
        }
        let plain = try BalancedModels.trainer(Double.self, 0, .fixed, tasks: tasks)
        expectClose(try plain.step(rows, rows: 0..<150), losses, relative: 1e-12, absolute: 0)
        let expected = try BalancedModels.gradients(plain)
        for (name, found) in try BalancedModels.gradients(balanced) {
            expectClose(found, try #require(expected[name]), relative: 1e-11, absolute: 1e-14, name)
        }
        if balancing.kind == .gls {
            let mean = losses.reduce(1, *)
            let root = exp(log(mean) / 3)
            expectClose(weights, losses.map { root / (3 * $0) }, relative: 1e-9, absolute: 0)
        }
    }

    /// FAMO learns by the losses on the same rows after the step.
    @Test func famoSeesTheLossesAfterTheStep() throws {
        let rows = try BalancedModels.rows(Double.self, 3)
        let tasks = SmallProblem.tasks
        let balanced = try BalancedModels.trainer(Double.self, 3, .famo())
        let before = try balanced.step(rows, rows: 0..<150)
        let other = try BalancerMemory(.famo(), tasks: tasks, seed: 4)
        let numbers = AlignedStorage(copying: before)
        _ = other.weights(losses: UnsafePointer(numbers.base))
        // The next step's losses are those after this one: batch norms see the same rows.
        let next = try BalancedModels.trainer(Double.self, 3, .fixed)
        next.parameters = balanced.parameters
        let after = AlignedStorage(copying: try next.step(rows, rows: 0..<150))
        other.learn(losses: UnsafePointer(numbers.base), after: UnsafePointer(after.base))
        expectClose(
            try #require(balanced.trainingStep.balancer).position.numbers, other.position.numbers,
            relative: 1e-9,
            absolute: 1e-12)
    }

    private static let methods: [Balancing] = [
        .uncertainty(), .dwa(), .famo(), .gls, .mgda(), .pcGrad, .caGrad(), .nashMTL(), .upGrad, .imtlG,
        .conFIG,
        .alignedMTL(), .fairGrad(), .dbMTL(momentum: 0), .stch(warmup: 1), .dualProj, .gradNorm(),
        .excessMTL(stepSize: 0.5), .priorities(), .autoScale(window: 2),
        .caGrad().withGradients(of: .parameters), .upGrad.withGradients(of: .layers),
        .gradNorm().withGradients(of: .parameters),
    ]

    @Test(arguments: methods) func bitsDoNotDependOnThreads(_ balancing: Balancing) throws {
        for number in [0, 4, 9, 10] {
            let rows = try SmallProblem.data(
                Float.self, rows: 400, scenarios: BalancedModels.all[number].scenarios, embedded: true)
            let found = try [1, 2, 3, 4].map { threads in
                let trainer = try BalancedModels.trainer(
                    Float.self, number, balancing, compute: ComputeOptions(threads: threads))
                try trainer.fit(rows, until: StoppingRule(epochs: 3))
                #expect(trainer.isFinite)
                return trainer.parameters
            }
            #expect(found.allSatisfy { $0 == found[0] }, "\(BalancedModels.all[number].name)")
        }
    }

    /// A run that goes on from the method's position and the step's memory is the one that never stopped.
    @Test(
        arguments: [
            Balancing.famo(), .uncertainty(), .dwa(), .mgda(.lossNorm), .caGrad().smoothed(), .gradNorm(),
            .excessMTL(stepSize: 0.5), .priorities(), .autoScale(window: 2),
            .gradVac().withGradients(of: .parameters),
        ])
    func aPositionIsAllThatARunNeeds(_ balancing: Balancing) throws {
        let rows = try BalancedModels.rows(Float.self, 0)
        let whole = try BalancedModels.trainer(Float.self, 0, balancing)
        for _ in 0..<3 { try whole.step(rows, rows: 0..<150) }
        whole.trainingStep.balancer?.endEpoch()
        try whole.step(rows, rows: 0..<150)
        let (position, counters) = (whole.trainingStep.balancer?.position, whole.trainingStep.counters)
        var parts = Dictionary(
            uniqueKeysWithValues: whole.trainingStep.memories.map { ($0.name, Array($0.values)) })
        parts["parameters"] = whole.parameters
        for _ in 0..<3 { try whole.step(rows, rows: 0..<150) }
        let second = try BalancedModels.trainer(Float.self, 0, balancing)
        try second.restore(position)
        second.restore(counters, nil) { name, memory in _ = memory.update(fromContentsOf: parts[name] ?? []) }
        for _ in 0..<3 { try second.step(rows, rows: 0..<150) }
        #expect(second.parameters == whole.parameters)
    }

    /// A task without a label in the batch is left out, as if the others were alone.
    @Test(arguments: [(Balancing.rlw, 1), (.dwa(), 1), (.uncertainty(), 0.5), (.autoScale(), 1)])
    func aTaskWithoutLabelsIsLeftOut(_ balancing: Balancing, alone: Double) throws {
        let rows: Dataset<Double> = try SmallProblem.data(
            Double.self, rows: 200, embedded: true, labelled: { row, task in task == 1 || row >= 150 })
        let trainer = try BalancedModels.trainer(Double.self, 0, balancing)
        try trainer.step(rows, rows: 0..<150)
        #expect(trainer.trainingStep.taskWeights == [0, alone, 0], "\(trainer.trainingStep.taskWeights)")
    }

    /// What a method learns of a step in which a task has stopped is what it learns where that task has no labels.
    @Test(arguments: [Balancing.ldcMTL(), .uncertainty(), .famo(), .cov(), .priorities(), .autoScale()])
    func aTaskThatHasStoppedTeachesNothing(_ balancing: Balancing) throws {
        let all: Dataset<Double> = try SmallProblem.data(Double.self, rows: 200, embedded: true)
        let some: Dataset<Double> = try SmallProblem.data(
            Double.self, rows: 200, embedded: true,
            labelled: { row, task in (task != 0 || row >= 150) && (row + task) % 5 != 0 })
        let stopped = try BalancedModels.trainer(Double.self, 0, balancing)
        stopped.trainingStep.stop([0])
        let unlabelled = try BalancedModels.trainer(Double.self, 0, balancing)
        for _ in 0..<3 {
            try stopped.step(all, rows: 0..<150)
            try unlabelled.step(some, rows: 0..<150)
        }
        expectClose(
            try #require(stopped.trainingStep.balancer).position.numbers,
            try #require(unlabelled.trainingStep.balancer).position.numbers, relative: 1e-9, absolute: 1e-12)
    }

    /// A ranking's share and a task's weight multiply, known before the batch or after its losses.
    @Test(arguments: [Balancing.uncertainty(), .gls, .mgda(.norm)])
    func rankedTasksAreWeighedToo(_ balancing: Balancing) throws {
        func tasks(_ weights: [Double]) -> [LearningTask] {
            [
                LearningTask("a", kind: .binary, weight: weights[0], ranking: RankingLoss(.pairwise)),
                LearningTask(
                    "b", kind: .binary, weight: weights[1], ranking: RankingLoss(.listwise, share: 0.3)),
            ]
        }
        let golden = try Golden("ranking")
        func trainer(_ weights: [Double], _ balancing: Balancing) throws -> Trainer<Double> {
            try Trainer(
                MultiTaskModel(inputs: 5, trunk: [.dense(7, .tanh)], tasks: tasks(weights)), batchSize: 41,
                balancing: balancing, seed: 6)
        }
        let balanced = try trainer([0.8, 1.3], balancing)
        let rows = try golden.dataset(Double.self, for: balanced.model)
        // Weights that differ: at the first step uncertainty's are equal.
        try balanced.step(rows, rows: 0..<41)
        let (parameters, first) = (balanced.parameters, balanced.trainingStep.taskWeights)
        try balanced.step(rows, rows: 0..<41)
        let weights = balanced.trainingStep.taskWeights
        #expect(weights[0] != weights[1] && weights != first)
        let plain = try trainer([0.8 * weights[0], 1.3 * weights[1]], .fixed)
        plain.parameters = parameters
        try plain.step(rows, rows: 0..<41)
        let names = balancing.kind == .mgda ? ["trunk.0.weight"] : ["trunk.0.weight", "heads.a.0.weight"]
        for name in names {
            expectClose(
                try balanced.gradient(name), try plain.gradient(name), relative: 1e-11, absolute: 1e-14, name)
        }
    }

    @Test func whatHasNoMeaningIsRefused() throws {
        func found(
            _ balancing: Balancing, _ architecture: some Architecture = SharedBottom(trunk: [.relu(4)]),
            schedule: Schedule = .joint, ensemble: Int? = nil, tasks: [LearningTask] = SmallProblem.tasks
        ) throws -> InputError? {
            let model = try MultiTaskModel(
                inputs: 6, architecture: architecture, tasks: tasks, ensemble: ensemble)
            return failure { () throws(InputError) in
                _ = try Trainer<Float>(model, schedule: schedule, balancing: balancing)
            }
        }
        #expect(try found(.mgda(), schedule: .alternating(.batch))?.expected.contains("joint") == true)
        #expect(try found(.uncertainty(), schedule: .alternating(.batch)) == nil)
        #expect(try found(.mgda(), SeparateNetworks(layers: [.relu(4)]))?.found == "tasks that share nothing")
        #expect(try found(.mgda(), ensemble: 2)?.found.contains("packed ensemble") == true)
        #expect(try found(.uncertainty(), ensemble: 2) == nil)
        #expect(try found(.moDo())?.expected.contains("famo") == true)
        #expect(try found(.uncertainty(), tasks: [.binary("a")])?.found == "uw of one task")
        let spend = [LearningTask.binary("a"), LearningTask("spend", kind: .zeroInflatedLognormal)]
        for method in [
            Balancing.uncertainty(), .famo(), .gls, .dbMTL(), .priorities(), .autoScale(.lossScale),
        ] {
            #expect(
                try found(method, tasks: spend)?.found.contains("\"spend\", whose loss may be below 0")
                    == true)
        }
        for method in [Balancing.rlw, .mgda(), .upGrad] { #expect(try found(method, tasks: spend) == nil) }
        #expect(try found(.dbMTL(momentum: 0.5))?.expected == "momentum: 0")
        #expect(try found(.mgda(), RoutedHeads())?.found.contains("get no gradient") == true)
        #expect(
            try found(.mgda(), AITM(parents: ["c": "a"], layers: [.relu(4)]))?.found.contains("between tasks")
                == true)
        #expect(try found(.uncertainty(), AITM(parents: ["c": "a"], layers: [.relu(4)])) == nil)
        let tower: [HiddenLayer] = [.dense(4, .tanh, normalization: .batch)]
        let normed = ["a", "b"].map { LearningTask.binary($0, tower: tower) }
        #expect(try found(.mgda(), tasks: normed)?.found.contains("normalise over the batch") == true)
        #expect(try found(.famo(), tasks: normed) == nil)
    }
}

/// Tasks that share nothing learned but a layer, beside routes that all rows are dealt by and no gradient reaches.
private struct RoutedHeads: Architecture {
    func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        let shared = graph.dense(graph.features, units: 5, activation: .tanh, name: "shared")
        let routes = graph.routing(graph.features, clusters: 2, momentum: 0.9, name: "routes")
        return graph.tasks.map { task in
            graph.clusterDense(
                shared, units: task.kind.outputs, activation: .identity, routes: routes,
                name: "heads.\(task.name)")
        }
    }
}
