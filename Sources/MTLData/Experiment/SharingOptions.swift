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
    /// What weights are generated from: "scenario", "features" or "both".
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
