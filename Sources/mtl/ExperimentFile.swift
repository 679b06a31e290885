import Foundation
import MTLData
import MTLEngine
import Yams

extension Experiment {
    /// Reads an experiment file.
    ///
    /// - Throws: `InputError` that names the file and the setting.
    init(file path: String) throws {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw InputError(
                .file, at: path, found: error.localizedDescription, expected: "an experiment file")
        }
        do {
            self = try YAMLDecoder().decode(Experiment.self, from: text)
            try check()
        } catch let error as InputError {
            throw InputError(
                error.kind, at: "\(path), \(error.place)", found: error.found, expected: error.expected)
        } catch let error as DecodingError {
            throw InputError(wrapping: error, path: path)
        } catch {
            throw InputError(.syntax, at: path, found: "\(error)", expected: "YAML")
        }
    }
}

extension InputError {
    fileprivate init(wrapping error: DecodingError, path: String) {
        func place(_ context: DecodingError.Context, _ key: (any CodingKey)? = nil) -> String {
            let keys = (context.codingPath + (key.map { [$0] } ?? [])).map { key in
                key.intValue.map { "[\($0)]" } ?? key.stringValue
            }
            return keys.isEmpty ? path : "\(path), \(keys.joined(separator: "."))"
        }
        switch error {
        case .keyNotFound(let key, let context):
            self.init(.name, at: place(context, key), found: "nothing", expected: "this setting")
        case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
            self.init(.value, at: place(context), found: context.debugDescription, expected: "\(type)")
        case .dataCorrupted(let context):
            // A setting's own error says more than that its data are no data.
            if let inner = context.underlyingError as? InputError {
                self.init(
                    inner.kind, at: "\(path), \(inner.place)", found: inner.found, expected: inner.expected)
            } else if let inner = context.underlyingError {
                self.init(.syntax, at: place(context), found: "\(inner)", expected: "YAML")
            } else {
                self.init(
                    .value, at: place(context), found: context.debugDescription,
                    expected: "one of the values it may have")
            }
        @unknown default: self.init(.syntax, at: path, found: "\(error)", expected: "an experiment")
        }
    }
}
