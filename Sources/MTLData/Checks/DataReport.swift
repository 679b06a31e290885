package import MTLEngine

/// What speaks for and against learning from a table as it is split and read: findings, and the tables they come from.
/// It does not depend on the number of threads.
public struct DataReport: Sendable, Equatable, Codable {
    /// What the report says of one feature.
    public struct FeatureRow: Sendable, Equatable, Codable {
        /// The feature's name.
        public let name: String
        /// Per binary label how well the feature alone ranks training rows: the area under the ROC curve of its number or,
        /// for categories, of the label's rate over rows of the same value in other folds; nil below ten rows of a class.
        public internal(set) var areasUnderROC: [String: Double] = [:]
        /// The same of whether the value is missing, where some are and some are not.
        public internal(set) var missingAreasUnderROC: [String: Double] = [:]
        /// The share of training rows without a value.
        public internal(set) var missingShare: Double = 0
        /// Whether all training rows have the same value.
        public internal(set) var isConstant = false
        /// Different values in all parts; nil for numbers.
        package internal(set) var distinct: Cardinality?
        /// The share of test values that no training row has; nil for numbers.
        public internal(set) var unseenShare: Double?
        /// The population stability index of training against validation, and against test.
        public internal(set) var validationDrift: Double?
        /// The same against test.
        public internal(set) var testDrift: Double?
    }

    /// Rows and labels of a part or a scenario.
    public struct LabelRow: Sendable, Equatable, Codable {
        /// The label's name.
        public let label: String
        /// Rows that have one.
        public internal(set) var labelled: Int
        /// Rows that do not.
        public internal(set) var missing: Int
        /// The share of yes, or the mean of numbers; nil without any, and for classes.
        public internal(set) var mean: Double?
        /// Different classes; nil for numbers.
        public internal(set) var classes: Int?

        /// The share of rows without a label.
        public var missingShare: Double {
            labelled + missing > 0 ? Double(missing) / Double(labelled + missing) : 0
        }
    }

    /// A part of the split, or a scenario in all parts.
    public struct Group: Sendable, Equatable, Codable {
        /// The name of the part or the scenario.
        public let name: String
        /// The number of its rows.
        public let rows: Int
        /// The number of its rows in the training part.
        public let trainingRows: Int
        /// How each label is distributed over its rows.
        public let labels: [LabelRow]
    }

    /// Test rows whose features a training row has too.
    public struct Duplicates: Sendable, Equatable, Codable {
        /// Test rows with a twin in training; an estimate where not all rows were kept.
        public let testRows: Int
        /// Pairs of a training and a test row.
        public let pairs: Int
        /// Different rows of all parts.
        public let distinctRows: Int
        /// Whether rows were counted; else they were estimated from an even sample of them.
        public let isExact: Bool
    }

    /// What was found, the worst first.
    public let findings: [Finding]
    /// Training, validation and test, and the rows that are in none.
    public let parts: [Group]
    /// One row per feature of the schema.
    public let features: [FeatureRow]
    /// The scenarios, the most frequent of the training rows first; at most a thousand.
    public let scenarios: [Group]
    /// Rows with the same features.
    public let duplicates: Duplicates
    /// Rows that areas and drift were computed from, an even sample where there are more.
    public let sampledRows: Int

    /// Whether nothing worse than a note was found.
    public var isClean: Bool { findings.allSatisfy { $0.severity == .note } }

    /// Reads a source once.
    ///
    /// - Parameters:
    ///   - test: rows to judge by from a source of their own; the split then has no test part.
    ///   - preprocessor: fitted on the training rows of the same split.
    ///   - limits: what is kept in memory; beyond it, even samples are.
    /// - Throws: what the source throws, and `InputError` for a wrong cell, unless bad rows are skipped.
    package init(
        _ source: some RowSource, test: (any RowSource)? = nil, _ preprocessor: Preprocessor,
        _ splitter: Splitter, skipsBadRows: Bool = false, limits: ReportLimits = ReportLimits()
    ) throws(InputError) {
        let counts = try ReportCounts.read(
            source, test: test, preprocessor, splitter, skipsBadRows: skipsBadRows, limits: limits)
        let schema = preprocessor.schema
        let rows = counts.sample.elements()
        sampledRows = rows.count
        let table = SampledTable(rows, schema: schema)
        features = schema.features.indices.map { table.feature($0, counts) }
        let parts = Part.allCases.map { part in
            let count = counts.parts[Int(part.rawValue)]
            return Group(
                name: "\(part)", rows: count.rows, trainingRows: part == .training ? count.rows : 0,
                labels: count.labelRows(schema))
        }
        self.parts = parts.filter { $0.name != "\(Part.dropped)" || $0.rows > 0 }
        scenarios = counts.scenarios.enumerated().filter { $1.rows > 0 }.map { id, count in
            Group(
                name: preprocessor.scenarios?.value(id) ?? "\(id)", rows: count.rows,
                trainingRows: count.trainingRows, labels: count.labelRows(schema))
        }
        duplicates = counts.duplicates
        var judge = ReportJudge(schema: schema, testRows: parts[Int(Part.test.rawValue)].rows)
        judge.judgeConditions(counts.parts)
        judge.judge(parts: parts, unknownClasses: counts.parts.map(\.unknownClasses))
        judge.judge(features, table.partRows)
        judge.judge(rows, counts, schema)
        judge.judge(scenarios: scenarios)
        judge.judge(duplicates, trainingRows: parts[0].rows)
        findings = judge.findings
    }
}

/// How much a report keeps in memory, per worker.
package struct ReportLimits: Sendable, Equatable {
    /// Rows whose values are kept for areas and drift; fewer where there are many features: four million values in all.
    package var sampledRows = 200_000
    /// Different rows that are told apart.
    package var distinctRows = 1 << 20
    /// Different values of a feature that are told apart.
    package var distinctValues = 1 << 16

    /// 200,000 rows of values, a million different rows, 65,536 values of each feature.
    package init() {}
}
