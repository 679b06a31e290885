import CZlib
import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// Real files as Python's csv module reads them; skipped where they are not.
@Suite struct RealTableTests {
    struct Counts: Decodable {
        struct Column: Decodable {
            let name: String
            let missing: Int
            let crc32: UInt
            let sum: Double?
        }

        let rows: Int
        let columns: [Column]
    }

    static let folder: URL = {
        let given = ProcessInfo.processInfo.environment["MTL_SHARED_DATA"]
        let package = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
        return given.map { URL(filePath: $0) } ?? package.appending(path: "../shared/data")
    }()

    static let files = [
        "womens_clothing/womens_clothing_no_text.csv", "womens_clothing/reviews_with_text.csv.gz",
        "marketing_campaign/marketing_data.csv",
    ]

    static let isThere = files.allSatisfy {
        FileManager.default.fileExists(atPath: folder.appending(path: $0).path)
    }

    @Test(.enabled(if: isThere, "no women's clothing reviews and marketing campaign here"), arguments: files)
    func everyCellIsTheOneThatPythonReads(_ file: String) throws {
        let counts = try #require(
            try fixture([String: Counts].self, "real_data_counts.json")[file])
        let path = Self.folder.appending(path: file).path
        for options in [ReadingOptions(), ReadingOptions(threads: 3, blockBytes: 10_000)] {
            let read = Reading(try TableReader(path: path, options: options))
            #expect(read.error == nil)
            #expect(read.columns == counts.columns.map { $0.name.trimmingCharacters(in: .whitespaces) })
            #expect(read.report?.rows == counts.rows)
            #expect(read.report?.badRows == 0)
            let table = try TypedTable(TableReader(path: path, options: options))
            let cells = read.cells
            for (index, column) in counts.columns.enumerated() {
                var sum: UInt = 0
                var missing = 0
                for var cell in cells.map({ $0[index] + "\u{1F}" }) {
                    sum = cell.withUTF8 { crc32(sum, $0.baseAddress, UInt32($0.count)) }
                    if cell.allSatisfy({ " \u{1F}".contains($0) }) { missing += 1 }
                }
                #expect(sum == column.crc32, "\(column.name)")
                #expect(missing == column.missing, "\(column.name)")
                let numbers = table.numbers(index)
                #expect((numbers == nil) == (column.sum == nil), "\(column.name)")
                if let numbers, let expected = column.sum {
                    #expect(numbers.count { $0.isNaN } == column.missing)
                    #expect(numbers.reduce(0) { $0 + ($1.isNaN ? 0 : $1) } == expected, "\(column.name)")
                }
            }
        }
    }

    /// What the set's own description says.
    @Test(.enabled(if: isThere, "no women's clothing reviews here"))
    func clothingReviewsHaveTheirSharesAndGaps() throws {
        let reader = try TableReader(path: Self.folder.appending(path: Self.files[1]).path)
        let table = try TypedTable(reader)
        #expect(table.rowCount == 23_486)
        let recommended = try #require(table.numbers(reader.column("Recommended IND")))
        let share: Double = recommended.reduce(0, +) / 23_486
        #expect(abs(share - 0.822) < 0.0005)
        let missing = table.names.indices.reduce(0) { total, column in
            total + (table.texts(column)?.count { $0.isEmpty } ?? 0)
        }
        #expect(missing == 4_697)
    }
}
