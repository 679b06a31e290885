import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// Cells as people have them, after public reports: dates, words for missing, long ids. One test a case, by its number.
@Suite struct FieldCellTests {
    private static let price = "{name: price, type: numeric}"
    private static let country = "{name: country, type: categorical}"

    // MARK: d03, the order of dates

    private static func dated(_ day: (Int) -> Int, from: Int = 0) -> String {
        visits("at,price,country,click", rows: 300) { row in
            [String(format: "%02d/%02d/2025", day(row), 1 + row % 12), "\(row).5", "DE", "\(row % 2)"]
        }
    }

    @Test("d03: the order of dates is told by the whole column, or asked about") func d03() throws {
        let files = try FieldCase()
        let at = "{name: at, type: timestamp, parts: [month_sine, days]}"
        // One cell, far down, tells.
        try files.write(Self.dated { $0 == 250 ? 23 : 1 + $0 % 9 })
        let experiment = try files.experiment(
            [at], roles: "time: at", split: "{by: time, validation: 0.1, test: 0.1}")
        let rows = try files.prepared(experiment)
        #expect(rows.preprocessor.format.cell("at").dates == .dayFirst)
        #expect(try experiment.readingNotes(rows).contains { $0.contains("dates are read as dmy") })
        let proposed = try files.proposal()
        #expect(proposed.experiment.data.format.cell("at").dates == .dayFirst)
        #expect(proposed.yaml.contains("\"23/11/2025\" in line 252"))
        // The model reads as it learned to.
        let model = try files.model(experiment)
        try files.write("at\n04/03/2025\n", as: "serve.csv")
        try files.write("at\n2025-03-04\n", as: "iso.csv")
        #expect(try files.predictions(model, "serve.csv") == files.predictions(model, "iso.csv"))

        try files.write(Self.dated { 1 + $0 % 9 })
        #expect(
            files.refusal(experiment)?.expected == "one time; dates: dmy or mdy says which")
        #expect(files.refusal(try files.experiment([at], data: "cells: {at: {dates: mdy}}")) == nil)
        let asked = try files.proposal()
        #expect(asked.experiment.schema.time == nil && asked.yaml.contains("say dates: dmy or mdy"))
        #expect(files.refusal(asked.experiment) == nil)

        // Both orders in one column.
        let mixed = Self.dated { 1 + $0 % 9 } + "23/05/2025,1,DE,0\n05/23/2025,1,DE,0\n"
        try files.write(mixed)
        #expect(files.refusal(experiment)?.found.contains("line 303") == true)
    }

    private static func others(_ row: Int) -> [String] {
        ["\(row * 7 % 50).5", ["DE", "FR"][row / 7 % 2], row * row % 7 > 2 ? "1" : "0"]
    }

    /// More than the first block, and more than is looked at to guess by.
    private static func long(_ last: [String]) -> (text: String, firstLine: Int) {
        let rows = 60_000
        let text = visits("at,price,country,click", rows: rows) { row in
            [String(format: "%02d/%02d/2025", 13 + row % 16, 1 + row % 12)] + Self.others(row)
        }
        return (text + last.map { "\($0),1.5,DE,1\n" }.joined(), rows + 2)
    }

    @Test("d03: what the first megabyte tells holds for all, or is told where it does not") func d03Long()
        throws
    {
        let files = try FieldCase()
        let at = "{name: at, type: timestamp, parts: [month_sine, days]}"
        let experiment = try files.experiment(
            [at], roles: "time: at", split: "{by: time, validation: 0.1, test: 0.1}")
        let ambiguous = Self.long((0..<300).map { String(format: "%02d/%02d/2025", 1 + $0 % 9, 1 + $0 % 12) })
        #expect(ambiguous.text.utf8.count > 1 << 20)
        try files.write(ambiguous.text)
        #expect(try files.prepared(experiment).preprocessor.format.cell("at").dates == .dayFirst)
        #expect(try files.proposal().experiment.data.format.cell("at").dates == .dayFirst)
        // Rows of the other order alone, and after ambiguous ones.
        for last in [["05/23/2025"], ["01/02/2025", "05/23/2025"]] {
            let other = Self.long(last)
            try files.write(other.text)
            let refused = files.refusal(experiment)
            let line = other.firstLine + last.count - 1
            let message = "\(refused?.place ?? "") \(refused?.found ?? "")"
            #expect(message.contains("line \(line)"), "\(String(describing: refused))")
        }
        // The other way round: a megabyte that tells nothing, and one cell that does.
        let rows = visits("at,price,country,click", rows: 60_000) { row in
            [String(format: "%02d/%02d/2025", 1 + row % 9, 1 + row % 12)] + Self.others(row)
        }
        try files.write(rows + "05/23/2025,1.5,DE,1\n")
        #expect(try files.prepared(experiment).preprocessor.format.cell("at").dates == .monthFirst)
    }

    @Test(
        "d03: forms of times",
        arguments: ["20260302130000", "2026-03-02 13:00:00 UTC", "1772456400000000", "1772456400000000000"])
    func d03(_ text: String) {
        var text = text
        #expect(text.withUTF8 { Timestamp.parse($0) } == 1_772_456_400_000)
    }

    @Test("d03: digits that are a date and an hour as well as Unix seconds are asked about")
    func d03Digits() throws {
        let files = try FieldCase()
        try files.write(
            visits("at,price,click", rows: 100) { ["20260302\(10 + $0 % 13)", "\($0).5", "\($0 % 2)"] })
        let at = "{name: at, type: timestamp, parts: [hour]}"
        let refused = files.refusal(try files.experiment([at]))
        #expect(refused?.expected == "one time; dates: compact or seconds says which")
        #expect(try files.proposal().yaml.contains("say dates: compact or seconds"))
        #expect(files.refusal(try files.experiment([at], data: "dates: compact")) == nil)
    }

    // MARK: d04, d06, d12, d13: words for missing

    @Test("d04: NA beside codes of two letters is a value where init proposes, and told elsewhere")
    func d04() throws {
        let files = try FieldCase()
        try files.write(visits { ["\($0).5", ["NA", "ZA", "BW", "DE", ""][$0 % 5], "\($0 % 2)"] })
        let proposed = try files.proposal()
        #expect(proposed.experiment.data.format.cells["country"]?.missingWords == [])
        let profile = try #require(proposed.proposal.columns.first { $0.profile.name == "country" }?.profile)
        #expect(profile.missing == 40 && profile.distinct.count == 4)
        let experiment = try files.experiment([Self.country])
        let told = try experiment.readingNotes(files.prepared(experiment))
        #expect(told.contains { $0.contains("\"NA\" is read as missing in 40 cells, the first in line 2") })
        let kept = try files.experiment([Self.country], data: "cells: {country: {missing_words: []}}")
        #expect(try kept.readingNotes(files.prepared(kept)) == [])
    }

    @Test("d06: words of other tools are missing, a label's unknown word leads to the right setting")
    func d06() throws {
        for word in ["\\N", "n/a", "<NA>", "#N/A", "?", "NULL"] {
            #expect(try TypedTable(table("x,y\n1,a\n\(word),b\n")).numbers(0)?[1].isNaN == true, "\(word)")
        }
        let files = try FieldCase()
        try files.write(visits("price,click") { ["\($0).5", $0 % 5 == 4 ? "unasked" : "\($0 % 2)"] })
        let refused = files.refusal(try files.experiment([Self.price]))
        #expect(
            refused?.expected.hasPrefix("0 or 1; missing_words: [usual, \"unasked\"] if it means unknown")
                == true)
        let masked = try files.prepared(
            files.experiment([Self.price], data: "cells: {click: {missing_words: [usual, unasked]}}"))
        #expect(masked.training.rowCount > 100)
    }

    @Test("d12, d13: a numeric column with a stray word or infinities is kept, cell and line are named")
    func d12d13() throws {
        let files = try FieldCase()
        try files.write(
            visits("price,ratio,click") { row in
                [row % 4 == 3 ? "—" : "\(row).5", row == 7 ? "-inf" : "\(row % 30).25", "\(row / 30 % 2)"]
            })
        let refused = files.refusal(try files.experiment([Self.price]))
        #expect(refused?.place.hasSuffix("line 5, column \"price\"") == true)
        #expect(refused?.expected == "a number; missing_words: [usual, \"—\"] if it means unknown")
        let proposed = try files.proposal()
        for (name, words) in [("price", ["usual", "—"]), ("ratio", ["usual", "-inf"])] {
            let column = try #require(proposed.proposal.columns.first { $0.profile.name == name })
            #expect(column.isUsed && column.feature?.kind == .numeric)
            #expect(proposed.experiment.data.format.cells[name]?.missingWords == words)
        }
        #expect(proposed.yaml.contains("\"—\" in 50 cells, the first in line 5"))
        #expect(proposed.yaml.contains("\"-inf\" in line 9: no finite number"))
        #expect(files.refusal(proposed.experiment) == nil)
    }

    @Test("words for missing that look like numbers are missing too") func numericWords() throws {
        var format = TableFormat()
        format.cells["a"] = CellFormat()
        format.cells["a"]?.missingWords = ["usual", "-1", "999"]
        var options = ReadingOptions()
        options.format = format
        let table = try TypedTable(
            TableReader(bytes: Array("a,b\n-1,-1\n999,2\n5,3\n".utf8), path: "a.csv", options: options))
        #expect(table.numbers(0)?.map(\.isNaN) == [true, true, false])
        #expect(table.numbers(1) == [-1, 2, 3])
    }

    // MARK: d05, long ids

    @Test("d05: ids of 19 to 21 digits stay ids") func d05() throws {
        let files = try FieldCase()
        try files.write(
            visits("user_id,seller_id,scholar,quality,click", rows: 600) { row in
                [
                    "70000000000000000\(10 + row % 60)", "158221819562593894\(row % 3)",
                    "1000000000000000000\(10 + row % 40)", "\(row % 17).5", row % 3 == 0 ? "1" : "0",
                ]
            })
        let proposed = try files.proposal()
        #expect(proposed.proposal.schema.group == "user_id")
        for name in ["seller_id", "scholar"] {
            let column = try #require(proposed.proposal.columns.first { $0.profile.name == name })
            #expect(column.feature?.kind == .categorical, "\(name)")
        }
        // Ids that differ are one Double, and yet two values.
        let label = try table("id,x\n1582218195625938945,1\n1582218195625938944,2\n1,3\n")
        let schema = Schema(
            features: [Feature("x", .numeric)],
            labels: [Label("y", .binary, column: "id", positive: ["1582218195625938945"])])
        let preprocessor = try Preprocessor(fitting: label, schema: schema)
        #expect(try preprocessor.encoded(label).labels["y"] == [1, 0, 0])
    }
}
