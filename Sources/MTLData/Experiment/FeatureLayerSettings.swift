internal import MTLEngine

/// What becomes of the features before tasks share them, as a file says it: a type, and the options that this type takes.
///
/// ```yaml
/// features: [{type: gate}, {type: attention, sequence: viewed, candidate: item}, {type: cross, layers: 2, rank: 16}]
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

        fileprivate var options: [CodingKeys] {
            switch self {
            case .cross: [.count, .rank, .appends]
            case .factorizationMachine: [.fields]
            case .gate: [.fields, .reduction]
            case .attention: [.sequence, .candidate, .layers, .normalized]
            case .selfAttention: [.sequence, .layers]
            }
        }
    }

    /// The layer.
    public var type: LayerType
    /// The number of cross layers.
    public var count: Int?
    /// The rank of a cross layer's matrix; 0 for a full one.
    public var rank: Int?
    /// Whether cross layers' output stands beside the features, not in their place.
    public var appends: Bool?
    /// The embedded features it reads; nil for all.
    public var fields: [String]?
    /// Fields per unit of the gate's hidden layer.
    public var reduction: Int?
    /// The feature of the behaviours.
    public var sequence: String?
    /// The feature that attends to them, in the same table.
    public var candidate: String?
    /// Units of the layers that score a behaviour.
    public var layers: [Int]?
    /// Whether scores are softmaxed.
    public var normalized: Bool?

    /// A type with its defaults.
    public init(_ type: LayerType) { self.type = type }

    fileprivate enum CodingKeys: String, CodingKey, CaseIterable {
        case type, count, rank, appends, fields, reduction, sequence, candidate, layers, normalized
    }

    /// Reads what a file says; an option that the type does not take is an error.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        type = try values.decode(LayerType.self, forKey: .type)
        let taken = type.options.map(\.stringValue)
        for key in try decoder.container(keyedBy: AnyKey.self).allKeys
        where key.stringValue != "type" && !taken.contains(key.stringValue) {
            throw InputError(
                .name, at: "model, features, \(type.rawValue), \(key.stringValue)",
                found: "an option of that name", expected: "type or \(taken.joined(separator: ", "))")
        }
        count = try values.decodeIfPresent(Int.self, forKey: .count)
        rank = try values.decodeIfPresent(Int.self, forKey: .rank)
        appends = try values.decodeIfPresent(Bool.self, forKey: .appends)
        fields = try values.decodeIfPresent([String].self, forKey: .fields)
        reduction = try values.decodeIfPresent(Int.self, forKey: .reduction)
        sequence = try values.decodeIfPresent(String.self, forKey: .sequence)
        candidate = try values.decodeIfPresent(String.self, forKey: .candidate)
        layers = try values.decodeIfPresent([Int].self, forKey: .layers)
        normalized = try values.decodeIfPresent(Bool.self, forKey: .normalized)
    }

    /// The layer itself.
    var layer: any FeatureLayer {
        switch type {
        case .cross: return CrossLayers(count: count ?? 3, rank: rank ?? 0, appends: appends ?? false)
        case .factorizationMachine: return FactorizationMachine(fields: fields ?? [])
        case .gate: return FieldGate(fields: fields ?? [], reduction: reduction ?? 3)
        case .attention:
            return TargetAttention(
                sequence: sequence ?? "", candidate: candidate ?? "",
                layers: (layers ?? [80, 40]).map { .dense($0, .sigmoid) }, isNormalized: normalized ?? false)
        case .selfAttention:
            return SelfAttentionPooling(
                sequence: sequence ?? "", layers: (layers ?? [32]).map { .dense($0, .tanh) })
        }
    }
}
