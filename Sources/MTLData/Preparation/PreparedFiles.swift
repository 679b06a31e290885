internal import Foundation
internal import MTLEngine

/// The folder of prepared rows: a cache per part, and what was fitted, which is written last.
struct PreparedFiles {
    let folder: String

    private struct Fitted: Codable {
        let fingerprint: String
        let parts: [UInt8]
        let badRows: BadRowCount
        let preprocessor: Preprocessor
    }

    private static let version = "1"

    func path(_ part: Part) -> String { "\(folder)/\(part).rows" }
    private var fittedPath: String { "\(folder)/fitted.json" }

    private func stamp(_ fingerprint: String) -> String { "\(Self.version) \(fingerprint)" }

    /// Makes the folder, and makes what is in it invalid.
    func begin() throws(InputError) {
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            if FileManager.default.fileExists(atPath: fittedPath) {
                try FileManager.default.removeItem(atPath: fittedPath)
            }
            for part in Part.allCases where FileManager.default.fileExists(atPath: path(part)) {
                try FileManager.default.removeItem(atPath: path(part))
            }
        } catch {
            throw InputError(
                .file, at: folder, found: error.localizedDescription, expected: "a folder that can be written"
            )
        }
    }

    func finish(
        _ preprocessor: Preprocessor, _ badRows: BadRowCount, _ fingerprint: String
    ) throws(InputError) {
        let parts = Part.allCases.filter { FileManager.default.fileExists(atPath: path($0)) }
        let fitted = Fitted(
            fingerprint: stamp(fingerprint), parts: parts.map(\.rawValue), badRows: badRows,
            preprocessor: preprocessor)
        let data: Data
        do {
            data = try JSONEncoder().encode(fitted)
        } catch {
            throw InputError(.value, at: fittedPath, found: "\(error)", expected: "numbers that JSON holds")
        }
        let file = try FileOutput(fittedPath)
        try file.write([UInt8](data))
        try file.finish()
    }

    /// What was prepared with a fingerprint; nil where there is nothing, or something else.
    ///
    /// - Throws: `InputError` where the files are there and damaged.
    func find(
        _ fingerprint: String
    ) throws(InputError) -> (
        preprocessor: Preprocessor, badRows: BadRowCount, parts: [Part: RowCache], training: RowCache
    )? {
        guard let data = FileManager.default.contents(atPath: fittedPath),
            let fitted = try? JSONDecoder().decode(Fitted.self, from: data),
            fitted.fingerprint == stamp(fingerprint)
        else { return nil }
        var parts: [Part: RowCache] = [:]
        for raw in fitted.parts {
            guard let part = Part(rawValue: raw) else { return nil }
            let cache = try RowCache(path: path(part))
            guard cache.layout.fingerprint == fingerprint else { return nil }
            parts[part] = cache
        }
        guard let training = parts[.training] else { return nil }
        return (fitted.preprocessor, fitted.badRows, parts, training)
    }
}
