import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

@Suite struct SQLiteSourceTests {
    private static let texts = [
        "plain", "", " blanks ", "a,b", "\"", "\"\"", "\"quoted\"", "in\"side", "two\nlines", "end\n",
        "end\r",
        "\r", "\r\n", "\"\r", "\u{0}", "a\u{0}b", "Zürich ✓ 😀", "NULL", "12",
        String(repeating: "x\"", count: 40),
    ]

    @Test(arguments: [(1, 1), (1, 1 << 20), (3, 64), (4, 1)])
    func textsComeOutVerbatim(_ threads: Int, _ blockBytes: Int) throws {
        let folder = try TemporaryFolder()
        let database = try SQLiteDatabase(folder.file("a.db"))
        try database.run("CREATE TABLE t (a, b, c)")
        var expected: [[String]] = []
        for first in Self.texts {
            for last in Self.texts { expected.append([first, "|", last]) }
        }
        try database.insert(into: "t", expected.map { $0.map { .text($0) } })
        let options = ReadingOptions(threads: threads, blockBytes: blockBytes)
        for text in [
            "sqlite:\(folder.file("a.db"))?table=t",
            "sqlite:\(folder.file("a.db"))?query=SELECT%20*%20FROM t",
        ] {
            let source = try openSource(text, options: options)
            #expect(source.columns == ["a", "b", "c"])
            #expect(try rows(source) == expected)
            #expect(try rows(source) == expected, "the second reading")
        }
        let reversed = try SQLiteSource(
            path: folder.file("a.db"), query: "SELECT c, a FROM t", options: options)
        #expect(try rows(reversed) == expected.map { [$0[2], $0[0]] })
        #expect(try TypedTable(reversed).texts(1) == expected.map { $0[0] })
    }

    @Test func numbersRoundTrip() throws {
        let folder = try TemporaryFolder()
        let database = try SQLiteDatabase(folder.file("a.db"))
        try database.run("CREATE TABLE t (i INTEGER, r REAL)")
        var generator = SeededGenerator(seed: 5)
        var integers: [Int64] = [0, -1, .max, .min, 1 << 53, (1 << 53) + 1]
        var reals: [Double] = [0, -1e-7, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 1e16, 0.1]
        for _ in 0..<2000 {
            integers.append(Int64(bitPattern: generator.next()))
            let real = Double(bitPattern: generator.next())
            reals.append(real.isFinite ? real : 1)
        }
        try database.insert(into: "t", zip(integers, reals).map { [.integer($0), .real($1)] })
        try database.insert(into: "t", [[.null, .null]])
        let cells = try rows(SQLiteSource(path: folder.file("a.db"), query: "SELECT * FROM t"))
        #expect(cells.dropLast().map { Int64($0[0]) } == integers)
        let readBack = cells.dropLast().map { Double($0[1])?.bitPattern }
        #expect(readBack.elementsEqual(reals.map(\.bitPattern)))
        #expect(cells.last == ["", ""])
        let small = try SQLiteSource(
            path: folder.file("a.db"), query: "SELECT r FROM t WHERE abs(r) < 1e15 OR r IS NULL")
        let numbers = try #require(try TypedTable(small).numbers(0))
        #expect(
            numbers.dropLast().map(\.bitPattern) == reals.filter { $0.magnitude < 1e15 }.map(\.bitPattern))
        #expect(numbers.last?.isNaN == true)
    }

    @Test(arguments: [(1, 1 << 20), (3, 1 << 20), (3, 700)])
    func preprocessingIsThatOfTheSameRowsAsCSV(_ threads: Int, _ blockBytes: Int) throws {
        let folder = try TemporaryFolder()
        let database = try SQLiteDatabase(folder.file("a.db"))
        try database.run("CREATE TABLE t (\"user\", age REAL, city, tags, at, bought)")
        var generator = SeededGenerator(seed: 11)
        let cities = ["Basel", "a, b", "say \"hi\"", "\"x\"", "two\nlines", ""]
        var csv = "user,age,city,tags,at,bought\n"
        var values: [[SQLiteDatabase.Value]] = []
        func quoted(_ text: String) -> String {
            "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\""
        }
        for _ in 0..<500 {
            let user = Int64(generator.below(40))
            let age = generator.uniform() < 0.1 ? nil : generator.uniform(in: 0..<90)
            let city = cities[generator.below(cities.count)]
            let tags = (0..<generator.below(4)).map { _ in "t\(generator.below(9))" }.joined(separator: "|")
            let at = Int64(1_400_000_000 + generator.below(10_000_000))
            let bought = Int64(generator.below(2))
            values.append([
                .integer(user), age.map { .real($0) } ?? .null, .text(city), .text(tags), .integer(at),
                .integer(bought),
            ])
            csv += "\(user),\(age.map { "\($0)" } ?? ""),\(quoted(city)),\(tags),\(at),\(bought)\n"
        }
        try database.insert(into: "t", values)
        var target = Feature("city_target", .categorical, column: "city")
        target.encoding = .target
        target.target = "bought"
        let schema = Schema(
            features: [
                Feature("age", .numeric), Feature("city", .categorical), target, Feature("tags", .tags),
                Feature("at", .timestamp),
            ], labels: [Label("bought", .binary)], group: "user", time: "at")
        let options = ReadingOptions(threads: threads, blockBytes: blockBytes)
        let query = try SQLiteSource("sqlite:\(folder.file("a.db"))?table=t", options: options)
        // Sums are rounded elsewhere where blocks are cut elsewhere: small blocks are compared with those of one thread.
        let file = try TableReader(bytes: Array(csv.utf8), path: "a.csv", options: options)
        let other: any RowSource =
            blockBytes > csv.utf8.count
            ? file
            : try SQLiteSource(
                path: folder.file("a.db"), query: "SELECT * FROM t",
                options: ReadingOptions(blockBytes: blockBytes))
        #expect(try rows(query).count == 500)
        for rule in [Split.Rule.group, .time, .stratified] {
            let split = Split(rule, validation: 0.2, test: 0.2)
            let left = try Preprocessor(
                fitting: query, schema: schema, split: Splitter(split, query, schema))
            let right = try Preprocessor(
                fitting: other, schema: schema, split: Splitter(split, other, schema))
            #expect(left.trainingRows < 500)
            let areEqual = left == right
            #expect(areEqual)
        }
        let (left, right) = (try TypedTable(query), try TypedTable(file))
        for column in left.names.indices {
            #expect(left.texts(column) == right.texts(column))
            #expect(left.numbers(column)?.map(\.bitPattern) == right.numbers(column)?.map(\.bitPattern))
        }
    }

    @Test func blobsAndBrokenTextsAreErrorsWithRowAndColumn() throws {
        let folder = try TemporaryFolder()
        let database = try SQLiteDatabase(folder.file("a.db"))
        try database.run("CREATE TABLE t (a, b)")
        try database.insert(
            into: "t",
            [
                [.integer(1), .text("x")], [.integer(2), .blob([1, 2])], [.text([0xC3, 0x28]), .text("y")],
                [.integer(4), .text("not a number")],
            ])
        let path = folder.file("a.db")
        for threads in [1, 3] {
            let options = ReadingOptions(threads: threads, blockBytes: 1)
            let blob = failure {
                _ = try rows(SQLiteSource(path: path, query: "SELECT * FROM t", options: options))
            }
            #expect(blob?.place == "\(path), row 2, column \"b\"")
            #expect(blob?.found == "a blob")
            let broken = failure {
                _ = try rows(SQLiteSource(path: path, query: "SELECT a FROM t", options: options))
            }
            #expect(broken?.place == "\(path), row 3, column \"a\"")
            #expect(broken?.found == "bytes that are not valid UTF-8")
        }
        // Rows that are left out still count, for messages and for a split by records.
        let lenient = try SQLiteSource(
            path: path, query: "SELECT * FROM t", options: ReadingOptions(badRows: .skip(upTo: 0.5)))
        let report = try lenient.read { block, _ in
            #expect(block.rowCount == 2)
            #expect(block.record(1) == 3)
            #expect(block.place(1, 1) == "\(path), row 4, column \"b\"")
        }
        #expect(report.rows == 2 && report.badRows == 2)
        #expect(report.examples.map(\.found) == ["a blob", "bytes that are not valid UTF-8"])
        let strict = try SQLiteSource(
            path: path, query: "SELECT * FROM t", options: ReadingOptions(badRows: .skip(upTo: 0.4)))
        #expect(failure { _ = try rows(strict) }?.expected == "a share of at most 0.4")
    }

    @Test(arguments: [
        ("SELEC 1", "near \"SELEC\": syntax error"), ("SELECT * FROM nowhere", "no such table: nowhere"),
        ("DELETE FROM t", "a statement that writes"),
        ("INSERT INTO t VALUES (1, 2) RETURNING a", "a statement that writes"),
        ("WITH x AS (SELECT 1) DELETE FROM t RETURNING a", "a statement that writes"),
        ("PRAGMA table_info(t)", "a statement other than SELECT"),
        ("EXPLAIN SELECT 1", "a statement other than SELECT"),
        ("ATTACH 'other.db' AS other", "a statement other than SELECT"),
        ("SELECT 1; DELETE FROM t", "more than one statement"), ("", "no statement"),
        ("-- nothing", "no statement"), ("SELECT a, b AS a FROM t", "the name twice"),
        ("SELECT 1 AS \"\"", "no name"), ("SELECT a FROM t WHERE b = ?", "the parameter ?"),
        ("SELECT a FROM t WHERE b = :b", "the parameter :b"),
    ])
    func whatIsNoQueryIsRefused(_ sql: String, _ found: String) throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.db")
        let database = try SQLiteDatabase(path)
        try database.run("CREATE TABLE t (a, b)")
        try database.insert(into: "t", [[.integer(1), .integer(2)]])
        let refusal = failure { _ = try SQLiteSource(path: path, query: sql) }
        #expect(refusal?.found == found)
        #expect(refusal?.place.hasPrefix(path) == true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.db"])
        #expect(try rows(SQLiteSource(path: path, query: "SELECT * FROM t")) == [["1", "2"]])
    }

    @Test func queriesMayBeginWithCommentsAndWith() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.db")
        try SQLiteDatabase(path).run("CREATE TABLE t (a)")
        let sql =
            "-- numbers\n/* up to */ with recursive n(i) as (select 1 union all select i + 1 from n where i < 3) select i from n ;  -- end"
        #expect(try rows(SQLiteSource(path: path, query: sql)) == [["1"], ["2"], ["3"]])
        #expect(try rows(SQLiteSource(path: path, query: "VALUES (1, 'x')")) == [["1", "x"]])
    }

    @Test func filesThatAreNoDatabaseAreNamedAndNoneIsMade() throws {
        let folder = try TemporaryFolder()
        let missing = failure { _ = try SQLiteSource(path: folder.file("no.db"), query: "SELECT 1") }
        #expect(missing?.kind == .file && missing?.found == "No such file or directory")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
        #expect(failure { _ = try SQLiteSource(path: ":memory:", query: "SELECT 1") }?.kind == .file)
        #expect(
            failure { _ = try SQLiteSource(path: folder.path, query: "SELECT 1") }?.found == "a directory")
        let text = folder.file("text.db")
        try String(repeating: "no database, ", count: 200).write(
            toFile: text, atomically: true, encoding: .utf8)
        let other = failure { _ = try SQLiteSource(path: text, query: "SELECT 1 AS a") }
        #expect(other?.kind == .file && other?.found == "file is not a database")
    }

    @Test func aQueryWithoutRowsIsAnError() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.db")
        try SQLiteDatabase(path).run("CREATE TABLE t (a)")
        let source = try SQLiteSource(path: path, query: "SELECT * FROM t")
        #expect(try source.first().rowCount == 0)
        #expect(failure { _ = try rows(source) }?.found == "no rows")
    }

    @Test func rowsThatChangeBetweenReadingsAreAnError() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.db")
        let database = try SQLiteDatabase(path)
        try database.run("CREATE TABLE t (a)")
        try database.insert(into: "t", (0..<100).map { [.integer($0)] })
        let drawn = try SQLiteSource(path: path, query: "SELECT a FROM t ORDER BY random()")
        _ = try rows(drawn)
        #expect(failure { _ = try rows(drawn) }?.found == "other rows than before")
        let source = try SQLiteSource(
            path: path, query: "SELECT * FROM t", options: ReadingOptions(threads: 3, blockBytes: 10))
        #expect(try rows(source) == rows(source))
        try database.run("UPDATE t SET a = 7 WHERE a = 50")
        #expect(failure { _ = try rows(source) }?.found == "other rows than before")
        try database.run("ALTER TABLE t ADD COLUMN b")
        #expect(failure { _ = try rows(source) }?.found == "other columns than before")
    }

    @Test(arguments: [
        ("sqlite:a.db", "no query and no table"), ("sqlite:a.db?sql=SELECT 1", "\"sql\" after the \"?\""),
        ("sqlite:?table=t", "no file"), ("sqlite:a.db?table=", "no table"),
        (
            "sqlite:a.db?query=SELECT 1 LIKE '%x%'",
            "a \"%\" that is not followed by two digits of a UTF-8 byte"
        ),
        ("sqlite:a.db?query=SELECT '%FF'", "a \"%\" that is not followed by two digits of a UTF-8 byte"),
        ("sqlite:a.db?query=SELECT 1%2", "a \"%\" that is not followed by two digits of a UTF-8 byte"),
    ])
    func textsThatNameNoQueryAreRefused(_ text: String, _ found: String) {
        let refusal = failure { _ = try openSource(text) }
        #expect(refusal?.found == found)
        #expect(refusal?.kind == .syntax)
    }

    @Test func theTextOfAQueryIsDecoded() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a?b%.db")
        try SQLiteDatabase(path).run("CREATE TABLE \"a \"\"t\"\"\" (x)")
        let escaped = path.replacingOccurrences(of: "%", with: "%25").replacingOccurrences(
            of: "?", with: "%3F")
        let query = try openSource("sqlite:\(escaped)?query=SELECT '%25%C3%BC=?&' AS \"the x\"")
        #expect(try rows(query) == [["%ü=?&"]])
        #expect(query.columns == ["the x"])
        #expect(try openSource("sqlite:\(escaped)?table=a \"t\"").columns == ["x"])
        #expect(try openSource("sqlite:\(escaped)?table=a%20%22t%22").columns == ["x"])
        #expect(throws: InputError.self) { try openSource(path) }
    }
}
