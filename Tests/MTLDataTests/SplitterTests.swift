import Foundation
import MTLData
import MTLEngine
import Testing

@Suite struct SplitterTests {
    private static let rows = 4000
    private let schema: Schema
    private let text: String
    private let users: [String]
    private let times: [Int]
    private let strata: [String]

    init() {
        var generator = SeededGenerator(seed: 3)
        var lines = "x,y,k,u,t,s\n"
        var (users, times, strata): ([String], [Int], [String]) = ([], [], [])
        for row in 0..<Self.rows {
            let user = row % 10 == 0 ? "" : "u\(Int(generator.uniform() * 800))"
            // Distinct, in no order.
            let time = 1_600_000_000 + (row * 2_741) % Self.rows * 3600
            let label =
                generator.uniform() < 0.03 ? "paid" : generator.uniform() < 0.1 ? "" : "no \(row % 300)"
            let kind = ["a", "b", ""][Int(generator.uniform() * 2.1)]
            let scenario = generator.uniform() < 0.9 ? "big" : "small"
            users.append(user)
            times.append(time)
            strata.append("\(label == "paid" ? 1 : label.isEmpty ? 2 : 0) \(kind) \(scenario)")
            lines += "\(row),\(label),\(kind),\(user),\(time),\(scenario)\n"
        }
        (text, self.users, self.times, self.strata) = (lines, users, times, strata)
        schema = Schema(
            features: [Feature("x", .numeric)],
            labels: [Label("y", .binary, positive: ["paid"]), Label("k", .multiclass)], scenario: "s",
            group: "u", time: "t")
    }

    private func split(_ split: Split, threads: Int = 1, blockBytes: Int = 1 << 20) throws -> [Part] {
        let source = try table(text, threads: threads, blockBytes: blockBytes)
        return try parts(Splitter(split, source, schema), source, schema)
    }

    private func count(_ parts: [Part], _ part: Part) -> Int { parts.count { $0 == part } }

    @Test(arguments: Split.Rule.allCases)
    func threadsAndBlocksChangeNothing(_ rule: Split.Rule) throws {
        let plain = try split(Split(rule, validation: 0.2, test: 0.1))
        #expect(plain.count == Self.rows)
        for (threads, blockBytes) in [(1, 500), (2, 1000), (3, 777)] {
            #expect(
                try split(Split(rule, validation: 0.2, test: 0.1), threads: threads, blockBytes: blockBytes)
                    == plain)
        }
        let other = try split(Split(rule, validation: 0.2, test: 0.1, seed: 2))
        #expect((other == plain) == (rule == .time), "the seed decides, but not by time")
    }

    @Test func randomSharesAreMetInExpectation() throws {
        let parts = try split(Split(.random, validation: 0.2, test: 0.1))
        // Within four standard deviations.
        #expect(abs(Double(count(parts, .validation)) - 800) < 4 * (4000 * 0.2 * 0.8).squareRoot())
        #expect(abs(Double(count(parts, .test)) - 400) < 4 * (4000 * 0.1 * 0.9).squareRoot())
        #expect(count(parts, .dropped) == 0)
        #expect(count(try split(Split(.random, validation: 0, test: 0)), .training) == Self.rows)
    }

    @Test func aGroupIsInOnePart() throws {
        let parts = try split(Split(.group, validation: 0.2, test: 0.1))
        var partsOf: [String: Set<Part>] = [:]
        for (user, part) in zip(users, parts) where !user.isEmpty { partsOf[user, default: []].insert(part) }
        #expect(partsOf.count > 700 && partsOf.values.allSatisfy { $0.count == 1 })
        let groups = Double(partsOf.count)
        let watched = partsOf.values.count { $0 == [.validation] }
        #expect(abs(Double(watched) - 0.2 * groups) < 4 * (groups * 0.2 * 0.8).squareRoot())
        // Rows of nobody do not belong together.
        let nobody = zip(users, parts).filter { $0.0.isEmpty }.map(\.1)
        #expect(abs(Double(count(nobody, .validation)) - 80) < 4 * (400 * 0.2 * 0.8).squareRoot())
    }

    @Test func trainingIsBeforeValidationBeforeTest() throws {
        let parts = try split(Split(.time, validation: 0.2, test: 0.1))
        #expect(count(parts, .validation) == 800 && count(parts, .test) == 400)
        func range(_ part: Part) -> (Int, Int) {
            let found = zip(times, parts).filter { $0.1 == part }.map(\.0)
            return (found.min() ?? 0, found.max() ?? 0)
        }
        #expect(range(.training).1 < range(.validation).0 && range(.validation).1 < range(.test).0)
    }

    @Test func theGapBeforeACutIsEmpty() throws {
        var split = Split(.time, validation: 0.2, test: 0.1)
        split.gap = "12h"
        let plain = try self.split(Split(.time, validation: 0.2, test: 0.1))
        let parts = try self.split(split)
        // A row an hour: a row as old as the gap is out, too.
        #expect(count(parts, .dropped) == 24)
        #expect(zip(parts, plain).allSatisfy { $0.0 == $0.1 || $0.0 == .dropped })
        let cuts = [Part.validation, .test].map { part in
            zip(times, plain).filter { $0.1 == part }.map(\.0).min() ?? 0
        }
        for (time, part) in zip(times, parts) {
            let isInGap = cuts.contains { $0 - 12 * 3600 <= time && time < $0 }
            #expect((part == .dropped) == isInGap)
        }
    }

    @Test func cutsMayBeTimes() throws {
        var split = Split(.time, validation: 0.2, test: 0.1)
        split.testFrom = "\(1_600_000_000 + 3000 * 3600)"
        let byShare = try self.split(split)
        // The share of validation is of all rows, before the cut that was named.
        #expect(count(byShare, .test) == 1000 && count(byShare, .validation) == 800)
        split.validationFrom = "2020-09-23T12:26:40Z"
        let parts = try self.split(split)
        for (time, part) in zip(times, parts) {
            let hours = (time - 1_600_000_000) / 3600
            #expect(part == (hours >= 3000 ? .test : hours >= 240 ? .validation : .training))
        }
    }

    @Test func rowsAtOneTimeStayTogetherAndWithoutATimeAreDropped() throws {
        let schema = Schema(features: [Feature("x", .numeric)], labels: [Label("y", .binary)], time: "t")
        let source = try table(
            "x,y,t\n1,1,2020-01-01\n1,1,2020-01-02\n1,1,2020-01-02\n1,1,2020-01-02\n1,1,\n")
        let found = try parts(
            Splitter(Split(.time, validation: 0, test: 0.25), source, schema), source, schema)
        #expect(found == [.training, .test, .test, .test, .dropped])
    }

    @Test func everyStratumHasItsSharesToOneRow() throws {
        let parts = try split(Split(.stratified, validation: 0.2, test: 0.1))
        let members = Dictionary(grouping: strata.indices) { strata[$0] }
        #expect(members.count > 10)
        for (stratum, rows) in members {
            for (part, share) in [(Part.validation, 0.2), (.test, 0.1), (.training, 0.7)] {
                let found = rows.count { parts[$0] == part }
                #expect(abs(Double(found) - share * Double(rows.count)) < 1 + 1e-9, "\(stratum), \(part)")
            }
        }
    }

    @Test func smallStrataHaveTheirSharesTogether() throws {
        let schema = Schema(
            features: [Feature("x", .numeric)], labels: [Label("k", .multiclass)])
        let source = try table(MTLDataTests.text("x,k", rows: 6000) { "\($0),k\($0 / 3)" })
        let found = try parts(
            Splitter(Split(.stratified, validation: 0.1, test: 0.1), source, schema), source, schema)
        // A third of a row of 2000 strata each.
        #expect(abs(Double(count(found, .test)) - 600) < 4 * (2000 * 0.3 * 0.7).squareRoot())
        #expect(abs(Double(count(found, .validation)) - 600) < 4 * (2000 * 0.3 * 0.7).squareRoot())
    }

    @Test func splitsThatCannotBeAreNamed() throws {
        func error(_ change: (inout Split) -> Void) throws -> String? {
            var split = Split()
            change(&split)
            return #expect(throws: InputError.self) { try self.split(split) }?.place
        }
        #expect(try error { $0.test = 1 } == "split, test")
        #expect(try error { $0.validation = -0.1 } == "split, validation")
        #expect(try error { $0.validation = .nan } == "split, validation")
        #expect(
            try error {
                $0.validation = 0.5
                $0.test = 0.5
            } == "split")
        #expect(try error { $0.gap = "1d" } == "split, gap")
        #expect(try error { $0.testFrom = "2020-01-01" } == "split, test_from")
        #expect(
            try error {
                $0.by = .time
                $0.gap = "soon"
            } == "split, gap")
        #expect(
            try error {
                $0.by = .time
                $0.validationFrom = "soon"
            } == "split, validation_from")
        #expect(
            try error {
                $0.by = .time
                $0.validationFrom = "2021-02-01"
                $0.testFrom = "2021-01-01"
            } == "split by time")
        var bare = schema
        (bare.group, bare.time) = (nil, nil)
        for (rule, place) in [(Split.Rule.group, "split, by group"), (.time, "split, by time")] {
            let error = #expect(throws: InputError.self) {
                try Splitter(Split(rule, validation: 0.1, test: 0.1), table(text), bare)
            }
            #expect(error?.place == place)
        }
    }
}
