public import MTLEngine

/// What becomes of the features before tasks share them, as a file says it: a type, and the options that this type takes.
///
/// ```yaml
/// features: [{type: gate}, {type: attention, sequence: viewed, candidate: item}, {type: cross, count: 2, rank: 16}]
/// ```
public typealias FeatureLayerSettings = TypedSettings<FeatureLayerType>

/// The types of feature layers.
public enum FeatureLayerType: String, SettingsKind {
    /// Cross layers of DCN-v2.
    case cross
    /// Pairwise interactions of a factorization machine.
    case factorizationMachine = "factorization_machine"
    /// Bilinear interactions of FiBiNET.
    case bilinear
    /// Self-attention between fields: AutoInt.
    case fieldAttention = "field_attention"
    /// Compressed interactions of xDeepFM.
    case compressedInteraction = "cin"
    /// Two gated streams and their bilinear products: FinalMLP.
    case finalMLP = "final_mlp"
    /// Blocks of MaskNet.
    case maskNet = "mask_net"
    /// A linear path to the logits: the wide part of Wide & Deep and DeepFM.
    case wide
    /// A squeeze-and-excitation gate over fields.
    case gate
    /// DIN's attention of a candidate to a sequence.
    case attention
    /// Attention pooling of a sequence: one query that learns what to look for.
    case attentionPooling = "attention_pooling"
    /// DIEN's recurrent units along a sequence.
    case interestEvolution = "dien"
    /// A transformer over a sequence and what it is compared with.
    case transformer

    /// Where it is in an experiment.
    public static var place: String { "model, features" }

    /// Checks options without the rest of the experiment.
    ///
    /// - Throws: `InputError` that names the option.
    public func check(_ options: [String: OptionValue]) throws(InputError) {
        _ = try FeatureLayerSettings(self, options).layer()
    }
}

extension TypedSettings where Kind == FeatureLayerType {
    /// The sequences that the layer attends to.
    var sequences: [String] {
        switch options["sequence"] {
        case .scalar(let name)?: [name]
        case .list(let names)?: names.compactMap { if case .scalar(let name) = $0 { name } else { nil } }
        default: []
        }
    }

    /// The layer itself.
    ///
    /// - Throws: `InputError` that names an option.
    package func layer() throws(InputError) -> any FeatureLayer {
        try located("\(FeatureLayerType.place), \(type.rawValue)") { () throws(InputError) in
            try OptionReader.read(options, for: type.rawValue, hidden: { .relu($0) }) {
                (options) throws(InputError) -> any FeatureLayer in
                switch type {
                case .cross: try CrossLayers(&options)
                case .factorizationMachine: try FactorizationMachine(&options)
                case .bilinear: try BilinearInteraction(&options)
                case .fieldAttention: try FieldAttention(&options)
                case .compressedInteraction: try CompressedInteraction(&options)
                case .finalMLP: try FinalMLP(&options)
                case .maskNet: try MaskNet(&options)
                case .wide: try WideLayer(&options)
                case .gate: try FieldGate(&options)
                case .attention: try TargetAttention(&options)
                case .attentionPooling: try AttentionPooling(&options)
                case .interestEvolution: try InterestEvolution(&options)
                case .transformer: try TransformerEncoder(&options)
                }
            }
        }
    }
}
