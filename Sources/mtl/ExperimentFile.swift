import Foundation
import MTLData
import MTLEngine
import Yams

/// A file of settings, as YAML.
struct SettingsFile<Settings: Decodable> {
    let settings: Settings
    private let lines: SettingLines

    /// Reads a file, with unknown names refused.
    ///
    /// - Parameters:
    ///   - what: what the file is to be, as "an experiment: data, schema, …".
    ///   - check: checks what is read; its errors are given the line of the setting.
    /// - Throws: `InputError` that names the file, the line and the setting.
    init(_ path: String, _ what: String, check: (Settings) throws -> Void) throws {
        let kind = String(what.prefix { $0 != ":" })
        let text = try ExperimentText(path, kind).text
        var lines = SettingLines(path, kind)
        do {
            try lines.checkSize(of: text)
            guard let root = try Yams.compose(yaml: text), case .mapping = root else {
                throw InputError(
                    .syntax, at: path,
                    found: text.allSatisfy(\.isWhitespace) ? "nothing" : "no settings by name",
                    expected: what)
            }
            try lines.look(at: root)
            settings = try YAMLDecoder().decode(Settings.self, from: root)
            try check(settings)
        } catch let error as InputError {
            throw lines.located(error)
        } catch let error as YamlError {
            throw InputError(wrapping: error, path: path)
        } catch let error as DecodingError {
            throw lines.located(InputError(wrapping: error))
        }
        self.lines = lines
    }

    /// The error with the file, and the line where the file has the setting.
    func located(_ error: InputError) -> InputError { lines.located(error) }
}

extension Experiment {
    /// Reads an experiment file.
    ///
    /// - Throws: `InputError` that names the file, the line and the setting.
    init(file path: String) throws {
        self = try SettingsFile<Experiment>(path, "an experiment: data, schema, …") { try $0.check() }
            .settings
    }
}

extension InputError {
    fileprivate init(wrapping error: YamlError, path: String) {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            self.init(
                .syntax, at: "\(path), line \(mark.line)", found: "text that is no YAML: \(problem)",
                expected: "YAML")
        case .duplicatedKeysInMapping(let names, let context):
            self.init(
                .name, at: "\(path), line \(context.mark.line)",
                found: "\(names.map { "\"\($0)\"" }.joined(separator: ", ")) twice",
                expected: "each setting once")
        case .reader(let problem, _, _, _):
            self.init(.syntax, at: path, found: "text that is no YAML: \(problem)", expected: "YAML")
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
