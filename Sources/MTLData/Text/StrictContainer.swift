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
        try plainly(key, Value.self) { try values.decode(Value.self, forKey: key) }
    }

    /// Puts a setting in the place of its default.
    func read<Value: Decodable>(_ key: Key, _ target: inout Value) throws {
        if let value = try plainly(key, Value.self, { try values.decodeIfPresent(Value.self, forKey: key) }) {
            target = value
        }
    }

    /// What a decoder says of a wrong type or value, in words for whoever wrote the file.
    private func plainly<Value, Result>(
        _ key: Key, _: Value.Type, _ body: () throws -> Result
    ) throws -> Result {
        do {
            return try body()
        } catch let error as DecodingError {
            let place = SettingPlace.text(values.codingPath + [key])
            switch error {
            case .keyNotFound(let missing, let context):
                let isOwn =
                    missing.stringValue == key.stringValue
                    && context.codingPath.count == values.codingPath.count
                throw InputError(
                    .name, at: isOwn ? place : SettingPlace.text(context.codingPath + [missing]),
                    found: "nothing", expected: "this setting")
            case .dataCorrupted(let context) where context.underlyingError is InputError:
                throw context.underlyingError ?? error
            default:
                throw InputError(
                    .value, at: place, found: found(key), expected: ExpectedSetting.text(Value.self))
            }
        }
    }

    private func found(_ key: Key) -> String {
        if let text = try? values.decode(String.self, forKey: key) { return "\"\(text.prefix(200))\"" }
        if let number = try? values.decode(Double.self, forKey: key) { return "\(number)" }
        if let truth = try? values.decode(Bool.self, forKey: key) { return "\(truth)" }
        if (try? values.nestedUnkeyedContainer(forKey: key)) != nil { return "a list" }
        return "settings by name"
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
        let place = SettingPlace.text(codingPath)
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

/// Where a setting stands: "schema.features.[2].clip".
enum SettingPlace {
    static func text(_ path: [any CodingKey]) -> String {
        path.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
    }
}

/// What a setting of a type may be, in words.
enum ExpectedSetting {
    static func text(_ type: Any.Type) -> String {
        switch type {
        case is Double.Type: "a number"
        case is Int.Type: "a whole number"
        case is UInt64.Type: "a whole number, 0 or above"
        case is Bool.Type: "true or false"
        case is String.Type: "a text"
        case is [String].Type: "a list of texts"
        case is [Double].Type: "a list of numbers"
        case is [Int].Type, is [UInt64].Type: "a list of whole numbers"
        case let optional as any AnyOptional.Type: text(optional.wrapped)
        case let cases as any CaseIterable.Type: "one of \(names(cases))"
        case let list as any AnyList.Type: "a list, each \(text(list.element))"
        case is any AnyMap.Type: "values by name"
        default: "settings by name"
        }
    }

    private static func names<Cases: CaseIterable>(_: Cases.Type) -> String {
        Cases.allCases.map { value in
            (value as? any RawRepresentable).map { "\($0.rawValue)" } ?? "\(value)"
        }.joined(separator: ", ")
    }
}

private protocol AnyOptional { static var wrapped: Any.Type { get } }
extension Optional: AnyOptional { fileprivate static var wrapped: Any.Type { Wrapped.self } }
private protocol AnyList { static var element: Any.Type { get } }
extension Array: AnyList { fileprivate static var element: Any.Type { Element.self } }
private protocol AnyMap {}
extension Dictionary: AnyMap {}
