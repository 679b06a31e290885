import MTLEngine
import MTLTestSupport

private let tower: [HiddenLayer] = [.dense(16, .gelu)]
private let tasks: [LearningTask] = [
    .binary("click"), .binary("purchase", tower: tower),
    .regression("spend", huberDelta: 1, tower: tower),
    .multiclass("tag", classes: 4),
]

/// Every loss that the tasks above have not.
private let losses: [LearningTask] = [
    LearningTask("weighted", kind: .binary, classWeights: [1, 5]),
    LearningTask("focal", kind: .multiclass(classes: 3), classWeights: [1, 2, 3], focusing: 2),
    LearningTask(
        "scaled", kind: .squaredError, labelScale: LabelScale(shift: 1, scale: 2, isLogarithmic: true)),
    LearningTask("quantile", kind: .quantile(level: 0.9)), LearningTask("poisson", kind: .poisson),
    LearningTask("tweedie", kind: .tweedie(power: 1.5)), LearningTask("ziln", kind: .zeroInflatedLognormal),
    LearningTask("ordinal", kind: .ordinal(classes: 4)),
]

/// Features of ids: a table short enough to be multiplied by the first layer's weights as a whole, one that is not, bags
/// with and without weights, two features of one table.
private let fields: [EmbeddedFeature] = [
    .single("hour"), .single("item"), .single("seen", table: "item"),
    .bag("tags", pooling: .mean, maximumCount: 5),
    .bag("history", table: "item", pooling: .sum, maximumCount: 7),
]
private let tables = [
    EmbeddingTable("hour", rows: 24, dimension: 4), EmbeddingTable("item", rows: 3_000, dimension: 8),
    EmbeddingTable("tags", rows: 40, dimension: 8),
]

/// Every model, by name; those with updates between steps make one after each.
func models() throws(InputError) -> [(name: String, model: MultiTaskModel)] {
    let layers: [HiddenLayer] = [.dense(12, .tanh)]
    func model(
        _ architecture: some Architecture, scenarios: Int = 1, isEmbedded: Bool = false,
        sequences: [EmbeddedFeature] = [], _ features: [any FeatureLayer] = [], ensemble: Int? = nil
    ) throws(InputError) -> MultiTaskModel {
        try MultiTaskModel(
            inputs: 20, embedded: isEmbedded ? fields + sequences : [], tables: isEmbedded ? tables : [],
            scenarios: scenarios, featureLayers: features, architecture: architecture, tasks: tasks,
            ensemble: ensemble)
    }
    return [
        (
            "shared",
            try MultiTaskModel(inputs: 20, trunk: [.relu(64), .dense(32, .tanh)], tasks: tasks + losses)
        ),
        (
            "ranking",
            try MultiTaskModel(
                inputs: 20, scenarios: 3, architecture: ScenarioTowers(trunk: layers),
                tasks: [
                    LearningTask("pairs", kind: .binary, ranking: RankingLoss(.pairwise)),
                    LearningTask("lists", kind: .binary, ranking: RankingLoss(.listwise)),
                ])
        ),
        ("mmoe", try model(MMoE(experts: 4, layers: [.relu(32)]))),
        ("slopes", try model(MMoE(experts: 2, layers: [.dense(12, .prelu), .dense(9, .dice)]))),
        ("covariance", try model(SoftSharing(layers: layers, distance: .covariance, updateEvery: 1))),
        ("trace", try model(TraceNormSharing(layers: layers, updateEvery: 1))),
        ("structure", try model(AlternatingStructure(layers: layers, updateEvery: 1))),
        ("routing", try model(SNR(levels: [SNR.Level(networks: 3, layers: layers)]))),
        ("selection", try model(DSelectK(experts: 5, layers: layers, perExample: true))),
        ("graph", try model(Everything(), scenarios: 3)),
        ("clusters", try model(AdaptDHM(layers: layers, clusters: 3))),
        ("adapters", try model(HAMUR(trunk: layers), scenarios: 3)),
        (
            "embedded-shared",
            try MultiTaskModel(
                inputs: 20, embedded: fields, tables: tables, trunk: [.relu(32)], tasks: tasks)
        ),
        ("embedded-mmoe", try model(MMoE(experts: 2, layers: [.relu(32)]), isEmbedded: true)),
        ("ensemble", try model(MMoE(experts: 2, layers: [.relu(32)]), isEmbedded: true, ensemble: 4)),
        (
            "ensemble-star",
            try model(STAR(layers: layers), scenarios: 3, isEmbedded: true, [FieldGate()], ensemble: 4)
        ),
        ("separate", try model(SeparateNetworks(layers: layers), isEmbedded: true)),
        ("stem", try model(STEM(layers: layers), isEmbedded: true, [FieldGate()])),
        ("home", try model(HoME(layers: layers), isEmbedded: true)),
        ("hinet", try model(HiNet(layers: layers), scenarios: 3)),
        ("adasparse", try model(AdaSparse(layers: layers), scenarios: 3)),
        ("m2m", try model(M2M(layers: layers, fields: ["hour"]), scenarios: 3, isEmbedded: true)),
        ("interventions", try model(DC2VR(parents: ["purchase": ["click"]], layers: layers))),
        ("gated-mmoe", try model(MMoE(experts: 2, layers: [.relu(32)]), isEmbedded: true, [FieldGate()])),
        (
            "feature-layers",
            try model(
                SharedBottom(trunk: layers), isEmbedded: true,
                [
                    PiecewiseLinear([
                        .init("a", index: 0, bins: 4), .init("b", index: 1, bins: 4, encoding: .periodic()),
                        .init("c", index: 2, bins: 4, encoding: .autoDis()),
                    ]),
                    FieldGate(), FactorizationMachine(fields: ["item", "seen", "history"]),
                    FactorizationMachine(fields: ["item", "seen", "tags"], hasPairs: true),
                    BilinearInteraction(fields: ["item", "seen", "tags"]),
                    FieldAttention(fields: ["item", "seen", "tags"]),
                    CompressedInteraction(fields: ["item", "seen", "tags"]), MaskNet(units: 8, appends: true),
                    CrossLayers(count: 1, isGated: true),
                    WideLayer(), FinalMLP(first: layers, second: layers, heads: 2),
                    MaskNet(units: 8, isSerial: true),
                ])
        ),
        (
            "sequence",
            try model(
                SharedBottom(trunk: layers), isEmbedded: true,
                sequences: [.sequence("clicks", table: "item", maximumCount: 6)],
                [
                    TargetAttention(sequence: "clicks", candidate: "item", layers: [.dense(8, .sigmoid)]),
                    AttentionPooling(sequence: "clicks", layers: [.dense(8, .tanh)]),
                ])
        ),
        (
            "transformer",
            try model(
                SharedBottom(trunk: layers), isEmbedded: true,
                sequences: [
                    .sequence("clicks", table: "item", maximumCount: 6),
                    .sequence("hours", table: "hour", maximumCount: 6),
                ],
                [
                    TransformerEncoder(
                        sequences: ["clicks", "hours"], candidates: ["item", "hour"], count: 2, units: 9,
                        activation: .silu, dropout: 0.1),
                    TransformerEncoder(sequences: ["clicks"], heads: 4, pooling: .all),
                    InterestEvolution(
                        sequences: ["clicks", "hours"], candidates: ["item", "hour"],
                        layers: [.dense(8, .sigmoid)]),
                    TargetAttention(
                        sequences: ["clicks", "hours"], candidates: ["item", "hour"],
                        layers: [.dense(8, .sigmoid)], normalization: .scaledSoftmax),
                    TransformerEncoder(sequences: ["hours"], hasPositions: false),
                ])
        ),
    ]
}
