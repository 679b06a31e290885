import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// Files as people have them, after public reports: each is read rightly, or refused or told with what to do. One test a
/// case, by its number.
@Suite struct FieldCaseTests {
    private static let price = "{name: price, type: numeric}"
    private static let country = "{name: country, type: categorical}"

    private func cells(_ text: String, _ format: TableFormat = TableFormat()) -> Reading {
        var options = ReadingOptions()
        options.format = format
        return Reading(text, options: options)
    }

    // MARK: d01, decimal commas

    private static let commas = visits("price;country;click", separator: ";") { row in
        let price = String(format: "%.3f", 0.4 + Double(row % 60) * 0.051).split(separator: ".")
        return [price.joined(separator: ","), ["DE", "FR"][row % 2], "\(row / 60 % 2)"]
    }

    @Test("d01: a decimal comma is refused with its line, proposed, and kept by the model") func d01() throws
    {
        let files = try FieldCase()
        try files.write(Self.commas)
        let semicolons = "separator: ';'"
        let refused = files.refusal(try files.experiment([Self.price], data: semicolons))
        #expect(refused?.place.hasSuffix("line 2, column \"price\"") == true)
        #expect(refused?.found == "\"0,400\"" && refused?.expected.contains("decimal: \",\"") == true)
        let proposed = try files.proposal()
        #expect(proposed.experiment.data.format.separator == ";")
        #expect(proposed.experiment.data.format.cell("price").decimal == ",")
        let price = try #require(proposed.proposal.columns.first { $0.profile.name == "price" }?.profile)
        #expect(price.least == 0.4 && price.greatest == 3.409)
        #expect(files.refusal(proposed.experiment) == nil)

        // A comma before three digits, which alone could be thousands, and the model's reading of it.
        let experiment = try files.experiment([Self.price], data: semicolons + ", decimal: ','")
        let model = try files.model(experiment)
        try files.write("price;country\n2,125\n", as: "short.csv")
        try files.write("price;country\n2,125;DE\n\"2,1250\";DE\n", as: "serve.csv")
        let predictions = try files.predictions(model, "serve.csv")
        #expect(predictions.count == 2 && predictions[0] == predictions[1])
        try files.write("price;country\n2.125;DE\n", as: "point.csv")
        let point = failure { () throws(InputError) in
            try model.predict(model.open(files.folder.file("point.csv"))) { _, _ in }
        }
        #expect(point?.found == "\"2.125\"" && point?.expected.contains("decimal: \".\"") == true)
    }

    @Test(
        "d01: numbers in every way of writing",
        arguments: [
            ("1.964,50", ",", ".", 1964.5), ("12 345,5", ",", " ", 12_345.5), ("1'234.5", ".", "'", 1234.5),
            ("1,964", ",", nil, 1.964), ("1,964", nil, ",", 1964), ("-1.234.567", ",", ".", -1_234_567),
            ("1\u{202F}234", ",", "\u{202F}", 1234),
        ] as [(String, String?, String?, Double)])
    func d01(_ text: String, _ decimal: String?, _ thousands: String?, _ value: Double) throws {
        var format = TableFormat()
        format.separator = ";"
        format.allCells.decimal = decimal
        format.allCells.thousands = thousands
        var options = ReadingOptions()
        options.format = format
        let table = try TypedTable(
            TableReader(bytes: Array("a;b\n\(text);x\n".utf8), path: "a.csv", options: options))
        #expect(table.numbers(0) == [value])
    }

    @Test("d01: commas that all stand before three digits are asked about") func d01Ambiguous() throws {
        let files = try FieldCase()
        try files.write(
            visits("price;country;click", separator: ";") {
                ["\(1 + $0 % 8),\(100 + $0 % 800)", "DE", "\($0 % 2)"]
            })
        let refused = files.refusal(try files.experiment([Self.price], data: "separator: ';'"))
        #expect(refused?.expected == "a number; decimal: \",\" or thousands: \",\" says what its comma is")
        let column = try #require(
            files.proposal().proposal.columns.first { $0.profile.name == "price" })
        #expect(column.marks.contains(.unclear) && !column.isUsed)
        #expect(column.reasons.first?.contains("line 2 could have a fraction or thousands") == true)
    }

    // MARK: d02, d08, d10: around the header

    @Test("d02: a line sep=; is understood, other separators are guessed and said") func d02() throws {
        let read = cells("sep=;\r\na;b\r\n1;2\r\n")
        #expect(read.columns == ["a", "b"] && read.cells == [["1", "2"]] && read.rows[0].line == 3)
        var commas = TableFormat()
        commas.separator = ","
        #expect(cells("sep=;\na;b\n1;2\n", commas).error?.found == "sep=;")
        let files = try FieldCase()
        for sign in [";", "\t", "|"] {
            try files.write(visits("price\(sign)country\(sign)click", separator: sign))
            let proposed = try files.proposal()
            #expect(proposed.experiment.data.format.separator == sign)
            #expect(proposed.yaml.contains("# 3 cells in a line"))
            let refused = files.refusal(try files.experiment([Self.price]))
            #expect(refused?.expected.contains("separator: \"\(sign == "\t" ? "\\t" : sign)\"") == true)
        }
    }

    @Test("d08: an empty last column without a name is dropped and said") func d08() throws {
        for text in [
            "a,b,\n1,2,\n3,4,\n", "a,b\n1,2,\n3,4,\n", "a,b,\r\n1,2,\r\n3,4,\r\n",
            "a,b,,\n1,2,,\n3,4,\"\", \n",
        ] {
            let reader = try TableReader(bytes: Array(text.utf8), path: "a.csv")
            let read = Reading(reader)
            #expect(read.columns == ["a", "b"] && read.cells == [["1", "2"], ["3", "4"]], "\(text)")
            #expect(reader.notes.count == 1 && reader.notes[0].contains("left out"))
        }
        #expect(cells("a,b\n1,2,\n3,4\n").error?.place == "shop.csv, line 2")
        let late = "a,b\n" + String(repeating: "1,2,\n", count: 40_000) + "1,2,3\n"
        #expect(cells(late).error?.place == "shop.csv, line 40002, column 3")
    }

    @Test("d10: blanks around names, titles, names in quotes and in other capitals") func d10() throws {
        for text in ["a, b ,c\n1,2,3\n", "\"a\", \"b\",\"c\"\n\"1\", \"2\" ,\"3\"\n"] {
            let read = cells(text)
            #expect(read.columns == ["a", "b", "c"] && read.cells == [["1", "2", "3"]], "\(text)")
        }
        #expect(cells("a, a\n1,2\n").error?.found == "the name twice")
        #expect(cells("x, \"y, z\"\n1, \"2, 3\"\n").cells == [["1", "2, 3"]])
        let reader = try TableReader(bytes: Array("Visit, user id\n1,2\n".utf8), path: "a.csv")
        let error = failure { () throws(InputError) in _ = try reader.column("visit") }
        #expect(error?.expected == "one of \"Visit\", \"user id\"; \"Visit\" differs in capitals only")
        let files = try FieldCase()
        try files.write("Report of visits\n\n" + visits())
        #expect(
            files.refusal(try files.experiment([Self.price]))?.expected
                == "the names of the columns; skip_lines: 1 leaves out a title")
        #expect(files.refusal(try files.experiment([Self.price], data: "skip_lines: 1")) == nil)
        let proposed = try files.proposal()
        #expect(proposed.experiment.data.format.skipLines > 0 && files.refusal(proposed.experiment) == nil)
    }

    // MARK: d07, encodings

    @Test("d07: other encodings are read, recognised by their mark, or named") func d07() throws {
        let text = "city,x\nKöln,1\nOrléans,2\n"
        let western = try #require(text.data(using: .windowsCP1252))
        var format = TableFormat()
        format.encoding = "windows-1252"
        var options = ReadingOptions()
        options.format = format
        #expect(Reading([UInt8](western), options: options).cells == [["Köln", "1"], ["Orléans", "2"]])
        #expect(
            Reading([UInt8](western)).error?.expected
                == "UTF-8 text; it looks like encoding: windows-1252")
        for (mark, encoding) in [
            ([0xFF, 0xFE], String.Encoding.utf16LittleEndian), ([0xFE, 0xFF], .utf16BigEndian),
        ] as [([UInt8], String.Encoding)] {
            let bytes = try mark + [UInt8](#require(text.data(using: encoding)))
            #expect(Reading(bytes).cells == [["Köln", "1"], ["Orléans", "2"]])
            #expect(Reading(gzip(bytes)).cells == [["Köln", "1"], ["Orléans", "2"]])
        }
        let bare = try [UInt8](#require(text.data(using: .utf16LittleEndian)))
        #expect(Reading(bare).error?.expected.contains("encoding: utf-16le") == true)
        // A byte that the encoding does not have, far down.
        let late = [UInt8]("a,b\n".utf8) + [UInt8](String(repeating: "1,2\n", count: 50_000).utf8)
        #expect(Reading(late + [0x81, 0x0A], options: options).error?.place == "shop.csv, line 50002")
        var wrong = DataSettings(source: "x.csv")
        wrong.format.encoding = "latin-17"
        #expect(
            failure { () throws(InputError) in _ = try wrong.options(threads: 1) }?.place == "data, encoding")
        let files = try FieldCase()
        _ = try files.folder.write(
            [UInt8](#require(visits { ["\($0).5", "Köln", "\($0 % 2)"] }.data(using: .windowsCP1252))),
            as: "visits.csv")
        #expect(try files.proposal().experiment.data.format.encoding == "windows-1252")
    }

    @Test("lines that end with a carriage return alone") func carriageReturns() {
        let read = cells("a,b\r1,\"x\"\r2,y\r")
        #expect(read.columns == ["a", "b"] && read.cells == [["1", "x"], ["2", "y"]])
        let long = "a,b\r" + (0..<40_000).map { "\($0),x\r" }.joined()
        #expect(cells(long).rows.count == 40_000)
    }

    @Test("lines to skip, and comments") func comments() throws {
        var format = TableFormat()
        format.comment = "#"
        format.skipLines = 1
        let text = "title \"\n# it's 5\" long\na,b\n1,\"#2\n#3\"\n# more\n4,#5\n"
        let read = cells(text, format)
        #expect(read.columns == ["a", "b"] && read.cells == [["1", "#2\n#3"], ["4", "#5"]])
        #expect(read.rows.map(\.line) == [4, 7])
        let files = try FieldCase()
        try files.write("# export of today\n" + visits())
        #expect(try files.proposal().experiment.data.format.comment == "#")
    }

    // MARK: d11, quotes

    @Test("d11: a lone quote loses its own row and no other", arguments: [1, 64, 1 << 20])
    func d11(blockBytes: Int) {
        var lines = (0..<2000).map { "\($0),DE,\"plain, x\",\($0 % 7),0.5,1" }
        let bad = [3, 40, 41, 900, 1700, 1999]
        for row in bad { lines[row] = "\(row),DE,\"5 inch,\(row % 7),0.5,1" }
        let text = "a,b,c,d,e,f\n" + lines.joined(separator: "\n") + "\n"
        let options = ReadingOptions(blockBytes: blockBytes, badRows: .skip(upTo: 0.1))
        let read = Reading(text, options: options)
        #expect(read.report?.badRows == bad.count && read.rows.count == 2000 - bad.count)
        #expect(read.report?.examples.map(\.place) == bad.map { "shop.csv, line \($0 + 2)" })
        #expect(
            Reading(text, options: ReadingOptions(blockBytes: blockBytes)).error?.place == "shop.csv, line 5")
        // In a file without other quotes nothing closes it, and the limit trips at what was lost.
        let bare = "a,b,c,d\n" + (0..<3000).map { $0 % 500 == 7 ? "1,\"x,2,3\n" : "1,x,2,3\n" }.joined()
        #expect(Reading(bare, options: options).report?.badRows == 6)
        // Two lone quotes, so that all between could be one cell.
        let pair =
            "a,b,c,d\n"
            + (0..<100).map { $0 == 10 ? "1,2,3,\"5 inch\n" : $0 == 60 ? "1,2,3,5\"\n" : "1,2,3,4\n" }
            .joined()
        let paired = Reading(pair, options: options)
        #expect(paired.report?.badRows == 1 && paired.rows.count == 99)
        #expect(Reading(pair).error?.place == "shop.csv, line 12")
    }

    @Test("d11: an inch sign in a cell without quotes is a sign, an escape is a setting") func d11() throws {
        #expect(
            cells("a,b\n5\" pipe,1\na \"so-called\" pan,2\n3.5\",3\n\"x, y\",4\n").cells
                == [["5\" pipe", "1"], ["a \"so-called\" pan", "2"], ["3.5\"", "3"], ["x, y", "4"]])
        let text =
            "a,b\n\"5\\\" pipe, steel\",1\n\"\\\"Chill\\\"\",2\n\"a \"\"b\"\" \\\\\",3\nx\\,y,\\N\nline\\\nbreak,4\n"
        #expect(cells(text).error?.place == "shop.csv, line 2")
        #expect(cells(text).error?.expected.contains("escape:") == true)
        var format = TableFormat()
        format.escape = "\\"
        #expect(
            cells(text, format).cells == [
                ["5\" pipe, steel", "1"], ["\"Chill\"", "2"], ["a \"b\" \\", "3"], ["x,y", "\\N"],
                ["line\nbreak", "4"],
            ])
        let files = try FieldCase()
        try files.write(
            visits("price,title,click") { ["\($0).5", "\"\($0)\\\" pipe, steel\"", "\($0 % 2)"] })
        #expect(try files.proposal().experiment.data.format.escape == "\\")
    }

    // MARK: t01, t02, t04, t11: labels and numbers

    @Test("t01: -1 of a label is explained, and missing where init proposes") func t01() throws {
        let files = try FieldCase()
        try files.write(visits("price,click") { ["\($0).5", ["0", "1", "-1", "?"][$0 % 4]] })
        let refused = files.refusal(try files.experiment([Self.price]))
        #expect(refused?.found == "\"-1\"")
        #expect(
            refused?.expected.hasPrefix("0 or 1; missing_words: [usual, \"-1\"] if it means unknown") == true)
        let proposed = try files.proposal()
        #expect(proposed.experiment.schema.labels.first?.kind == .binary)
        #expect(proposed.yaml.contains("\"-1\" in 50 cells, the first in line 4: read as missing"))
        #expect(files.refusal(proposed.experiment) == nil)
        #expect(
            files.refusal(try files.experiment([Self.price], data: "missing_words: [usual, -1]")) == nil)
    }

    @Test("t02: a label of one class is told once, with advice that fits") func t02() throws {
        let files = try FieldCase()
        try files.write(visits { ["\($0).5", "DE", "0"] })
        let experiment = try files.experiment([Self.price])
        let found = try experiment.report(files.prepared(experiment)).findings.filter {
            $0.check == .labelClasses
        }
        #expect(found.count == 1 && found[0].found == "only no in all rows")
        #expect(found.first?.advice.contains("no split") == true)
    }

    @Test("t04: a number far from all others is named with its line") func t04() throws {
        let files = try FieldCase()
        try files.write(
            visits("price,spend", rows: 1000) {
                [$0 == 400 ? "1e15" : "\($0 % 900)", $0 == 500 ? "1e20" : "\($0 % 9)"]
            })
        let experiment = try files.experiment([Self.price], label: "{name: spend, type: regression}")
        let found = try experiment.report(files.prepared(experiment)).findings.filter { $0.check == .outlier }
        #expect(found.map(\.place) == ["feature \"price\"", "label \"spend\""])
        #expect(found.first?.found.contains("line 402") == true)
        #expect(found.last?.found.contains("line 502") == true)
    }

    @Test("t11: a class that training rows do not have is named, with what to do") func t11() throws {
        let files = try FieldCase()
        let label = "{name: plan, type: multiclass}"
        try files.write(visits("price,plan") { ["\($0).5", ["foo", "bar", "baz"][$0 % 3]] })
        try files.write(visits("price,plan", rows: 20) { ["1", $0 == 10 ? "qux" : "foo"] }, as: "test.csv")
        let refused = files.refusal(
            try files.experiment([Self.price], label: label, data: "test: \(files.folder.file("test.csv"))"))
        #expect(refused?.place.hasSuffix("test.csv, line 12, column \"plan\"") == true)
        #expect(
            refused?.expected
                == "one of the classes of the training rows, \"bar\", \"baz\", \"foo\"; missing_words: [usual, \"qux\"] if it means unknown"
        )
    }

    // MARK: Pipes

    @Test("a pipe is read once and whole, or refused where rows are read again") func pipes() throws {
        let files = try FieldCase()
        try files.write(visits())
        let experiment = try files.experiment([Self.price])
        let model = try files.model(experiment)
        let pipe = files.folder.file("pipe")
        #expect(mkfifo(pipe, 0o600) == 0)
        let text = visits(rows: 50_000)
        let writer = Thread {
            guard let handle = FileHandle(forWritingAtPath: pipe) else { return }
            try? handle.write(contentsOf: Data(text.utf8))
            try? handle.close()
        }
        writer.start()
        #expect(try files.predictions(model, "pipe").count == 50_000)
        #expect(
            files.refusal(try files.experiment([Self.price], source: "pipe"))?.expected
                == "a file, which can be read more than once")
        var history = HistorySpec("h", events: pipe, user: "u", time: "t")
        history.format.separator = ";"
        let refused = failure { () throws(InputError) in _ = try EventIndex(history) }
        #expect(refused?.place == "history \"h\", events")
    }

    // MARK: Settings

    @Test("settings of the text are checked, written and read back") func settings() throws {
        for (setting, place) in [
            ("decimal: ';'", "data, decimal"), ("thousands: x", "data, thousands"),
            ("decimal: ',', thousands: ','", "data, thousands"), ("escape: ab", "data, escape"),
            ("comment: ''", "data, comment"), ("skip_lines: -1", "data, skip_lines"),
            ("cells: {price: {decimal: ab}}", "data, cells, \"price\", decimal"),
        ] {
            let files = try FieldCase()
            try files.write(visits())
            let experiment = try files.experiment([Self.price], data: setting)
            #expect(failure { () throws(InputError) in try experiment.check() }?.place == place, "\(setting)")
        }
        let files = try FieldCase()
        try files.write(visits())
        #expect(
            files.refusal(try files.experiment([Self.price], data: "cells: {Price: {decimal: ','}}"))?.place
                == "data, cells, \"Price\"")
        let experiment = try files.experiment(
            [Self.price],
            data: "separator: ',', escape: '\\', comment: '#', thousands: ',', missing_words: [usual, x], "
                + "cells: {price: {dates: dmy, missing_words: []}}")
        let written = try JSONEncoder().encode(experiment)
        #expect(try JSONDecoder().decode(Experiment.self, from: written) == experiment)
        #expect(try files.model(experiment).preprocessor.format == experiment.data.format)
    }
}
