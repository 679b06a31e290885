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
            isUnmarked: { Self.isPrepared(folder, $0) })
        lock = try FolderLock(folder, kind, waits: true, onWait: onWait)
        for path in Self.names.map({ "\(folder)/\($0)" }) { try inputs.check(replaced: path) }
    }

    func path(_ part: Part) -> String { "\(folder)/\(part).rows" }
    private var fittedPath: String { "\(folder)/\(Self.fittedName)" }

    private static let fittedName = "fitted.safetensors"
    private static let names =
        [fittedName, OlderFitted.name] + Part.allCases.map { "\($0).rows" }

    private static func isPartial(_ name: String) -> Bool {
        names.contains { name.hasPrefix("\($0).partial-") }
    }

    /// Whether a folder without a marker is one that rows were prepared in all the same: by its files' names and contents.
    private static func isPrepared(_ folder: String, _ found: [String]) -> Bool {
        guard found.allSatisfy({ names.contains($0) || isPartial($0) }),
            FittedFile.isOne("\(folder)/\(fittedName)") || OlderFitted.isIn(folder)
        else { return false }
        return found.filter { $0.hasSuffix(".rows") }.allSatisfy { name in
            let file = FileHandle(forReadingAtPath: "\(folder)/\(name)")
            return (try? file?.read(upToCount: CacheFormat.magic.count)).map { $0.map(Array.init) }
                == CacheFormat.magic
        }
    }

    /// Takes away what is there, and what runs that were killed left behind.
    func begin() throws(InputError) {
        let partials = (try? FileManager.default.contentsOfDirectory(atPath: folder))?.filter(Self.isPartial)
        for name in Self.names + (partials ?? []) {
            guard unlink("\(folder)/\(name)") != 0, errno != ENOENT else { continue }
            throw InputError(
                .file, at: "\(folder)/\(name)", found: String(cString: strerror(errno)),
                expected: "a file that can be removed")
        }
    }

    /// Writes what was fitted, once the rows of all parts are there.
    ///
    /// - Returns: what `find` would find.
    func finish(
        _ preprocessor: Preprocessor, _ badRows: BadRowCount, _ fingerprint: String, parts: [Part]
    ) throws(InputError) -> Found {
        var caches: [Part: RowCache] = [:]
        for part in parts { caches[part] = try RowCache(path: path(part)) }
        guard let training = caches[.training] else {
            throw InputError(.empty, at: folder, found: "no training row", expected: "at least one")
        }
        let sealed = parts.compactMap { part in
            caches[part].map { FittedFile.Sealed(part: part.rawValue, seal: $0.seal) }
        }
        let preprocessor = preprocessor.withoutFolds
        try FittedFile(
            fingerprint: fingerprint, parts: sealed, badRows: badRows, preprocessor: preprocessor
        ).write(to: fittedPath)
        return Found(preprocessor: preprocessor, badRows: badRows, parts: caches, training: training)
    }

    /// What was prepared with a fingerprint; nil where there is nothing, something else, or something damaged.
    ///
    /// - Parameter threads: workers that look at the rows.
    func find(_ fingerprint: String, checkingWith threads: Int) -> Found? {
        guard let fitted = FittedFile(fittedPath, fingerprint: fingerprint) else { return nil }
        var parts: [Part: RowCache] = [:]
        for sealed in fitted.parts {
            guard let part = Part(rawValue: sealed.part), let cache = try? RowCache(path: path(part)),
                cache.seal == sealed.seal, cache.layout.fingerprint == fingerprint,
                cache.isWhole(threads: threads)
            else { return nil }
            parts[part] = cache
        }
        guard let training = parts[.training] else { return nil }
        return Found(
            preprocessor: fitted.preprocessor, badRows: fitted.badRows, parts: parts, training: training)
    }
}
