public import MTLEngine

/// How tasks and scenarios share, as a file says it: a type, and the options that this type takes.
///
/// ```yaml
/// sharing: {type: mmoe, experts: 8, layers: [64], gate: [16]}
/// ```
public struct SharingSettings: Sendable, Equatable, Codable {
    /// Which architecture it is.
    public var type: SharingType
    /// What differs from its defaults, by the names that a file has.
    public var options: [String: OptionValue]

    /// A type, with its defaults but for some options: `SharingSettings(.mmoe, ["experts": 4, "layers": [64]])`.
    public init(_ type: SharingType, _ options: [String: OptionValue] = [:]) {
        self.type = type
        self.options = options
    }

    /// Reads what a file says.
    ///
    /// - Throws: `InputError` that names an option which the type does not take, or which is of another type.
    public init(from decoder: any Decoder) throws {
        let read = try TypedOptions<SharingType>(from: decoder, at: Self.place)
        self.init(read.type, read.options)
        _ = try located(Self.place) { () throws(InputError) in try architecture { .relu($0) } }
    }

    /// Writes the type and the options side by side.
    ///
    /// - Throws: what the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        try TypedOptions.encode(type, options, to: encoder)
    }

    private static let place = "model, sharing"

    /// Which architecture it is.
    ///
    /// - Parameter hidden: a hidden layer of the model's kind, of so many units.
    /// - Throws: `InputError` that names an option.
    package func architecture(
        _ hidden: @escaping (Int) -> HiddenLayer
    ) throws(InputError) -> any Architecture {
        try OptionReader.read(options, for: type.rawValue, hidden: hidden) { (options) throws(InputError) in
            try type.architecture(&options)
        }
    }
}

/// The ways to share.
public enum SharingType: String, Sendable, Codable, CaseIterable {
    case sharedBottom = "shared_bottom"
    case omoe, mmoe, cgc, ple
    case crossStitch = "cross_stitch"
    case esmm, escm2, aitm, dbmtl, resflow
    case soft, sluice, nddr, mtan, snr
    case lowRank = "low_rank"
    case traceNorm = "trace_norm"
    case alternatingStructure = "alternating_structure"
    case dselectK = "dselect_k"
    case scenarioTowers = "scenario_towers"
    case star, pepnet, sarnet, m3oe, adaptdhm, hamur, apg

    /// The architecture of that name, which reads its options itself.
    fileprivate func architecture(_ options: inout OptionReader) throws(InputError) -> any Architecture {
        switch self {
        case .sharedBottom: try SharedBottom(&options)
        case .omoe: try MMoE(&options, gating: .shared)
        case .mmoe: try MMoE(&options, gating: .perTask)
        case .cgc: try PLE(cgc: &options)
        case .ple: try PLE(&options)
        case .crossStitch: try CrossStitch(&options)
        case .esmm: try ESMM(&options)
        case .escm2: try ESCM2(&options)
        case .aitm: try AITM(&options)
        case .dbmtl: try DBMTL(&options)
        case .resflow: try ResFlow(&options)
        case .soft: try SoftSharing(&options)
        case .sluice: try Sluice(&options)
        case .nddr: try NDDR(&options)
        case .mtan: try MTAN(&options)
        case .snr: try SNR(&options)
        case .lowRank: try LowRankSharing(&options)
        case .traceNorm: try TraceNormSharing(&options)
        case .alternatingStructure: try AlternatingStructure(&options)
        case .dselectK: try DSelectK(&options)
        case .scenarioTowers: try ScenarioTowers(&options)
        case .star: try STAR(&options)
        case .pepnet: try PEPNet(&options)
        case .sarnet: try SARNet(&options)
        case .m3oe: try M3oE(&options)
        case .adaptdhm: try AdaptDHM(&options)
        case .hamur: try HAMUR(&options)
        case .apg: try APG(&options)
        }
    }
}
