import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

@Suite struct DataReportTests {
    /// A table of 3,000 rows without a fault; `change` makes one.
    private static func table(
        rows: Int = 3000, _ change: (_ row: Int, _ cells: inout [String: String]) -> Void = { _, _ in }
    ) -> String {
        let names = ["x", "city", "tags", "other", "land", "day", "y", "kind"]
        var generator = SeededGenerator(seed: 5)
        var lines = [names.joined(separator: ",")]
        for row in 0..<rows {
            let x = generator.normal()
            let city = Int(generator.uniform() * 8)
            let isYes = generator.uniform() < 1 / (1 + Foundation.exp(-x - Double(city % 3)))
            var cells = [
                "x": "\(x)", "city": "c\(city)", "tags": "t\(row % 7)|t\(row % 11 + 7)",
                "other": "\(generator.normal())", "land": ["at", "de", "fr"][row % 3],
                "day": row % 10 < 7 ? "2026-01-05" : row % 10 < 8 ? "2026-02-05" : "2026-03-05",
                "y": isYes ? "1" : "0", "kind": ["a", "b", "c"][Int(generator.uniform() * 3)],
            ]
            change(row, &cells)
            lines.append(names.map { cells[$0] ?? "" }.joined(separator: ","))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static var schema: Schema {
        var schema = Schema(
            features: [
                Feature("x", .numeric), Feature("city", .categorical), Feature("tags", .tags),
                Feature("other", .numeric),
            ], labels: [Label("y", .binary), Label("kind", .multiclass)])
        schema.scenario = "land"
        schema.time = "day"
        return schema
    }

    /// Training in January, validation in February, test in March.
    private static var split: Split {
        var split = Split(.time, validation: 0.1, test: 0.2)
        split.validationFrom = "2026-02-01"
        split.testFrom = "2026-03-01"
        return split
    }

    private static func report(
        _ text: String, schema: Schema = Self.schema, threads: Int = 2, blockBytes: Int = 1 << 14,
        limits: ReportLimits = ReportLimits()
    ) throws -> DataReport {
        let source = try TableReader(
            bytes: Array(text.utf8), path: "visits.csv",
            options: ReadingOptions(threads: threads, blockBytes: blockBytes))
        let splitter = try Splitter(split, source, schema)
        let preprocessor = try Preprocessor(fitting: source, schema: schema, split: splitter)
        return try DataReport(source, preprocessor, splitter, limits: limits)
    }

    private static func isTest(_ cells: [String: String]) -> Bool { cells["day"] == "2026-03-05" }

    @Test func cleanDataHasNoFinding() throws {
        let report = try Self.report(Self.table())
        #expect(report.findings.isEmpty, "\(report.text)")
        #expect(report.parts.map(\.rows) == [2100, 300, 600])
        #expect(report.scenarios.map(\.rows) == [1000, 1000, 1000])
        #expect(report.duplicates.testRows == 0 && report.duplicates.distinctRows == 3000)
    }

    /// A fault, and the only checks that may speak of it.
    @Test(arguments: [
        ("number", Finding.Check.leak, "feature \"other\""), ("category", .leak, "feature \"city\""),
        ("missing", .leak, "feature \"other\""), ("constant", .constantFeature, "feature \"other\""),
        ("unseen", .unseenValues, "feature \"city\""), ("one class", .labelClasses, "label \"y\", part test"),
        ("no label", .labelClasses, "label \"y\", part test"),
        ("new class", .labelClasses, "label \"kind\", part test"),
        ("copies", .duplicateRows, "parts training and test"), ("scenario", .scenarios, "scenario \"fr\""),
        ("late scenario", .scenarios, "scenario \"(unknown)\""), ("drift", .drift, "feature \"other\""),
        ("tags drift", .drift, "feature \"tags\""), ("no test", .emptyPart, "part test"),
    ])
    func eachFaultIsFoundAlone(_ fault: String, _ check: Finding.Check, _ place: String) throws {
        var twin: [String: String] = [:]
        let text = Self.table { row, cells in
            let isYes = cells["y"] == "1"
            switch fault {
            case "number": cells["other"] = "\((isYes ? 1 : -1) + 0.001 * Double(row % 100))"
            case "category": cells["city"] = isYes ? "c\(row % 3)" : "c\(row % 3 + 4)"
            case "missing": if isYes { cells["other"] = "" }
            case "constant": cells["other"] = "7"
            case "unseen": if Self.isTest(cells) && row % 300 == 9 { cells["city"] = "new" }
            case "one class": if Self.isTest(cells) { cells["y"] = "0" }
            case "no label": if Self.isTest(cells) { cells["y"] = "" }
            case "new class": if Self.isTest(cells) && row % 50 == 9 { cells["kind"] = "d" }
            case "copies":
                if row % 100 == 0 { twin = cells }
                if row % 100 == 99 {
                    for name in ["x", "city", "tags", "other"] { cells[name] = twin[name] }
                }
            case "scenario": if cells["land"] == "fr" { cells["y"] = "1" }
            case "late scenario": if Self.isTest(cells) && row % 10 == 8 { cells["land"] = "uk" }
            case "drift":
                if Self.isTest(cells) { cells["other"] = "\((Double(cells["other"] ?? "") ?? 0) + 1)" }
            case "tags drift": if Self.isTest(cells) { cells["tags"] = "t1|t2" }
            default: if Self.isTest(cells) { cells["day"] = "2026-02-06" }
            }
        }
        let report = try Self.report(text)
        #expect(!report.findings.isEmpty)
        for finding in report.findings {
            #expect(finding.check == check && finding.place == place, "\(finding)")
        }
        #expect(report.isClean == false)
        #expect(report.text.contains(place))
    }

    @Test func copiesAreCounted() throws {
        var twin: [String: String] = [:]
        let report = try Self.report(
            Self.table { row, cells in
                if row % 100 == 0 { twin = cells }
                // Two test rows and one training row of a hundred.
                guard [98, 99, 5].contains(row % 100) else { return }
                for name in ["x", "city", "tags", "other"] { cells[name] = twin[name] }
            })
        #expect(report.duplicates.testRows == 60)
        #expect(report.duplicates.pairs == 120)
        #expect(report.duplicates.distinctRows == 3000 - 90)
        #expect(report.duplicates.isExact)
    }

    private struct Golden: Decodable {
        let csv: String
        let ageAuc, ageMissingAuc, cityAuc, ageDrift, cityDrift, unseenShare: Double
        let clickRates: [Double]
    }

    @Test func areasAndDriftAreThoseOfScikitLearnAndNumPy() throws {
        let golden = try fixture(Golden.self, "data_report.json", snakeCase: true)
        let schema = Schema(
            features: [Feature("age", .numeric), Feature("city", .categorical)],
            labels: [Label("click", .binary)], time: "time")
        let report = try Self.report(golden.csv, schema: schema)
        let (age, city) = (report.features[0], report.features[1])
        func expect(_ value: Double?, _ reference: Double, _ name: Comment) throws {
            #expect(abs(try #require(value, name) - reference) < 1e-12, name)
        }
        try expect(age.areasUnderROC["click"], golden.ageAuc, "age")
        try expect(age.missingAreasUnderROC["click"], golden.ageMissingAuc, "age is missing")
        try expect(city.areasUnderROC["click"], golden.cityAuc, "city")
        try expect(age.testDrift, golden.ageDrift, "drift of age")
        try expect(city.testDrift, golden.cityDrift, "drift of city")
        try expect(city.unseenShare, golden.unseenShare, "unseen cities")
        for (part, rate) in zip(report.parts, golden.clickRates) {
            try expect(part.labels[0].mean, rate, "rate")
        }
    }

    @Test func anyNumberOfThreadsGivesTheSame() throws {
        var limits = ReportLimits()
        limits.sampledRows = 1000
        limits.distinctRows = 500
        limits.distinctValues = 4
        let text = Self.table()
        let one = try Self.report(text, threads: 1, limits: limits)
        for (threads, bytes) in [(2, 1 << 12), (3, 1 << 15)] {
            #expect(try Self.report(text, threads: threads, blockBytes: bytes, limits: limits) == one)
        }
    }

    @Test func beyondItsMemoryItSamplesAndSaysSo() throws {
        var limits = ReportLimits()
        limits.sampledRows = 1500
        limits.distinctRows = 500
        var twin: [String: String] = [:]
        let report = try Self.report(
            Self.table(rows: 20_000) { row, cells in
                if row % 10 == 0 { twin = cells }
                if row % 10 == 9 { for name in ["x", "city", "tags", "other"] { cells[name] = twin[name] } }
            }, limits: limits)
        #expect(report.sampledRows == 1500)
        #expect(!report.duplicates.isExact)
        // 18,000 different rows, 2,000 of the test ones copies.
        #expect(abs(report.duplicates.distinctRows - 18_000) < 2500)
        #expect(abs(report.duplicates.testRows - 2000) < 800)
        #expect(report.findings.contains { $0.check == .duplicateRows && $0.found.contains("estimated") })
        #expect(report.text.contains("are of 1,500 rows"))
    }

    /// The rows of a sample are no draw of the split's.
    @Test func sampleKeepsTheSharesOfARandomSplit() throws {
        var schema = Self.schema
        schema.time = nil
        let source = try TableReader(bytes: Array(Self.table(rows: 20_000).utf8), path: "visits.csv")
        let splitter = try Splitter(Split(), source, schema)
        let preprocessor = try Preprocessor(fitting: source, schema: schema, split: splitter)
        var limits = ReportLimits()
        limits.sampledRows = 2000
        let report = try DataReport(source, preprocessor, splitter, limits: limits)
        let area = try #require(report.features[0].areasUnderROC["y"])
        let all = try #require(
            DataReport(source, preprocessor, splitter).features[0].areasUnderROC["y"])
        #expect(abs(area - all) < 0.04)
        #expect(report.findings.filter { $0.check == .drift }.isEmpty)
        #expect(report.features.allSatisfy { ($0.testDrift ?? 1) < 0.15 })
    }

    /// A worker that saw few rows still keeps all values when it meets one that had to sample.
    @Test func talliesOfFewAndManyRowsAddUp() {
        var generator = SeededGenerator(seed: 9)
        let hashes = (0..<5000).map { _ in UInt64(generator.uniform() * 0x1p53) << 11 | 1 }
        var all = HashTally(limit: 300)
        var few = HashTally(limit: 300)
        var many = HashTally(limit: 300)
        for (index, hash) in hashes.enumerated() {
            all.add(hash, part: .test)
            if index < 100 { few.add(hash, part: .test) } else { many.add(hash, part: .test) }
        }
        few.merge(many)
        #expect(few.isPartial && abs(few.distinct - 5000) < 900)
        #expect(few.distinct == all.distinct)
        func rows(_ tally: HashTally) -> Int {
            var sum = 0
            tally.forEach { _, _, test in sum += test }
            return sum
        }
        #expect(rows(few) == rows(all))
    }

    @Test func reportIsReadBack() throws {
        let report = try Self.report(Self.table { row, cells in cells["other"] = "1" })
        let read = try JSONDecoder().decode(DataReport.self, from: JSONEncoder().encode(report))
        #expect(read == report)
    }
}
