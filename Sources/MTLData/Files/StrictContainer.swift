internal import MTLEngine

/// A name that any key may have.
private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

/// The settings of one part of a file.
struct StrictContainer<Key: CodingKey & CaseIterable> {
    private let values: KeyedDecodingContainer<Key>

    fileprivate init(_ values: KeyedDecodingContainer<Key>) { self.values = values }

    /// Whether the file says it.
    func contains(_ key: Key) -> Bool { values.contains(key) }

    /// A setting that has no default.
    func require<Value: Decodable>(_ key: Key, as _: Value.Type = Value.self) throws -> Value {
        try values.decode(Value.self, forKey: key)
    }

    /// Puts a setting in the place of its default.
    func read<Value: Decodable>(_ key: Key, _ target: inout Value) throws {
        if let value = try values.decodeIfPresent(Value.self, forKey: key) { target = value }
    }
}

extension Decoder {
    /// The settings of one part of a file. An unknown setting is an error: it is a misspelt one, not a default.
    func strictContainer<Key: CodingKey & CaseIterable>(_ keys: Key.Type) throws -> StrictContainer<Key> {
        try strictContainer(keys, beside: keys)
    }

    /// The same where settings of another part stand among them.
    func strictContainer<Key: CodingKey & CaseIterable, Other: CodingKey & CaseIterable>(
        _: Key.Type, beside _: Other.Type
    ) throws -> StrictContainer<Key> {
        let known = Set(Key.allCases.map(\.stringValue)).union(Other.allCases.map(\.stringValue))
        let place = codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
        for key in try container(keyedBy: AnyKey.self).allKeys where !known.contains(key.stringValue) {
            throw InputError(
                .name, at: place.isEmpty ? key.stringValue : "\(place).\(key.stringValue)",
                found: "a setting of that name", expected: "one of \(known.sorted().joined(separator: ", "))")
        }
        return try settings(Key.self)
    }

    /// The settings of these keys, whatever stands among them; for a part whose names its surroundings have checked.
    func settings<Key: CodingKey & CaseIterable>(_: Key.Type) throws -> StrictContainer<Key> {
        StrictContainer(try container(keyedBy: Key.self))
    }
}
