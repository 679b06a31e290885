import MTLEngine
import MTLTestSupport
import Testing

/// Soft sharing, subspaces and experts against PyTorch (make_sharing_goldens.py) and central differences.
@Suite struct SharingGoldenTests {
    static let names = [
        "soft_pairwise", "soft_mean", "soft_covariance", "sluice", "nddr", "mtan", "low_rank", "trace_norm",
        "structure", "dselect", "dselect_rows", "omoe", "snr", "snr_transforms",
    ]

    func model(_ name: String) throws -> MultiTaskModel {
        func make(_ architecture: some Architecture) throws -> MultiTaskModel {
            try MultiTaskModel(inputs: 7, architecture: architecture, tasks: GoldenRuns.tasks)
        }
        func layers(_ units: Int...) -> [HiddenLayer] { units.map { .dense($0, .tanh) } }
        switch name {
        case "soft_pairwise":
            return try make(SoftSharing(layers: layers(6, 5), distance: .pairwise, weight: 0.01))
        case "soft_mean": return try make(SoftSharing(layers: layers(6, 5), weight: 0.01))
        case "soft_covariance":
            return try make(
                SoftSharing(layers: layers(6, 5), distance: .covariance, weight: 0.01, updateEvery: 2))
        case "sluice": return try make(Sluice(layers: layers(6, 6), orthogonality: 0.05))
        case "nddr": return try make(NDDR(layers: layers(6, 9)))
        case "mtan": return try make(MTAN(layers: layers(6, 5), attention: 4))
        case "low_rank": return try make(LowRankSharing(layers: layers(9, 5), rank: 2))
        case "trace_norm":
            return try make(TraceNormSharing(layers: layers(9, 5), weight: 20, updateEvery: 2))
        case "structure":
            return try make(
                AlternatingStructure(layers: layers(9, 5), rank: 2, weight: 0.02, updateEvery: 1000))
        case "omoe": return try make(MMoE(experts: 3, layers: layers(6, 5), gating: .shared))
        case "snr", "snr_transforms":
            return try make(
                SNR(
                    levels: [
                        SNR.Level(networks: 3, layers: layers(6)), SNR.Level(networks: 2, layers: layers(5)),
                    ], transforms: name == "snr_transforms", sparsity: 0.1))
        default:
            return try make(
                DSelectK(
                    experts: 5, layers: layers(6), perExample: name == "dselect_rows", entropy: 0.1,
                    reach: 0.3))
        }
    }

    @Test(arguments: names)
    func matchesPyTorch(name: String) throws {
        // These answer otherwise in training, whose logits the golden holds.
        try Golden("graph_" + name).checkAdam(
            model(name), comparesLogits: !["nddr", "snr", "snr_transforms"].contains(name))
    }

    // MARK: Central differences

    func check(
        _ architecture: some Architecture, scenarios: Int = 1, rows: [Int] = [1, 37],
        _ place: SourceLocation = #_sourceLocation
    ) throws {
        try GradientCheck.check(
            architecture, scenarios: scenarios, rows: rows,
            computes: [ComputeOptions(threads: 1), ComputeOptions(threads: 2)], place)
    }

    @Test func softSharing() throws {
        for distance in SoftSharing.Distance.allCases {
            try check(
                SoftSharing(layers: [.dense(9, .tanh), .dense(5, .gelu)], distance: distance, weight: 0.1))
        }
    }

    @Test func networksWithFusions() throws {
        try check(Sluice(layers: [.dense(6, .tanh), .dense(6, .gelu)], subspaces: 3, orthogonality: 0.2))
        try check(Sluice(layers: [.dense(8, .tanh), .dense(6, .gelu)], mixesLayers: false))
        try check(NDDR(layers: [.dense(9, .tanh), .dense(5, .gelu)]), rows: [37])
        try check(NDDR(layers: [.dense(9, .tanh)], isNormed: false))
        // A ReLU of the masks may have its kink within a difference's step: few rows.
        try GradientCheck.check(
            MTAN(layers: [.dense(9, .tanh), .dense(5, .gelu)], attention: 3), computes: [ComputeOptions()])
    }

    @Test func subspaces() throws {
        try check(LowRankSharing(layers: [.dense(9, .tanh), .dense(5, .gelu)], rank: 2))
        try check(LowRankSharing(layers: [.dense(5, .tanh), .dense(9, .gelu)], rank: 9))
        try check(TraceNormSharing(layers: [.dense(9, .tanh)]))
        try check(AlternatingStructure(layers: [.dense(9, .tanh), .dense(5, .gelu)], rank: 3, weight: 0.1))
    }

    @Test func experts() throws {
        try check(DSelectK(experts: 4, layers: [.dense(5, .tanh)], entropy: 0.1))
        try check(DSelectK(experts: 5, layers: [.dense(9, .tanh)], selected: 3, entropy: 0.1, reach: 0.2))
        try check(
            DSelectK(
                experts: 6, layers: [.dense(5, .tanh)], perExample: true, gamma: 2, entropy: 0.1, reach: 0.2))
        for transforms in [false, true] {
            try check(
                SNR(
                    levels: [
                        SNR.Level(networks: 3, layers: [.dense(9, .tanh)]),
                        SNR.Level(networks: 2, layers: [.dense(5, .gelu)]),
                    ], transforms: transforms, sparsity: 0.1))
        }
    }

    @Test func expertDropout() throws {
        try check(MMoE(experts: 4, layers: [.dense(5, .tanh)], expertDropout: 0.4))
        try check(MMoE(experts: 3, layers: [.dense(5, .tanh)], expertDropout: 0.8, gating: .shared))
        try check(
            PLE(
                levels: [
                    PLE.Level(own: 1, shared: 2, layers: [.dense(5, .tanh)]),
                    PLE.Level(own: 2, shared: 1, layers: [.dense(4, .tanh)]),
                ], expertDropout: 0.3))
        // Rows are sorted by scenario: a row's draw is its place's in the batch.
        try check(
            Probe { graph in
                let h = graph.affine(graph.features, perScenario: true, name: "moved")
                let experts = graph.stack(h, [.dense(4, .tanh)], names: ["e.0", "e.1", "e.2"])
                let gates = graph.gates(h, [], experts: 3, names: graph.tasks.map { "g.\($0.name)" })
                let kept = graph.expertDropout(gates, rate: 0.5)
                return graph.heads(graph.mixture(experts: experts, width: 4, gates: kept).blocks(4))
            }, scenarios: 3)
    }
}
