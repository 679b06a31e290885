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
        /// Experts of each task.
        public var own: Int
        /// Experts of all tasks.
        public var shared: Int
        /// Units of an expert's layers.
        public var layers: [Int]

        /// A level.
        public init(own: Int, shared: Int, layers: [Int]) {
            self.own = own
            self.shared = shared
            self.layers = layers
        }
    }

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

    /// All as the type's defaults.
    public init() {}

    enum CodingKeys: String, CodingKey, CaseIterable {
        case layers, experts, own, shared, levels, gate, temperature, parents, weight, calibration, trunk, relation
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
        if let name = try? value.decode(String.self) { all = [name] } else { all = try value.decode([String].self) }
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

    /// Whether its tasks follow one another, as `parents` says.
    public var takesParents: Bool { options.contains(.parents) }

    /// The options that it takes.
    var options: [SharingOptions.CodingKeys] {
        switch self {
        case .hard, .crossStitch: [.layers]
        case .omoe, .mmoe: [.experts, .layers, .gate, .temperature]
        case .cgc: [.own, .shared, .layers, .gate]
        case .ple: [.levels, .gate]
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
                experts: options.experts ?? 8, layers: layers, gate: gate, temperature: options.temperature ?? 1)
        case .mmoe:
            return MMoE(
                experts: options.experts ?? 8, layers: layers, gate: gate, temperature: options.temperature ?? 1)
        case .cgc:
            return PLE.cgc(own: options.own ?? 1, shared: options.shared ?? 1, layers: layers, gate: gate)
        case .ple:
            let levels = options.levels ?? [Level](repeating: Level(own: 1, shared: 1, layers: [64]), count: 2)
            return PLE(
                levels: levels.map {
                    PLE.Level(own: $0.own, shared: $0.shared, layers: hidden($0.layers))
                }, gate: gate)
        case .crossStitch: return CrossStitch(layers: layers)
        case .esmm: return ESMM(parents: try parents(), trunk: hidden(options.layers ?? []))
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
        }
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
