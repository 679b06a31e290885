import ArgumentParser
import Foundation
import MTLEngine

/// The rows of `--data`: read, split and encoded, the encoder fitted on the training rows only.
struct TableData {
    let data: Comparison.Data
    let tasks: [LearningTask]

    /// Census-Income (KDD) as `scripts/prepare-census.sh` leaves it, with its official test file.
    static func census(validationShare: Double, seed: UInt64) throws -> TableData {
        let folder = "data/census"
        guard FileManager.default.fileExists(atPath: "\(folder)/train.csv") else {
            throw InputError(
                .file, at: "\(folder)/train.csv", found: "no such file",
                expected: "the prepared Census set: run make census, or scripts/prepare-census.sh")
        }
        let training = try CSVTable(path: "\(folder)/train.csv")
        let numeric = [
            "age", "wage_per_hour", "capital_gains", "capital_losses", "dividends", "employer_size",
            "weeks_worked",
        ]
        let labels = ["income", "never_married", "college"]
        let schema = TableSchema(
            numeric: numeric, categorical: training.columns.filter { !(numeric + labels).contains($0) },
            labels: ["income", "never_married"])
        return try TableData(
            training, test: CSVTable(path: "\(folder)/test.csv"), schema: schema,
            tasks: schema.labels.map { .binary($0) }, validationShare: validationShare, testShare: 0,
            seed: seed)
    }

    init(
        _ table: CSVTable, test: CSVTable?, schema: TableSchema, tasks: [LearningTask],
        validationShare: Double,
        testShare: Double, seed: UInt64
    ) throws {
        let split = try RowSplit(
            rows: table.rowCount, validationShare: validationShare, testShare: test == nil ? testShare : 0,
            seed: seed)
        let encoder = try FeatureEncoder(fitting: table, schema: schema, rows: split.training)
        data = Comparison.Data(
            training: try encoder.encode(table, rows: split.training),
            validation: try encoder.encode(table, rows: split.validation),
            test: try test.map { try encoder.encode($0) } ?? encoder.encode(table, rows: split.test))
        self.tasks = tasks
    }
}

/// "click", "rating:regression", "tag:multiclass": a label column and what kind it is.
struct LabelArgument: ExpressibleByArgument {
    enum Kind: String { case binary, multiclass, regression }

    let name: String
    let kind: Kind?

    init?(argument: String) {
        guard let colon = argument.lastIndex(of: ":"),
            let kind = Kind(rawValue: String(argument[argument.index(after: colon)...]))
        else {
            name = argument
            kind = nil
            return
        }
        name = String(argument[..<colon])
        self.kind = kind
    }

    /// The task, its kind found from the labels where it was not said: 0 and 1 only are binary, others numbers.
    ///
    /// Labels out of the kind's range are named by file, line and column here, where those are still known.
    func task(_ table: CSVTable, huberDelta: Double?) throws -> LearningTask {
        let column = try table.column(name)
        let labels = (0..<table.rowCount).map { Double(table.text(row: $0, column: column)) ?? .nan }
        let isBinary = labels.allSatisfy { $0.isNaN || $0 == 0 || $0 == 1 }
        func check(_ expected: String, _ holds: (Double) -> Bool) throws {
            for (row, label) in labels.enumerated() where !label.isNaN && !holds(label) {
                throw InputError(
                    .value, at: table.place(row: row, column: column), found: "label \(label)",
                    expected: expected)
            }
        }
        switch kind ?? (isBinary ? .binary : .regression) {
        case .binary:
            try check("0 or 1") { $0 == 0 || $0 == 1 }
            return .binary(name)
        case .regression: return .regression(name, huberDelta: huberDelta)
        case .multiclass:
            try check("a class index from 0, below 100000") { $0 >= 0 && $0 < 100_000 && $0 == $0.rounded() }
            let largest = labels.filter { !$0.isNaN }.max() ?? 0
            return .multiclass(name, classes: max(2, Int(largest) + 1))
        }
    }
}
