internal import Foundation
package import MTLEngine

/// Settings of an experiment as a file has them: values, lists and values by name.
package enum SettingTree: Sendable, Equatable, Codable {
    case text(String)
    case whole(Int)
    /// A whole number beyond `Int`, such as a seed.
    case natural(UInt64)
    case number(Double)
    case truth(Bool)
    case list([SettingTree])
    case map([String: SettingTree])

    /// All settings of an experiment, defaults filled in.
    package init(_ experiment: Experiment) throws(InputError) {
        do {
            self = try JSONDecoder().decode(SettingTree.self, from: JSONEncoder().encode(experiment))
        } catch {
            throw InputError(.value, at: "experiment", found: "\(error)", expected: "finite numbers")
        }
    }

    /// The experiment that these settings are.
    ///
    /// - Throws: `InputError` that names the setting which is unknown or of a wrong type.
    package func experiment() throws(InputError) -> Experiment {
        do {
            return try JSONDecoder().decode(Experiment.self, from: JSONEncoder().encode(self))
        } catch let error as InputError {
            throw error
        } catch {
            throw InputError(.value, at: "experiment", found: "\(error)", expected: "settings")
        }
    }

    /// A value that a file says by its text alone.
    ///
    /// - Parameter base: what it takes the place of: where that is a text, `1` and `true` are texts too.
    init(_ value: OptionValue, like base: SettingTree?) {
        switch value {
        case .scalar(let text):
            if case .text = base {
                self = .text(text)
            } else if let whole = Int(text) {
                self = .whole(whole)
            } else if text.first?.isLetter == false, let number = Double(text), number.isFinite {
                self = .number(number)
            } else {
                self = Bool(text).map { .truth($0) } ?? .text(text)
            }
        case .list(let values):
            var model: SettingTree?
            if case .list(let elements) = base, let first = elements.first { model = first }
            self = .list(values.map { SettingTree($0, like: model) })
        case .map(let values):
            var model: [String: SettingTree] = [:]
            if case .map(let elements) = base { model = elements }
            self = .map(
                Dictionary(uniqueKeysWithValues: values.map { ($0, SettingTree($1, like: model[$0])) }))
        }
    }

    /// Reads any value of JSON but null.
    package init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if let text = try? value.decode(String.self) {
            self = .text(text)
        } else if let truth = try? value.decode(Bool.self) {
            self = .truth(truth)
        } else if let whole = try? value.decode(Int.self) {
            self = .whole(whole)
        } else if let natural = try? value.decode(UInt64.self) {
            self = .natural(natural)
        } else if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else if let list = try? value.decode([SettingTree].self) {
            self = .list(list)
        } else {
            self = .map(try value.decode([String: SettingTree].self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .text(let value): try container.encode(value)
        case .whole(let value): try container.encode(value)
        case .natural(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .truth(let value): try container.encode(value)
        case .list(let values): try container.encode(values)
        case .map(let values): try container.encode(values)
        }
    }
}

// MARK: Paths

extension SettingTree {
    /// Puts a value where a path leads: names with dots between them; things in lists by their own names, as
    /// "schema.labels.click.weight". The last name may be one that is not said yet.
    ///
    /// - Throws: `InputError` at "space.PATH" for a path that leads nowhere.
    mutating func set(_ path: String, _ value: OptionValue) throws(InputError) {
        // Of a trunk and sharing an experiment says one.
        if path == "model.sharing", case .map(var settings) = self, case .map(var model)? = settings["model"]
        {
            model["trunk"] = nil
            settings["model"] = .map(model)
            self = .map(settings)
        }
        try set(path[...], value, path)
    }

    private mutating func set(
        _ rest: Substring, _ value: OptionValue, _ path: String
    ) throws(InputError) {
        func wrong(_ found: String, _ expected: String) -> InputError {
            InputError(.name, at: "space.\(path)", found: found, expected: expected)
        }
        switch self {
        case .map(var settings):
            // Names may have dots of their own: the longest one that fits.
            let name = settings.keys.filter { rest == $0 || rest.hasPrefix("\($0).") }.max {
                $0.count < $1.count
            }
            guard let name = name ?? (rest.contains(".") || rest.isEmpty ? nil : String(rest)) else {
                throw wrong(
                    "no setting \"\(rest.prefix { $0 != "." })\" with others in it",
                    "one of \(settings.keys.sorted().joined(separator: ", "))")
            }
            if rest.count == name.count {
                settings[name] = SettingTree(value, like: settings[name])
            } else {
                var inner = settings[name] ?? .map([:])
                try inner.set(rest.dropFirst(name.count + 1), value, path)
                settings[name] = inner
            }
            self = .map(settings)
        case .list(var elements):
            let names = elements.map(\.name)
            let index = names.indices.filter { index in
                names[index].map { rest.hasPrefix("\($0).") } ?? false
            }.max { (names[$0] ?? "").count < (names[$1] ?? "").count }
            guard let index, let name = names[index] else {
                throw wrong(
                    "no setting of \"\(rest)\" in a list",
                    names.contains { $0 != nil }
                        ? "a setting of one of \(names.compactMap { $0 }.joined(separator: ", "))"
                        : "the list as a whole")
            }
            try elements[index].set(rest.dropFirst(name.count + 1), value, path)
            self = .list(elements)
        default:
            throw wrong("\"\(rest)\" of a setting that is a single value", "the setting as a whole")
        }
    }

    /// The name of a thing in a list.
    private var name: String? {
        guard case .map(let settings) = self, case .text(let name)? = settings["name"] else { return nil }
        return name
    }
}

// MARK: As YAML

extension SettingTree {
    private static let parts = ["data", "histories", "schema", "split", "sampling", "model", "training"]

    /// The text of a file that says these settings: a line each, what is in it on that line, and a line for each thing of a
    /// list of things.
    package var yaml: String {
        guard case .map(let settings) = self else { return flow + "\n" }
        var text = ""
        for (name, value) in Self.sorted(settings) {
            guard case .map(let inner) = value, !inner.isEmpty else {
                text += Self.line(name, value, indent: "")
                continue
            }
            text += "\(YAMLText.scalar(name)):\n"
            for (name, value) in Self.sorted(inner) { text += Self.line(name, value, indent: "  ") }
        }
        return text
    }

    private static func line(_ name: String, _ value: SettingTree, indent: String) -> String {
        guard case .list(let elements) = value, case .map? = elements.first else {
            return "\(indent)\(YAMLText.scalar(name)): \(value.flow)\n"
        }
        return "\(indent)\(YAMLText.scalar(name)):\n"
            + elements.map { "\(indent)  - \($0.flow)\n" }.joined()
    }

    /// Parts of an experiment in the order in which they are explained, names and types before what is said of them.
    private static func sorted(_ settings: [String: SettingTree]) -> [(String, SettingTree)] {
        let first = parts + ["name", "type"]
        func place(_ name: String) -> Int { first.firstIndex(of: name) ?? first.count }
        return settings.sorted { (place($0.key), $0.key) < (place($1.key), $1.key) }.map {
            ($0.key, $0.value)
        }
    }

    /// On one line.
    package var flow: String {
        switch self {
        case .text(let text): YAMLText.scalar(text)
        case .whole(let value): "\(value)"
        case .natural(let value): "\(value)"
        case .number(let value): "\(value)"
        case .truth(let value): "\(value)"
        case .list(let values): YAMLText.list(values.map(\.flow))
        case .map(let values):
            YAMLText.mapping(Self.sorted(values).map { (YAMLText.scalar($0.0), $0.1.flow) })
        }
    }
}
