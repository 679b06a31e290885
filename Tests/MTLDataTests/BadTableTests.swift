import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// Bad input is an `InputError` that names file, line and column.
@Suite struct BadTableTests {
    /// The same error for every size of block and number of threads.
    private func refused(_ bytes: [UInt8], path: String = "shop.csv") -> InputError? {
        let error = Reading(bytes, path: path).error
        for blockBytes in TableReaderTests.blockSizes {
            for threads in 1...3 {
                let options = ReadingOptions(threads: threads, blockBytes: blockBytes)
                #expect(Reading(bytes, path: path, options: options).error == error)
            }
        }
        return error
    }

    private func refused(_ text: String) -> InputError? { refused(Array(text.utf8)) }

    @Test func aQuoteThatNeverCloses() {
        for (text, line) in [
            ("a,b\n1,2\n3,\"open\n\n", 3),
            ("a,b\n1,2\n3,\"open\n\"\"doubled\n", 3),
            // The quote before "z" only seems to close the one of line 2.
            ("a,b\n1,\"x\n2,y\n3,\"z\"\n4,w\n", 2),
            ("a,b\n1,\"x\n\"y\n", 2), ("a,\"b\n1,2\n", 1),
            ("\"a\nb\",\"c\n1,2\n", 2),
            ("a,b\n1,\"closed\"\r\n3,\"\"\"", 3),
        ] {
            #expect(
                refused(text)
                    == InputError(
                        .syntax, at: "shop.csv, line \(line)", found: "a quote that is not closed",
                        expected: "a closing quote"), "\(text.debugDescription)")
        }
    }

    @Test func quotesWhereNoneMayBe() {
        for (text, line) in [
            ("a,b\n\"x\"y,2\n", 2), ("a,\"b\"c\n1,2\n", 1),
        ] {
            let error = refused(text)
            #expect(error?.place == "shop.csv, line \(line)", "\(text.debugDescription)")
            #expect(error?.found.hasPrefix("text after a closing quote") == true)
        }
    }

    @Test func tooFewAndTooManyCells() {
        #expect(
            refused("a,b\n1,2\n\n\"x\ny\",2\n3\n5,6,7\n")
                == InputError(
                    .syntax, at: "shop.csv, line 6", found: "1 cells", expected: "2, as in the header"))
        #expect(
            refused("a,b\n1,2,\n3\n")?.description
                == "shop.csv, line 2: found 3 cells, expected 2, as in the header")
    }

    /// The earlier of two mistakes, whichever of them is found first.
    @Test func theFirstMistakeIsTold() {
        #expect(refused("a,b\n1\n2,\"open\n")?.place == "shop.csv, line 2")
        #expect(
            refused(Array("a,b\n1,2\n\u{E9}".utf8) + [0xFF, 0x0A] + Array("3\n".utf8))?.place
                == "shop.csv, line 3")
        #expect(refused(Array("a,b\n1\n2,".utf8) + [0xFF, 0x0A])?.place == "shop.csv, line 2")
    }

    @Test(
        arguments: [[0xFF], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80]] as [[UInt8]])
    func bytesThatAreNoUTF8(_ bytes: [UInt8]) {
        let error = refused(Array("a,b\n1,é\n2,\"\nx".utf8) + bytes + Array("\"\n".utf8))
        #expect(
            error
                == InputError(
                    .syntax, at: "shop.csv, line 3", found: "bytes that are not valid UTF-8",
                    expected: bytes.contains(0x90)
                        ? "UTF-8 text" : "UTF-8 text; it looks like encoding: windows-1252"))
        #expect(refused(bytes + Array(",b\n1,2\n".utf8))?.place == "shop.csv, line 1")
    }

    @Test func filesWithoutRows() {
        for text in ["", "\u{FEFF}"] {
            #expect(refused(text)?.description == "shop.csv: found no text, expected a header and rows")
        }
        for text in ["a,b", "a,b\n", "a,b\r\n\r\n\n"] {
            #expect(refused(text)?.description == "shop.csv: found a header only, expected at least one row")
        }
        #expect(refused("\"\"\n")?.place == "shop.csv, line 1")
        #expect(refused("\na,b\n1\n")?.place == "shop.csv, line 3")
    }

    @Test func headersThatAreWrong() {
        #expect(
            refused("a,b,a\n1,2,3\n")?.description
                == "shop.csv, line 1, column \"a\": found the name twice, expected names that differ")
        #expect(
            refused("a,,b,\n1,2,3,4\n")?.description
                == "shop.csv, line 1, column 4: found a second column without a name, expected names that differ"
        )
        for text in ["a,b\n1,2\na,b\n3,4\n", "a,b\r\n1,2\r\na,b"] {
            #expect(
                refused(text)?.description == "shop.csv, line 3: found the header again, expected a row")
        }
    }

    @Test func gzipFilesThatAreCutShortOrDamaged() throws {
        let body = (0..<500).map { "\($0),\($0 * 7919 % 1009)\n" }.joined()
        let whole = gzip(Array(("a,b\n" + body).utf8))
        for count in [3, 10, 11, 500, whole.count - 9, whole.count - 8, whole.count - 1] {
            let error = refused(Array(whole.prefix(count)), path: "shop.csv.gz")
            #expect(
                error
                    == InputError(
                        .file, at: "shop.csv.gz", found: "a gzip file that is cut short",
                        expected: "more compressed bytes after byte \(count)"), "\(count) bytes")
        }
        // What was decompressed before the end is handed out: a few bytes may stand for many rows.
        let repeated = gzip(Array("a\n1\n".utf8) + [UInt8](repeating: 0x0A, count: 200))
        for count in 12..<repeated.count {
            let rows = TableReaderTests.blockSizes.map { blockBytes in
                Reading(Array(repeated.prefix(count)), options: ReadingOptions(blockBytes: blockBytes)).rows
            }
            #expect(rows.allSatisfy { $0 == rows[0] }, "\(count) bytes")
        }
        // The header's method, the content, the checksum, the length; and something behind that is no member.
        for place in [2, whole.count / 2, whole.count - 8, whole.count - 1] {
            var damaged = whole
            damaged[place] ^= 0x55
            let error = refused(damaged, path: "shop.csv.gz")
            // Damage may decompress to text that is wrong in its own way.
            #expect(error?.place.hasPrefix("shop.csv.gz") == true, "byte \(place)")
            #expect(error?.kind == (place == whole.count / 2 ? error?.kind : .file), "byte \(place)")
        }
        #expect(refused(whole + Array("rubbish".utf8))?.found.hasPrefix("a damaged gzip file near") == true)
        // A wrong row in front of the damage comes first.
        let early = gzip(Array(("a,b\n1,2\n3\n" + body).utf8))
        #expect(refused(Array(early.dropLast(8)))?.place == "shop.csv, line 3")
    }

    @Test func filesThatCannotBeRead() throws {
        let folder = try TemporaryFolder()
        // Often enough to run out of descriptors, were they not closed.
        for _ in 0..<3000 {
            #expect(
                failure { () throws(InputError) in _ = try TableReader(path: folder.file("")) }?.found
                    == "a directory")
        }
        let missing = failure { () throws(InputError) in
            _ = try TableReader(path: folder.file("shop.csv"))
        }
        #expect(missing?.kind == .file)
        #expect(missing?.place == folder.file("shop.csv"))
        #expect(missing?.found == "No such file or directory")
    }

    @Test func optionsThatCannotBe() {
        for (options, place) in [
            (ReadingOptions(threads: 0), "threads"), (ReadingOptions(blockBytes: 0), "block bytes"),
            (ReadingOptions(blockBytes: .max), "block bytes"),
            (ReadingOptions(separator: UInt8(ascii: "\"")), "separator"),
            (ReadingOptions(separator: UInt8(ascii: "\n")), "separator"),
            (ReadingOptions(separator: 0xE9), "separator"),
            (ReadingOptions(badRows: .skip(upTo: 1)), "bad rows"),
            (ReadingOptions(badRows: .skip(upTo: .nan)), "bad rows"),
        ] {
            let error = Reading("a\n1\n", options: options).error
            #expect(error?.kind == .value)
            #expect(error?.place == "reading, \(place)")
        }
    }

    @Test(arguments: TableReaderTests.blockSizes, [1, 2, 3])
    func badRowsAreSkippedCountedAndListed(blockBytes: Int, threads: Int) {
        let bytes =
            Array("a,b\n1,2\n3\n4,5,6\na,b\n7,".utf8) + [0xFF, 0x0A] + Array("8,\"x\" y\n9,10\n11,12\n".utf8)
        func read(_ share: Double) -> Reading {
            Reading(
                bytes,
                options: ReadingOptions(threads: threads, blockBytes: blockBytes, badRows: .skip(upTo: share))
            )
        }
        let enough = read(0.625)
        #expect(enough.cells == [["1", "2"], ["9", "10"], ["11", "12"]])
        #expect(enough.rows.map(\.line) == [2, 8, 9])
        #expect(enough.rows.map(\.record) == [0, 6, 7])
        #expect(enough.report?.rows == 3)
        #expect(enough.report?.badRows == 5)
        #expect(enough.report?.examples.map(\.place) == (3...7).map { "shop.csv, line \($0)" })
        let beyond = read(0.6)
        #expect(
            beyond.error
                == InputError(
                    .syntax, at: "shop.csv",
                    found:
                        "5 bad rows of 8, the first: shop.csv, line 3: found 1 cells, expected 2, as in the header",
                    expected: "a share of at most 0.6"))
    }

    @Test func noMoreThanTwentyBadRowsAreListed() {
        let text = "a,b\n" + String(repeating: "1,2\n3\n", count: 50)
        for blockBytes in [1, 64, 1 << 20] {
            let report = Reading(
                text, options: ReadingOptions(blockBytes: blockBytes, badRows: .skip(upTo: 0.5))
            ).report
            #expect(report?.badRows == 50)
            #expect(report?.examples.map(\.place) == (0..<20).map { "shop.csv, line \(3 + 2 * $0)" })
        }
    }

    @Test func aCellThatIsNoNumberOrTooLargeIsNamed() {
        for (cell, expected) in [
            ("1e400", "a number that a Double holds"),
            ("wide", "a number; missing_words: [usual, \"wide\"] if it means unknown"),
            ("inf", "a finite number; missing_words: [usual, \"inf\"] if it means unknown"),
        ] {
            let error = failure { () throws(InputError) in
                let reader = try TableReader(
                    bytes: Array("size,click\n1,0\n\"2\",1\n\(cell),1\n".utf8), path: "shop.csv",
                    options: ReadingOptions(blockBytes: 8))
                _ = try Preprocessor(
                    fitting: reader,
                    schema: Schema(features: [Feature("size", .numeric)], labels: [Label("click", .binary)]))
            }
            #expect(
                error
                    == InputError(
                        .value, at: "shop.csv, line 4, column \"size\"", found: "\"\(cell)\"",
                        expected: expected))
        }
    }
}
