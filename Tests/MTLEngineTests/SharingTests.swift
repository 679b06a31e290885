import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// Laws that soft sharing, subspaces and experts all keep.
@Suite struct SharingTests {
    private let layers: [HiddenLayer] = [.dense(8, .tanh), .dense(6, .gelu)]

    // MARK: All of them

    @Test func permutingTasksPermutesOutputs() throws {
        let data = try SmallProblem.data(Double.self, rows: 180)
        func check(_ architecture: some Architecture, _ place: SourceLocation = #_sourceLocation) throws {
            let tasks = SmallProblem.tasks
            let first = try SmallProblem.trainer(architecture, optimizer: .sgd(learningRate: 0.01))
            let other = try SmallProblem.trainer(
                architecture, tasks: [tasks[2], tasks[0], tasks[1]], optimizer: .sgd(learningRate: 0.01))
            for step in 0..<3 {
                let rows = step * 60..<(step + 1) * 60
                let (a, b) = (try first.step(data, rows: rows), try other.step(data, rows: rows))
                expectClose(a, [b[1], b[2], b[0]], absolute: 1e-9, "losses")
            }
            for task in tasks {
                expectClose(
                    try first.predict(data).values(task.name), try other.predict(data).values(task.name),
                    absolute: 1e-9, "\(architecture)")
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
        let data = try SmallProblem.data(Float.self, rows: 600)
        func check(_ architecture: some Architecture) throws {
            let model = try MultiTaskModel(inputs: 6, architecture: architecture, tasks: SmallProblem.tasks)
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
            tasks: SmallProblem.tasks)
        let data = try SmallProblem.data(Double.self, rows: 60)
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
        #expect(
            SmallProblem.refusal(SoftSharing(layers: [])) == "layers: found no layers, expected at least one")
        #expect(
            SmallProblem.refusal(SoftSharing(layers: layers, weight: -1))
                == "penalty weight: found -1.0, expected at least 0.0, finite")
        #expect(
            SmallProblem.refusal(SoftSharing(layers: layers, updateEvery: 0))
                == "steps between updates: found 0, expected at least 1")
        #expect(
            SmallProblem.refusal(Sluice(layers: [.relu(8), .relu(7)]))
                == "layers, layer 1: found 7 units, expected a multiple of 2 subspaces")
        #expect(SmallProblem.refusal(Sluice(layers: [.relu(8), .relu(6)])).contains("equal widths"))
        #expect(SmallProblem.refusal(NDDR(layers: layers, own: .nan)).hasPrefix("own share: found nan"))
        #expect(
            SmallProblem.refusal(MTAN(layers: layers, attention: 0))
                == "attention units: found 0, expected at least 1")
        #expect(
            SmallProblem.refusal(LowRankSharing(layers: layers, rank: 0))
                == "rank: found 0, expected at least 1")
        #expect(
            SmallProblem.refusal(TraceNormSharing(layers: layers, weight: .infinity))
                == "trace norm weight: found inf, expected at least 0.0, finite")
        #expect(
            SmallProblem.refusal(AlternatingStructure(layers: layers, rank: 7))
                == "rank, layer 0: found 7, expected 1 to 6")
        #expect(
            SmallProblem.refusal(DSelectK(experts: 1, layers: layers))
                == "experts: found 1, expected at least 2")
        #expect(
            SmallProblem.refusal(DSelectK(experts: 2, layers: layers, selected: 3))
                == "selected experts: found 3, expected at most 2")
        #expect(
            SmallProblem.refusal(DSelectK(experts: 2, layers: layers, gamma: 0))
                == "gamma: found 0.0, expected above 0, finite")
        #expect(SmallProblem.refusal(SNR(levels: [])) == "levels: found none, expected at least one")
        #expect(
            SmallProblem.refusal(SNR(levels: [SNR.Level(networks: 1, layers: layers)], open: 1))
                == "open share: found 1.0, expected above 0 and below 1")
        #expect(
            SmallProblem.refusal(MMoE(experts: 2, layers: layers, expertDropout: 1))
                == "expert dropout: found 1.0, expected at least 0 and below 1")
        #expect(SmallProblem.refusal(PLE.cgc(own: 1, shared: 1, layers: [])).hasPrefix("level 0, experts"))
    }
}
