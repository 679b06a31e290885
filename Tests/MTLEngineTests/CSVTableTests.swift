import Foundation
import MTLEngine
import Testing

@Suite struct CSVTableTests {
    private func table(_ text: String) throws(InputError) -> CSVTable {
        try CSVTable(bytes: Array(text.utf8), path: "shop.csv")
    }

    private func failure(_ text: String) -> InputError? {
        do {
            _ = try table(text)
            return nil
        } catch { return error }
    }

    @Test func quotesLineBreaksAndByteOrderMark() throws {
        let table = try table("\u{FEFF}a,\"b \"\"x\"\"\"\r\n1,\"two, \"\"three\"\"\nfour\"\r\n\"\",5")
        #expect(table.columns == ["a", "b \"x\""])
        #expect(table.rowCount == 2)
        #expect(table.text(row: 0, column: 1) == "two, \"three\"\nfour")
        #expect(table.text(row: 1, column: 0) == "")
        #expect(table.text(row: 1, column: 1) == "5")
        #expect(table.place(row: 1, column: 0) == "shop.csv, line 4, column \"a\"")
    }

    @Test func blankLinesAndLastLineBreakAreNoRows() throws {
        #expect(try table("a,b\n1,2\n\n3,4\n").rowCount == 2)
        #expect(try table("a,b\r\n1,2\r\n").text(row: 0, column: 1) == "2")
    }

    @Test func mistakesNameTheLine() throws {
        #expect(failure("")?.kind == .empty)
        #expect(failure("a,b\n")?.kind == .empty)
        let count = try #require(failure("a,b\n1,2\n\"x\ny\",2\n3\n"))
        #expect(count.place == "shop.csv, line 5")
        #expect(count.found == "1 fields")
        let quote = try #require(failure("a,b\n1,2\n3,\"open\n\n"))
        #expect(quote.place == "shop.csv, line 3")
        #expect(quote.kind == .syntax)
        #expect(failure("a,b\n1,x\"y\n")?.place == "shop.csv, line 2")
        #expect(failure("a,b\n\"1\"x,2\n")?.found == "text behind a closing quote")
        #expect(failure("a,a\n1,2\n")?.kind == .name)
        #expect(
            throws: InputError(
                .syntax, at: "shop.csv", found: "bytes that are no UTF-8", expected: "UTF-8 text")
        ) { try CSVTable(bytes: [0x61, 0x0A, 0xFF, 0x0A], path: "shop.csv") }
        do {
            _ = try CSVTable(path: "/nowhere/shop.csv")
            Issue.record("a file that is not there was read")
        } catch {
            #expect(error.kind == .file)
            #expect(error.description.hasPrefix("/nowhere/shop.csv: found No such file"))
        }
    }
}

/// Real files with quoted text of several lines, missing cells and money columns; skipped where they are not.
@Suite struct RealDataTests {
    static let folder: URL = {
        let given = ProcessInfo.processInfo.environment["MTL_SHARED_DATA"]
        let package = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
        return given.map { URL(filePath: $0) } ?? package.appending(path: "../shared/data")
    }()

    static func exists(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: folder.appending(path: name).path)
    }

    @Test(
        .enabled(
            if: exists("womens_clothing/womens_clothing_no_text.csv"), "no women's clothing reviews here"))
    func clothingReviewsTrain() throws {
        let path = Self.folder.appending(path: "womens_clothing/womens_clothing_no_text.csv").path
        let table = try CSVTable(path: path)
        #expect(table.rowCount == 23_486)
        let split = try RowSplit(rows: table.rowCount, validationShare: 0.1, testShare: 0.2, seed: 1)
        #expect(split.training.count + split.validation.count + split.test.count == table.rowCount)
        let label = try #require(table.columns.first { $0.lowercased().contains("recommended") })
        let schema = try TableSchema.inferred(from: table, labels: [label], rows: split.training)
        let data = try FeatureEncoder(fitting: table, schema: schema, rows: split.training)
            .encode(table, rows: split.test, as: Float.self)
        #expect(data.rowCount == split.test.count)
    }

    @Test(.enabled(if: exists("marketing_campaign/marketing_data.csv"), "no marketing campaign here"))
    func marketingCampaignReads() throws {
        let table = try CSVTable(
            path: Self.folder.appending(path: "marketing_campaign/marketing_data.csv").path)
        #expect(table.rowCount == 2_240)
        let schema = try TableSchema.inferred(from: table, labels: ["Response"])
        #expect(schema.numeric.contains("Year_Birth"))
        #expect(schema.numeric.contains { $0.contains("Income") })
        let data = try FeatureEncoder(fitting: table, schema: schema, minimumCount: 5).encode(
            table, as: Float.self)
        let positives = try data.labels("Response").reduce(0, +)
        #expect(abs(Double(positives) / 2_240 - 0.149) < 0.001)
    }

    @Test(.enabled(if: exists("womens_clothing/reviews_with_text.csv.gz"), "no review texts here"))
    func reviewTextsKeepTheirRows() throws {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/gunzip")
        process.arguments = [
            "-c", Self.folder.appending(path: "womens_clothing/reviews_with_text.csv.gz").path,
        ]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let bytes = Array(pipe.fileHandleForReading.readDataToEndOfFile())
        process.waitUntilExit()
        #expect(try CSVTable(bytes: bytes, path: "reviews").rowCount == 23_486)
    }
}
