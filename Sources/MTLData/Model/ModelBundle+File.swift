internal import Foundation
public import MTLEngine

extension ModelBundle {
    private static let version = "2"
    /// What files of before their vocabularies were tensors say.
    private static let firstVersion = "1"

    /// Writes the file: under a temporary name first, so that it is there whole or not at all, and for its owner alone where
    /// it is a new one, since it holds values of the data.
    ///
    /// - Throws: `InputError` that names the file.
    public func write(to path: String) throws(InputError) {
        do throws(InputError) { try preprocessor.checkFitted() } catch { throw error.located(in: path) }
        let bag = TensorBag("preprocessor")
        let texts = [
            "format": "mtl", "version": Self.version,
            "preprocessor": try Self.json(preprocessor, path, bag), "model": try Self.json(settings, path),
            "histories": try Self.json(histories, path), "sampling": try Self.json(sampling, path),
        ]
        let layout = model.layout
        let weights = layout.segments.map { segment in
            let content = TensorContent.floats {
                parameters.withUnsafeBufferPointer { all in
                    all.baseAddress.map { layout.read(segment, from: $0) } ?? []
                }
            }
            return (name: segment.name, shape: segment.shape, content: content)
        }
        try SafetensorsFile.write(path, texts: texts, tensors: weights + bag.tensors)
    }

    /// Reads a file.
    ///
    /// - Throws: `InputError` that names the file and the tensor or text that is missing or wrong.
    public init(contentsOf path: String) throws(InputError) { try self.init(SafetensorsFile(path)) }

    /// Reads a file in memory, for tests of damaged ones; `path` is what messages call it.
    package init(bytes: [UInt8], path: String) throws(InputError) {
        try self.init(SafetensorsFile(bytes: bytes, path: path))
    }

    private init(_ file: SafetensorsFile) throws(InputError) {
        let path = file.path
        guard file.texts["format"] == "mtl" else {
            throw InputError(
                .syntax, at: path, found: "tensors of something else", expected: "a model of this library")
        }
        guard [Self.version, Self.firstVersion].contains(file.texts["version"]) else {
            throw InputError(
                .syntax, at: path, found: "version \(file.texts["version"] ?? "none")",
                expected: "version \(Self.version)")
        }
        let sizes = ClaimedSizes(file)
        try sizes.check(settings: file.texts["model"] ?? "")
        let preprocessor = try Self.decode(Preprocessor.self, "preprocessor", file)
        let settings = try Self.decode(ModelSettings.self, "model", file)
        try sizes.check(preprocessor, settings, file)
        let sampling = try Self.decode(Sampling.self, "sampling", file)
        let histories = try Self.decode([HistorySpec].self, "histories", file)
        let layout: ParameterLayout
        do throws(InputError) {
            try sampling.check(preprocessor.schema)
            for history in histories { try history.check() }
            layout = try settings.model(preprocessor, sampling: sampling).layout
        } catch {
            throw error.located(in: path)
        }
        try sizes.check(layout)
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
        do throws(InputError) {
            try self.init(
                preprocessor, settings: settings, sampling: sampling, histories: histories,
                parameters: parameters)
        } catch {
            throw error.located(in: path)
        }
    }

    private static func json(
        _ value: some Encodable, _ path: String, _ bag: TensorBag? = nil
    ) throws(InputError) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        if let key = TensorBag.key { encoder.userInfo[key] = bag }
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
        let decoder = JSONDecoder()
        if let bagKey = TensorBag.key { decoder.userInfo[bagKey] = TensorBag(key, from: file) }
        do {
            return try decoder.decode(Value.self, from: Data(renamed(text).utf8))
        } catch let error as InputError {
            throw error.place.hasPrefix(file.path) ? error : error.located(in: "\(file.path), \(key)")
        } catch {
            throw InputError(
                .syntax, at: "\(file.path), \(key)", found: Self.wording(error),
                expected: "settings as mtl train writes them")
        }
    }

    private static func wording(_ error: any Error) -> String {
        guard let error = error as? DecodingError else { return "invalid JSON" }
        func words(_ context: DecodingError.Context, _ what: String) -> String {
            let keys = context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }
            return "\(what) at \(keys.isEmpty ? "its beginning" : keys.joined(separator: "."))"
        }
        switch error {
        case .keyNotFound(let key, let context): return words(context, "no \"\(key.stringValue)\"")
        case .typeMismatch(let type, let context): return words(context, "no \(type)")
        case .valueNotFound(let type, let context): return words(context, "no \(type)")
        case .dataCorrupted(let context): return words(context, context.debugDescription)
        @unknown default: return "invalid JSON"
        }
    }
}

extension InputError {
    /// The same, in a file.
    fileprivate func located(in path: String) -> InputError {
        InputError(kind, at: "\(path), \(place)", found: found, expected: expected)
    }
}
