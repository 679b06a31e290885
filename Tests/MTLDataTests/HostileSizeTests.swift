import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// Files that ask for far more than they hold: an error and no signal, within a memory that a machine has.
@Suite struct HostileSizeTests {
    /// Runs the command with at most so much memory; the system's own limit stands in for a machine's.
    private func run(
        _ shop: SmallShop, _ arguments: String, gigabytes: Int = 4
    ) throws -> Command {
        try shop.shell("ulimit -v \(gigabytes)000000; \"$0\" \(arguments)")
    }

    /// A million blank lines under a header of thousands of columns, each of which could begin a row.
    @Test func blankLinesUnderAWideHeaderTakeNoMemory() throws {
        let shop = try SmallShop()
        let width = 30_000
        let header = "age,city,click," + (3..<width).map { "c\($0)" }.joined(separator: ",") + "\n"
        let row = "20,c1,1" + String(repeating: ",", count: width - 3) + "\n"
        _ = try shop.write(
            header + String(repeating: "\n", count: 900_000) + row + row.replacing(",1,", with: ",0,"),
            "shop.csv")
        for line in ["check shop.yaml", "init shop.csv --label click"] {
            let result = try run(shop, line)
            #expect(!result.isSignalled && result.status < 128, "\(line): \(result.status) \(result.errors)")
        }
        let reader = try TableReader(path: shop.folder.file("shop.csv"))
        var rows: [String] = []
        try reader.read { (block, _) throws(InputError) in
            for row in 0..<block.rowCount {
                rows.append(block.string(row, 2))
                #expect(block.string(row, width - 1).isEmpty)
            }
        }
        #expect(rows == ["1", "0"])
    }

    @Test func experimentsOfTooManySettingsAreRefused() throws {
        let shop = try SmallShop(rows: 10)
        // Ten aliases of ten aliases of …: ten million values.
        var bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1..<7 {
            bomb +=
                "a\(level): &a\(level) [\((0..<10).map { _ in "*a\(level - 1)" }.joined(separator: ", "))]\n"
        }
        let flat = "data: [" + String(repeating: "x,", count: 3_000_000) + "x]\n"
        let lines = "data:\n" + String(repeating: "- x\n", count: 3_000_000)
        // A long name that stands before thousands of settings, in every message that could be.
        let name =
            String(repeating: "n", count: 1_000_000) + ": {"
            + (0..<20_000).map { "a\($0): 1" }.joined(separator: ", ")
            + "}\n"
        let long = "? " + name.replacing(": {", with: "\n: {")
        for (what, text) in [("bomb", bomb), ("flat", flat), ("lines", lines), ("long", long)] {
            _ = try shop.write(text, "x.yaml")
            let result = try run(shop, "check x.yaml", gigabytes: 3)
            #expect(result.status == 1 && !result.isSignalled, "\(what): \(result.status)")
            #expect(result.errors.contains("too many settings"), "\(what): \(result.errors.prefix(300))")
        }
        _ = try shop.write("data: \(String(repeating: "[", count: 300_000))\n", "x.yaml")
        let deep = try run(shop, "check x.yaml")
        #expect(deep.status == 1 && !deep.isSignalled, "\(deep.status)")
    }

    @Test func experimentsThatCannotBeReadToTheirEndAreRefused() throws {
        let shop = try SmallShop(rows: 10)
        let large = try shop.shell(
            "head -c 70000000 /dev/zero | tr '\\0' '#' >x.yaml; \"$0\" check x.yaml; rm x.yaml")
        #expect(large.errors.contains("more than 64 MiB"), "\(large.errors)")
        #if os(Linux)
            // Its first byte is nobody's: reading it fails, and does not end.
            let broken = try run(shop, "check /proc/self/mem")
            #expect(broken.status == 1)
            #expect(broken.errors.contains("Input/output error"), "\(broken.errors)")
        #endif
    }

    @Test func countsThatAreNoneAreToldAtOnce() throws {
        let shop = try SmallShop(rows: 10)
        for line in [
            "read shop.csv --repeats -1", "read shop.csv --repeats 0", "read shop.csv --threads -1",
            "steps --count -1",
            "steps --batch 0", "worker --tasks -1", "embeddings --rounds -1", "embeddings --dimension 0",
            "architectures --scenarios -2", "scenarios --seeds -1", "log x.csv --rows 9223372036854775807",
            "log x.csv --rows -1", "log x.csv --threads 0",
        ] {
            let result = try shop.shell("timeout 60 \"$0\" \(line)", "mtl-bench")
            #expect(result.status == 64 && !result.isSignalled, "\(line): \(result.status) \(result.errors)")
            #expect(result.output.isEmpty, "\(line)")
        }
        #expect(!FileManager.default.fileExists(atPath: shop.folder.file("x.csv")))
    }

    /// What a cache says of itself is counted with before a row is read.
    @Test func cachesOfImpossibleLayoutsAreRefused() throws {
        typealias Field = CacheLayout.Field
        func fault(_ singles: [Field], _ bags: [Field], scenarios: Int = 0) throws -> String? {
            let folder = try TemporaryFolder()
            let layout = CacheLayout(
                denseNames: ["a"], singles: singles, bags: bags, labels: ["y"], scenarioCount: scenarios,
                hasWeights: false, fingerprint: "")
            try CacheWriter(folder.file("x.rows"), layout).finish()
            return failure { () throws(InputError) in _ = try RowCache(path: folder.file("x.rows")) }?.found
        }
        #expect(
            try fault([Field(name: "f", tableRows: 3)], [Field(name: "g", tableRows: 3, maximumCount: 2)])
                == nil)
        for rows in [0, -1, Int.min, Int.max, 1 << 31] {
            #expect(
                try fault([Field(name: "f", tableRows: rows)], []) == "\(rows) rows in the table of \"f\"")
        }
        for count in [0, -1, Int.max, 1 << 17] {
            #expect(
                try fault([], [Field(name: "g", tableRows: 3, maximumCount: count)])
                    == "up to \(count) ids of \"g\" in a row")
        }
        #expect(
            try fault([Field(name: "f", tableRows: 3, maximumCount: 2)], [])
                == "several ids of \"f\" in a row")
        for count in [-1, Int.min, Int.max] {
            #expect(try fault([], [], scenarios: count) == "\(count) scenarios")
        }
    }

    /// A file that grows while its end is looked for: what is read of that is kept.
    @Test func noByteIsLostWhereASourceGrows() {
        var pieces: [[UInt8]] = [Array("abc".utf8), Array("d".utf8), Array("ef".utf8), []]
        let taken = TakenBytes(100) { (target) throws(InputError) in
            let piece = pieces.removeFirst()
            target.copyBytes(from: piece)
            return piece.count
        }
        #expect(taken.bytes == Array("abcdef".utf8) && taken.isAtEnd && taken.failure == nil)
        let error = InputError(.file, at: "x", found: "damage", expected: "none")
        var isFirst = true
        let broken = TakenBytes(100) { (target) throws(InputError) in
            guard isFirst else { throw error }
            isFirst = false
            target.copyBytes(from: Array("abc".utf8))
            return 3
        }
        #expect(broken.bytes == Array("abc".utf8) && !broken.isAtEnd && broken.failure == error)
        let whole = TakenBytes(2) { (target) throws(InputError) in target.count }
        #expect(whole.bytes.count == 2 && !whole.isAtEnd)
    }
}
