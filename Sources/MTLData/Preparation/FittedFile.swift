internal import Foundation
internal import MTLEngine

/// What was fitted on the rows of a folder, in a file of tensors: vocabularies of millions of values are copied, not parsed.
struct FittedFile {
    /// A part and a checksum of its file.
    struct Sealed: Codable {
        let part: UInt8
        let seal: String
    }

    /// What the rows depend on.
    let fingerprint: String
    let parts: [Sealed]
    let badRows: BadRowCount
    let preprocessor: Preprocessor

    private static let format = "mtl-prepared"
    /// Version 1 and 2 were JSON.
    private static let version = "3"

    init(fingerprint: String, parts: [Sealed], badRows: BadRowCount, preprocessor: Preprocessor) {
        self.fingerprint = fingerprint
        self.parts = parts
        self.badRows = badRows
        self.preprocessor = preprocessor
    }

    func write(to path: String) throws(InputError) {
        let bag = TensorBag("preprocessor")
        let texts = [
            "format": Self.format, "version": Self.version, "fingerprint": fingerprint,
            "parts": try Self.json(parts, path), "bad_rows": try Self.json(badRows, path),
            "preprocessor": try Self.json(preprocessor, path, bag),
        ]
        try SafetensorsFile.write(path, texts: texts, tensors: bag.tensors)
    }

    /// Reads it where it has a fingerprint; nil where there is none, another one, or a damaged one.
    init?(_ path: String, fingerprint: String) {
        guard let file = Self.open(path), file.texts["fingerprint"] == fingerprint,
            let parts = Self.decode([Sealed].self, "parts", file),
            let badRows = Self.decode(BadRowCount.self, "bad_rows", file),
            let preprocessor = Self.decode(Preprocessor.self, "preprocessor", file)
        else { return nil }
        self.init(fingerprint: fingerprint, parts: parts, badRows: badRows, preprocessor: preprocessor)
    }

    /// Whether a file is one of these.
    static func isOne(_ path: String) -> Bool { open(path) != nil }

    private static func open(_ path: String) -> SafetensorsFile? {
        guard let file = try? SafetensorsFile(path), file.texts["format"] == format,
            file.texts["version"] == version
        else { return nil }
        return file
    }

    private static func json(
        _ value: some Encodable, _ path: String, _ bag: TensorBag? = nil
    ) throws(InputError) -> String {
        let encoder = JSONEncoder()
        if let key = TensorBag.key { encoder.userInfo[key] = bag }
        do {
            return String(decoding: try encoder.encode(value), as: UTF8.self)
        } catch {
            throw InputError(.value, at: path, found: "\(error)", expected: "numbers that JSON holds")
        }
    }

    private static func decode<Value: Decodable>(
        _: Value.Type, _ key: String, _ file: SafetensorsFile
    ) -> Value? {
        let decoder = JSONDecoder()
        if let bagKey = TensorBag.key { decoder.userInfo[bagKey] = TensorBag(key, from: file) }
        return file.texts[key].flatMap { try? decoder.decode(Value.self, from: Data($0.utf8)) }
    }
}
