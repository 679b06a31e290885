import MTLEngine
import MTLTestSupport

/// Architectures as packed ensembles: those that may be, and those that are refused.
enum EnsembleArchitectures {
    struct Case {
        let name: String
        let architecture: any Architecture
        var tasks: [LearningTask] = GradientCheck.tasks
        var scenarios = 1
        var isEmbedded = false
        var features: [any FeatureLayer] = []
        /// Parameters behind a stopped edge, or that no gradient changes.
        var skips: [String] = []

        func model(ensemble: Int?) throws -> MultiTaskModel {
            try MultiTaskModel(
                inputs: 6, embedded: isEmbedded ? SmallProblem.embedded : [],
                tables: isEmbedded ? SmallProblem.tables : [], scenarios: scenarios,
                featureLayers: features, architecture: architecture, tasks: tasks, ensemble: ensemble)
        }
    }

    private static let layers: [HiddenLayer] = [.dense(6, .tanh), .dense(5, .gelu)]
    static let all: [Case] = general + funnels + losses
    /// Those whose gradient differences of the loss show.
    static let differentiable = all.indices.filter { !all[$0].skips.contains("") }

    /// Every loss whose predictions are not its outputs, or are in a unit of their own.
    private static let losses = [
        Case(
            name: "losses", architecture: SharedBottom(trunk: layers),
            tasks: [
                LearningTask("a", kind: .ordinal(classes: 4)),
                LearningTask("b", kind: .quantile(level: 0.3), labelScale: LabelScale(shift: 2, scale: 3)),
                LearningTask("c", kind: .poisson, labelScale: LabelScale(shift: 0, scale: 2)),
                LearningTask("d", kind: .tweedie(power: 1.5)),
                LearningTask("e", kind: .zeroInflatedLognormal, labelScale: LabelScale(shift: 0, scale: 4)),
                LearningTask(
                    "f", kind: .squaredError,
                    labelScale: LabelScale(shift: 0.5, scale: 2, isLogarithmic: true)),
            ], skips: [""]),
        Case(
            name: "weighted classes", architecture: SharedBottom(trunk: layers),
            tasks: [
                LearningTask("a", kind: .binary, classWeights: [1, 5]),
                LearningTask("b", kind: .binary, focusing: 2),
                LearningTask("c", kind: .multiclass(classes: 3), classWeights: [1, 2, 3]),
            ]),
    ]

    private static let funnels = FunnelCases.architectures.map { name, architecture in
        // The propensity of their losses is a constant: differences see it move.
        Case(
            name: name, architecture: architecture, tasks: FunnelCases.tasks,
            skips: FunnelCases.counterfactual.contains(name) ? [""] : [])
    }

    private static let general: [Case] = [
        Case(name: "shared", architecture: SharedBottom(trunk: layers), isEmbedded: true),
        Case(name: "no trunk", architecture: SharedBottom(trunk: [])),
        Case(
            name: "dropout, layer norms",
            architecture: SharedBottom(
                trunk: [.dense(9, .tanh, normalization: .layer, dropout: 0.3), .dense(5, .gelu)])),
        Case(
            name: "feature layers", architecture: SharedBottom(trunk: layers), isEmbedded: true,
            features: [FieldGate(), CrossLayers(count: 1)]),
        Case(
            name: "mmoe",
            architecture: MMoE(experts: 3, layers: layers, gate: [.dense(4, .tanh)], temperature: 2),
            isEmbedded: true),
        Case(name: "ple", architecture: PLE.cgc(own: 2, shared: 1, layers: [.dense(6, .tanh)])),
        Case(name: "cross-stitch", architecture: CrossStitch(layers: layers)),
        Case(name: "separate", architecture: SeparateNetworks(layers: layers), isEmbedded: true),
        Case(
            name: "soft sharing",
            architecture: SoftSharing(layers: layers, distance: .pairwise, weight: 0.1)),
        Case(
            name: "sluice",
            architecture: Sluice(layers: [.dense(6, .tanh), .dense(6, .gelu)], orthogonality: 0.2)),
        Case(
            name: "stem", architecture: STEM(own: 2, layers: layers), isEmbedded: true,
            skips: ["experts.", "embeddings.", "ensemble."]),
        // A ReLU behind the fusions may have its kink within a difference's step.
        Case(name: "nddr", architecture: NDDR(layers: layers, isNormed: false, activation: .tanh)),
        Case(name: "nddr relu", architecture: NDDR(layers: layers, isNormed: false), skips: [""]),
        Case(name: "relu", architecture: SharedBottom(trunk: [.relu(6), .relu(5)]), skips: [""]),
        Case(name: "low rank", architecture: LowRankSharing(layers: layers, rank: 2)),
        Case(name: "structure", architecture: AlternatingStructure(layers: layers, rank: 3, weight: 0.1)),
        Case(
            name: "dselect",
            architecture: DSelectK(experts: 5, layers: layers, perExample: true, entropy: 0.1, reach: 0.3)),
        Case(
            name: "snr",
            architecture: SNR(
                levels: [SNR.Level(networks: 3, layers: [.dense(6, .tanh)])], sparsity: 0.1)),
        Case(
            name: "towers", architecture: ScenarioTowers(trunk: [.dense(7, .tanh)]), scenarios: 3,
            isEmbedded: true),
        Case(
            name: "star",
            architecture: STAR(layers: layers, scenarioWidth: 3, auxiliary: [.dense(4, .tanh)]),
            scenarios: 3, isEmbedded: true),
        Case(
            name: "sarnet",
            architecture: SARNet(shared: 2, own: 1, layers: layers, gate: [.dense(3, .tanh)]), scenarios: 3),
        Case(
            name: "m3oe", architecture: M3oE(starWidth: 0, shared: 2, layers: [.dense(5, .tanh)]),
            scenarios: 3, skips: ["ensemble."]),
        Case(
            name: "pepnet", architecture: ScenarioArchitectures.pepnet, scenarios: 3, isEmbedded: true,
            skips: ["embeddings.", "epnet.", "domain.", "ensemble."]),
        Case(
            name: "apg",
            architecture: APG(
                layers: [.dense(6, .tanh), .dense(5, .gelu)], rank: 3, condition: .mixWise, scenarioWidth: 2),
            scenarios: 3, isEmbedded: true),
        Case(
            name: "hinet", architecture: HiNet(layers: [.dense(5, .tanh)], scenarioWidth: 3), scenarios: 3,
            isEmbedded: true),
        Case(
            name: "m2m",
            architecture: M2M(experts: 2, layers: [.dense(4, .tanh)], taskWidth: 2, scenarioWidth: 3),
            scenarios: 3, isEmbedded: true),
        Case(
            name: "adasparse",
            // Differences must not cross the threshold.
            architecture: AdaSparse(
                layers: [.dense(6, .tanh), .dense(5, .tanh)], scenarioWidth: 3, threshold: 0, sharpness: 2),
            scenarios: 3, isEmbedded: true),
        // What gradients do not flow through is moved by differences.
        Case(
            name: "dc2vr",
            architecture: DC2VR(parents: ["b": ["a"], "d": ["a", "c"]], layers: layers, rank: 2),
            skips: ["networks.a.", "networks.c.", "ensemble."]),
    ]

    static let refused: [(name: String, case: Case, says: String)] = [
        (
            "batch norm",
            Case(name: "", architecture: SharedBottom(trunk: [.dense(5, .tanh, normalization: .batch)])),
            "batch normalisation"
        ),
        (
            "dice", Case(name: "", architecture: SharedBottom(trunk: [.dense(5, .dice)])),
            "batch normalisation"
        ),
        ("nddr", Case(name: "", architecture: NDDR(layers: layers)), "batch normalisation"),
        ("home", Case(name: "", architecture: HoME(layers: layers)), "batch normalisation"),
        (
            "clusters", Case(name: "", architecture: AdaptDHM(layers: layers, clusters: 3), scenarios: 3),
            "clusters"
        ),
        (
            "own logits",
            Case(
                name: "",
                architecture: Probe { graph in
                    graph.tasks.map { task in
                        graph.dense(
                            graph.features, units: task.kind.outputs, activation: .identity, name: task.name)
                    }
                }), "heads"
        ),
    ]
}
