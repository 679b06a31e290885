import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// Laws of soft sharing and of subspaces.
@Suite struct SoftSharingTests {
    private let layers: [HiddenLayer] = [.dense(8, .tanh), .dense(6, .gelu)]

    // MARK: Separate networks

    /// One task at a time is a network of its own: names' streams draw the same parameters.
    private func expectSeparate(
        _ architecture: some Architecture, steps: Int = 1, _ place: SourceLocation = #_sourceLocation
    ) throws {
        let data = try SmallProblem.data(Double.self, rows: 180)
        let together = try SmallProblem.trainer(architecture)
        let alone = try SmallProblem.tasks.map { try SmallProblem.trainer(architecture, tasks: [$0]) }
        for (task, one) in zip(SmallProblem.tasks, alone) {
            expectClose(
                try one.predict(data).values(task.name), try together.predict(data).values(task.name),
                absolute: 1e-12)
        }
        for step in 0..<steps {
            let rows = step * 60..<(step + 1) * 60
            let losses = try together.step(data, rows: rows)
            for (index, one) in alone.enumerated() {
                #expect(abs(try one.step(data, rows: rows)[0] - losses[index]) < 1e-12, sourceLocation: place)
                for segment in one.model.layout.segments
                where segment.isTrained && segment.name.hasPrefix("networks") {
                    expectClose(
                        try one.gradient(segment.name), try together.gradient(segment.name), absolute: 1e-12,
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
        let data = try SmallProblem.data(Double.self, rows: 60)
        let (pure, mixed) = (
            try SmallProblem.trainer(NDDR(layers: layers, own: 1, isNormed: false)),
            try SmallProblem.trainer(NDDR(layers: layers, isNormed: false))
        )
        #expect(try pure.predict(data).values("a") != (try mixed.predict(data).values("a")))
    }

    @Test func withoutAPenaltySoftSharingIsSeparateNetworks() throws {
        try expectSeparate(SoftSharing(layers: layers, weight: 0), steps: 3)
        try expectSeparate(TraceNormSharing(layers: layers, weight: 0), steps: 3)
    }

    @Test(arguments: SoftSharing.Distance.allCases)
    func aHugePenaltyLetsTasksMeet(distance kind: SoftSharing.Distance) throws {
        let data = try SmallProblem.data(Double.self, rows: 60)
        // 2 · weight · rate is well below what gradient descent on the pairwise sum of three tasks bears.
        let trainer = try SmallProblem.trainer(
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
        let trainer = try SmallProblem.trainer(
            SoftSharing(layers: layers, distance: .covariance, updateEvery: 3))
        let data = try SmallProblem.data(Double.self, rows: 180)
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
        expectClose(root.lambda, values.map { ($0 / total + 1e-3 / 3) / 1.001 }, absolute: 1e-12)
    }

    // MARK: Subspaces

    /// Full-rank differences are networks of the tasks' own: same outputs, and gradients that the chain rule maps.
    @Test func fullRankIsSoftSharingWithoutAPenalty() throws {
        let layers: [HiddenLayer] = [.dense(6, .tanh), .dense(6, .gelu)]
        let soft = try SmallProblem.trainer(SoftSharing(layers: layers, weight: 0))
        let low = try SmallProblem.trainer(LowRankSharing(layers: layers, rank: 6))
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
        let data = try SmallProblem.data(Double.self, rows: 60)
        for name in ["a", "b", "c"] {
            expectClose(
                try low.predict(data).values(name), try soft.predict(data).values(name), absolute: 1e-12, name
            )
        }
        expectClose(
            try low.step(data, rows: 0..<60), try soft.step(data, rows: 0..<60), absolute: 1e-12, "losses")
        for depth in 0..<2 {
            var sums = [Double](repeating: 0, count: 36)
            for name in ["a", "b", "c"] {
                let whole = try soft.gradient("networks.\(name).\(depth).weight")
                // dB = dW Aᵀ = dW, and the shared weights' gradient is the sum of the tasks'.
                expectClose(
                    try low.gradient("deltas.\(name).\(depth).up.weight"), whole, absolute: 1e-12, "dB")
                for index in sums.indices { sums[index] += whole[index] }
            }
            expectClose(try low.gradient("shared.\(depth).weight"), sums, absolute: 1e-12, "dW₀")
        }
    }

    @Test func differencesBeginAtNothing() throws {
        let low = try SmallProblem.trainer(LowRankSharing(layers: layers, rank: 2))
        for name in ["a", "b", "c"] {
            #expect(try low.parameter("deltas.\(name).1.up.weight").allSatisfy { $0 == 0 })
            #expect(try low.parameter("deltas.\(name).1.up.bias").allSatisfy { $0 == 0 })
            #expect(try low.parameter("deltas.\(name).1.down.weight").allSatisfy { $0 != 0 })
        }
    }

    @Test func theTraceNormLowersTheRank() throws {
        let data = try SmallProblem.data(Double.self, rows: 60)
        func values(_ weight: Double) throws -> [Double] {
            let trainer = try SmallProblem.trainer(
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
        let data = try SmallProblem.data(Double.self, rows: 60)
        let kept = try SmallProblem.trainer(
            AlternatingStructure(layers: layers, rank: 3, weight: 0, updateEvery: 1000))
        let turned = try SmallProblem.trainer(
            AlternatingStructure(layers: layers, rank: 3, weight: 0, updateEvery: 4))
        for _ in 0..<3 {
            try kept.step(data, rows: 0..<60)
            try turned.step(data, rows: 0..<60)
        }
        #expect(kept.parameters == turned.parameters)
        try kept.step(data, rows: 0..<60)
        try turned.step(data, rows: 0..<60)
        #expect(kept.parameters != turned.parameters)
        for name in ["a", "b", "c"] {
            expectClose(
                try kept.predict(data).values(name), try turned.predict(data).values(name), absolute: 1e-12,
                name)
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
        let twin = try SmallProblem.trainer(
            AlternatingStructure(layers: layers, rank: 3, weight: 0, updateEvery: 1000))
        twin.parameters = turned.parameters
        try twin.step(data, rows: 0..<60)
        try turned.step(data, rows: 0..<60)
        for segment in twin.model.layout.segments where segment.isTrained {
            #expect(try twin.gradient(segment.name) == (try turned.gradient(segment.name)), "\(segment.name)")
        }
    }
}
