import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The folder of prepared rows: whose it is, who has it, and what becomes of damage in it.
@Suite struct PreparedFolderTests {
    private let shop: SmallShop
    private let settings: Experiment
    private var prepared: String { shop.folder.file("prepared") }

    init() throws {
        shop = try SmallShop(rows: 9_000)
        var city = Feature("city", .categorical)
        city.dimension = 2
        settings = Experiment(
            data: DataSettings(source: shop.folder.file("shop.csv")),
            schema: Schema(features: [Feature("age", .numeric), city], labels: [Label("click", .binary)]))
    }

    private func names() -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: prepared)) ?? []).sorted()
    }

    private func bits(_ data: PreparedData) throws -> [UInt32] {
        var bits: [UInt32] = []
        for block in data.training.blocks.indices {
            let rows = try data.training.rows(block)
            for row in 0..<rows.count { bits += [rows.dense[row].bitPattern, UInt32(rows.ids[row])] }
        }
        return bits
    }

    /// Whatever is done to a file of the folder, the next run makes it again, with the same rows.
    @Test func damagedAndMissingPartsAreMadeAgain() throws {
        let right = try bits(settings.prepare(in: prepared))
        let fitted = "\(prepared)/fitted.safetensors"
        let rows = "\(prepared)/training.rows"
        func flip(_ path: String, _ place: (Int) -> Int) throws {
            var data = try Data(contentsOf: URL(filePath: path))
            data[place(data.count)] ^= 0x10
            try data.write(to: URL(filePath: path))
        }
        func cut(_ path: String, _ count: (Int) -> Int) throws {
            let data = try Data(contentsOf: URL(filePath: path))
            try data.prefix(count(data.count)).write(to: URL(filePath: path))
        }
        var damages: [(String, () throws -> Void)] = [
            ("no rows", { try FileManager.default.removeItem(atPath: rows) }),
            ("no fitted", { try FileManager.default.removeItem(atPath: fitted) }),
            ("no validation", { try FileManager.default.removeItem(atPath: "\(prepared)/validation.rows") }),
            ("no marker", { try FileManager.default.removeItem(atPath: "\(prepared)/.mtl-prepared") }),
            ("empty rows", { try cut(rows) { _ in 0 } }), ("half rows", { try cut(rows) { $0 / 2 } }),
            ("short rows", { try cut(rows) { $0 - 1 } }), ("half fitted", { try cut(fitted) { $0 / 2 } }),
            (
                "longer rows",
                {
                    let data = try Data(contentsOf: URL(filePath: rows))
                    try (data + [0]).write(to: URL(filePath: rows))
                }
            ),
            (
                "parts swapped",
                {
                    try #require(rename(rows, "\(prepared)/x") == 0)
                    try #require(rename("\(prepared)/validation.rows", rows) == 0)
                    try #require(rename("\(prepared)/x", "\(prepared)/validation.rows") == 0)
                }
            ),
        ]
        for share in 0..<12 {
            damages.append(("fitted \(share)", { try flip(fitted) { ($0 - 1) * share / 11 } }))
            damages.append(("rows \(share)", { try flip(rows) { 200 + ($0 - 300) * share / 11 } }))
        }
        for (name, damage) in damages {
            try damage()
            let again = try settings.prepare(in: prepared, threads: 2)
            #expect(try bits(again) == right, "\(name)")
            // A marker alone says nothing of the rows.
            #expect(again.wasCached == (name == "no marker"), "\(name)")
            #expect(try settings.prepare(in: prepared).wasCached, "\(name)")
        }
        #expect(names() == Self.all)
    }

    @Test func whatKilledRunsLeftIsTakenAway() throws {
        _ = try settings.prepare(in: prepared)
        for name in ["training.rows.partial-4711", "fitted.safetensors.partial-x"] {
            try Data(count: 10).write(to: URL(filePath: "\(prepared)/\(name)"))
        }
        try FileManager.default.removeItem(atPath: "\(prepared)/fitted.safetensors")
        _ = try settings.prepare(in: prepared)
        #expect(names() == Self.all)
    }

    @Test func aFolderOfOtherFilesIsLeftAlone() throws {
        try FileManager.default.createDirectory(atPath: prepared, withIntermediateDirectories: false)
        for name in ["fitted.safetensors", "test.rows", "notes.txt"] {
            let path = "\(prepared)/\(name)"
            try Data("mine".utf8).write(to: URL(filePath: path))
            let error = failure { () throws(InputError) in _ = try settings.prepare(in: prepared) }
            #expect(error?.place == prepared)
            #expect(error?.found == "a folder that contains other files, such as \"\(name)\"")
            #expect(FileManager.default.contents(atPath: path) == Data("mine".utf8))
            try FileManager.default.removeItem(atPath: path)
        }
        _ = try settings.prepare(in: prepared)
        // What others put in later stays.
        try Data("mine".utf8).write(to: URL(filePath: "\(prepared)/notes.txt"))
        try FileManager.default.removeItem(atPath: "\(prepared)/fitted.safetensors")
        _ = try settings.prepare(in: prepared)
        #expect(FileManager.default.contents(atPath: "\(prepared)/notes.txt") == Data("mine".utf8))
        try FileManager.default.removeItem(atPath: "\(prepared)/fitted.safetensors")
        try FileManager.default.createDirectory(
            atPath: "\(prepared)/fitted.safetensors/inner", withIntermediateDirectories: true)
        #expect(failure { () throws(InputError) in _ = try settings.prepare(in: prepared) } != nil)
        #expect(FileManager.default.fileExists(atPath: "\(prepared)/fitted.safetensors/inner"))
    }

    /// What earlier versions prepared is known by its content, where it has no marker too, and made again.
    @Test(arguments: [
        "{\"fingerprint\":\"1 abc\",\"parts\":[0]}",
        "{\"checksum\":\"00c0ffee\",\"content\":{\"fingerprint\":\"2 abc\",\"parts\":[]}}",
    ])
    func aFolderOfAnEarlierVersionIsTakenOver(fitted: String) throws {
        for hasMarker in [false, true] {
            let right = try bits(settings.prepare(in: prepared))
            if !hasMarker { try FileManager.default.removeItem(atPath: "\(prepared)/.mtl-prepared") }
            try FileManager.default.removeItem(atPath: "\(prepared)/fitted.safetensors")
            try Data(fitted.utf8).write(to: URL(filePath: "\(prepared)/fitted.json"))
            let again = try settings.prepare(in: prepared)
            #expect(!again.wasCached)
            #expect(try bits(again) == right)
            #expect(try settings.prepare(in: prepared).wasCached)
            #expect(names() == Self.all)
        }
    }

    /// Files that are called like prepared ones are somebody's until their content says otherwise.
    @Test(arguments: [
        "mine", "{}", "{\"fingerprint\":\"9 abc\"}", "{\"content\":{\"fingerprint\":\"2 abc\"}}",
    ])
    func aFolderWithoutAMarkerIsNotTakenForItsNamesAlone(fitted: String) throws {
        try FileManager.default.createDirectory(atPath: prepared, withIntermediateDirectories: false)
        for name in ["fitted.json", "fitted.safetensors"] {
            try Data(fitted.utf8).write(to: URL(filePath: "\(prepared)/\(name)"))
        }
        let error = failure { () throws(InputError) in _ = try settings.prepare(in: prepared) }
        #expect(error?.place == prepared)
        #expect(names() == ["fitted.json", "fitted.safetensors"])
    }

    private static let all = [
        ".mtl-prepared", "fitted.safetensors", "test.rows", "training.rows", "validation.rows",
    ]

    @Test func theDataAreNotReplaced() throws {
        _ = try settings.prepare(in: prepared)
        var other = settings
        other.data.source = "\(prepared)/test.rows"
        let data = try Data(contentsOf: URL(filePath: settings.data.source))
        try data.write(to: URL(filePath: other.data.source))
        let error = failure { () throws(InputError) in _ = try other.prepare(in: prepared) }
        #expect(error?.found == "a file that is the data")
        #expect(FileManager.default.contents(atPath: other.data.source) == data)
    }

    /// As a run in another container would: by the lock, whatever the numbers of processes are.
    @Test func asecondRunWaitsAndUsesWhatTheFirstPrepared() throws {
        try FileManager.default.createDirectory(atPath: prepared, withIntermediateDirectories: false)
        let marker = open("\(prepared)/.mtl-prepared", O_RDWR | O_CREAT, 0o644)
        try #require(marker >= 0 && flock(marker, LOCK_EX) == 0)
        let waited = DispatchSemaphore(value: 0)
        let done = DispatchSemaphore(value: 0)
        let box = Box<PreparedData?>(nil)
        let (settings, prepared) = (settings, prepared)
        Thread {
            box.value = try? settings.prepare(in: prepared, threads: 1) { waited.signal() }
            done.signal()
        }.start()
        #expect(waited.wait(timeout: .now() + 10) == .success)
        #expect(done.wait(timeout: .now() + .milliseconds(200)) == .timedOut)
        close(marker)
        #expect(done.wait(timeout: .now() + 20) == .success)
        #expect(box.value?.wasCached == false)
        #expect(try settings.prepare(in: prepared).wasCached)
    }

    @Test func manyRunsAtOnceGiveTheSameModel() throws {
        let line =
            "for i in 1 2 3 4 5 6; do \"$0\" train shop.yaml --threads 1 --model $i.safetensors "
            + ">$i.log 2>&1 & done; wait; cat *.log"
        let result = try shop.shell(line)
        let models = (1...6).map { shop.bytes("\($0).safetensors") }
        #expect(models[0] != nil && models.allSatisfy { $0 == models[0] }, "\(result.output)")
        #expect(result.output.components(separatedBy: "(prepared in").count == 2)
        #expect(result.output.components(separatedBy: "(prepared before)").count == 6)
    }

    /// Rows are read with their own checks every time: what happens to the file afterwards is an error, never a signal.
    @Test func aCacheThatChangesWhileItIsUsedIsAnError() throws {
        for damage in 0..<3 {
            let folder = shop.folder.file("prepared-\(damage)")
            let data = try settings.prepare(in: folder)
            _ = try data.training.rows(0)
            let path = data.training.path
            let file = open(path, O_RDWR)
            defer { close(file) }
            switch damage {
            case 0: try #require(ftruncate(file, 4096) == 0)
            case 1: try #require(ftruncate(file, 0) == 0)
            default:
                let noise = (0..<60_000).map { UInt8(truncatingIfNeeded: $0 &* 0x9E37) }
                _ = noise.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, 4096) }
            }
            let error = failure { () throws(InputError) in _ = try data.training.rows(0) }
            #expect(error?.place == "\(path), block 0")
            #expect(throws: InputError.self) {
                try Trainer<Float>(settings.model.model(data.preprocessor)).fit(data.training)
            }
        }
    }
}

/// A value that a thread of a test leaves.
final class Box<Value>: @unchecked Sendable {
    var value: Value
    init(_ value: Value) { self.value = value }
}
