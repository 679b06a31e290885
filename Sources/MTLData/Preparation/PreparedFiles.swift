internal import Foundation
internal import MTLEngine

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The folder of prepared rows: a cache per part, and what was fitted, which is written last. One run has it at a time.
struct PreparedFiles {
    let folder: String
    private let lock: FolderLock

    /// What was prepared.
    struct Found {
        let preprocessor: Preprocessor
        let badRows: BadRowCount
        let parts: [Part: RowCache]
        let training: RowCache
    }

    private struct Fitted: Codable {
        let fingerprint: String
        let parts: [Sealed]
        let badRows: BadRowCount
        let preprocessor: Preprocessor
    }

    /// A part and a checksum of its file.
    private struct Sealed: Codable {
        let part: UInt8
        let seal: String
    }

    private static let version = "2"

    /// Takes a folder, which is made if it is not there.
    ///
    /// - Parameters:
    ///   - inputs: files that must not be lost.
    ///   - onWait: called once if another run prepares rows in it.
    /// - Throws: `InputError` where it cannot be, or is not this tool's own.
    init(
        _ folder: String, inputs: FilesInUse = FilesInUse(), onWait: () -> Void = {}
    ) throws(InputError) {
        self.folder = folder
        let kind = FolderLock.Kind(
            marker: ".mtl-prepared",
            text: "Rows that mtl prepared; it makes and removes the files of this folder.",
            expected: "a new or empty folder, or one that rows were prepared in",
            isOlder: { Self.isOlder(folder, $0) })
        lock = try FolderLock(folder, kind, waits: true, onWait: onWait)
        for path in Part.allCases.map(path) + [fittedPath] { try inputs.check(replaced: path) }
    }

    func path(_ part: Part) -> String { "\(folder)/\(part).rows" }
    private var fittedPath: String { "\(folder)/fitted.json" }

    private static let names = Part.allCases.map { "\($0).rows" } + ["fitted.json"]

    private func stamp(_ fingerprint: String) -> String { "\(Self.version) \(fingerprint)" }

    private static func isPartial(_ name: String) -> Bool {
        names.contains { name.hasPrefix("\($0).partial-") }
    }

    /// Whether a folder without a marker is one that version 1 prepared rows in.
    private static func isOlder(_ folder: String, _ found: [String]) -> Bool {
        struct Older: Decodable { let fingerprint: String }
        guard found.allSatisfy({ names.contains($0) || isPartial($0) }),
            let data = FileManager.default.contents(atPath: "\(folder)/fitted.json"),
            let older = try? JSONDecoder().decode(Older.self, from: data)
        else { return false }
        return older.fingerprint.hasPrefix("1 ")
            && found.filter { $0.hasSuffix(".rows") }.allSatisfy { name in
                let file = FileHandle(forReadingAtPath: "\(folder)/\(name)")
                return (try? file?.read(upToCount: CacheFormat.magic.count)).map { $0.map(Array.init) }
                    == CacheFormat.magic
            }
    }

    /// Takes away what is there, and what runs that were killed left behind.
    func begin() throws(InputError) {
        let partials = (try? FileManager.default.contentsOfDirectory(atPath: folder))?.filter(Self.isPartial)
        for name in ["fitted.json"] + Self.names + (partials ?? []) {
            guard unlink("\(folder)/\(name)") != 0, errno != ENOENT else { continue }
            throw InputError(
                .file, at: "\(folder)/\(name)", found: String(cString: strerror(errno)),
                expected: "a file that can be removed")
        }
    }

    func finish(
        _ preprocessor: Preprocessor, _ badRows: BadRowCount, _ fingerprint: String, parts: [Part]
    ) throws(InputError) {
        var sealed: [Sealed] = []
        for part in parts {
            sealed.append(Sealed(part: part.rawValue, seal: try RowCache(path: path(part)).seal))
        }
        let fitted = Fitted(
            fingerprint: stamp(fingerprint), parts: sealed, badRows: badRows, preprocessor: preprocessor)
        let json: [UInt8]
        do {
            json = [UInt8](try JSONEncoder().encode(fitted))
        } catch {
            throw InputError(.value, at: fittedPath, found: "\(error)", expected: "numbers that JSON holds")
        }
        let file = try FileOutput(fittedPath, access: .personal)
        try file.write(SealedText.sealed(json))
        try file.finish()
    }

    /// What was prepared with a fingerprint; nil where there is nothing, something else, or something damaged.
    ///
    /// - Parameter threads: workers that look at the rows; nil where they were written a moment ago.
    func find(_ fingerprint: String, checkingWith threads: Int?) -> Found? {
        guard let text = FileManager.default.contents(atPath: fittedPath).map(Array.init),
            let json = SealedText.opened(text),
            let fitted = try? JSONDecoder().decode(Fitted.self, from: Data(json)),
            fitted.fingerprint == stamp(fingerprint)
        else { return nil }
        var parts: [Part: RowCache] = [:]
        for sealed in fitted.parts {
            guard let part = Part(rawValue: sealed.part), let cache = try? RowCache(path: path(part)),
                cache.seal == sealed.seal, cache.layout.fingerprint == fingerprint,
                threads.map(cache.isWhole) ?? true
            else { return nil }
            parts[part] = cache
        }
        guard let training = parts[.training] else { return nil }
        return Found(
            preprocessor: fitted.preprocessor, badRows: fitted.badRows, parts: parts, training: training)
    }
}

/// JSON with a checksum of itself: {"checksum":"…","content":…}.
enum SealedText {
    private static func head(_ json: some Collection<UInt8>) -> [UInt8] {
        let sum = Array(json).withUnsafeBytes { Checksum.crc32($0) }
        let digits = String(sum, radix: 16)
        return Array(
            "{\"checksum\":\"\(String(repeating: "0", count: 8 - digits.count))\(digits)\",\"content\":".utf8)
    }

    static func sealed(_ json: [UInt8]) -> [UInt8] { head(json) + json + [UInt8(ascii: "}")] }

    /// The content; nil where it is not as it was written.
    static func opened(_ text: [UInt8]) -> [UInt8]? {
        let length = head([]).count
        guard text.count > length, text.last == UInt8(ascii: "}") else { return nil }
        let json = text[length..<text.count - 1]
        return text.starts(with: head(json)) ? Array(json) : nil
    }
}
