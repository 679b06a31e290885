import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// Laws of experts and their gates.
@Suite struct ExpertTests {
    // MARK: Experts

    private func gates(_ trainer: Trainer<Double>) throws -> [ExpertUtilisation.Gate] {
        try trainer.expertUtilisation(of: SmallProblem.data(Double.self, rows: 60)).gates
    }

    @Test func selectorsChooseAtMostK() throws {
        let soft = try SmallProblem.trainer(DSelectK(experts: 8, layers: [.dense(5, .tanh)], selected: 3))
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
        expectClose(gate?.means ?? [], expected, absolute: 1e-12)
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
                    tasks: SmallProblem.tasks), optimizer: .sgd(learningRate: 0.05), schedule: schedule,
                batchSize: 60)
            try trainer.fit(
                try SmallProblem.data(Double.self, rows: 60), until: StoppingRule(epochs: 3, patience: nil))
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
        let trainer = try SmallProblem.trainer(
            DSelectK(experts: 5, layers: [.dense(5, .tanh)], entropy: 1),
            optimizer: .adam(learningRate: 0.02))
        let data = try SmallProblem.data(Double.self, rows: 60)
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
        let data = try SmallProblem.data(Double.self, rows: 60)
        // A step of size 0: only the draws differ.
        func losses(_ seed: UInt64) throws -> [[Double]] {
            let (start, other) = (
                try SmallProblem.trainer(architecture),
                try SmallProblem.trainer(architecture, optimizer: .sgd(learningRate: 1e-300), seed: seed)
            )
            other.parameters = start.parameters
            return try (0..<4).map { _ in try other.step(data, rows: 0..<60) }
        }
        let (first, again, another) = (try losses(1), try losses(1), try losses(2))
        #expect(first == again)
        #expect(first != another)
        #expect(Set(first.map { $0[0] }).count == 4)

        let fixed = try SmallProblem.trainer(architecture)
        try fixed.setParameter("gates.a", to: [9, -9])
        try fixed.setParameter("gates.b", to: [0, 1])
        let found = try gates(fixed)
        #expect(found.first { $0.name == "gates.a" }?.means == [1, 0])
        expectClose(
            found.first { $0.name == "gates.b" }?.means ?? [], [0.5, 1.2 / (1 + exp(-1)) - 0.1],
            absolute: 1e-12)
        #expect(try fixed.predict(data).values("a") == (try fixed.predict(data).values("a")))
    }

    @Test func sparsityClosesGates() throws {
        let trainer = try SmallProblem.trainer(
            SNR(levels: [SNR.Level(networks: 4, layers: [.dense(6, .tanh)])], sparsity: 10),
            optimizer: .adam(learningRate: 0.05))
        let data = try SmallProblem.data(Double.self, rows: 60)
        for _ in 0..<200 { try trainer.step(data, rows: 0..<60) }
        for gate in try gates(trainer) { #expect(gate.means == [0, 0, 0, 0]) }
    }

    /// Of equal experts, a mixture without some of them is the same mixture: weights still sum to 1.
    @Test func droppedExpertsWeightsGoToTheOthers() throws {
        func one(_ rate: Double) throws -> Trainer<Double> {
            let trainer = try SmallProblem.trainer(
                MMoE(experts: 4, layers: [.dense(8, .tanh)], expertDropout: rate),
                optimizer: .sgd(learningRate: 1e-300))
            for part in ["weight", "bias"] {
                let first = try trainer.parameter("experts.0.0.\(part)")
                for index in 1..<4 { try trainer.setParameter("experts.\(index).0.\(part)", to: first) }
            }
            return trainer
        }
        let data = try SmallProblem.data(Double.self, rows: 60)
        let (whole, dropped) = (try one(0), try one(0.5))
        expectClose(
            try whole.step(data, rows: 0..<60), try dropped.step(data, rows: 0..<60), absolute: 1e-12,
            "losses")
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
        let data = try SmallProblem.data(
            Double.self, rows: 300, scenarios: 3)
        let model = try MultiTaskModel(
            inputs: 6, scenarios: 3, architecture: PLE.cgc(own: 1, shared: 2, layers: [.dense(5, .tanh)]),
            tasks: SmallProblem.tasks)
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
            let scenario = SmallProblem.scenario(row, of: 3)
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
            try SmallProblem.trainer(SharedBottom(trunk: [.relu(4)])).expertUtilisation(of: data)
        }
    }
}
