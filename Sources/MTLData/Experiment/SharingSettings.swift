internal import MTLEngine

/// How tasks and scenarios share, as a file says it: a type, and the options that this type takes.
///
/// ```yaml
/// sharing: {type: mmoe, experts: 8, layers: [64], gate: [16]}
/// ```
@dynamicMemberLookup
public struct SharingSettings: Sendable, Equatable, Codable {
    /// The architecture.
    public var type: SharingType
    /// Its options; nil where the type's default is meant.
    public var options = SharingOptions()

    /// A type with its defaults.
    public init(_ type: SharingType) { self.type = type }

    /// An option.
    public subscript<Value>(dynamicMember option: WritableKeyPath<SharingOptions, Value>) -> Value {
        get { options[keyPath: option] }
        set { options[keyPath: option] = newValue }
    }

    private enum CodingKeys: String, CodingKey { case type }

    /// Reads what a file says; an option that the type does not take is an error.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        type = try values.decode(SharingType.self, forKey: .type)
        options = try SharingOptions(from: decoder)
        let known = SharingOptions.CodingKeys.allCases.map(\.stringValue) + ["type"]
        let taken = type.options.map(\.stringValue)
        for key in try decoder.container(keyedBy: AnyKey.self).allKeys
        where key.stringValue != "type" && !taken.contains(key.stringValue) {
            throw InputError(
                .name, at: "model, sharing, \(key.stringValue)",
                found: known.contains(key.stringValue)
                    ? "an option that \(type.rawValue) does not take" : "a setting of that name",
                expected: taken.isEmpty ? "type alone" : "type or \(taken.joined(separator: ", "))")
        }
    }

    /// Writes type and options side by side.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(type, forKey: .type)
        try options.encode(to: encoder)
    }
}

/// The ways to share.
public enum SharingType: String, Sendable, Codable, CaseIterable {
    case hard, omoe, mmoe, cgc, ple
    case crossStitch = "cross_stitch"
    case esmm, escm2, aitm, dbmtl, resflow
    case soft, sluice, nddr, mtan, snr
    case lowRank = "low_rank"
    case traceNorm = "trace_norm"
    case alternatingStructure = "alternating_structure"
    case dselectK = "dselect_k"
    case scenarioTowers = "scenario_towers"
    case star, pepnet, sarnet, m3oe, adaptdhm, hamur, apg

    /// Whether it is made for scenarios.
    public var isOfScenarios: Bool {
        switch self {
        case .scenarioTowers, .star, .pepnet, .sarnet, .m3oe, .adaptdhm, .hamur, .apg: true
        default: false
        }
    }

    /// Whether its tasks follow one another, as `parents` says.
    public var takesParents: Bool { options.contains(.parents) }

    /// The options that it takes.
    var options: [SharingOptions.CodingKeys] {
        switch self {
        case .hard: [.layers]
        case .crossStitch: [.layers, .ownShare]
        case .omoe, .mmoe: [.experts, .layers, .gate, .temperature, .expertDropout]
        case .cgc: [.own, .shared, .layers, .gate, .expertDropout]
        case .ple: [.levels, .gate, .expertDropout]
        case .soft: [.layers, .distance, .weight, .updateEvery]
        case .sluice: [.layers, .subspaces, .ownShare, .mixesLayers, .orthogonality]
        case .nddr: [.layers, .ownShare, .normalized]
        case .mtan: [.layers, .attention]
        case .snr: [.levels, .transforms, .sparsity]
        case .lowRank: [.layers, .rank]
        case .traceNorm: [.layers, .weight, .updateEvery]
        case .alternatingStructure: [.layers, .rank, .weight, .updateEvery]
        case .dselectK: [.experts, .layers, .selected, .perExample, .entropy]
        case .scenarioTowers: [.layers]
        case .star: [.layers, .normalized, .scenarioWidth, .auxiliary]
        case .pepnet: [.domain, .personal, .scenarioWidth]
        case .sarnet: [.shared, .own, .layers, .gate]
        case .m3oe: [.starWidth, .shared, .layers, .gate]
        case .adaptdhm: [.layers, .clusters]
        case .hamur: [.layers, .rank, .adapterWidth, .generator]
        case .apg: [.layers, .rank, .condition, .scenarioWidth, .generator]
        case .esmm: [.parents, .layers]
        case .escm2: [.parents, .layers, .doublyRobust, .weight, .maximumWeight]
        case .aitm: [.parents, .layers, .calibration]
        case .dbmtl: [.parents, .trunk, .layers, .relation]
        case .resflow: [.parents, .layers]
        }
    }
}
