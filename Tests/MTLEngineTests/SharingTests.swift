import Foundation
import MTLEngine
import Testing

/// Laws of soft sharing, subspaces and experts.
@Suite struct SharingTests {
    let graph = GraphTests()
    let layers: [HiddenLayer] = [.dense(8, .tanh), .dense(6, .gelu)]

    private func trainer(
        _ architecture: some Architecture, tasks: [LearningTask] = GraphTests.tasks,
        optimizer: Optimizer = .adam(), seed: UInt64 = 3
    ) throws -> Trainer<Double> {
        try Trainer(
            MultiTaskModel(inputs: 6, architecture: architecture, tasks: tasks), optimizer: optimizer,
            batchSize: 60, seed: seed)
    }

    private func distance(_ a: [Double], _ b: [Double]) -> Double {
        zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
    }

    private func refusal(_ architecture: some Architecture) -> String {
        do {
            _ = try MultiTaskModel(inputs: 6, architecture: architecture, tasks: GraphTests.tasks)
            return "no error"
        } catch { return error.description }
    }

    // MARK: Separate networks

    /// One task at a time is a network of its own: names' streams draw the same parameters.
    private func expectSeparate(
        _ architecture: some Architecture, steps: Int = 1, _ place: SourceLocation = #_sourceLocation
    ) throws {
        let data = try graph.data(Double.self, rows: 180)
        let together = try trainer(architecture)
        let alone = try GraphTests.tasks.map { try trainer(architecture, tasks: [$0]) }
        for (task, one) in zip(GraphTests.tasks, alone) {
            graph.expectClose(
                try one.predict(data).values(task.name), try together.predict(data).values(task.name), 1e-12)
        }
        for step in 0..<steps {
            let rows = step * 60..<(step + 1) * 60
            let losses = try together.step(data, rows: rows)
            for (index, one) in alone.enumerated() {
                #expect(abs(try one.step(data, rows: rows)[0] - losses[index]) < 1e-12, sourceLocation: place)
                for segment in one.model.layout.segments
                where segment.isTrained && segment.name.hasPrefix("networks") {
                    graph.expectClose(
                        try one.gradient(segment.name), try together.gradient(segment.name), 1e-12,
                        segment.name)
                }
            }
        }
    }

    @Test func theIdentityIsSeparateNetworks() throws {
        let even: [HiddenLayer] = [.dense(8, .tanh), .dense(8, .gelu)]
        try expectSeparate(CrossStitch(layers: layers, own: 1))
        try expectSeparate(Sluice(layers: even, own: 1, last: 1, orthogonality: 0))
        try expectSeparate(NDDR(layers: layers, own: 1, isNormed: false))
        // With the others' share, they are not.
        let data = try graph.data(Double.self, rows: 60)
        let (pure, mixed) = (
            try trainer(NDDR(layers: layers, own: 1, isNormed: false)),
            try trainer(NDDR(layers: layers, isNormed: false))
        )
        #expect(try pure.predict(data).values("a") != (try mixed.predict(data).values("a")))
    }

    @Test func withoutAPenaltySoftSharingIsSeparateNetworks() throws {
        try expectSeparate(SoftSharing(layers: layers, weight: 0), steps: 3)
        try expectSeparate(TraceNormSharing(layers: layers, weight: 0), steps: 3)
    }

    @Test(arguments: SoftSharing.Distance.allCases)
    func aHugePenaltyLetsTasksMeet(distance kind: SoftSharing.Distance) throws {
        let data = try graph.data(Double.self, rows: 60)
        // 2 · weight · rate is well below what gradient descent on the pairwise sum of three tasks bears.
        let trainer = try trainer(
            SoftSharing(
                layers: layers, distance: kind, weight: kind == .covariance ? 1 : 100, updateEvery: 5),
            optimizer: .sgd(learningRate: 1e-3))
        func gap() throws -> Double {
            let all = try ["a", "b", "c"].map { try trainer.parameter("networks.\($0).0.weight") }
            return (distance(all[0], all[1]) + distance(all[1], all[2]))
                / all[0].reduce(0) { $0 + $1 * $1 }.squareRoot()
        }
        let before = try gap()
        for _ in 0..<300 { try trainer.step(data, rows: 0..<60) }
        #expect(before > 1)
        if kind == .covariance {
            // It pulls tasks together only as far as Ω says that they belong together: what it learned decides.
            let omega = try trainer.parameter("covariances.0")
            #expect(abs(omega[0] + omega[4] + omega[8] - 1) < 1e-12)
            #expect(omega != (0..<9).map { $0 % 4 == 0 ? 1.0 / 3 : 0 })
        } else {
            #expect(try gap() < 1e-2)
        }
    }

    /// Ω is the closed form of the parameters after the step, and the step uses the Ω that the parameters hold.
    @Test func covarianceIsTheClosedForm() throws {
        let trainer = try trainer(SoftSharing(layers: layers, distance: .covariance, updateEvery: 3))
        let data = try graph.data(Double.self, rows: 180)
        for step in 0..<2 { try trainer.step(data, rows: step * 60..<(step + 1) * 60) }
        #expect(try trainer.parameter("covariances.1") == (0..<9).map { $0 % 4 == 0 ? 1.0 / 3 : 0 })
        try trainer.step(data, rows: 120..<180)
        let omega = try trainer.parameter("covariances.1")
        let w = try ["a", "b", "c"].map {
            try trainer.parameter("networks.\($0).1.weight") + trainer.parameter("networks.\($0).1.bias")
        }
        // Ω² tr² less the lift is WᵀW: the root times itself.
        let root = try SymmetricEigenvalues(Matrix(3, 3, omega))
        let gram = w.flatMap { a in w.map { b in zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } } }
        let values = try SymmetricEigenvalues(Matrix(3, 3, gram)).lambda.map { $0.squareRoot() }
        let total = values.reduce(0, +)
        graph.expectClose(root.lambda, values.map { ($0 / total + 1e-3 / 3) / 1.001 }, 1e-12)
    }

    // MARK: Subspaces

    /// Full-rank differences are networks of the tasks' own: same outputs, and gradients that the chain rule maps.
    @Test func fullRankIsSoftSharingWithoutAPenalty() throws {
        let layers: [HiddenLayer] = [.dense(6, .tanh), .dense(6, .gelu)]
        let soft = try trainer(SoftSharing(layers: layers, weight: 0))
        let low = try trainer(LowRankSharing(layers: layers, rank: 6))
        for name in ["a", "b", "c"] {
            for depth in 0..<2 {
                let (own, delta) = ("networks.\(name).\(depth)", "deltas.\(name).\(depth)")
                // W = W₀ + B A with A the identity: B = W - W₀.
                try low.setParameter(
                    delta + ".down.weight", to: (0..<36).map { $0 % 7 == 0 ? 1 : 0 })
                for (part, to) in [("weight", ".up.weight"), ("bias", ".up.bias")] {
                    let shared = try low.parameter("shared.\(depth).\(part)")
                    try low.setParameter(
                        delta + to, to: zip(soft.parameter("\(own).\(part)"), shared).map { $0 - $1 })
                }
            }
        }
        for segment in soft.model.layout.segments where segment.name.hasPrefix("heads") {
            try low.setParameter(segment.name, to: soft.parameter(segment.name))
        }
        let data = try graph.data(Double.self, rows: 60)
        for name in ["a", "b", "c"] {
            graph.expectClose(
                try low.predict(data).values(name), try soft.predict(data).values(name), 1e-12, name)
        }
        graph.expectClose(
            try low.step(data, rows: 0..<60), try soft.step(data, rows: 0..<60), 1e-12, "losses")
        for depth in 0..<2 {
            var sums = [Double](repeating: 0, count: 36)
            for name in ["a", "b", "c"] {
                let whole = try soft.gradient("networks.\(name).\(depth).weight")
                // dB = dW Aᵀ = dW, and the shared weights' gradient is the sum of the tasks'.
                graph.expectClose(
                    try low.gradient("deltas.\(name).\(depth).up.weight"), whole, 1e-12, "dB")
                for index in sums.indices { sums[index] += whole[index] }
            }
            graph.expectClose(try low.gradient("shared.\(depth).weight"), sums, 1e-12, "dW₀")
        }
    }

    @Test func differencesBeginAtNothing() throws {
        let low = try trainer(LowRankSharing(layers: layers, rank: 2))
        for name in ["a", "b", "c"] {
            #expect(try low.parameter("deltas.\(name).1.up.weight").allSatisfy { $0 == 0 })
            #expect(try low.parameter("deltas.\(name).1.up.bias").allSatisfy { $0 == 0 })
            #expect(try low.parameter("deltas.\(name).1.down.weight").allSatisfy { $0 != 0 })
        }
    }

    @Test func theTraceNormLowersTheRank() throws {
        let data = try graph.data(Double.self, rows: 60)
        func values(_ weight: Double) throws -> [Double] {
            let trainer = try trainer(
                TraceNormSharing(layers: layers, weight: weight, updateEvery: 4),
                optimizer: .sgd(learningRate: 0.1))
            for _ in 0..<600 { try trainer.step(data, rows: 0..<60) }
            let w = try ["a", "b", "c"].map { try trainer.parameter("networks.\($0).0.weight") }
            return try SingularValues(Matrix(3, 48, w.flatMap { $0 })).sigma
        }
        let (free, bound) = (try values(0), try values(0.03))
        #expect(free[2] > 0.3)
        #expect(bound[0] > 0.1 && bound[2] < 1e-9, "\(free) to \(bound)")
        #expect(try values(100).allSatisfy { $0 == 0 })
    }

    /// A turn of the alternation changes no output, makes Θ's rows orthonormal and leaves less outside.
    @Test func alternatingStructureKeepsTheFunction() throws {
        let data = try graph.data(Double.self, rows: 60)
        let kept = try trainer(AlternatingStructure(layers: layers, rank: 3, weight: 0, updateEvery: 1000))
        let turned = try trainer(AlternatingStructure(layers: layers, rank: 3, weight: 0, updateEvery: 4))
        for _ in 0..<3 {
            try kept.step(data, rows: 0..<60)
            try turned.step(data, rows: 0..<60)
        }
        #expect(kept.parameters == turned.parameters)
        try kept.step(data, rows: 0..<60)
        try turned.step(data, rows: 0..<60)
        #expect(kept.parameters != turned.parameters)
        for name in ["a", "b", "c"] {
            graph.expectClose(
                try kept.predict(data).values(name), try turned.predict(data).values(name), 1e-12, name)
        }
        func outside(_ trainer: Trainer<Double>) throws -> Double {
            try ["a", "b", "c"].reduce(0) {
                $0 + (try trainer.parameter("own.\($1).0.weight").reduce(0) { $0 + $1 * $1 })
            }
        }
        #expect(try outside(turned) < 0.8 * (try outside(kept)))
        let theta = try Matrix(rows: 3, columns: 6, values: turned.parameter("maps.0.weight"))
        for row in 0..<3 {
            for other in 0..<3 {
                let dot = zip(theta.row(row), theta.row(other)).reduce(0) { $0 + $1.0 * $1.1 }
                #expect(abs(dot - (row == other ? 1 : 0)) < 1e-12)
            }
        }
        // The gradient behind the turn goes through the new map, not a copy of the old one.
        let twin = try trainer(AlternatingStructure(layers: layers, rank: 3, weight: 0, updateEvery: 1000))
        twin.parameters = turned.parameters
        try twin.step(data, rows: 0..<60)
        try turned.step(data, rows: 0..<60)
        for segment in twin.model.layout.segments where segment.isTrained {
            #expect(try twin.gradient(segment.name) == (try turned.gradient(segment.name)), "\(segment.name)")
        }
    }

    // MARK: Experts

    private func gates(_ trainer: Trainer<Double>) throws -> [ExpertUtilisation.Gate] {
        try trainer.expertUtilisation(of: graph.data(Double.self, rows: 60)).gates
    }

    @Test func selectorsChooseAtMostK() throws {
        let soft = try trainer(DSelectK(experts: 8, layers: [.dense(5, .tanh)], selected: 3))
        for gate in try gates(soft) {
            #expect(abs(gate.means.reduce(0, +) - 1) < 1e-12)
            #expect(gate.means.allSatisfy { $0 > 0.1 && $0 < 0.15 })
        }
        // Bits beyond ±γ/2: exactly the experts that the bits name, 5 = 101₂ and twice 2 = 010₂.
        try soft.setParameter("gates.a.bits", to: [1, -1, 1, -1, 1, -1, -2, 0.5, -0.5])
        try soft.setParameter("gates.a.weights", to: [0, 1, 2])
        let gate = try gates(soft).first { $0.name == "a" }
        let total = 1 + exp(1.0) + exp(2.0)
        let expected = (0..<8).map { $0 == 5 ? 1 / total : $0 == 2 ? (exp(1) + exp(2)) / total : 0 }
        graph.expectClose(gate?.means ?? [], expected, 1e-12)
        #expect(gate?.means.count { $0 > 0 } == 2)
    }

    /// Every task's selectors get the regulariser's gradient, in the joint step and in every task's turn.
    @Test(arguments: [Schedule.joint, .alternating(.steps(1))])
    func theRegulariserReachesAllTasks(schedule: Schedule) throws {
        func bits(_ entropy: Double, _ reach: Double) throws -> [[Double]] {
            let trainer = try Trainer<Double>(
                MultiTaskModel(
                    inputs: 6,
                    architecture: DSelectK(
                        experts: 5, layers: [.dense(5, .tanh)], entropy: entropy, reach: reach),
                    tasks: GraphTests.tasks), optimizer: .sgd(learningRate: 0.05), schedule: schedule,
                batchSize: 60)
            try trainer.fit(
                try graph.data(Double.self, rows: 60), until: StoppingRule(epochs: 3, patience: nil))
            return try ["a", "b", "c"].map { try trainer.parameter("gates.\($0).bits") }
        }
        let (none, entropy, reach) = (try bits(0, 0), try bits(1, 0), try bits(0, 1))
        for task in 0..<3 {
            #expect(distance(none[task], entropy[task]) > 1e-3)
            #expect(distance(none[task], reach[task]) > 1e-3)
            // States 5, 6 and 7 name no expert: the highest bit goes down.
            #expect(reach[task][2] < none[task][2] && reach[task][5] < none[task][5])
        }
    }

    @Test func entropyMakesBitsBinary() throws {
        let trainer = try trainer(
            DSelectK(experts: 5, layers: [.dense(5, .tanh)], entropy: 1),
            optimizer: .adam(learningRate: 0.02))
        let data = try graph.data(Double.self, rows: 60)
        for _ in 0..<300 { try trainer.step(data, rows: 0..<60) }
        for gate in try gates(trainer) {
            #expect(gate.means.count { $0 > 1e-3 } <= 2, "\(gate.means)")
            #expect(abs(gate.means.reduce(0, +) - 1) < 1e-3)
        }
    }

    /// Gates are drawn every step anew, from the seed; in prediction they are what log α says.
    @Test func routesAreDrawnPerStepAndFixedInPrediction() throws {
        let architecture = SNR(
            levels: [
                SNR.Level(networks: 3, layers: [.dense(8, .tanh)]),
                SNR.Level(networks: 2, layers: [.dense(6, .tanh)]),
            ], sparsity: 0)
        let data = try graph.data(Double.self, rows: 60)
        // A step of size 0: only the draws differ.
        func losses(_ seed: UInt64) throws -> [[Double]] {
            let (start, other) = (
                try trainer(architecture),
                try trainer(architecture, optimizer: .sgd(learningRate: 1e-300), seed: seed)
            )
            other.parameters = start.parameters
            return try (0..<4).map { _ in try other.step(data, rows: 0..<60) }
        }
        let (first, again, another) = (try losses(1), try losses(1), try losses(2))
        #expect(first == again)
        #expect(first != another)
        #expect(Set(first.map { $0[0] }).count == 4)

        let fixed = try trainer(architecture)
        try fixed.setParameter("gates.a", to: [9, -9])
        try fixed.setParameter("gates.b", to: [0, 1])
        let found = try gates(fixed)
        #expect(found.first { $0.name == "gates.a" }?.means == [1, 0])
        graph.expectClose(
            found.first { $0.name == "gates.b" }?.means ?? [], [0.5, 1.2 / (1 + exp(-1)) - 0.1], 1e-12)
        #expect(try fixed.predict(data).values("a") == (try fixed.predict(data).values("a")))
    }

    @Test func sparsityClosesGates() throws {
        let trainer = try trainer(
            SNR(levels: [SNR.Level(networks: 4, layers: [.dense(6, .tanh)])], sparsity: 10),
            optimizer: .adam(learningRate: 0.05))
        let data = try graph.data(Double.self, rows: 60)
        for _ in 0..<200 { try trainer.step(data, rows: 0..<60) }
        for gate in try gates(trainer) { #expect(gate.means == [0, 0, 0, 0]) }
    }

    /// Of equal experts, a mixture without some of them is the same mixture: weights still sum to 1.
    @Test func droppedExpertsWeightsGoToTheOthers() throws {
        func one(_ rate: Double) throws -> Trainer<Double> {
            let trainer = try trainer(
                MMoE(experts: 4, layers: [.dense(8, .tanh)], expertDropout: rate),
                optimizer: .sgd(learningRate: 1e-300))
            for part in ["weight", "bias"] {
                let first = try trainer.parameter("experts.0.0.\(part)")
                for index in 1..<4 { try trainer.setParameter("experts.\(index).0.\(part)", to: first) }
            }
            return trainer
        }
        let data = try graph.data(Double.self, rows: 60)
        let (whole, dropped) = (try one(0), try one(0.5))
        graph.expectClose(
            try whole.step(data, rows: 0..<60), try dropped.step(data, rows: 0..<60), 1e-12, "losses")
        // Which experts remain, the experts' gradients tell; prediction drops none.
        #expect(
            distance(
                try whole.gradient("experts.1.0.weight"), try dropped.gradient("experts.1.0.weight")) > 1e-3)
        let first = try dropped.gradient("experts.1.0.weight")
        try dropped.step(data, rows: 0..<60)
        #expect(distance(first, try dropped.gradient("experts.1.0.weight")) > 1e-3)
        #expect(try whole.predict(data).values("a") == (try dropped.predict(data).values("a")))
    }

    @Test func utilisationIsTheMeanOfTheGates() throws {
        let data = try graph.data(Double.self, rows: 300, scenarios: 3)
        let model = try MultiTaskModel(
            inputs: 6, scenarios: 3, architecture: PLE.cgc(own: 1, shared: 2, layers: [.dense(5, .tanh)]),
            tasks: GraphTests.tasks)
        let found = try Trainer<Double>(model, compute: ComputeOptions(threads: 1)).expertUtilisation(
            of: data)
        let two = try Trainer<Double>(model, compute: ComputeOptions(threads: 2)).expertUtilisation(of: data)
        #expect(found == two)
        #expect(Set(found.gates.map(\.name)) == ["levels.0.a", "levels.0.b", "levels.0.c"])
        let gate = try #require(found.gates.first { $0.name == "levels.0.b" })
        #expect(
            gate.experts == [
                "levels.0.experts.b.0", "levels.0.experts.shared.0", "levels.0.experts.shared.1",
            ])
        let trainer = try Trainer<Double>(model)
        let (w, b) = (
            try trainer.parameter("levels.0.gates.b.0.weight"),
            try trainer.parameter("levels.0.gates.b.0.bias")
        )
        var (sums, counts) = ([[Double]](repeating: [0, 0, 0], count: 3), [0.0, 0, 0])
        for row in 0..<300 {
            let x = data.features(row: row)
            let z = (0..<3).map { e in
                exp(zip(x, w[e * 6..<e * 6 + 6]).reduce(b[e]) { $0 + $1.0 * $1.1 })
            }
            let scenario = (row * 7 + row / 3) % 3
            counts[scenario] += 1
            for e in 0..<3 { sums[scenario][e] += z[e] / z.reduce(0, +) }
        }
        for e in 0..<3 {
            #expect(abs(gate.means[e] - (sums[0][e] + sums[1][e] + sums[2][e]) / 300) < 1e-12)
            for s in 0..<3 { #expect(abs(gate.scenarioMeans[s][e] - sums[s][e] / counts[s]) < 1e-12) }
        }
        #expect(abs(found.loads.reduce(0) { $0 + $1.share } - 1) < 1e-12)
        #expect(found.loads.count == 5 && found.loadEntropy > 0 && found.loadEntropy <= log(5.0))
        #expect(throws: InputError.self) {
            try self.trainer(HardSharing(trunk: [.relu(4)])).expertUtilisation(of: data)
        }
    }

    // MARK: All of them

    @Test func permutingTasksPermutesOutputs() throws {
        let data = try graph.data(Double.self, rows: 180)
        func check(_ architecture: some Architecture, _ place: SourceLocation = #_sourceLocation) throws {
            let tasks = GraphTests.tasks
            let first = try trainer(architecture, optimizer: .sgd(learningRate: 0.01))
            let other = try trainer(
                architecture, tasks: [tasks[2], tasks[0], tasks[1]], optimizer: .sgd(learningRate: 0.01))
            for step in 0..<3 {
                let rows = step * 60..<(step + 1) * 60
                let (a, b) = (try first.step(data, rows: rows), try other.step(data, rows: rows))
                graph.expectClose(a, [b[1], b[2], b[0]], 1e-9, "losses")
            }
            for task in tasks {
                graph.expectClose(
                    try first.predict(data).values(task.name), try other.predict(data).values(task.name),
                    1e-9, "\(architecture)")
            }
        }
        for distance in SoftSharing.Distance.allCases {
            try check(SoftSharing(layers: layers, distance: distance, weight: 0.1, updateEvery: 2))
        }
        try check(Sluice(layers: [.dense(8, .tanh), .dense(8, .gelu)]))
        try check(NDDR(layers: layers))
        try check(MTAN(layers: layers))
        try check(LowRankSharing(layers: layers))
        try check(TraceNormSharing(layers: layers, weight: 1, updateEvery: 2))
        try check(AlternatingStructure(layers: layers, updateEvery: 2))
        try check(DSelectK(experts: 5, layers: layers))
        try check(DSelectK(experts: 5, layers: layers, perExample: true))
        try check(MMoE(experts: 3, layers: layers, expertDropout: 0.3))
    }

    @Test(arguments: [Schedule.joint, .alternating(.batch)])
    func sameBitsForAnyThreadsAndOneRowsPrediction(schedule: Schedule) throws {
        let data = try graph.data(Float.self, rows: 600)
        func check(_ architecture: some Architecture) throws {
            let model = try MultiTaskModel(inputs: 6, architecture: architecture, tasks: GraphTests.tasks)
            var bits: [[UInt32]] = []
            for threads in [1, 2] {
                let trainer = try Trainer<Float>(
                    model, schedule: schedule, batchSize: 200, seed: 6,
                    compute: ComputeOptions(threads: threads))
                try trainer.fit(data, until: StoppingRule(epochs: 2, steps: 5, patience: nil))
                let all = try trainer.predict(data).values("c")
                bits.append(trainer.parameters.map(\.bitPattern) + all.map(\.bitPattern))
                for row in [0, 127, 599] {
                    let alone = try Dataset<Float>(
                        featureNames: data.featureNames, features: data.features(row: row), labels: [],
                        scenarios: [0])
                    #expect(try trainer.predict(alone).values("c") == [all[row]], "\(architecture)")
                }
            }
            #expect(bits[0] == bits[1], "\(architecture)")
        }
        for distance in SoftSharing.Distance.allCases {
            try check(SoftSharing(layers: layers, distance: distance, weight: 0.1, updateEvery: 2))
        }
        try check(Sluice(layers: [.dense(8, .tanh), .dense(8, .gelu)]))
        try check(NDDR(layers: layers))
        try check(MTAN(layers: layers))
        try check(LowRankSharing(layers: layers))
        try check(TraceNormSharing(layers: layers, updateEvery: 2))
        try check(AlternatingStructure(layers: layers, updateEvery: 2))
        try check(DSelectK(experts: 5, layers: layers, perExample: true))
        try check(SNR(levels: [SNR.Level(networks: 3, layers: layers)]))
        try check(PLE(levels: [PLE.Level(own: 1, shared: 2, layers: layers)], expertDropout: 0.3))
    }

    /// The best epoch's parameters bring their Ω with them.
    @Test func covarianceGoesWithTheParameters() throws {
        let model = try MultiTaskModel(
            inputs: 6,
            architecture: SoftSharing(layers: layers, distance: .covariance, weight: 0.1, updateEvery: 2),
            tasks: GraphTests.tasks)
        let data = try graph.data(Double.self, rows: 60)
        let (first, second) = (
            try Trainer<Double>(model, optimizer: .sgd(), batchSize: 60),
            try Trainer<Double>(model, optimizer: .sgd(), batchSize: 60)
        )
        for _ in 0..<4 { try first.step(data, rows: 0..<60) }
        second.parameters = first.parameters
        try first.step(data, rows: 0..<60)
        try second.step(data, rows: 0..<60)
        #expect(
            try first.gradient("networks.a.0.weight") == (try second.gradient("networks.a.0.weight")))
    }

    @Test func optionsOutOfRangeAreRefused() {
        #expect(refusal(SoftSharing(layers: [])) == "layers: found no layers, expected at least one")
        #expect(
            refusal(SoftSharing(layers: layers, weight: -1))
                == "penalty weight: found -1.0, expected at least 0.0, finite")
        #expect(
            refusal(SoftSharing(layers: layers, updateEvery: 0))
                == "steps between updates: found 0, expected at least 1")
        #expect(
            refusal(Sluice(layers: [.relu(8), .relu(7)]))
                == "layers, layer 1: found 7 units, expected a multiple of 2 subspaces")
        #expect(refusal(Sluice(layers: [.relu(8), .relu(6)])).contains("equal widths"))
        #expect(refusal(NDDR(layers: layers, own: .nan)).hasPrefix("own share: found nan"))
        #expect(
            refusal(MTAN(layers: layers, attention: 0)) == "attention units: found 0, expected at least 1")
        #expect(refusal(LowRankSharing(layers: layers, rank: 0)) == "rank: found 0, expected at least 1")
        #expect(
            refusal(TraceNormSharing(layers: layers, weight: .infinity))
                == "trace norm weight: found inf, expected at least 0.0, finite")
        #expect(
            refusal(AlternatingStructure(layers: layers, rank: 7))
                == "rank, layer 0: found 7, expected 1 to 6")
        #expect(
            refusal(DSelectK(experts: 1, layers: layers)) == "experts: found 1, expected at least 2")
        #expect(
            refusal(DSelectK(experts: 2, layers: layers, selected: 3))
                == "selected experts: found 3, expected at most 2")
        #expect(
            refusal(DSelectK(experts: 2, layers: layers, gamma: 0))
                == "gamma: found 0.0, expected above 0, finite")
        #expect(refusal(SNR(levels: [])) == "levels: found none, expected at least one")
        #expect(
            refusal(SNR(levels: [SNR.Level(networks: 1, layers: layers)], open: 1))
                == "open share: found 1.0, expected above 0 and below 1")
        #expect(
            refusal(MMoE(experts: 2, layers: layers, expertDropout: 1))
                == "expert dropout: found 1.0, expected at least 0 and below 1")
        #expect(refusal(PLE.cgc(own: 1, shared: 1, layers: [])).hasPrefix("level 0, experts"))
    }
}
