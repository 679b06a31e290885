import Foundation
import MTLData
import MTLEngine
import Testing
import Yams

@Suite struct SchemaProposalTests {
    private typealias Choice = SchemaProposal.LabelChoice

    /// What the file of a proposal says, read by a reader that this project did not write.
    private struct Experiment: Decodable {
        struct Source: Decodable { let source: String }
        struct Model: Decodable { let trunk: [Int] }

        let data: Source
        let schema: Schema
        let split: Split
        let model: Model
    }

    private static func source(
        _ text: String, threads: Int = 2, blockBytes: Int = 1 << 14
    ) throws -> TableReader {
        try TableReader(
            bytes: Array(text.utf8), path: "visits.csv",
            options: ReadingOptions(threads: threads, blockBytes: blockBytes))
    }

    private static let text: String = {
        let names = [
            "visit_id", "user_id", "created_at", "seen", "age", "city", "country", "tags", "scores",
            "history",
            "price", "spend", "empty", "same", "mixed", "zip_code", "comment", "click", "click_seconds",
            "outcome", "sample_weight",
        ]
        var generator = SeededGenerator(seed: 3)
        var lines = [names.joined(separator: ",")]
        for row in 0..<2000 {
            let isClick = generator.uniform() < 0.2
            func draw(_ count: Int) -> Int { Int(generator.uniform() * Double(count)) }
            lines.append(
                [
                    "v\(row)", "\(100 + draw(150))", "2026-0\(1 + draw(9))-1\(draw(10)) 1\(draw(10)):30",
                    "\(1_760_000_000 + draw(1_000_000))", row % 20 == 0 ? "?" : "\(18 + draw(60))",
                    "Stadt \(draw(draw(300) + 1))", ["AT", "DE", "FR"][draw(3)], "a\(draw(9))|b\(draw(9))",
                    "a\(draw(5)):0.5|b\(draw(5)):2", "p1|p\(draw(9))|p1|p\(draw(9))",
                    "\"$\(1 + draw(9)),\(100 + draw(900)).50\"",
                    "\(Foundation.exp(2.5 * generator.normal()))", "",
                    "x", row % 200 == 7 ? "unknown" : "\(draw(30))", "\(1010 + draw(80))",
                    "I have seen thing number \(row) and it was \(draw(1000)) times as good",
                    isClick ? "1" : "0", isClick ? "\(draw(100))" : "0", isClick ? "bought" : "left",
                    "\(generator.uniform())",
                ].joined(separator: ","))
        }
        return lines.joined(separator: "\n") + "\n"
    }()

    private static func column(_ proposal: SchemaProposal, _ name: String) throws -> SchemaProposal.Column {
        try #require(proposal.columns.first { $0.profile.name == name })
    }

    @Test func columnsAreWhatTheyLookLike() throws {
        let proposal = try SchemaProposal(Self.source(Self.text))
        let kinds: [String: Feature.Kind] = [
            "created_at": .timestamp, "seen": .timestamp, "age": .numeric, "city": .categorical,
            "country": .categorical, "tags": .tags, "scores": .tags, "history": .sequence, "price": .numeric,
            "spend": .numeric, "mixed": .categorical, "zip_code": .categorical,
        ]
        for (name, kind) in kinds {
            let column = try Self.column(proposal, name)
            // "seen" has no name of a time: whole numbers in the range of Unix times are numbers then.
            #expect(column.feature?.kind == (name == "seen" ? .numeric : kind), "\(name)")
            #expect(column.isUsed, "\(name)")
        }
        #expect(try Self.column(proposal, "scores").feature?.weightSeparator == ":")
        #expect(try Self.column(proposal, "price").profile.money == 2000)
        #expect(try Self.column(proposal, "spend").feature?.encoding == .piecewise)
        #expect(try Self.column(proposal, "age").profile.missing == 100)
        #expect(try Self.column(proposal, "city").feature?.minimumCount == 5)
        #expect(try Self.column(proposal, "mixed").marks == [.mixedTypes])
        #expect(
            try Self.column(proposal, "mixed").reasons.contains {
                $0.contains("10 cells") && $0.contains("unknown")
            })
        #expect(proposal.schema.group == "user_id" && proposal.split.by == .group)
        #expect(proposal.schema.time == "created_at")
        #expect(proposal.schema.scenario == "country")
        #expect(proposal.schema.labels == [Label("click", .binary)])
    }

    @Test(arguments: [
        ("visit_id", SchemaProposal.Mark.unique), ("empty", .allMissing), ("same", .constant),
        ("comment", .freeText), ("outcome", .tellsLabel), ("sample_weight", .suspiciousName),
        ("click_seconds", .followsLabel),
    ])
    func whatHarmsIsLeftOutWithAReason(_ name: String, _ mark: SchemaProposal.Mark) throws {
        let proposal = try SchemaProposal(Self.source(Self.text))
        let column = try Self.column(proposal, name)
        // A column can be suspicious for two reasons.
        #expect(column.marks.contains(mark) || name == "click_seconds" && column.marks == [.tellsLabel])
        #expect(!column.isUsed && !column.reasons.isEmpty)
        #expect(!proposal.schema.features.contains { $0.name == name })
        let line = proposal.yaml().split(separator: "\n").first { $0.contains("# - {name: \(name),") }
        #expect(line?.contains("left out: \(column.reasons[0])") == true)
    }

    @Test func nameThatFollowsALabelIsTold() throws {
        let text =
            "purchase,purchase_amount,amount\n"
            + (0..<400).map { "\($0 % 3 == 0 ? 1 : 0),\($0 * 7 % 50),\($0 * 11 % 50)\n" }.joined()
        let proposal = try SchemaProposal(Self.source(text))
        #expect(try Self.column(proposal, "purchase_amount").marks == [.followsLabel])
        #expect(try Self.column(proposal, "amount").isUsed)
    }

    @Test func fileIsReadBackAsTheSchema() throws {
        let proposal = try SchemaProposal(Self.source(Self.text))
        let read = try YAMLDecoder().decode(Experiment.self, from: proposal.yaml())
        #expect(read.schema == proposal.schema)
        #expect(read.split == proposal.split)
        #expect(read.data.source == "visits.csv")
        #expect(proposal.yaml().contains("- {name: click, type: binary}"))
    }

    @Test func anyNameAndValueIsQuoted() throws {
        let names = [
            "a: b", "#x", "x #y", "say \"hi\"", "it's", "- dash", "yes", "Null", "~", "1", "1e3", "in ner",
            "näme",
            "tab\there", "{x}", "[y", "a,b", "🎈", "back\\slash", "two\nlines", "%p", "@at", "`tick", "&a",
            "*b",
            "!c", "|", ">", "?", "true", "a:", "line\u{2028}sep", "bom\u{FEFF}", "nbsp\u{A0}", "=", "<<", "y",
        ]
        let header = names.map { "\"" + $0.replacingOccurrences(of: "\"", with: "\"\"") + "\"" }
        let label = "label # \"of: it\""
        let rows = (0..<60).map { row in
            names.indices.map { "\"# {\(row % 3): \($0 % 5)}\u{85}\u{7} - 'x'\"" }.joined(separator: ",")
                + "," + (row % 2 == 0 ? "\"no: #1\n\"" : "yes")
        }
        let text =
            (header + ["\"label # \"\"of: it\"\"\""]).joined(separator: ",") + "\n"
            + rows.joined(separator: "\n") + "\n"
        let proposal = try SchemaProposal(
            Self.source(text), labels: [Choice(label, positive: ["no: #1\n"])])
        let yaml = proposal.yaml(source: "C:\\data: \"x\" #1.csv")
        let read = try YAMLDecoder().decode(Experiment.self, from: yaml)
        #expect(read.schema == proposal.schema)
        #expect(read.schema.features.map(\.name) == names)
        #expect(read.schema.labels == [Label(label, .binary, positive: ["no: #1\n"])])
        #expect(read.data.source == "C:\\data: \"x\" #1.csv")
    }

    @Test func linesSayWhatWasFound() throws {
        let text =
            "age,city,click\n"
            + (0..<200).map { "\($0 % 10 == 0 ? "" : "\($0 % 40)"),c\($0 % 4 / 3),\($0 % 8 == 0 ? 1 : 0)\n" }
            .joined()
        let lines = try SchemaProposal(Self.source(text)).yaml().split(separator: "\n").map(String.init)
        func comment(_ name: String) throws -> String {
            let line = try #require(lines.first { $0.contains("{name: \(name),") })
            return String(line[try #require(line.range(of: "  # ")).upperBound...])
        }
        #expect(try comment("age").hasPrefix("10 % missing, 1 … 39, mean 20"))
        #expect(try comment("city") == "2 values, most often \"c0\" 75 %")
        #expect(try comment("click") == "12.5 % yes; guessed by its name")
    }

    @Test(arguments: [100, 1_000_000])
    func anyNumberOfThreadsGivesTheSame(_ countedValues: Int) throws {
        let one = try SchemaProposal(
            Self.source(Self.text, threads: 1), labels: [Choice("click")], countedValues: countedValues)
        for threads in [2, 3] {
            let more = try SchemaProposal(
                Self.source(Self.text, threads: threads), labels: [Choice("click")],
                countedValues: countedValues)
            #expect(more == one)
        }
    }

    @Test func manyValuesAreEstimated() throws {
        let text = "code,y\n" + (0..<50_000).map { "k\($0 * 7 % 40_000),\($0 % 2)\n" }.joined()
        let counted = try SchemaProposal(Self.source(text), labels: [Choice("y")], countedValues: 40_000)
        let exact = counted.columns[0].profile.distinct
        #expect(exact.isExact && exact.count == 40_000)
        let estimated = try SchemaProposal(Self.source(text), labels: [Choice("y")], countedValues: 39_999)
        let distinct = estimated.columns[0].profile.distinct
        #expect(!distinct.isExact && abs(distinct.count - 40_000) < 1200)
        #expect(distinct.description.hasPrefix("about "))
        #expect(estimated.columns[0].profile.frequent.isEmpty)
        // Which are rare is not known, but that they would have ids of their own is.
        #expect(counted.columns[0].feature?.minimumCount == 5)
        #expect(estimated.columns[0].feature?.minimumCount == 5)
    }

    @Test func labelsAreWhatIsAskedFor() throws {
        let text =
            "income,status,size,click\n"
            + (0..<300).map { "\($0 % 10 == 0 ? "50000+." : " - 50000."),s\($0 % 5),\($0 % 30),\($0 % 2)\n" }
            .joined()
        let proposal = try SchemaProposal(
            Self.source(text),
            labels: [Choice("status", positive: ["s1", "s3"]), Choice("income"), Choice("size")])
        #expect(
            proposal.schema.labels == [
                Label("status", .binary, positive: ["s1", "s3"]),
                Label("income", .binary, positive: ["50000+."]),
                Label("size", .regression),
            ])
        #expect(proposal.columns[1].positiveShare == 0.4)
        #expect(proposal.columns[0].positiveShare == 0.1)
        // Not asked for, so no label.
        #expect(proposal.schema.features.map(\.name) == ["click"])
        #expect(
            try SchemaProposal(Self.source(text), labels: [Choice("status")]).schema.labels[0].kind
                == .multiclass)
    }

    /// The words and numbers of labels are those that the reader of rows takes, or a proposed experiment would be refused.
    @Test(arguments: [("1.00", "0.00"), ("+1", "-0"), ("$1", "$0"), ("t", "f"), ("TRUE", "n")])
    func yesAndNoAreWhatTheReaderTakes(yes: String, no: String) throws {
        let text = "x,y\n" + (0..<300).map { "\($0 % 7),\($0 % 3 == 0 ? yes : no)\n" }.joined()
        let proposal = try SchemaProposal(Self.source(text), labels: [Choice("y")])
        #expect(proposal.schema.labels == [Label("y", .binary)])
        #expect(abs((proposal.columns[1].positiveShare ?? 0) - 1 / 3) < 1e-9)
        let preprocessor = try Preprocessor(fitting: Self.source(text), schema: proposal.schema)
        #expect(try preprocessor.encoded(Self.source(text)).labels["y"]?.reduce(0, +) == 100)
    }

    @Test func wrongLabelsAreNamed() throws {
        let text = "status,name\n" + (0..<300).map { "s\($0 % 5),n\($0)\n" }.joined()
        let error = #expect(throws: InputError.self) {
            try SchemaProposal(Self.source(text), labels: [Choice("status", positive: ["s9"])])
        }
        #expect(error?.place == "visits.csv, label \"status\"" && error?.found == "no row with \"s9\"")
        #expect(throws: InputError.self) { try SchemaProposal(Self.source(text), labels: [Choice("nam")]) }
        #expect(throws: InputError.self) { try SchemaProposal(Self.source(text), labels: [Choice("name")]) }
    }

    // MARK: Real data

    private static func real(_ name: String) -> String? {
        let path = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../../shared/data/\(name)").standardizedFileURL.path
        guard FileManager.default.fileExists(atPath: path) else {
            print("skipped: \(name) is not beside the checkout")
            return nil
        }
        return path
    }

    @Test func marketingCampaign() throws {
        guard let path = Self.real("marketing_campaign/marketing_data.csv") else { return }
        let (source, guess) = try ReadingGuess.open(path)
        let proposal = try SchemaProposal(source, reading: guess)
        #expect(proposal.rows == 2240 && proposal.columns.count == 28)
        #expect(try Self.column(proposal, "ID").marks == [.suspiciousName, .unique])
        let income = try Self.column(proposal, "Income")
        #expect(
            income.feature?.kind == .numeric && income.profile.missing == 24 && income.profile.money == 2216)
        #expect(try Self.column(proposal, "Dt_Customer").feature?.kind == .timestamp)
        #expect(proposal.schema.labels == [Label("Response", .binary)])
        let share = try #require(Self.column(proposal, "Response").positiveShare)
        #expect(abs(share - 334.0 / 2240) < 1e-12)
        #expect(proposal.schema.scenario == "Country")
        let read = try YAMLDecoder().decode(Experiment.self, from: proposal.yaml())
        #expect(read.schema == proposal.schema)
        try Self.run(source, proposal)
    }

    @Test func womensClothing() throws {
        guard let path = Self.real("womens_clothing/womens_clothing_no_text.csv") else { return }
        let (source, guess) = try ReadingGuess.open(path, labels: ["Recommended IND"])
        let proposal = try SchemaProposal(source, labels: [Choice("Recommended IND")], reading: guess)
        #expect(proposal.rows == 23_486)
        #expect(try Self.column(proposal, "Clothing ID").feature?.kind == .categorical)
        #expect(try Self.column(proposal, "Clothing ID").profile.distinct.count == 1206)
        #expect(proposal.schema.scenario == "Department Name")
        let read = try YAMLDecoder().decode(Experiment.self, from: proposal.yaml())
        #expect(read.schema == proposal.schema)
        try Self.run(source, proposal)
    }

    /// A proposal must at least be one that the rest of the library can work with.
    private static func run(_ source: any RowSource, _ proposal: SchemaProposal) throws {
        let splitter = try Splitter(proposal.split, source, proposal.schema)
        let preprocessor = try Preprocessor(fitting: source, schema: proposal.schema, split: splitter)
        let report = try DataReport(source, preprocessor, splitter)
        #expect(report.parts.reduce(0) { $0 + $1.rows } == proposal.rows)
        #expect(!report.findings.contains { $0.severity == .problem }, "\(report.text)")
    }

    /// Numbers have vectors of their own; of two values a number says all.
    @Test func numbersAreFields() throws {
        var draw = SeededGenerator(seed: 3)
        var text = "age,member,click\n"
        for _ in 0..<500 { text += "\(draw.below(70)),\(draw.below(2)),\(draw.below(2))\n" }
        let proposal = try SchemaProposal(Self.source(text))
        #expect(proposal.yaml().contains("- {name: age, type: numeric, encoding: piecewise}"))
        #expect(proposal.yaml().contains("- {name: member, type: numeric}"))
        let read = try YAMLDecoder().decode(Experiment.self, from: proposal.yaml())
        #expect(read.schema == proposal.schema)
        try proposal.schema.check()
    }
}
