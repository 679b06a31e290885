import Foundation
import MTLData
import MTLDataKernels
import MTLEngine
import MTLTestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What is written as text: cells in quotes, and outputs that come whole or not at all wherever they go.
@Suite struct OutputTextTests {
    // MARK: Quotes

    @Test(arguments: [
        "plain", "a,b", "a\"b", "a\nb", "a\rb", "a\r\nb", "\r\n", "\"\u{301}", ",\u{301}",
        "\u{1F468}\u{200D}\u{1F469}\r\n",
        "\"\r\n\"",
    ])
    func aCellInQuotesReadsAsTheSameCell(text: String) throws {
        let cell = Quoting.csv(text)
        #expect((cell == text) == !text.utf8.contains { [0x22, 0x2C, 0x0A, 0x0D].contains($0) })
        let reader = try TableReader(bytes: Array("a,b\n\(cell),1\n".utf8), path: "t.csv")
        var found: [String] = []
        try reader.read { (block, _) throws(InputError) in
            for row in 0..<block.rowCount { found.append(block.string(row, 0)) }
        }
        #expect(found.map { Array($0.utf8) } == [Array(text.utf8)])
    }

    @Test func aTableWhoseNameHasAQuoteWithAnAccentIsFound() throws {
        let folder = try TemporaryFolder()
        let name = "a\"\u{301}b"
        let database = try SQLiteDatabase(folder.file("a.db"))
        try database.run("CREATE TABLE \"a\"\"\u{301}b\" (x)")
        try database.run("INSERT INTO \"a\"\"\u{301}b\" VALUES (7)")
        let source = try SQLiteSource("sqlite:\(folder.file("a.db"))?table=\(name)")
        #expect(source.columns == ["x"])
    }

    @Test func aCommentMayHoldNoLineBreakOfTwoBytes() {
        var options = ReadingOptions()
        options.format.comment = "#\r\n"
        let error = failure { () throws(InputError) in
            _ = try TableReader(bytes: Array("a\n1\n".utf8), path: "t.csv", options: options)
        }
        #expect(error?.place == "reading, comment")
    }

    @Test func keptCellsWithLineBreaksOfTwoBytesStayCells() throws {
        let shop = try SmallShop(isTrained: true)
        _ = try shop.write("id,age,city\n\"a\r\nb\",20,c1\nc,21,c2\n", "rows.csv")
        let result = try shop.mtl("predict", "shop.safetensors", "rows.csv", "--keep", "id")
        #expect(result.output.utf8.starts(with: "id,click\n\"a\r\nb\",0.".utf8), "\(result.output)")
    }

    // MARK: Whole or not at all

    @Test func aPipeGetsNothingBeforeAllIsThere() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("pipe")
        try #require(mkfifo(path, 0o600) == 0)
        let reader = open(path, O_RDWR | O_NONBLOCK)
        try #require(reader >= 0)
        defer { close(reader) }
        var bytes = [UInt8](repeating: 0, count: 20)
        do {
            let left = try WholeOutput(path)
            try left.write("half")
        }
        let output = try WholeOutput(path)
        try output.write("all ")
        #expect(read(reader, &bytes, 20) == -1 && errno == EAGAIN)
        try output.write("of it")
        try output.finish()
        #expect(read(reader, &bytes, 20) == 9)
        #expect(String(decoding: bytes.prefix(9), as: UTF8.self) == "all of it")
        #expect(folder.files == ["pipe"])
    }

    @Test func aFileGetsItsNameAtTheEnd() throws {
        let folder = try TemporaryFolder()
        let output = try WholeOutput(folder.file("a.csv"))
        try output.write("all")
        #expect(folder.files.isEmpty)
        try output.finish()
        #expect(FileManager.default.contents(atPath: folder.file("a.csv")) == Data("all".utf8))
    }

    /// Predictions wait in TMPDIR: without room there nothing comes out, and the error says where.
    @Test func predictionsThatFindNoRoomAreNotPrintedInPart() throws {
        let shop = try SmallShop(rows: 4000, isTrained: true)
        let none = try shop.shell("TMPDIR=\"$PWD/none\" \"$0\" predict shop.safetensors shop.csv")
        #expect(none.status == 1 && none.output.isEmpty)
        #expect(none.errors.contains("/none") && none.errors.contains("TMPDIR"), "\(none.errors)")
        for target in ["", " --output /dev/stdout"] {
            // A limit in blocks of 512 or 1024 bytes, below what is predicted.
            let full = try shop.shell(
                "ulimit -f 8; \"$0\" predict shop.safetensors shop.csv\(target) | cat")
            #expect(full.output.isEmpty, "\(target)")
            #expect(full.errors.contains("File too large"), "\(target): \(full.errors)")
        }
        let wrong = try shop.shell(
            "{ cat shop.csv; echo many,c1,1; } >bad.csv; \"$0\" predict shop.safetensors bad.csv --output /dev/stdout"
        )
        #expect(wrong.status == 1 && wrong.output.isEmpty)
    }

    // MARK: Temporary names

    /// What is given up twice must not take away what another file has put in its place.
    @Test func aNameThatIsGivenUpIsGivenUpOnce() throws {
        let folder = try TemporaryFolder()
        var output: TextOutput? = try TextOutput(folder.file("a.txt"), usesNames: true)
        // Nothing can be renamed to the name of a folder.
        try FileManager.default.createDirectory(
            atPath: folder.file("a.txt"), withIntermediateDirectories: false)
        #expect(failure { () throws(InputError) in try output?.finish() }?.place == folder.file("a.txt"))
        let places = (0..<40).map { mtl_partial_add(folder.file("mine-\($0)")) }
        output = nil
        let more = (0..<8).map { mtl_partial_add(folder.file("more-\($0)")) }
        #expect(Set(places).isDisjoint(with: more))
        for place in places + more { mtl_partial_remove(place) }
    }

    @Test func aScratchFolderGoesWithAllThatIsInIt() throws {
        let path: String
        do {
            let folder = try ScratchFolder()
            path = folder.path
            try Data("x".utf8).write(to: URL(filePath: "\(path)/x"))
        }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    /// Rows that are prepared for a comparison lie in a folder of the command's own.
    @Test func anInterruptTakesTheFolderOfPreparedRowsAway() throws {
        let shop = try SmallShop(rows: 400_000)
        let result = try shop.shell(
            """
            mkdir tmp; TMPDIR="$PWD/tmp" "$0" train --data shop.csv --label click --epochs 1000 --patience 1000 >log 2>&1 &
            p=$!; i=0
            while [ -z "$(ls tmp)" ]; do kill -0 $p || { cat log; exit 9; }; sleep 0.01; done
            kill -TERM $p; wait $p; echo "status $?"; ls tmp
            """, "mtl-bench")
        #expect(result.output == "status 143\n", "\(result.status) \(result.output) \(result.errors)")
    }
}
