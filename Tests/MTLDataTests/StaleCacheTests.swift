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

/// Prepared rows are those of the content that is there now.
@Suite struct StaleCacheTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func experiment(_ source: String) -> Experiment {
        Experiment(
            data: DataSettings(source: source),
            schema: Schema(features: [Feature("age", .numeric)], labels: [Label("click", .binary)]))
    }

    private func isCached(_ experiment: Experiment) throws -> Bool {
        try experiment.prepare(in: folder.file("prepared")).wasCached
    }

    private func write(_ text: String, _ name: String = "shop.csv") throws -> String {
        try folder.write(Array(text.utf8), as: name)
    }

    private func times(_ path: String) throws -> [timespec] {
        var status = stat()
        try #require(stat(path, &status) == 0)
        #if canImport(Darwin)
            return [status.st_atimespec, status.st_mtimespec]
        #else
            return [status.st_atim, status.st_mtim]
        #endif
    }

    /// What only a model makes of its rows prepares none anew, and is what the experiment says now.
    @Test func factorsAndDimensionsAreNotTheRows() throws {
        var settings = experiment(try write(SmallShop.rows(300)))
        settings.schema.features.append(Feature("city", .categorical))
        #expect(try !isCached(settings))
        settings.schema.labels[0].weight = 3
        settings.schema.labels[0].smoothing = 0.25
        settings.schema.features[1].dimension = 5
        let again = try settings.prepare(in: folder.file("prepared"))
        #expect(again.wasCached && again.preprocessor.schema == settings.schema)
        let model = try settings.model.model(again.preprocessor)
        #expect(model.tasks[0].weight == 3 && model.tasks[0].smoothing == 0.25)
        #expect(model.tables.map(\.dimension) == [5])
        // Rows that a model's preprocessing encodes, which began with another factor.
        settings.schema.labels[0].weight = 2
        let continued = try settings.prepare(
            in: folder.file("continued"), threads: 1, encodedBy: again.preprocessor)
        #expect(!continued.wasCached && continued.preprocessor.schema == settings.schema)
        settings.schema.labels[0].positive = ["0"]
        #expect(try !isCached(settings))
    }

    @Test func theTargetOfALinkCounts() throws {
        let target = try write(SmallShop.rows(300), "target.csv")
        try #require(symlink("target.csv", folder.file("link.csv")) == 0)
        let settings = experiment(folder.file("link.csv"))
        #expect(try !isCached(settings))
        #expect(try isCached(settings))
        _ = try write(SmallShop.rows(301), "target.csv")
        #expect(try !isCached(settings))
        _ = try write(SmallShop.rows(301, seed: 1), "other.csv")
        try #require(rename(folder.file("other.csv"), target) == 0)
        #expect(try !isCached(settings))
        #expect(try isCached(settings))
    }

    @Test func contentOfTheSameSizeAndTimeCounts() throws {
        let path = try write(SmallShop.rows(300))
        let settings = experiment(path)
        let before = try times(path)
        #expect(try !isCached(settings))
        _ = try write(SmallShop.rows(300).replacing("c1", with: "c2"))
        try #require(utimensat(AT_FDCWD, path, before, 0) == 0)
        #expect(try !isCached(settings))
        // In place, written as a tool that keeps times does.
        let file = open(path, O_WRONLY)
        _ = pwrite(file, "99", 2, 15)
        futimens(file, before)
        close(file)
        #expect(try !isCached(settings))
        #expect(try isCached(settings))
    }

    /// The time of a change moves with whatever is done to a file, so that each part is tried without the others.
    @Test func everyPartOfAStampCounts() {
        let stamp = FileStamp(
            device: 1, inode: 2, size: 3, content: .init(seconds: 4, nanoseconds: 500),
            change: .init(seconds: 6, nanoseconds: 700), digest: 8)
        let changes: [(inout FileStamp) -> Void] = [
            { $0.device += 1 }, { $0.inode += 1 }, { $0.size += 1 }, { $0.content.seconds += 1 },
            { $0.content.nanoseconds += 1 }, { $0.change?.seconds += 1 }, { $0.change?.nanoseconds += 1 },
            { $0.digest = 9 }, { $0.change = nil }, { $0.digest = nil },
        ]
        let texts = changes.map { change in
            var other = stamp
            change(&other)
            return other.text
        }
        #expect(Set(texts + [stamp.text]).count == changes.count + 1)
    }

    /// Content that differs where the times may not: of a small file every byte, of a large one what the samples meet.
    @Test func aDigestIsOfTheContentAlone() throws {
        func digest(_ bytes: [UInt8], _ name: String) throws -> UInt64? {
            let file = open(try folder.write(bytes, as: name), O_RDONLY)
            defer { close(file) }
            return FileStamp.digest(file, size: bytes.count)
        }
        let small = Array(SmallShop.rows(100).utf8)
        let right = try digest(small, "a")
        #expect(try right != nil && digest(small, "b") == right)
        for place in Array(stride(from: 0, to: small.count, by: 41)) + [small.count - 1] {
            var other = small
            other[place] ^= 1
            #expect(try digest(other, "b") != right, "byte \(place)")
        }
        let large = [UInt8](repeating: 7, count: 5 << 20)
        let sampled = try digest(large, "c")
        for place in [0, 100, large.count / 127 + 1, large.count - 1] {
            var other = large
            other[place] ^= 1
            #expect(try digest(other, "c") != sampled, "byte \(place)")
        }
        #expect(FileStamp.digest(-1, size: 10) == nil)
    }

    @Test func anyPlaceOfALargeFileCounts() throws {
        let path = try write(SmallShop.rows(700_000))
        let settings = experiment(path)
        #expect(try !isCached(settings))
        #expect(try isCached(settings))
        let before = try times(path)
        let file = open(path, O_WRONLY)
        _ = pwrite(file, "9", 1, 3_000_015)
        futimens(file, before)
        close(file)
        #expect(try !isCached(settings))
    }

    @Test func testRowsAndLogsCount() throws {
        var settings = experiment(
            try write(
                "at,user,age,click\n"
                    + (0..<200).map { "\(1_700_000_000 + $0),u\($0 % 9),\($0 % 40),\($0 % 2)\n" }.joined()))
        settings.data.test = try write("at,user,age,click\n1700009000,u1,20,1\n", "test.csv")
        settings.histories = [
            HistorySpec(
                "buys", events: try write("at,user\n1690000000,u1\n", "log.csv"), user: "user", time: "at")
        ]
        #expect(try !isCached(settings))
        #expect(try isCached(settings))
        _ = try write("at,user,age,click\n1700009000,u1,21,1\n", "test.csv")
        #expect(try !isCached(settings))
        _ = try write("at,user\n1690000000,u2\n", "log.csv")
        #expect(try !isCached(settings))
        #expect(try isCached(settings))
    }

    @Test func aDatabaseWhoseNameHasSignsCounts() throws {
        let database = try SQLiteDatabase(folder.file("my shop.db"))
        try database.run("CREATE TABLE v (age, click)")
        for row in 0..<200 { try database.run("INSERT INTO v VALUES (\(row % 50), \(row % 2))") }
        let settings = experiment("sqlite:\(folder.path)/my%20shop.db?query=SELECT * FROM v")
        #expect(try !isCached(settings))
        #expect(try isCached(settings))
        try database.run("UPDATE v SET click = 1 - click")
        #expect(try !isCached(settings))
        #expect(try isCached(settings))
    }

    @Test func whatOnlyTheDatabasesLogHoldsCounts() throws {
        let database = try SQLiteDatabase(folder.file("shop.db"))
        try database.run("PRAGMA journal_mode = WAL")
        try database.run("CREATE TABLE v (age, click)")
        for row in 0..<200 { try database.run("INSERT INTO v VALUES (\(row % 50), \(row % 2))") }
        let settings = experiment("sqlite:\(folder.path)/shop.db?table=v")
        #expect(try !isCached(settings))
        #expect(try isCached(settings))
        try database.run("INSERT INTO v VALUES (7, 1)")
        #expect(try !isCached(settings))
        #expect(try isCached(settings))
    }

    /// A source that is another one when it was read to its end: in the middle of it, so to speak.
    @Test(arguments: [true, false])
    func aChangeWhileRowsArePreparedIsRefused(isReplaced: Bool) throws {
        let path = folder.file("shop.csv")
        _ = try write(SmallShop.rows(300_000))
        let settings = experiment(path)
        let stop = DispatchSemaphore(value: 0)
        let changer = Thread {
            var round = 0
            while stop.wait(timeout: .now() + .milliseconds(5)) == .timedOut {
                round += 1
                if isReplaced {
                    try? Data(SmallShop.rows(50, seed: round).utf8).write(to: URL(filePath: path + ".new"))
                    rename(path + ".new", path)
                } else {
                    let file = open(path, O_WRONLY)
                    _ = pwrite(file, "\(1 + round % 9)", 1, 15)
                    close(file)
                }
            }
            stop.signal()
        }
        changer.start()
        let error = failure { () throws(InputError) in _ = try settings.prepare(in: folder.file("prepared")) }
        stop.signal()
        #expect(error?.place == path)
        #expect(
            error?.found.contains("a change to it, or to a related file, during reading") == true,
            "\(String(describing: error))")
        #expect(!FileManager.default.fileExists(atPath: folder.file("prepared/fitted.safetensors")))
    }

    /// Passes over the rows are over the same file, whatever gets its name between them.
    @Test func aReaderStaysWithItsFile() throws {
        let path = try write("a,b\n1,2\n3,4\n")
        let reader = try TableReader(path: path)
        _ = try write("b,a\n5,6\n", "new.csv")
        try #require(rename(folder.file("new.csv"), path) == 0)
        var texts: [String] = []
        try reader.read { (block, _) throws(InputError) in
            for row in 0..<block.rowCount { texts.append(block.string(row, 0) + block.string(row, 1)) }
        }
        #expect(texts == ["12", "34"])
    }
}
