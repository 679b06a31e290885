internal import Foundation
internal import MTLDataKernels
public import MTLEngine

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The folder of a training run, which keeps it so that it survives whatever ends the process: the experiment with all its
/// settings, checkpoints, the best epoch's parameters, the history of the epochs and a log. One process has it at a time.
///
/// It holds `experiment.json` (as resolved), `run.json` (versions, what the rows are, the seeds that are over),
/// `checkpoint.safetensors`, `history.csv` and `history.jsonl`, `tensorboard`, `log.txt`, and where `mtl train` is told no other place
/// `model.safetensors`.
public final class RunFolder {
    /// Its path.
    public let path: String
    /// Whether a run is there that has not come to its end.
    public var hasUnfinishedRun: Bool { manifest.map { !$0.isFinished } ?? false }
    /// Whether a run is there that has come to its end.
    public var hasFinishedRun: Bool { manifest?.isFinished ?? false }

    private let lock: FolderLock
    var manifest: RunManifest?

    static let marker = ".mtl-run"

    private static var kind: FolderLock.Kind {
        FolderLock.Kind(
            marker: marker, text: "A training run of mtl; it makes and removes the files of this folder.",
            expected: "a new or empty folder, or that of a run", isUnmarked: { _ in false })
    }

    /// Makes the folder where there is none, and takes it for this process.
    ///
    /// - Throws: `InputError` where it cannot be made, holds other files, has a damaged `run.json`, or another process has it,
    ///   which is named.
    public init(_ path: String) throws(InputError) {
        self.path = path
        lock = try FolderLock(path, Self.kind, waits: false)
        manifest = try RunManifest.read(path)
    }

    /// Whether no process has a run's folder, or there is none: one whose parent was killed may still be at its last checkpoint.
    package static func isFree(_ path: String) -> Bool {
        let file = open("\(path)/\(marker)", O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { return true }
        // Closed, it is not locked any more.
        defer { close(file) }
        return flock(file, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK
    }

    /// Begins a run, or makes sure that it is the one that is there.
    ///
    /// - Parameters:
    ///   - settings: the experiment as JSON with all settings filled in.
    ///   - definition: that of the model, `ModelSettings.definition`.
    ///   - rows: what identifies the rows.
    /// - Throws: `InputError` that names the first setting, or the rows, that are not those of the run.
    func begin(settings: String, definition: String?, rows: String) throws(InputError) {
        if let manifest {
            let written = (FileManager.default.contents(atPath: settingsPath)).map { Array($0) }
            guard let written, manifest.settings == Self.digest(written) else {
                throw InputError(
                    .syntax, at: settingsPath, found: "a file that is not as it was written",
                    expected: "the settings of the run")
            }
            if Array(settings.utf8) != written {
                throw Self.difference(settings, String(decoding: written, as: UTF8.self), path)
            }
            guard manifest.rows == rows else {
                throw InputError(
                    .value, at: path, found: "rows that are not those that the run began with",
                    expected: "the same data; begin again in another folder")
            }
            return
        }
        try write(Array(settings.utf8), to: settingsPath)
        manifest = RunManifest(
            settings: Self.digest(Array(settings.utf8)), definition: definition, rows: rows)
        try record()
    }

    /// Says that the run has come to its end, with its model written.
    public func finish() throws(InputError) {
        guard !hasFinishedRun else { return }
        manifest?.isFinished = true
        try record()
        log("the run has come to its end")
    }

    private var settingsPath: String { "\(path)/experiment.json" }
    var checkpointPath: String { "\(path)/checkpoint.safetensors" }
    /// What the best seed that is over learned, or of a run that keeps all seeds what one of them did.
    func resultPath(_ seed: UInt64?) -> String {
        "\(path)/result\(seed.map { "-\($0)" } ?? "").safetensors"
    }
    /// What training on all rows made of a seed.
    func refitPath(_ seed: UInt64) -> String { "\(path)/refit-\(seed).safetensors" }
    func bestPath(_ stage: RunStage, _ epoch: Int) -> String {
        "\(path)/best-\(stage.name)-\(epoch).safetensors"
    }
    func eventsPath(_ stage: RunStage) -> String {
        "\(path)/tensorboard/seed-\(stage.name)/events.out.tfevents.mtl"
    }
    /// Where the model goes unless another place is named.
    public var modelPath: String { "\(path)/model.safetensors" }

    static func digest(_ bytes: [UInt8]) -> String {
        "\(bytes.count) \(bytes.withUnsafeBytes { Checksum.crc32($0) })"
    }

    /// The first setting that is not as it was written.
    static func difference(_ new: String, _ old: String, _ path: String) -> InputError {
        func flat(_ text: String) -> [String: String] {
            var found: [String: String] = [:]
            func walk(_ value: Any, _ place: String) {
                if let map = value as? [String: Any] {
                    for (name, inner) in map { walk(inner, place.isEmpty ? name : "\(place), \(name)") }
                } else if let list = value as? [Any] {
                    for (index, inner) in list.enumerated() { walk(inner, "\(place), \(index + 1)") }
                    found["\(place), count"] = "\(list.count)"
                } else {
                    found[place] = "\(value)"
                }
            }
            walk((try? JSONSerialization.jsonObject(with: Data(text.utf8))) ?? "", "")
            return found
        }
        let (now, before) = (flat(new), flat(old))
        let names = Set(now.keys).union(before.keys).sorted()
        let name = names.first { now[$0] != before[$0] } ?? "experiment"
        return InputError(
            .value, at: name, found: now[name] ?? "none",
            expected: "\(before[name] ?? "none"), as in the run in \(path)")
    }

    // MARK: What is written

    /// Writes the record.
    func record() throws(InputError) {
        guard let manifest, let json = try? Self.encoder.encode(manifest) else { return }
        try write(SealedText.sealed(Array(json)), to: "\(path)/\(RunManifest.name)")
    }

    func makeFolder(of file: String) throws(InputError) {
        do {
            try FileManager.default.createDirectory(
                atPath: file.folderOfPath, withIntermediateDirectories: true)
        } catch {
            throw InputError(
                .file, at: file.folderOfPath, found: FolderLock.reason(error),
                expected: "a folder that can be made")
        }
    }

    func write(_ bytes: [UInt8], to path: String) throws(InputError) {
        let file = try FileOutput(path, access: .personal)
        try file.write(bytes)
        try file.finish()
    }

    /// Writes a vector of parameters.
    static func write(_ parameters: [Float], to path: String) throws(InputError) {
        try SafetensorsFile.write(
            path, texts: ["format": "mtl-parameters"],
            tensors: [("parameters", [parameters.count], .floats { parameters })])
    }

    /// Writes what a seed learned: its vectors, and which of them each task has.
    static func write(_ members: ModelMembers<Float>, to path: String) throws(InputError) {
        guard members.vectors.count > 1 else { return try write(members.vectors[0], to: path) }
        guard let json = try? encoder.encode(members.ofTasks) else { return }
        try SafetensorsFile.write(
            path, texts: ["format": "mtl-parameters", "members": String(decoding: json, as: UTF8.self)],
            tensors: members.vectors.enumerated().map { index, vector in
                ("members.\(index)", [vector.count], .floats { vector })
            })
    }

    /// What `write` wrote, of a model.
    static func members(_ path: String, _ model: MultiTaskModel) throws(InputError) -> ModelMembers<Float> {
        let (file, shape) = (try SafetensorsFile(path), [model.layout.count])
        guard let text = file.texts["members"] else {
            return ModelMembers(try file.values("parameters", shape: shape), tasks: model.tasks.count)
        }
        guard let ofTasks = try? decoder.decode([[Int]].self, from: Data(text.utf8)) else {
            throw InputError(
                .syntax, at: path, found: "members that cannot be read", expected: "lists of them")
        }
        var vectors: [[Float]] = []
        for index in 0..<file.entries.count {
            vectors.append(try file.values("members.\(index)", shape: shape))
        }
        let members = try ModelMembers(vectors, ofTasks: ofTasks)
        try members.check(model)
        return members
    }

    /// Adds a line to the log; a log that cannot be written stops no training.
    public func log(_ text: String) {
        let opened = open("\(path)/log.txt", O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard opened >= 0 else { return }
        defer { close(opened) }
        let line = Array("\(Date.now.formatted(.iso8601)) \(text)\n".utf8)
        _ = mtl_write_all(opened, line, line.count)
    }

    /// Takes away what only a run that goes on needs.
    func removeCheckpoints() {
        Self.removeBest(in: path, but: [])
        unlink(checkpointPath)
    }

    /// Takes away the best parameters of all epochs but some.
    static func removeBest(in path: String, but kept: Set<String>) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        where name.hasPrefix("best-") && !kept.contains("\(path)/\(name)") { unlink("\(path)/\(name)") }
    }

    /// Numbers that JSON has no word for are written as words.
    static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return encoder
    }

    /// Settings as people read them.
    static func text(_ settings: some Encodable) -> String {
        let encoder = RunFolder.encoder
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        return (try? encoder.encode(settings)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    static var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return decoder
    }
}

/// What is known of a run beside its checkpoint.
struct RunManifest: Codable {
    static let name = "run.json"
    static let currentVersion = 1

    var version = currentVersion
    /// A digest of the settings' file.
    var settings: String
    /// What the model's architecture was when the run began, `ModelSettings.definition`.
    var definition: String?
    /// What identifies the rows.
    var rows: String
    /// Seeds that are over, in their order.
    var outcomes: [SeedOutcome] = []
    /// What came of training on all rows, in the order of the seeds that it was done for; nil before the first.
    var refits: [RefitOutcome]?
    var isFinished = false

    /// What the folder of a run says; nil where there is no run.
    ///
    /// - Throws: `InputError` where the file is damaged, or another version's.
    static func read(_ folder: String) throws(InputError) -> RunManifest? {
        let path = "\(folder)/\(name)"
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        guard let json = SealedText.opened(Array(data)),
            let found = try? RunFolder.decoder.decode(RunManifest.self, from: Data(json))
        else {
            throw InputError(
                .syntax, at: path, found: "a file that is not as it was written",
                expected: "the record of a run; begin again in another folder")
        }
        guard found.version == currentVersion else {
            throw InputError(
                .value, at: path, found: "version \(found.version)", expected: "version \(currentVersion)")
        }
        return found
    }
}

/// What came of a seed's run.
struct SeedOutcome: Codable {
    var seed: UInt64
    /// Why it was left out; nil where it learned something.
    var failure: Failure?
    var loss = Double.infinity
    var evaluation: [TaskEvaluation]?
    var epochs: [EpochReport] = []
    var bestEpoch: Int?
    /// What came of every task, where they stopped one by one.
    var tasks: [TaskOutcome]?

    struct Failure: Codable {
        let place: String
        let found: String
        let expected: String

        init(_ error: InputError) { (place, found, expected) = (error.place, error.found, error.expected) }

        var error: InputError { InputError(.value, at: place, found: found, expected: expected) }
    }
}

/// What came of a seed's training on all rows.
struct RefitOutcome: Codable {
    var seed: UInt64
    /// Why it was left out; nil where it learned something.
    var failure: SeedOutcome.Failure?
    var epochs: [EpochReport]
}
