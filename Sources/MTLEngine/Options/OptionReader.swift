/// A file's options for one architecture or feature layer. It reads those that it takes into its own properties, whose
/// defaults its initialiser says; an option that is not read is an error.
package struct OptionReader {
    /// Units of the layers of an architecture that are not said.
    package static let usualUnits = [128, 64]

    private let values: [String: OptionValue]
    private let owner: String
    private let place: String
    private let hidden: (Int) -> HiddenLayer
    private var taken: [String] = []

    /// Reads all of `values`.
    ///
    /// - Parameters:
    ///   - owner: what messages call the one that takes the options.
    ///   - place: the prefix of the options' places.
    ///   - hidden: a hidden layer of the model's kind, of so many units.
    /// - Throws: `InputError` that names an option that is of another type or is not taken.
    package static func read<Value>(
        _ values: [String: OptionValue], for owner: String, at place: String = "",
        hidden: @escaping (Int) -> HiddenLayer,
        _ body: (inout OptionReader) throws(InputError) -> Value
    ) throws(InputError) -> Value {
        var options = OptionReader(values: values, owner: owner, place: place, hidden: hidden)
        let value = try body(&options)
        if let name = values.keys.sorted().first(where: { !options.taken.contains($0) }) {
            let names = options.taken.joined(separator: ", ")
            throw InputError(
                .name, at: place + name, found: "an option that \(owner) does not take",
                expected: !place.isEmpty ? names : names.isEmpty ? "type alone" : "type or \(names)")
        }
        return value
    }

    private init(
        values: [String: OptionValue], owner: String, place: String, hidden: @escaping (Int) -> HiddenLayer
    ) {
        self.values = values
        self.owner = owner
        self.place = place
        self.hidden = hidden
    }

    /// The option; nil where the file does not say it.
    mutating func value<Value: OptionType>(
        _ name: String, as _: Value.Type = Value.self
    ) throws(InputError) -> Value? {
        taken.append(name)
        guard let option = values[name] else { return nil }
        guard let value = Value(option: option) else {
            throw InputError(.value, at: place + name, found: option.text, expected: Value.expected)
        }
        return value
    }

    /// Puts the option in the place of a default.
    mutating func read<Value: OptionType>(_ name: String, _ target: inout Value) throws(InputError) {
        if let value = try value(name, as: Value.self) { target = value }
    }

    /// Names, of which one may stand alone.
    mutating func readNames(_ name: String, _ target: inout [String]) throws(InputError) {
        guard let option = try value(name, as: OptionValue.self) else { return }
        guard let names = String(option: option).map({ [$0] }) ?? [String](option: option) else {
            throw InputError(
                .value, at: place + name, found: option.text, expected: "a name or a list of names")
        }
        target = names
    }

    /// Hidden layers by their units, all of the model's kind; those of the default too.
    mutating func read(_ name: String, _ target: inout [HiddenLayer]) throws(InputError) {
        target = (try value(name) ?? target.map(\.units)).map(hidden)
    }

    /// Hidden layers by their units, with an activation of their own.
    mutating func read(
        _ name: String, _ target: inout [HiddenLayer], _ activation: Activation
    ) throws(InputError) {
        if let units = try value(name, as: [Int].self) { target = units.map { .dense($0, activation) } }
    }

    /// Hidden layers of the model's kind.
    func layers(of units: [Int]) -> [HiddenLayer] { units.map(hidden) }

    /// The option "layers".
    mutating func layers() throws(InputError) -> [HiddenLayer] {
        (try value("layers") ?? Self.usualUnits).map(hidden)
    }

    /// The option "layers" where there is no default.
    mutating func requiredLayers() throws(InputError) -> [HiddenLayer] {
        guard let units = try value("layers", as: [Int].self) else {
            throw InputError(
                .name, at: "\(place)layers", found: "nothing", expected: "the units of its layers")
        }
        return units.map(hidden)
    }

    /// The option "levels", each of which has options too; nil where the file does not say them.
    mutating func levels<Level>(
        _ level: (inout OptionReader) throws(InputError) -> Level
    ) throws(InputError) -> [Level]? {
        guard let all = try value("levels", as: [[String: OptionValue]].self) else { return nil }
        var result: [Level] = []
        for (depth, values) in all.enumerated() {
            result.append(
                try Self.read(
                    values, for: owner, at: "\(place)levels, \(depth), ", hidden: hidden, level))
        }
        return result
    }

    /// The option "parents": per task one name or several.
    mutating func parents() throws(InputError) -> [String: [String]] {
        var result: [String: [String]] = [:]
        for (task, names) in try value("parents", as: [String: OptionValue].self) ?? [:] {
            guard let all = String(option: names).map({ [$0] }) ?? [String](option: names) else {
                throw InputError(
                    .value, at: "\(place)parents, \(task)", found: names.text, expected: "names of tasks")
            }
            result[task] = all
        }
        return result
    }

    /// The same of tasks with one parent each.
    mutating func singleParents() throws(InputError) -> [String: String] {
        var result: [String: String] = [:]
        for (task, names) in try parents() {
            guard names.count == 1 else {
                throw InputError(
                    .value, at: "\(place)parents, \(task)", found: "\(names.count) tasks",
                    expected: "one; dbmtl takes several")
            }
            result[task] = names[0]
        }
        return result
    }
}

/// What an option can be.
protocol OptionType {
    static var expected: String { get }
    init?(option: OptionValue)
}

extension OptionValue: OptionType {
    static var expected: String { "a value" }
    init?(option: OptionValue) { self = option }
}

extension Int: OptionType {
    static var expected: String { "a whole number" }
    init?(option: OptionValue) {
        guard case .scalar(let text) = option, let value = Int(text) else { return nil }
        self = value
    }
}

extension Double: OptionType {
    static var expected: String { "a number" }
    init?(option: OptionValue) {
        guard case .scalar(let text) = option, let value = Double(text) else { return nil }
        self = value
    }
}

extension Bool: OptionType {
    static var expected: String { "true or false" }
    init?(option: OptionValue) {
        guard case .scalar(let text) = option else { return nil }
        switch text.lowercased() {
        case "true", "yes", "on": self = true
        case "false", "no", "off": self = false
        default: return nil
        }
    }
}

extension String: OptionType {
    static var expected: String { "a name" }
    init?(option: OptionValue) {
        guard case .scalar(let text) = option else { return nil }
        self = text
    }
}

extension Array: OptionType where Element: OptionType {
    static var expected: String { "a list, each \(Element.expected)" }
    init?(option: OptionValue) {
        guard case .list(let values) = option else { return nil }
        let elements = values.compactMap { Element(option: $0) }
        guard elements.count == values.count else { return nil }
        self = elements
    }
}

extension Dictionary: OptionType where Key == String, Value: OptionType {
    static var expected: String { "names, for each \(Value.expected)" }
    init?(option: OptionValue) {
        guard case .map(let values) = option else { return nil }
        let elements = values.compactMapValues { Value(option: $0) }
        guard elements.count == values.count else { return nil }
        self = elements
    }
}

extension OptionType where Self: RawRepresentable<String> & CaseIterable {
    static var expected: String {
        let names = allCases.map(\.rawValue)
        return "\(names.dropLast().joined(separator: ", ")) or \(names.last ?? "")"
    }
    init?(option: OptionValue) {
        guard case .scalar(let text) = option else { return nil }
        self.init(rawValue: text)
    }
}

extension Activation: OptionType {}
