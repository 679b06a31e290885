internal import Foundation
public import MTLEngine

extension ModelBundle {
    private static let version = "1"

    /// Writes the file: under a temporary name first, so that it is there whole or not at all.
    ///
    /// - Throws: `InputError` that names the file.
    public func write(to path: String) throws(InputError) {
        let segments = model.layout.segments
        let layout = model.layout
        try SafetensorsFile.write(
            path,
            texts: [
                "format": "mtl", "version": Self.version, "preprocessor": try Self.json(preprocessor, path),
                "model": try Self.json(settings, path), "histories": try Self.json(histories, path),
                "sampling": try Self.json(sampling, path),
            ], tensors: segments.map { ($0.name, $0.shape) }
        ) { index in
            parameters.withUnsafeBufferPointer { all in
                all.baseAddress.map { layout.read(segments[index], from: $0) } ?? []
            }
        }
    }

    /// Reads a file.
    ///
    /// - Throws: `InputError` that names the file and the tensor or text that is missing or wrong.
    public init(contentsOf path: String) throws(InputError) {
        let file = try SafetensorsFile(path)
        guard file.texts["format"] == "mtl" else {
            throw InputError(
                .syntax, at: path, found: "tensors of something else", expected: "a model of this library")
        }
        guard file.texts["version"] == Self.version else {
            throw InputError(
                .syntax, at: path, found: "version \(file.texts["version"] ?? "none")",
                expected: "version \(Self.version)")
        }
        let preprocessor = try Self.decode(Preprocessor.self, "preprocessor", file)
        let settings = try Self.decode(ModelSettings.self, "model", file)
        let sampling = try Self.decode(Sampling.self, "sampling", file)
        let histories = try Self.decode([HistorySpec].self, "histories", file)
        let layout = try settings.model(preprocessor, sampling: sampling).layout
        var parameters = [Float](repeating: 0, count: layout.count)
        var failure: InputError?
        parameters.withUnsafeMutableBufferPointer { all in
            guard let base = all.baseAddress else { return }
            do throws(InputError) {
                for segment in layout.segments {
                    try layout.write(file.values(segment.name, shape: segment.shape), to: segment, of: base)
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        for (index, value) in parameters.enumerated() where !value.isFinite {
            throw InputError(
                .value, at: "\(path), parameter \(index)", found: "\(value)", expected: "a finite number")
        }
        try self.init(
            preprocessor, settings: settings, sampling: sampling, histories: histories, parameters: parameters
        )
    }

    private static func json(_ value: some Encodable, _ path: String) throws(InputError) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        do {
            return String(decoding: try encoder.encode(value), as: UTF8.self)
        } catch {
            throw InputError(.value, at: path, found: "\(error)", expected: "numbers that JSON holds")
        }
    }

    /// Metadata with today's names: what was called "hard" is a shared bottom.
    package static func renamed(_ text: String) -> String {
        text.replacing(#""type":"hard""#, with: #""type":"shared_bottom""#)
    }

    private static func decode<Value: Decodable>(
        _: Value.Type, _ key: String, _ file: SafetensorsFile
    ) throws(InputError) -> Value {
        guard let text = file.texts[key] else {
            throw InputError(.name, at: file.path, found: "no \(key)", expected: "a model of this library")
        }
        do {
            return try JSONDecoder().decode(Value.self, from: Data(renamed(text).utf8))
        } catch let error as InputError {
            throw error
        } catch {
            throw InputError(
                .syntax, at: "\(file.path), \(key)", found: "\(error)",
                expected: "JSON as `mtl train` writes it")
        }
    }
}
