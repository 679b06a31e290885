public import MTLEngine

/// What the columns of a table are: features, labels, and columns with a role of their own. Other columns are not read.
public struct Schema: Sendable, Equatable, Codable {
    /// The features, in the order in which the model gets them.
    public var features: [Feature]
    /// What is predicted.
    public var labels: [Label]
    /// The column that tells scenarios (countries, channels, pages) apart.
    public var scenario: String?
    /// The column of the user, visit or shop that a split keeps together.
    public var group: String?
    /// The column of the time a row is from.
    public var time: String?
    /// The column of how much a row counts in the losses; 1 where a cell is missing.
    public var weight: String?

    /// A schema in full.
    public init(
        features: [Feature], labels: [Label], scenario: String? = nil, group: String? = nil,
        time: String? = nil,
        weight: String? = nil
    ) {
        self.features = features
        self.labels = labels
        self.scenario = scenario
        self.group = group
        self.time = time
        self.weight = weight
    }

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case features, labels, scenario, group, time, weight
    }

    /// Reads what a file says; a setting that nobody knows is an error.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(CodingKeys.self)
        features = try values.decode([Feature].self, forKey: .features)
        labels = try values.decode([Label].self, forKey: .labels)
        scenario = try values.decodeIfPresent(String.self, forKey: .scenario)
        group = try values.decodeIfPresent(String.self, forKey: .group)
        time = try values.decodeIfPresent(String.self, forKey: .time)
        weight = try values.decodeIfPresent(String.self, forKey: .weight)
    }

    /// Checks what can be checked without data.
    ///
    /// - Throws: `InputError` that names the feature or label.
    public func check() throws(InputError) {
        guard !features.isEmpty else {
            throw InputError(.empty, at: "schema, features", found: "none", expected: "at least one")
        }
        var names = Set<String>()
        for feature in features {
            guard names.insert(feature.name).inserted else {
                throw InputError(
                    .name, at: "feature \"\(feature.name)\"", found: "the name twice",
                    expected: "names that differ")
            }
            try feature.check(schema: self)
        }
        names.removeAll()
        for label in labels {
            guard names.insert(label.name).inserted else {
                throw InputError(
                    .name, at: "label \"\(label.name)\"", found: "the name twice",
                    expected: "names that differ")
            }
            try label.check()
        }
    }
}

/// A name that any key may have.
struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

extension Decoder {
    /// The keyed values, where no key is one that nobody knows: a misspelt setting is a mistake, not a default.
    func strictContainer<Key: CodingKey & CaseIterable>(_: Key.Type) throws -> KeyedDecodingContainer<Key> {
        try refuseKeys(beside: Key.names)
        return try container(keyedBy: Key.self)
    }

    /// Refuses keys that are none of these.
    func refuseKeys(beside known: [String]) throws {
        let place = codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
        for key in try container(keyedBy: AnyKey.self).allKeys where !known.contains(key.stringValue) {
            throw InputError(
                .name, at: place.isEmpty ? key.stringValue : "\(place).\(key.stringValue)",
                found: "a setting of that name", expected: "one of \(known.sorted().joined(separator: ", "))")
        }
    }
}

extension CodingKey where Self: CaseIterable {
    static var names: [String] { allCases.map(\.stringValue) }
}
