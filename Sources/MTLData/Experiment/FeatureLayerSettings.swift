public import MTLEngine

/// What becomes of the features before tasks share them, as a file says it: a type, and the options that this type takes.
///
/// ```yaml
/// features: [{type: gate}, {type: attention, sequence: viewed, candidate: item}, {type: cross, count: 2, rank: 16}]
/// ```
public struct FeatureLayerSettings: Sendable, Equatable, Codable {
    /// The types of feature layers.
    public enum LayerType: String, Sendable, Codable, CaseIterable {
        /// Cross layers of DCN-v2.
        case cross
        /// Pairwise interactions of a factorization machine.
        case factorizationMachine = "factorization_machine"
        /// A squeeze-and-excitation gate over fields.
        case gate
        /// DIN's attention of a candidate to a sequence.
        case attention
        /// Attention of a sequence to itself.
        case selfAttention = "self_attention"
    }

    /// Which layer it is.
    public var type: LayerType
    /// What differs from its defaults, by the names that a file has.
    public var options: [String: OptionValue]

    /// A type, with its defaults but for some options: `FeatureLayerSettings(.cross, ["count": 2])`.
    public init(_ type: LayerType, _ options: [String: OptionValue] = [:]) {
        self.type = type
        self.options = options
    }

    /// Reads what a file says.
    ///
    /// - Throws: `InputError` that names an option which the type does not take, or which is of another type.
    public init(from decoder: any Decoder) throws {
        let read = try TypedOptions<LayerType>(from: decoder, at: "model, features")
        self.init(read.type, read.options)
        _ = try layer()
    }

    /// Writes the type and the options side by side.
    ///
    /// - Throws: what the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        try TypedOptions.encode(type, options, to: encoder)
    }

    /// The sequence that the layer attends to; nil for layers without one.
    var sequence: String? {
        if case .scalar(let name)? = options["sequence"] { name } else { nil }
    }

    /// The layer itself.
    ///
    /// - Throws: `InputError` that names an option.
    package func layer() throws(InputError) -> any FeatureLayer {
        try located("model, features, \(type.rawValue)") { () throws(InputError) in
            try OptionReader.read(options, for: type.rawValue, hidden: { .relu($0) }) {
                (options) throws(InputError) -> any FeatureLayer in
                switch type {
                case .cross: try CrossLayers(&options)
                case .factorizationMachine: try FactorizationMachine(&options)
                case .gate: try FieldGate(&options)
                case .attention: try TargetAttention(&options)
                case .selfAttention: try SelfAttentionPooling(&options)
                }
            }
        }
    }
}
