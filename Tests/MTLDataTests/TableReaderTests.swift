import MTLData
import MTLDataKernels
import MTLEngine
import MTLTestSupport
import Synchronization
import Testing

@Suite struct TableReaderTests {
    static let blockSizes = [1, 7, 64, 1 << 20]

    @Test func quotesDoubledQuotesAndLineBreaksInside() {
        let read = Reading("a,\"b \"\"x\"\"\"\n1,\"two, \"\"three\"\"\nfour\"\n\"\",5\n\"\"\"\",\"\n\"\n")
        #expect(read.error == nil)
        #expect(read.columns == ["a", "b \"x\""])
        #expect(read.cells == [["1", "two, \"three\"\nfour"], ["", "5"], ["\"", "\n"]])
        #expect(read.rows.map(\.line) == [2, 4, 5])
        #expect(read.rows.map(\.record) == [0, 1, 2])
    }

    @Test func aHeaderOfSeveralLinesMovesTheLines() {
        let read = Reading("\"a\n\nb\",c\n1,2\n3\n", options: ReadingOptions(badRows: .skip(upTo: 0.5)))
        #expect(read.columns == ["a\n\nb", "c"])
        #expect(read.rows.map(\.line) == [4])
        #expect(read.report?.examples.map(\.place) == ["shop.csv, line 5"])
    }

    @Test func carriageReturnsEndLinesOutsideQuotesOnly() {
        let read = Reading("a,b\r\n1,\"x\r\ny\"\r\n2,\r\n\r\n3,\"z\"\r\n")
        #expect(read.columns == ["a", "b"])
        #expect(read.cells == [["1", "x\r\ny"], ["2", ""], ["3", "z"]])
        #expect(read.rows.map(\.line) == [2, 4, 6])
    }

    @Test func aByteOrderMarkIsNoPartOfAName() {
        #expect(Reading("\u{FEFF}a,b\n1,2\n").columns == ["a", "b"])
        #expect(Reading("\u{FEFF}\"a\",b\n1,2\n").columns == ["a", "b"])
    }

    @Test func theLastLineMayEndWithoutLineBreak() {
        for text in ["a,b\n1,2", "a,b\r\n1,2", "a,b\n1,\"2\"", "a,b\n1,2\r"] {
            #expect(Reading(text).cells == [["1", "2"]], "\(text.debugDescription)")
        }
    }

    @Test func blankLinesAreRowsOfOneColumnOnly() {
        #expect(Reading("a,b\n\n1,2\n\r\n3,4\n\n").cells == [["1", "2"], ["3", "4"]])
        #expect(Reading("a\n1\n\n2\n").cells == [["1"], [""], ["2"]])
    }

    @Test func tabsSeparateByNameOrOption() {
        for path in ["shop.tsv", "shop.tab", "shop.tsv.gz"] {
            #expect(Reading("a\tb,c\n1\t2,3\n", path: path).cells == [["1", "2,3"]])
        }
        let semicolons = ReadingOptions(separator: UInt8(ascii: ";"))
        #expect(Reading("a;b\n1,5;\"2;\"\n", options: semicolons).cells == [["1,5", "2;"]])
    }

    @Test func oneColumnMayHaveNoName() {
        let read = Reading(",a\n0,x\n")
        #expect(read.columns == ["", "a"])
        #expect(read.cells == [["0", "x"]])
    }

    /// Members, the zeros behind them, and a file whose name says nothing.
    @Test(arguments: blockSizes) func gzipIsToldByItsContent(blockBytes: Int) throws {
        let folder = try TemporaryFolder()
        let options = ReadingOptions(blockBytes: blockBytes)
        let body = (0..<3000).map { "\($0),\"line\n\($0 * $0)\"\n" }.joined()
        let plain = Reading("a,b\n" + body)
        #expect(plain.rows.count == 3000)
        let whole = gzip(Array(("a,b\n" + body).utf8))
        let half = body.utf8.count / 2
        let members =
            gzip(Array("a,b\n".utf8)) + gzip(Array(body.utf8.prefix(half))) + gzip([])
            + gzip(Array(body.utf8.dropFirst(half)))
        for bytes in [whole, members, members + [UInt8](repeating: 0, count: 100_000)] {
            var expected = plain
            expected.report?.bytes = bytes.count
            #expect(Reading(bytes, options: options) == expected)
            let reader = try TableReader(path: folder.write(bytes, as: "shop.csv"), options: options)
            #expect(Reading(reader) == expected)
        }
    }

    @Test func aRecordLongerThanABlockIsOneRow() {
        let long = String(repeating: "long\n", count: 40_000)
        for threads in 1...3 {
            let options = ReadingOptions(threads: threads, blockBytes: 100)
            let read = Reading("a,b\n1,\"\(long)\"\n2,x\n", options: options)
            #expect(read.cells == [["1", long], ["2", "x"]])
            #expect(read.rows.map(\.line) == [2, 40_003])
        }
    }

    /// Sums over blocks are the same for every number of threads only where the blocks are.
    @Test func blocksEndAtTheSamePlacesWhoeverTakesThem() throws {
        let long = String(repeating: "x", count: 3000)
        let body = (0..<2000).map { $0 == 5 ? long : "\($0)" }.joined(separator: "\n")
        func blocks(_ threads: Int) throws -> [[Int]] {
            let gathered = Mutex<[[Int]]>([])
            try TableReader(
                bytes: Array("a\n\(body)".utf8), path: "shop.csv",
                options: ReadingOptions(threads: threads, blockBytes: 100)
            ).read { (block, _) throws(InputError) in
                gathered.withLock { $0.append([block.index, block.rowCount, block.record(0)]) }
            }
            return gathered.withLock { $0.sorted { $0[0] < $1[0] } }
        }
        let alone = try blocks(1)
        // A block that was long once takes no more than the others afterwards.
        #expect(alone.count > 20 && alone.dropFirst(2).allSatisfy { $0[1] < 60 })
        #expect(try blocks(2) == alone)
        #expect(try blocks(3) == alone)
    }

    @Test func aHeaderLongerThanTheFirstReadIsWhole() {
        let names = (0..<3000).map { "column \($0)" }
        let read = Reading(names.joined(separator: ",") + "\n" + names.joined(separator: " ,") + "\n")
        #expect(read.columns == names)
        #expect(read.rows.count == 1)
    }

    // MARK: Against the reference

    static func randomText(_ generator: inout SeededGenerator, alphabet: [Character]) -> [Character] {
        (0..<generator.below(generator.below(4) == 0 ? 300 : 24)).map { _ in
            alphabet[generator.below(alphabet.count)]
        }
    }

    /// Two alphabets: few quotes make rows, many make mistakes.
    static let alphabets: [[Character]] = [
        ["a", ",", "\"", "\n", "\r"], Array("aaa,,,\"\"").map { $0 } + ["\n", "\n", "\r"],
        Array("aaaaaaaaaa,,,,") + ["\n", "\n", "\n"], ["\"", "\"", ",", "\n"],
        Array("aaaa,,,  \"\"") + ["\n", "\n"], Array("aa,,,") + ["\n", "\n", "\"", "\n"],
    ]

    @Test(arguments: 0..<4) func rowsAndMistakesAreThoseOfTheReference(stream: Int) {
        var generator = SeededGenerator(seed: 11).split(UInt64(stream))
        var wholeTexts = 0
        for number in 0..<1500 {
            let columns = 1 + generator.below(3)
            let random = Self.randomText(&generator, alphabet: Self.alphabets[number % 6])
            // Without a row in front, the first ones decide whether last columns are left out.
            let text = Array("a,a,a".prefix(2 * columns - 1)) + ["\n"] + random
            let reference = ReferenceCutter(text, columns: columns)
            let header = ["x", "y", "z"].prefix(columns).joined(separator: ",")
            let bytes = Array((header + "\n").utf8) + text.flatMap { Array($0.utf8) }
            let comment = Comment(rawValue: "\(columns) columns, \(String(text).debugDescription)")
            for blockBytes in Self.blockSizes {
                for threads in number % 50 == 0 ? [1, 2, 3] : [1] {
                    checkRefusal(
                        Reading(bytes, options: ReadingOptions(threads: threads, blockBytes: blockBytes)),
                        reference, comment)
                    checkSkipping(
                        Reading(
                            bytes,
                            options: ReadingOptions(
                                threads: threads, blockBytes: blockBytes, badRows: .skip(upTo: 0.99))),
                        reference, comment)
                }
            }
            if reference.mistakes.isEmpty && !reference.rows.isEmpty { wholeTexts += 1 }
        }
        #expect(wholeTexts > 30)
    }

    private func checkRefusal(_ read: Reading, _ reference: ReferenceCutter, _ comment: Comment) {
        if let mistake = reference.mistakes.first {
            #expect(read.error?.place == "shop.csv, line \(mistake.line)", comment)
            #expect(read.error?.kind == .syntax, comment)
            switch mistake {
            case .cells(let count, _): #expect(read.error?.found == "\(count) cells", comment)
            case .strayQuote: #expect(read.error?.found.hasPrefix("text after") == true, comment)
            case .unclosedQuote: #expect(read.error?.found == "a quote that is not closed", comment)
            }
            // Everything before the mistake was handed out; with several threads blocks behind it may have been, too.
            #expect(
                Array(read.rows.prefix(reference.rowsBeforeMistake))
                    == Array(reference.rows.prefix(reference.rowsBeforeMistake)), comment)
        } else if reference.rows.isEmpty {
            #expect(read.error?.kind == .empty, comment)
        } else {
            #expect(read.error == nil, comment)
            #expect(read.rows == reference.rows, comment)
        }
    }

    private func checkSkipping(_ read: Reading, _ reference: ReferenceCutter, _ comment: Comment) {
        #expect(read.rows == reference.rows, comment)
        if !reference.rows.isEmpty {
            #expect(read.report?.badRows == reference.mistakes.count, comment)
            #expect(
                read.report?.examples.map(\.place)
                    == reference.mistakes.prefix(20).map { "shop.csv, line \($0.line)" }, comment)
        }
    }

    /// What lies behind the text must not matter, so it is noise.
    @Test(.enabled(if: InstructionSet.best > .baseline, "no vector instructions here"))
    func everyInstructionLevelCutsAlike() {
        var generator = SeededGenerator(seed: 12)
        for number in 0..<6000 {
            let text = Self.randomText(&generator, alphabet: Self.alphabets[number % 4])
            var bytes = Array((String(text.map { $0 == "\r\n" ? "\n" : $0 }) + "\n").utf8)
            if number % 7 == 0 { bytes[generator.below(bytes.count)] = 0xE9 }
            let columns = 1 + generator.below(4)
            let expected = Cut(bytes, columns: columns, level: .baseline, noise: &generator)
            for level in InstructionSet.allCases where level > .baseline && level.isAvailable {
                let cut = Cut(bytes, columns: columns, level: level, noise: &generator)
                #expect(cut == expected, "\(level), \(String(text).debugDescription)")
            }
        }
    }

    private struct Cut: Equatable {
        var numbers: [Int] = []
        var ends: [UInt32] = []

        init(_ bytes: [UInt8], columns: Int, level: InstructionSet, noise: inout SeededGenerator) {
            let padded = bytes + (0..<64).map { _ in [0x22, 0x0A, 0x2C, 0x0D, 0xFF][noise.below(5)] }
            let extent = mtl_csv_measure(level.rawValue, padded, bytes.count, UInt8(ascii: ","))
            numbers = [
                extent.complete, extent.records, extent.lines, Int(extent.open), Int(extent.stray),
                Int(extent.inner),
            ]
            ends = [UInt32](repeating: 0, count: (extent.records + 1) * columns)
            var rows = [mtl_csv_row](repeating: mtl_csv_row(), count: extent.records + 1)
            var bad = [mtl_csv_bad_row](repeating: mtl_csv_bad_row(), count: 5)
            let cut = mtl_csv_index(
                level.rawValue, padded, extent.complete, UInt8(ascii: ","), columns, &ends, &rows, &bad, 5)
            numbers += [cut.rows, cut.bad_rows, Int(cut.has_high)]
            numbers += rows.prefix(cut.rows).flatMap { [Int($0.start), Int($0.record)] }
            numbers += bad.prefix(cut.bad_rows).flatMap { row in
                [row.start, row.record, row.end, row.cells, row.quote].map { Int($0) }
            }
            ends.removeLast(ends.count - cut.rows * columns)
            if extent.stray == 0, extent.inner == 0 { compare(bytes, columns, extent, rows, cut.rows) }
        }

        /// Where no quote is out of place, the slow pass cuts alike.
        private func compare(
            _ bytes: [UInt8], _ columns: Int, _ extent: mtl_csv_extent, _ rows: [mtl_csv_row], _ count: Int
        ) {
            var slowEnds = [UInt32](repeating: 0, count: (extent.records + 1) * columns)
            var slowRows = [mtl_csv_row](repeating: mtl_csv_row(), count: extent.records + 1)
            var bad = [mtl_csv_bad_row](repeating: mtl_csv_bad_row(), count: 5)
            let scan = mtl_csv_scan_records(
                bytes, extent.complete, 0, UInt8(ascii: ","), columns, &slowEnds, &slowRows, &bad, 5)
            #expect([scan.complete, scan.records, scan.lines, scan.rows] == numbers[0..<3] + [count])
            #expect(scan.odd == 0 && Array(slowEnds.prefix(count * columns)) == ends)
            #expect(slowRows.prefix(count).map(\.start) == rows.prefix(count).map(\.start))
        }
    }
}
