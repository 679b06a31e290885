import ArgumentParser
import Foundation
import MTLData
import MTLEngine

/// The rows of `--data`: read, split and encoded as `mtl` does it, by the schema that `mtl init` proposes.
struct TableData {
    /// What is said of a file.
    struct Choice {
        var data: String
        var test: String?
        var labels: [LabelArgument]
        /// Columns that are numbers, and columns that are values to be told apart, whatever they look like.
        var numeric: [String] = []
        var categorical: [String] = []
        var ignored: [String] = []
        var huberDelta: Double?
        var validationShare = 0.1
        var testShare = 0.0
        var seed: UInt64

        static let censusFiles = ["data/census/train.csv", "data/census/test.csv"]

        /// Census-Income (KDD) as `scripts/prepare-census.sh` leaves it, with its official test file.
        static func census(validationShare: Double, seed: UInt64) throws -> Choice {
            let (training, test) = (censusFiles[0], censusFiles[1])
            guard FileManager.default.fileExists(atPath: training) else {
                throw InputError(
                    .file, at: training, found: "no such file",
                    expected: "the prepared Census set: run make census, or scripts/prepare-census.sh")
            }
            return Choice(
                data: training, test: test,
                labels: [LabelArgument("income"), LabelArgument("never_married")], ignored: ["college"],
                validationShare: validationShare, seed: seed)
        }
    }

    let comparison: Comparison<RowCache>.Data
    let tasks: [LearningTask]
    /// Columns that the proposal leaves out though nobody asked for it, each with the reason.
    let leftOut: [String]

    init(_ choice: Choice, threads: Int) throws {
        var settings = DataSettings(source: choice.data)
        settings.test = choice.test
        let source = try openSource(choice.data, options: settings.options(threads: threads))
        try choice.checkRoles(source)
        let proposal = try SchemaProposal(
            source, labels: choice.labels.map { SchemaProposal.LabelChoice($0.name) },
            ignoring: choice.ignored)
        var experiment = Experiment(data: settings, schema: try choice.schema(proposal))
        experiment.split = Split(
            .random, validation: choice.validationShare, test: choice.test == nil ? choice.testShare : 0,
            seed: choice.seed)
        leftOut = proposal.columns.filter { column in
            column.label == nil && !column.isUsed
                && !(choice.ignored + choice.numeric + choice.categorical).contains(column.profile.name)
        }.map { "\($0.profile.name): \($0.reasons.joined(separator: "; "))" }

        // The files stay readable through their descriptors, and nothing is left behind.
        let folder = try ScratchFolder()
        defer { folder.remove() }
        let prepared = try experiment.prepare(in: folder.path, threads: threads)
        guard let test = prepared.test else {
            throw InputError(
                .empty, at: choice.data, found: "no row to judge on",
                expected: "a larger --test-share, or rows of their own with --test")
        }
        tasks = prepared.preprocessor.tasks()
        comparison = Comparison.Data(
            training: prepared.training, validation: prepared.validation, test: test,
            inputs: prepared.preprocessor.denseNames.count, embedded: prepared.preprocessor.embedded,
            tables: prepared.preprocessor.tables, numbers: prepared.preprocessor.numberFields)
    }
}

extension TableData.Choice {
    fileprivate func checkRoles(_ source: any RowSource) throws {
        var named = Set<String>()
        for name in labels.map(\.name) + numeric + categorical + ignored {
            _ = try source.column(name)
            guard named.insert(name).inserted else {
                throw InputError(
                    .name, at: "\(source.path), column \"\(name)\"", found: "two roles for it",
                    expected: "one of label, numeric, categorical or ignored")
            }
        }
    }

    /// The proposal's schema with what was said on the command line. Rows are split at random, and one model serves all
    /// of them: group, time and scenario of the proposal have no part in a comparison of schedules.
    fileprivate func schema(_ proposal: SchemaProposal) throws -> Schema {
        var schema = Schema(features: [], labels: proposal.schema.labels)
        let used = Dictionary(grouping: proposal.schema.features) { $0.column ?? $0.name }
        for column in proposal.columns where column.label == nil {
            let name = column.profile.name
            let isProposed = column.isUsed && column.feature?.kind == .numeric
            if numeric.contains(name) && !isProposed {
                schema.features.append(Feature(name, .numeric))
            } else if categorical.contains(name) {
                schema.features.append(Feature(name, .categorical))
            } else {
                schema.features += used[name] ?? []
            }
        }
        for (index, label) in labels.enumerated() {
            if let kind = label.kind { schema.labels[index].kind = kind }
            if schema.labels[index].kind != .binary { schema.labels[index].positive = nil }
            if schema.labels[index].kind == .regression { schema.labels[index].huberDelta = huberDelta }
        }
        return schema
    }
}

/// "click", "rating:regression", "tag:multiclass": a label column and what kind it is.
struct LabelArgument: ExpressibleByArgument {
    let name: String
    let kind: Label.Kind?

    init(_ name: String, kind: Label.Kind? = nil) {
        self.name = name
        self.kind = kind
    }

    init?(argument: String) {
        if let colon = argument.lastIndex(of: ":"),
            let kind = Label.Kind(rawValue: String(argument[argument.index(after: colon)...]))
        {
            self.init(String(argument[..<colon]), kind: kind)
        } else {
            self.init(argument)
        }
    }
}
