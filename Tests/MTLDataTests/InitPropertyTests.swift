import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing
import Yams

/// What `init` proposes, training takes: tried on many odd tables.
@Suite struct InitPropertyTests {
    private static let names = [
        "", " ", "a", "A", "a.b", "a: b", "\"q\"", "it's", "#hash", "- dash", "{x}", "[y]", "null", "yes",
        "1", "1:30",
        "x is missing", "x", "a_band", "ä ö", "日本", "a\tb", "a,b", "a|b", "*", "&a", "!t", "%", "@", "`",
        "\\n", "a\\", "NaN", "click2",
        "name", "weight", "at", "at hour_sine", "user_id", "country",
    ]

    /// A cell of a kind of column.
    private static func cell(_ kind: Int, _ row: Int, _ draw: inout SeededGenerator) -> String {
        switch kind {
        case 0: "\(draw.below(50))"
        case 1: "\(draw.normal())"
        case 2: draw.below(5) == 0 ? "" : "\(draw.below(9))"
        case 3: "same"
        case 4: ""
        case 5: ["red", "blue", "NA", ""][draw.below(4)]
        case 6: "t\(draw.below(5))|t\(draw.below(9))"
        case 7: "2026-03-\(10 + draw.below(18)) 1\(draw.below(9)):00:00"
        case 8: draw.below(40) == 0 ? "1e300" : "\(draw.normal())"
        case 9: "\(row)"
        case 10: "9\(draw.below(1_000_000_000))00000000000\(draw.below(9))"
        case 11: draw.below(30) == 0 ? "what?" : "\(draw.below(9))"
        case 12: "a:\(draw.below(5))|b:-2"
        case 13: "\"quoted, \(draw.below(7))\""
        case 14: ["yes", "no"][draw.below(2)]
        case 15: "user \(draw.below(60))"
        case 16: draw.below(60) == 0 ? "inf" : "\(draw.normal())"
        default: "1,\(100 + draw.below(800))"
        }
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }

    @Test func whatIsProposedIsPrepared() throws {
        var (proposed, refused) = (0, 0)
        for seed in 0..<120 {
            var draw = SeededGenerator(seed: UInt64(seed))
            var names = Self.names
            draw.shuffle(&names)
            names = Array(names.prefix(1 + draw.below(7)))
            var trimmed = Set<String>()
            names = names.filter { trimmed.insert($0.trimmingCharacters(in: .whitespaces)).inserted }
            let kinds = names.map { _ in draw.below(18) }
            var text = (names + ["click"]).map(Self.quoted).joined(separator: ",") + "\n"
            for row in 0..<260 {
                var cells = kinds.map { Self.cell($0, row, &draw) }
                for index in cells.indices where cells[index].contains(",") && cells[index].first != "\"" {
                    cells[index] = Self.quoted(cells[index])
                }
                text += (cells + ["\(draw.below(2))"]).joined(separator: ",") + "\n"
            }
            let files = try FieldCase()
            try files.write(text)
            let found: (proposal: SchemaProposal, experiment: Experiment, yaml: String)
            do {
                found = try files.proposal()
            } catch let error as InputError {
                // A table without anything to learn from, or one that must be asked about, is said to be.
                #expect(error.found.contains("no column to learn from"), "\(error)")
                refused += 1
                continue
            }
            if found.experiment.schema.features.isEmpty {
                // What waits for an answer is asked about in the file.
                #expect(found.proposal.columns.contains { $0.marks.contains(.unclear) })
                continue
            }
            proposed += 1
            #expect(files.refusal(found.experiment) == nil, "seed \(seed), \(names), \(kinds)\n\(found.yaml)")
            #expect(failure { try found.experiment.check() } == nil)
            let data = try files.prepared(found.experiment)
            #expect(
                failure { _ = try found.experiment.model.model(data.preprocessor) } == nil, "seed \(seed)")
        }
        #expect(proposed > 60)
        print("init: \(proposed) proposed and taken, \(refused) refused")
    }

    @Test func labelsWithoutAnythingToLearnAreNotProposed() throws {
        let files = try FieldCase()
        try files.write(visits { ["\($0 % 50)", ["DE", "FR"][$0 % 2], "1"] })
        #expect(failure { _ = try files.proposal() }?.found == "\"1\" in all rows that have one")
        #expect(try files.proposal(labels: []).experiment.schema.labels.isEmpty)
        try files.write(visits("same,click") { ["7", "\($0 % 2)"] })
        #expect(
            failure { _ = try files.proposal() }?.found.hasPrefix(
                "no column to learn from: \"same\", one value") == true)
    }

    @Test func anUnnamedColumnIsLeftOutAndSaid() throws {
        let files = try FieldCase()
        try files.write(visits(",price,click") { ["\($0 % 60)", "\(Double($0 / 2 % 50) / 3)", "\($0 % 2)"] })
        let found = try files.proposal()
        #expect(found.experiment.schema.features.map(\.name) == ["price"])
        #expect(found.yaml.contains("a column without a name"))
        #expect(files.refusal(found.experiment) == nil)
    }
}
