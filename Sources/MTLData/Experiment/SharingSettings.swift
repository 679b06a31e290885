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

/// Options of the ways to share; a type takes some of them.
public struct SharingOptions: Sendable, Equatable, Codable {
    /// A level of progressive layered extraction.
    public struct Level: Sendable, Equatable, Codable {
        /// Experts of each task (ple).
        public var own: Int?
        /// Experts of all tasks (ple).
        public var shared: Int?
        /// Sub-networks (snr).
        public var networks: Int?
        /// Units of an expert's or a sub-network's layers.
        public var layers: [Int]

        private enum CodingKeys: String, CodingKey, CaseIterable { case own, shared, networks, layers }

        /// A level of experts.
        public init(own: Int, shared: Int, layers: [Int]) {
            self.own = own
            self.shared = shared
            self.layers = layers
        }

        /// A level of sub-networks.
        public init(networks: Int, layers: [Int]) {
            self.networks = networks
            self.layers = layers
        }

        /// Reads what a file says; a setting that nobody knows is an error.
        public init(from decoder: any Decoder) throws {
            let values = try decoder.strictContainer(CodingKeys.self)
            own = try values.decodeIfPresent(Int.self, forKey: .own)
            shared = try values.decodeIfPresent(Int.self, forKey: .shared)
            networks = try values.decodeIfPresent(Int.self, forKey: .networks)
            layers = try values.decode([Int].self, forKey: .layers)
        }
    }

    /// What soft sharing penalises.
    public enum Distance: String, Sendable, Codable, CaseIterable { case pairwise, mean, covariance }

    /// Units of the shared layers, of an expert, or of each task's network.
    public var layers: [Int]?
    /// The number of experts.
    public var experts: Int?
    /// Experts of each task.
    public var own: Int?
    /// Experts of all tasks.
    public var shared: Int?
    /// Levels, from the features up.
    public var levels: [Level]?
    /// Units of a gate's hidden layers.
    public var gate: [Int]?
    /// What a gate's logits are divided by.
    public var temperature: Double?
    /// Per later task the task or tasks whose event comes before.
    public var parents: [String: Names]?
    /// Whether an imputation tower makes a counterfactual loss doubly robust.
    public var doublyRobust: Bool?
    /// The factor of a counterfactual loss.
    public var weight: Double?
    /// The most that one over a propensity may be.
    public var maximumWeight: Double?
    /// The factor of the calibrator.
    public var calibration: Double?
    /// Units of the layers under all tasks, where `layers` are each task's.
    public var trunk: [Int]?
    /// Units of the layers that relate a task to its parents.
    public var relation: [Int]?
    /// In training the share of experts that a row goes without.
    public var expertDropout: Double?
    /// What a task keeps of its own at the start of a stitch or fusion.
    public var ownShare: Double?
    /// Subspaces of a task's layer.
    public var subspaces: Int?
    /// Whether a task's head reads a mixture of all its layers.
    public var mixesLayers: Bool?
    /// What the overlap of subspaces is penalised with.
    public var orthogonality: Double?
    /// Whether fusions are batch-normalised.
    public var normalized: Bool?
    /// Units of an attention mask's hidden layer.
    public var attention: Int?
    /// The distance of the tasks' parameters.
    public var distance: Distance?
    /// Steps between the updates of what is not learned by gradients.
    public var updateEvery: Int?
    /// The rank of a task's deviation, or of the map that tasks share.
    public var rank: Int?
    /// Experts that a gate selects.
    public var selected: Int?
    /// Whether selection depends on the row.
    public var perExample: Bool?
    /// What the selectors' entropy is penalised with.
    public var entropy: Double?
    /// Whether an edge between sub-networks has a matrix of its own.
    public var transforms: Bool?
    /// What an open edge is penalised with.
    public var sparsity: Double?
    /// Columns of a scenario's own vector.
    public var scenarioWidth: Int?
    /// Units of the network that adds to the logit by the scenario.
    public var auxiliary: [Int]?
    /// Embedded features of the scenario, beside its own vector.
    public var domain: [String]?
    /// Embedded features of user, item and the like, whose gates personalise a tower.
    public var personal: [String]?
    /// Units of the layer before the experts.
    public var starWidth: Int?
    /// Clusters of rows.
    public var clusters: Int?
    /// The feature that weights are generated from, or "scenario".
    public var condition: String?
    /// Units of the network that generates weights.
    public var generator: [Int]?
    /// Units of an adapter.
    public var adapterWidth: Int?

    /// All as the type's defaults.
    public init() {}

    enum CodingKeys: String, CodingKey, CaseIterable {
        case layers, experts, own, shared, levels, gate, temperature, parents, weight, calibration, trunk,
            relation
        case subspaces, orthogonality, normalized, attention, distance, rank, selected, entropy, transforms,
            sparsity
        case auxiliary, domain, personal, clusters, condition, generator
        case scenarioWidth = "scenario_width"
        case starWidth = "star_width"
        case adapterWidth = "adapter_width"
        case expertDropout = "expert_dropout"
        case ownShare = "own_share"
        case mixesLayers = "mixes_layers"
        case updateEvery = "update_every"
        case perExample = "per_example"
        case doublyRobust = "doubly_robust"
        case maximumWeight = "maximum_weight"
    }
}

/// One name, or several.
public struct Names: Sendable, Equatable, Codable, ExpressibleByStringLiteral {
    /// The names.
    public var all: [String]

    /// Several.
    public init(_ all: [String]) { self.all = all }

    /// One.
    public init(stringLiteral name: String) { all = [name] }

    /// Reads a text or a list.
    public init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if let name = try? value.decode(String.self) {
            all = [name]
        } else {
            all = try value.decode([String].self)
        }
    }

    /// Writes a list.
    public func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        try value.encode(all)
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

extension SharingSettings {
    /// The architecture.
    ///
    /// - Throws: `InputError` that names an option.
    func architecture(_ hidden: ([Int]) -> [HiddenLayer]) throws(InputError) -> any Architecture {
        let layers = hidden(options.layers ?? [128, 64])
        let gate: [HiddenLayer] = (options.gate ?? []).map { .relu($0) }
        switch type {
        case .hard: return HardSharing(trunk: layers)
        case .omoe:
            return OMoE(
                experts: options.experts ?? 8, layers: layers, gate: gate,
                temperature: options.temperature ?? 1, expertDropout: options.expertDropout ?? 0)
        case .mmoe:
            return MMoE(
                experts: options.experts ?? 8, layers: layers, gate: gate,
                temperature: options.temperature ?? 1, expertDropout: options.expertDropout ?? 0)
        case .cgc:
            let level = PLE.Level(own: options.own ?? 1, shared: options.shared ?? 1, layers: layers)
            return PLE(levels: [level], gate: gate, expertDropout: options.expertDropout ?? 0)
        case .ple:
            let levels = try levels(Level(own: 1, shared: 1, layers: [64]), \.networks, "networks")
            return PLE(
                levels: levels.map {
                    PLE.Level(own: $0.own ?? 1, shared: $0.shared ?? 1, layers: hidden($0.layers))
                }, gate: gate, expertDropout: options.expertDropout ?? 0)
        case .snr:
            let levels = try levels(Level(networks: 4, layers: [32]), \.own, "own")
            return SNR(
                levels: levels.map { SNR.Level(networks: $0.networks ?? 4, layers: hidden($0.layers)) },
                transforms: options.transforms ?? false, sparsity: options.sparsity ?? 1e-4)
        case .dselectK:
            return DSelectK(
                experts: options.experts ?? 8, layers: layers, selected: options.selected ?? 2,
                perExample: options.perExample ?? false, entropy: options.entropy ?? 1e-6)
        default:
            if type.isOfScenarios { return scenarios(hidden, layers, gate) }
            return type.takesParents ? try funnel(hidden, layers) : networks(layers)
        }
    }

    /// A network of its own for each task, tied in some way.
    private func networks(_ layers: [HiddenLayer]) -> any Architecture {
        let own = options.ownShare ?? 0.9
        switch type {
        case .soft:
            let distance: SoftSharing.Distance =
                switch options.distance {
                case .pairwise: .pairwise
                case .covariance: .covariance
                default: .mean
                }
            return SoftSharing(
                layers: layers, distance: distance, weight: options.weight ?? 1e-3,
                updateEvery: options.updateEvery ?? 100)
        case .sluice:
            return Sluice(
                layers: layers, subspaces: options.subspaces ?? 2, own: own,
                mixesLayers: options.mixesLayers ?? (Set(layers.map(\.units)).count == 1),
                orthogonality: options.orthogonality ?? 1e-3)
        case .nddr: return NDDR(layers: layers, own: own, isNormed: options.normalized ?? true)
        case .mtan: return MTAN(layers: layers, attention: options.attention ?? 16)
        case .lowRank: return LowRankSharing(layers: layers, rank: options.rank ?? 4)
        case .traceNorm:
            return TraceNormSharing(
                layers: layers, weight: options.weight ?? 1e-2, updateEvery: options.updateEvery ?? 10)
        case .alternatingStructure:
            return AlternatingStructure(
                layers: layers, rank: options.rank ?? 4, weight: options.weight ?? 1e-3,
                updateEvery: options.updateEvery ?? 100)
        default: return CrossStitch(layers: layers, own: own)
        }
    }

    /// Weights of the scenarios' own.
    private func scenarios(
        _ hidden: ([Int]) -> [HiddenLayer], _ layers: [HiddenLayer], _ gate: [HiddenLayer]
    ) -> any Architecture {
        switch type {
        case .star:
            return STAR(
                layers: layers, normalizes: options.normalized ?? true,
                scenarioWidth: options.scenarioWidth ?? 8, auxiliary: hidden(options.auxiliary ?? [16]))
        case .pepnet:
            return PEPNet(
                domain: options.domain ?? [], personal: options.personal ?? [],
                scenarioWidth: options.scenarioWidth ?? 8)
        case .sarnet:
            return SARNet(shared: options.shared ?? 2, own: options.own ?? 1, layers: layers, gate: gate)
        case .m3oe:
            return M3oE(
                starWidth: options.starWidth ?? 64, shared: options.shared ?? 4, layers: layers, gate: gate)
        case .adaptdhm: return AdaptDHM(layers: layers, clusters: options.clusters ?? 3)
        case .hamur:
            return HAMUR(
                trunk: layers, rank: options.rank ?? 8, adapterWidth: options.adapterWidth ?? 32,
                hyper: (options.generator ?? [64]).map { .relu($0) })
        case .apg:
            return APG(
                layers: layers, rank: options.rank ?? 8, condition: options.condition ?? "scenario",
                scenarioWidth: options.scenarioWidth ?? 8,
                generator: (options.generator ?? []).map { .relu($0) })
        default: return ScenarioTowers(trunk: layers)
        }
    }

    /// Tasks that follow one another.
    private func funnel(
        _ hidden: ([Int]) -> [HiddenLayer], _ layers: [HiddenLayer]
    ) throws(InputError) -> any Architecture {
        switch type {
        case .escm2:
            return ESCM2(
                parents: try parents(), trunk: hidden(options.layers ?? []),
                isDoublyRobust: options.doublyRobust ?? true, weight: options.weight ?? 0.5,
                maximumWeight: options.maximumWeight ?? 15)
        case .aitm:
            return AITM(parents: try parents(), layers: layers, calibration: options.calibration ?? 0.6)
        case .dbmtl:
            return DBMTL(
                parents: (options.parents ?? [:]).mapValues(\.all), trunk: hidden(options.trunk ?? []),
                layers: layers, relation: hidden(options.relation ?? [32]))
        case .resflow: return ResFlow(parents: try parents(), layers: layers)
        default: return ESMM(parents: try parents(), trunk: hidden(options.layers ?? []))
        }
    }

    /// The levels as they are said, or two like `example`; none says what another type's do.
    private func levels(
        _ example: Level, _ foreign: KeyPath<Level, Int?>, _ name: String
    ) throws(InputError) -> [Level] {
        guard let levels = options.levels else { return [example, example] }
        for (index, level) in levels.enumerated() where level[keyPath: foreign] != nil {
            throw InputError(
                .name, at: "levels, \(index), \(name)",
                found: "an option that \(type.rawValue) does not take",
                expected: type == .snr ? "networks and layers" : "own, shared and layers")
        }
        return levels
    }

    private func parents() throws(InputError) -> [String: String] {
        var result: [String: String] = [:]
        for (task, names) in options.parents ?? [:] {
            guard names.all.count == 1 else {
                throw InputError(
                    .value, at: "parents, \(task)", found: "\(names.all.count) tasks",
                    expected: "one; dbmtl takes several")
            }
            result[task] = names.all[0]
        }
        return result
    }

    private typealias Level = SharingOptions.Level
}
