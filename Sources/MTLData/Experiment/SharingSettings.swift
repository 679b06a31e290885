public import MTLEngine

/// How tasks and scenarios share, as a file says it: a type, and the options that this type takes.
///
/// ```yaml
/// sharing: {type: mmoe, experts: 8, layers: [64], gate: [16]}
/// ```
public typealias SharingSettings = TypedSettings<SharingType>

extension TypedSettings where Kind == SharingType {
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

extension ModelSettings {
    /// Per later event of a funnel the one before it, of architectures that learn events of all rows; empty for others, and where
    /// the settings are wrong, which the model says.
    package var eventParents: [String: String] {
        ((try? sharing?.architecture { .relu($0) }) as? any EventFunnel)?.parents ?? [:]
    }
}

/// The ways to share.
public enum SharingType: String, SettingsKind {
    case sharedBottom = "shared_bottom"
    case omoe, mmoe, cgc, ple
    case crossStitch = "cross_stitch"
    case esmm, escm2, aitm, dbmtl, resflow
    case separate, soft, sluice, nddr, mtan, snr
    case lowRank = "low_rank"
    case traceNorm = "trace_norm"
    case alternatingStructure = "alternating_structure"
    case dselectK = "dselect_k"
    case scenarioTowers = "scenario_towers"
    case star, pepnet, sarnet, m3oe, adaptdhm, hamur, apg
    case stem, home, hinet, m2m, dc2vr, adasparse

    /// Where it is in an experiment.
    public static var place: String { "model, sharing" }

    /// Checks options without the rest of the experiment.
    ///
    /// - Throws: `InputError` that names the option.
    public func check(_ options: [String: OptionValue]) throws(InputError) {
        let settings = SharingSettings(self, options)
        _ = try located(Self.place) { () throws(InputError) in try settings.architecture { .relu($0) } }
    }

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
        case .separate: try SeparateNetworks(&options)
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
        case .stem: try STEM(&options)
        case .home: try HoME(&options)
        case .hinet: try HiNet(&options)
        case .m2m: try M2M(&options)
        case .dc2vr: try DC2VR(&options)
        case .adasparse: try AdaSparse(&options)
        }
    }
}
