import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

@Suite struct HistoryTests {
    private static let day = 86_400_000

    /// An event; the time in milliseconds, the amount in quarters so that any sum of amounts is exact.
    private struct Event {
        var user: String
        var time: Int
        var kind: String
        var quarters: Int?
        var item: String?

        var line: String {
            "\(user),\(time),\(kind),\(quarters.map { "\(Double($0) / 4)" } ?? ""),\(item ?? "")\n"
        }
    }

    private static let origin = 1_400_000_000_000

    /// Times on a coarse grid, so that many are equal, and in no order.
    private static func time(_ generator: inout SeededGenerator) -> Int {
        origin + generator.below(400) * (day / 6)
    }

    private static func event(_ generator: inout SeededGenerator, users: Int) -> Event {
        Event(
            user: "u\(generator.below(users))", time: time(&generator),
            kind: ["view", "cart", "buy"][generator.below(3)],
            quarters: generator.below(6) == 0 ? nil : generator.below(4000) - 1000,
            item: generator.below(5) == 0 ? nil : "item \(generator.below(30))")
    }

    private static func text(_ events: [Event]) -> String {
        "user,at,kind,amount,item\n" + events.map(\.line).joined()
    }

    private static func spec() -> HistorySpec {
        var spec = HistorySpec("h", events: "log.csv", user: "user", time: "at")
        spec.value = "amount"
        spec.item = "item"
        spec.windows = ["12h", "7d", "30d", "all"]
        spec.aggregates = HistorySpec.Aggregate.allCases
        spec.length = 4
        return spec
    }

    /// The columns of a history as SQLite computes them from the same tables, in the order of `HistorySpec.columns`.
    private static func reference(_ spec: HistorySpec, delay: Int = 0) -> String {
        let spans: [Int?] = [day / 2, 7 * day, 30 * day, nil]
        var columns: [String] = ["r.user", "r.at"]
        for kind in spec.kind == nil ? [nil] : spec.kinds.map(Optional.some) {
            var events = "FROM e WHERE e.user = r.user AND e.at < r.at - \(delay)"
            if let kind { events += " AND e.kind = '\(kind)'" }
            if let condition = spec.condition { events += " AND \(condition)" }
            for aggregate in spec.aggregates {
                let windows = spans.map { span in events + (span.map { " AND e.at >= r.at - \($0)" } ?? "") }
                switch aggregate {
                case .count: columns += windows.map { "(SELECT count(*) \($0))" }
                case .sum: columns += windows.map { "(SELECT total(amount) \($0))" }
                case .mean: columns += windows.map { "(SELECT avg(amount) \($0))" }
                case .distinct: columns += windows.map { "(SELECT count(DISTINCT item) \($0))" }
                case .daysSince: columns.append("(SELECT (r.at - max(e.at)) / \(day).0 \(events))")
                case .last:
                    let last =
                        "SELECT item, at, id \(events) AND item NOT NULL ORDER BY at DESC, id DESC LIMIT \(spec.length)"
                    columns.append(
                        "(SELECT group_concat(item, '|') FROM (SELECT item FROM (\(last)) ORDER BY at, id))")
                }
            }
        }
        let list = columns.enumerated().map { "\($1) AS c\($0)" }.joined(separator: ", ")
        return "SELECT \(list) FROM r ORDER BY r.id"
    }

    private static func database(_ path: String, _ events: [Event], _ rows: [(user: String, time: Int)])
        throws
    {
        let database = try SQLiteDatabase(path)
        try database.run("CREATE TABLE e (id INTEGER PRIMARY KEY, user, at, kind, amount, item)")
        try database.run("CREATE TABLE r (id INTEGER PRIMARY KEY, user, at)")
        try database.insert(
            into: "e",
            events.enumerated().map { id, event in
                [
                    .integer(Int64(id)), .text(event.user), .integer(Int64(event.time)), .text(event.kind),
                    event.quarters.map { .real(Double($0) / 4) } ?? .null,
                    event.item.map { .text($0) } ?? .null,
                ]
            })
        try database.insert(
            into: "r",
            rows.enumerated().map { [.integer(Int64($0)), .text($1.user), .integer(Int64($1.time))] })
        try database.run("CREATE INDEX i ON e (user, at)")
    }

    /// Cells that mean the same: equal, or equal as numbers.
    private func agree(_ left: [[String]], _ right: [[String]]) -> Bool {
        left.count == right.count
            && zip(left, right).allSatisfy { left, right in
                left.count == right.count
                    && zip(left, right).allSatisfy { left, right in
                        if left == right { return true }
                        guard let one = Double(left), let other = Double(right) else { return false }
                        return abs(one - other) <= 1e-14 * abs(other)
                    }
            }
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func columnsAreThoseThatSQLComputes(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        // One user with thousands of events, so that distinct items are counted in sorted runs too.
        let events =
            (0..<3000).map { _ in Self.event(&generator, users: 25) }
            + (0..<5000).map { _ in
                var event = Self.event(&generator, users: 1)
                event.item = event.item.map { _ in "item \(generator.below(2000))" }
                return event
            }
        let visits = (0..<200).map { _ in
            (user: "u\(generator.below(30))", time: Self.time(&generator) + generator.below(2) * 1234)
        }
        let folder = try TemporaryFolder()
        try Self.database(folder.file("a.db"), events, visits)
        var kinds = Self.spec()
        kinds.kind = "kind"
        kinds.kinds = ["buy", "view", "never"]
        var some = Self.spec()
        some.condition = "amount >= 100"
        var late = Self.spec()
        late.delay = "8h"
        for (spec, delay) in [(Self.spec(), 0), (kinds, 0), (some, 0), (late, Self.day / 3)] {
            let query = Self.reference(spec, delay: delay)
            let expected = try rows(SQLiteSource(path: folder.file("a.db"), query: query))
            #expect(Set(expected.flatMap { $0 }).count > 500)
            for (threads, blockBytes) in [(1, 1 << 20), (3, 300)] {
                let options = ReadingOptions(threads: threads, blockBytes: blockBytes)
                let index = try EventIndex(spec, table(Self.text(events), options: options))
                let base = try table(
                    "user,at\n" + visits.map { "\($0.user),\($0.time)\n" }.joined(), options: options)
                let source = try HistorySource(base, [index])
                #expect(source.columns == ["user", "at"] + spec.columns)
                let found = try rows(source)
                let areEqual = agree(found, expected)
                #expect(areEqual, "\(spec)")
                #expect(try rows(source) == found)
            }
        }
    }

    @Test func nothingAtOrAfterARowsTimeChangesIt() throws {
        var generator = SeededGenerator(seed: 9)
        var changed = 0
        for _ in 0..<60 {
            let events = (0..<120).map { _ in Self.event(&generator, users: 3) }
            let time = Self.time(&generator)
            let base = try table("user,at\n" + (0..<3).map { "u\($0),\(time)\n" }.joined())
            var others: [Event] = []
            for event in events {
                var event = event
                if event.time >= time {
                    if generator.below(3) == 0 { continue }
                    event.quarters = generator.below(1 << 30)
                    event.item = "other \(generator.below(100))"
                    event.user = "u\(generator.below(3))"
                    event.time = time + generator.below(3) * generator.below(Self.day)
                    changed += 1
                }
                if generator.below(4) == 0 {
                    var extra = Self.event(&generator, users: 9)
                    extra.time = max(time, extra.time)
                    others.append(extra)
                }
                others.append(event)
            }
            let before = try HistorySource(base, [EventIndex(Self.spec(), table(Self.text(events)))])
            let after = try HistorySource(base, [EventIndex(Self.spec(), table(Self.text(others)))])
            #expect(try rows(before) == rows(after))
        }
        #expect(changed > 1000)
    }

    @Test func sumsAreExactBehindFarLargerOnes() throws {
        var generator = SeededGenerator(seed: 4)
        // Whole multiples of 2^-10; a window's sum is rounded once from the exact one.
        var units: [Int] = []
        var text = "user,at,amount\n"
        for index in 0..<2000 {
            let small = (generator.below(1 << 40) - 1 << 39) >> generator.below(40)
            let unit = index % 50 == 0 ? small << 18 : small
            units.append(unit)
            text += "u,\(Self.origin + index * 1000),\(Double(unit) / 1024)\n"
        }
        var spec = HistorySpec("h", events: "log.csv", user: "user", time: "at")
        spec.value = "amount"
        spec.aggregates = [.sum]
        spec.windows = ["1s", "7s", "20m", "all"]
        let index = try EventIndex(spec, table(text))
        let base = try table(
            "user,at\n" + (0...2000).map { "u,\(Self.origin + $0 * 1000)\n" }.joined())
        var differences = 0
        for (row, cells) in try rows(HistorySource(base, [index])).enumerated() {
            for (window, length) in [1, 7, 1200, 2000].enumerated() {
                let exact = Double(units[max(0, row - length)..<row].reduce(0, +)) / 1024
                if Double(cells[2 + window]) != exact { differences += 1 }
            }
        }
        #expect(differences == 0)
    }

    @Test func usersWithoutEventsHaveNoneAndRowsWithoutUserOrTimeHaveNothing() throws {
        let log =
            "user,at,amount,item\nu,2024-01-01,5,a\nu,2024-01-03,,\nu,2024-01-03,-7.5,b\n,2024-01-03,1,c\nu,,1,d\n"
        var spec = Self.spec()
        spec.windows = ["2d", "all"]
        let index = try EventIndex(spec, table(log))
        #expect(index.eventCount == 3 && index.ignoredEvents == 2)
        let base = try table(
            "id,user,at\n1,u,2024-01-03\n2,u,2024-01-03 12:00\n3,v,2024-01-09\n4,,2024-01-09\n5,u,NA\n6,u,2024-02-09\n7,u,2024-01-01\n"
        )
        let source = try HistorySource(base, [index])
        #expect(
            source.columns.dropFirst(3) == [
                "h_count_2d", "h_count_all", "h_sum_amount_2d", "h_sum_amount_all", "h_mean_amount_2d",
                "h_mean_amount_all", "h_distinct_item_2d", "h_distinct_item_all", "h_days_since",
                "h_last_item",
            ])
        let none = ["0", "0", "0", "0", "", "", "0", "0", "", ""]
        #expect(
            try rows(source).map { Array($0.dropFirst(3)) } == [
                ["1", "1", "5", "5", "5", "5", "1", "1", "2", "a"],
                ["2", "3", "-7.5", "-2.5", "-7.5", "-1.25", "1", "2", "0.5", "a|b"], none,
                [String](repeating: "", count: 10), [String](repeating: "", count: 10),
                ["0", "3", "0", "-2.5", "", "-1.25", "0", "2", "37", "a|b"], none,
            ])
    }

    @Test(arguments: [(1, 1 << 20), (2, 1)])
    func theRowsOwnCellsAndLinesStayAsTheyAre(_ threads: Int, _ blockBytes: Int) throws {
        let text =
            "user,at,note\r\nu,1400000000,\"a, \"\"b\"\"\"\r\n\r\nu,1400000000,\"two\nlines\"\r\n\nu,1400000000,\nu,1400000000,\"q\"\nbad\nu,1400000000,x"
        let options = ReadingOptions(threads: threads, blockBytes: blockBytes, badRows: .skip(upTo: 0.5))
        let base = try table(text, options: options)
        let index = try EventIndex(
            HistorySpec("h", events: "", user: "user", time: "at"), table("user,at\nu,1300000000\n"))
        let source = try HistorySource(base, [index], user: "user", time: "at")
        #expect(try rows(source).map { Array($0.prefix(3)) } == rows(base))
        #expect(try rows(source).map { Array($0.suffix(4)) }.allSatisfy { $0[2] == "1" && $0[0] == "0" })
        func places(_ source: any RowSource) throws -> [String] {
            let places = Lines()
            try source.read { block, _ in
                for row in 0..<block.rowCount { places.add("\(block.record(row)) \(block.place(row, 2))") }
            }
            return places.values.sorted()
        }
        #expect(try places(source) == places(base))
        #expect(try source.first().string(0, 2) == "a, \"b\"")
        let report = try source.read { _, _ in }
        #expect(report == (try base.read { _, _ in }))
    }

    @Test func historiesAreFeaturesLikeOtherColumns() throws {
        var generator = SeededGenerator(seed: 6)
        let events = (0..<800).map { _ in Self.event(&generator, users: 20) }
        let lines = (0..<200).map { _ in
            "u\(generator.below(25)),\(Self.time(&generator)),\(generator.below(2))\n"
        }
        var other = Self.spec()
        other.name = "carts"
        other.condition = "kind = cart"
        let log = try table(Self.text(events))
        let source = try HistorySource(
            table("who,when,bought\n" + lines.joined()),
            [EventIndex(Self.spec(), log), EventIndex(other, log)],
            user: "who", time: "when")
        let schema = Schema(
            features: [
                Feature("h_count_7d", .numeric), Feature("carts_days_since", .numeric),
                Feature("h_last_item", .sequence),
            ], labels: [Label("bought", .binary)])
        let fitted = try Preprocessor(fitting: source, schema: schema)
        #expect(fitted.denseNames == ["h_count_7d", "carts_days_since", "carts_days_since is missing"])
        #expect(fitted.tables.first?.rows == 32)
    }

    @Test func wrongLogsAreNamedWithFileAndLine() throws {
        func failure(_ log: String, _ change: (inout HistorySpec) -> Void = { _ in }) -> InputError? {
            MTLTestSupport.failure {
                var spec = Self.spec()
                change(&spec)
                _ = try EventIndex(spec, TableReader(bytes: Array(log.utf8), path: "log.csv"))
            }
        }
        let header = "user,at,amount,item\n"
        let good = header + "u,2024-01-01,1,a\n"
        #expect(failure(good) == nil)
        #expect(failure(good + "u,soon,1,a\n")?.place == "log.csv, line 3, column \"at\"")
        #expect(failure(good + "u,2024-01-01,much,a\n")?.place == "log.csv, line 3, column \"amount\"")
        #expect(failure(good + "u,2024-01-01,1e30,a\n")?.expected == "a number below 1e+30")
        #expect(failure(good + "u,2024-01-01,1,a|b\n")?.place == "log.csv, line 3, column \"item\"")
        #expect(failure(good + "u,2024-01-01,1,\"a\nb\"\n")?.found == "\"a\nb\"")
        #expect(failure("user,when\nu,1\n")?.place == "log.csv, column \"at\"")
        #expect(failure(good) { $0.condition = "status = paid" }?.place == "log.csv, column \"status\"")
        #expect(failure(good) { $0.condition = "item = z" }?.found == "no event that counts")
        #expect(failure(good) { $0.value = "price" }?.place == "log.csv, column \"price\"")
        let lenient = try EventIndex(
            Self.spec(), table(good + "u,soon,1,a\nu,2024-01-01,much,a\n"), skipsBadRows: true)
        #expect(lenient.eventCount == 1 && lenient.ignoredEvents == 2)
    }

    @Test func wrongRowsAreNamed() throws {
        let index = try EventIndex(Self.spec(), table("user,at,amount,item\nu,2024-01-01,1,a\n"))
        let bad = try table("user,at\nu,2024-01-01\nu,later\n")
        #expect(
            failure { _ = try rows(HistorySource(bad, [index])) }?.place == "rows.csv, line 3, column \"at\"")
        let lenient = try rows(HistorySource(bad, [index], skipsBadRows: true))
        #expect(lenient[1].dropFirst(2).allSatisfy { $0 == "" })
        #expect(lenient[0][2] == "0")
        let folder = try TemporaryFolder()
        let path = folder.file("a.db")
        let database = try SQLiteDatabase(path)
        try database.run(
            "CREATE TABLE t AS SELECT 'u' AS user, 1700000000 AS at UNION ALL VALUES ('u', 'later')")
        let query = try HistorySource(SQLiteSource(path: path, query: "SELECT * FROM t"), [index])
        #expect(failure { _ = try rows(query) }?.place == "\(path), row 2, column \"at\"")
        let whole = try HistorySource(
            SQLiteSource(path: path, query: "SELECT * FROM t"), [index], skipsBadRows: true)
        try whole.read { block, _ in #expect(block.place(1, 2) == "\(path), row 2, column \"h_count_12h\"") }
        let other = try table("who,at\nu,1\n")
        #expect(failure { _ = try HistorySource(other, [index]) }?.place == "rows.csv, column \"user\"")
        #expect(try HistorySource(other, [index], user: "who").columns.count > 2)
        #expect(failure { _ = try HistorySource(bad, [index, index]) }?.found == "the name twice")
        let taken = try table("user,at,h_last_item\nu,1,\n")
        #expect(
            failure { _ = try HistorySource(taken, [index]) }?.place
                == "history \"h\", column \"h_last_item\"")
    }

    @Test func wrongSettingsAreNamed() {
        let changes: [(String, (inout HistorySpec) -> Void)] = [
            ("name", { $0.name = "" }), ("windows", { $0.windows = [] }),
            ("windows", { $0.windows = ["7 days"] }), ("windows", { $0.windows = ["7d", "7d"] }),
            ("aggregates", { $0.aggregates = [] }), ("aggregates", { $0.aggregates = [.count, .count] }),
            ("value", { $0.value = nil }), ("item", { $0.item = nil }), ("kind", { $0.kinds = ["a"] }),
            ("kinds", { $0.kind = "kind" }), ("length", { $0.length = 0 }),
            ("separator", { $0.separator = ", " }), ("delay", { $0.delay = "soon" }),
            ("windows", { $0.delay = "1d" }), ("where", { $0.condition = "amount" }),
        ]
        for (setting, change) in changes {
            var spec = Self.spec()
            change(&spec)
            #expect(failure { try spec.check() }?.place == "history \"\(spec.name)\", \(setting)")
        }
    }

    @Test func settingsAreReadStrictlyAndWrittenBack() throws {
        let text = """
            {"name": "purchases", "events": "sqlite:shop.db?table=orders", "user": "customer", "time": "at",
             "row_user": "id", "row_time": "seen", "kind": "type", "kinds": ["web", "shop"], "where": "paid = 1",
             "value": "amount", "item": "sku", "windows": ["1d", "all"], "length": 5, "separator": ";",
             "aggregates": ["count", "days_since", "last", "mean"], "delay": "2h"}
            """
        let spec = try JSONDecoder().decode(HistorySpec.self, from: Data(text.utf8))
        #expect(spec.columns.first == "purchases_web_count_1d" && spec.columns.count == 12)
        #expect(spec.condition == "paid = 1" && spec.delay == "2h" && spec.rowTime == "seen")
        #expect(try JSONDecoder().decode(HistorySpec.self, from: JSONEncoder().encode(spec)) == spec)
        let plain = HistorySpec("h", events: "e.csv", user: "u", time: "t")
        let written = try JSONEncoder().encode(plain)
        #expect(
            try JSONSerialization.jsonObject(with: written) as? [String: String] == [
                "name": "h", "events": "e.csv", "user": "u", "time": "t",
            ])
        #expect(try JSONDecoder().decode(HistorySpec.self, from: written) == plain)
        let misspelt = text.replacingOccurrences(of: "windows", with: "window")
        #expect(
            failure { _ = try JSONDecoder().decode(HistorySpec.self, from: Data(misspelt.utf8)) }?.place
                == "window")
    }
}
