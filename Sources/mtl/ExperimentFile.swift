import Foundation
import MTLData
import MTLEngine
import Yams

extension Experiment {
    /// Reads an experiment file.
    ///
    /// - Throws: `InputError` that names the file, the line and the setting.
    init(file path: String) throws {
        let text = try experimentText(path)
        var lines = SettingLines(path)
        do {
            guard let root = try Yams.compose(yaml: text), case .mapping = root else {
                throw InputError(
                    .syntax, at: path,
                    found: text.allSatisfy(\.isWhitespace) ? "nothing" : "no settings by name",
                    expected: "an experiment: data, schema, …")
            }
            try lines.look(at: root)
            self = try YAMLDecoder().decode(Experiment.self, from: root)
            try check()
        } catch let error as InputError {
            throw lines.located(error)
        } catch let error as YamlError {
            throw InputError(wrapping: error, path: path)
        } catch let error as DecodingError {
            throw lines.located(InputError(wrapping: error))
        }
    }
}

/// What stands in a file of text.
private func experimentText(_ path: String) throws -> String {
    func wrong(_ found: String) -> InputError {
        InputError(.file, at: path, found: found, expected: "an experiment file")
    }
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
        throw wrong("no such file")
    }
    if isDirectory.boolValue { throw wrong("a folder") }
    guard let file = fopen(path, "r") else { throw wrong(String(cString: strerror(errno))) }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = fread(&buffer, 1, buffer.count, file)
        if count == 0 { break }
        bytes += buffer[..<count]
    }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw wrong("text that is not UTF-8") }
    return text
}

/// The lines of a file's settings, and what is wrong with them that a decoder would pass over.
private struct SettingLines {
    private let path: String
    private var lines: [String: Int] = [:]
    private var nodes = 0

    /// More settings than any experiment has; aliases of aliases reach it.
    private static let mostNodes = 20_000_000
    private static let greatestDepth = 100

    init(_ path: String) { self.path = path }

    mutating func look(at root: Yams.Node) throws(InputError) { try look(at: root, "", depth: 0) }

    private mutating func look(at node: Yams.Node, _ place: String, depth: Int) throws(InputError) {
        nodes += 1
        guard nodes < Self.mostNodes, depth < Self.greatestDepth else {
            throw InputError(
                .syntax, at: path,
                found: depth < Self.greatestDepth ? "too many settings" : "settings too deep in others",
                expected: "an experiment")
        }
        if let line = node.mark?.line, lines[place] == nil { lines[place] = line }
        switch node {
        case .mapping(let mapping):
            for (key, value) in mapping {
                let name = key.string ?? "?"
                let inner = place.isEmpty ? name : "\(place).\(name)"
                lines[inner] = key.mark?.line
                if case .scalar(let scalar) = value, scalar.style == .plain,
                    ["", "~", "null", "Null", "NULL"].contains(scalar.string)
                {
                    throw InputError(
                        .value, at: inner, found: "nothing",
                        expected: "a value; without the line the default holds")
                }
                try look(at: value, inner, depth: depth + 1)
            }
        case .sequence(let sequence):
            for (index, value) in sequence.enumerated() {
                let inner = "\(place).[\(index)]"
                if case .scalar(let scalar) = value, scalar.style == .plain, scalar.string.isEmpty {
                    throw InputError(.value, at: inner, found: "nothing", expected: "a value")
                }
                try look(at: value, inner, depth: depth + 1)
            }
        case .scalar(let scalar):
            // YAML 1.1 reads 1:30 as 90.
            if scalar.style == .plain, Self.isSexagesimal(scalar.string) {
                throw InputError(
                    .value, at: place, found: scalar.string,
                    expected:
                        "a number, or a text in quotes: YAML reads numbers with colons to the base of 60")
            }
        case .alias: break
        }
    }

    private static func isSexagesimal(_ text: String) -> Bool {
        let parts = text.drop { $0 == "-" || $0 == "+" }.split(
            separator: ":", omittingEmptySubsequences: false)
        guard parts.count > 1 else { return false }
        return parts.enumerated().allSatisfy { index, part in
            let digits = part.filter { $0 != "_" && !(index == parts.count - 1 && $0 == ".") }
            return !digits.isEmpty && digits.allSatisfy { $0.isASCII && $0.isNumber }
        }
    }

    /// The error with the file, and the line where the file has the setting.
    func located(_ error: InputError) -> InputError {
        if error.place == path || error.place.hasPrefix("\(path),") { return error }
        let line = lines[error.place].map { ", line \($0)" } ?? ""
        return InputError(
            error.kind, at: "\(path)\(line), \(error.place)", found: error.found, expected: error.expected)
    }
}

extension InputError {
    fileprivate init(wrapping error: YamlError, path: String) {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            self.init(.syntax, at: "\(path), line \(mark.line)", found: problem, expected: "YAML")
        case .duplicatedKeysInMapping(let names, let context):
            self.init(
                .name, at: "\(path), line \(context.mark.line)",
                found: "\(names.map { "\"\($0)\"" }.joined(separator: ", ")) twice",
                expected: "each setting once")
        case .reader(let problem, _, _, _): self.init(.syntax, at: path, found: problem, expected: "YAML")
        default: self.init(.syntax, at: path, found: "\(error)", expected: "YAML")
        }
    }

    fileprivate init(wrapping error: DecodingError) {
        let (context, key): (DecodingError.Context, (any CodingKey)?) =
            switch error {
            case .keyNotFound(let key, let context): (context, key)
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
                (context, nil)
            @unknown default: (DecodingError.Context(codingPath: [], debugDescription: "\(error)"), nil)
            }
        if let inner = context.underlyingError as? InputError {
            self = inner
            return
        }
        let place = (context.codingPath + (key.map { [$0] } ?? [])).map { key in
            key.intValue.map { "[\($0)]" } ?? key.stringValue
        }.joined(separator: ".")
        self.init(
            key == nil ? .value : .name, at: place.isEmpty ? "experiment" : place,
            found: key == nil ? "another kind of value" : "nothing",
            expected: key == nil ? "what this setting may be" : "this setting")
    }
}
