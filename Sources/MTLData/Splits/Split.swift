internal import MTLEngine

/// The part of the data that a row is in.
package enum Part: UInt8, Sendable, CaseIterable {
    /// Rows to learn from.
    case training
    /// Whose loss is watched.
    case validation
    /// Rows to evaluate on.
    case test
    /// In none: in the gap before a cut in time, or without a time.
    case dropped
}

/// How rows are cut into parts.
public struct Split: Sendable, Equatable, Codable {
    /// What decides the part of a row.
    public enum Rule: String, Sendable, Codable, CaseIterable {
        /// Each row by itself; shares are met in expectation.
        case random
        /// The schema's group: all rows of a user are in one part. Shares are met in expectation over groups. Each row
        /// without a group is one of its own.
        case group
        /// The schema's time: training before validation before test.
        case time
        /// Each row, with the same shares in every combination of scenario and labels that are not numbers, to one row.
        case stratified
    }

    /// What decides the part of a row.
    public var by: Rule = .random
    /// The share of rows whose loss is watched; by time, of all rows, those just before the test part.
    public var validation: Double = 0.1
    /// The share of rows to judge by.
    public var test: Double = 0.1
    /// What the draw depends on.
    public var seed: UInt64 = 1
    /// Time: rows so shortly before a cut are in no part ("30m", "12h", "7d", "4w").
    public var gap: String?
    /// Time: when validation begins, instead of its share.
    public var validationFrom: String?
    /// Time: when test begins, instead of its share.
    public var testFrom: String?

    /// A random split, a tenth each.
    public init() {}

    /// A split by shares.
    public init(_ by: Rule, validation: Double, test: Double, seed: UInt64 = 1) {
        self.by = by
        self.validation = validation
        self.test = test
        self.seed = seed
    }

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case by, validation, test, seed, gap
        case validationFrom = "validation_from"
        case testFrom = "test_from"
    }

    /// Reads settings; those that are left out keep their defaults.
    ///
    /// - Throws: `InputError` for a setting of an unknown name, `DecodingError` for one that is missing or of a wrong type.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(CodingKeys.self)
        try values.read(.by, &by)
        try values.read(.validation, &validation)
        try values.read(.test, &test)
        try values.read(.seed, &seed)
        try values.read(.gap, &gap)
        try values.read(.validationFrom, &validationFrom)
        try values.read(.testFrom, &testFrom)
    }

    func check(_ schema: Schema) throws(InputError) {
        for (name, share) in [("validation", validation), ("test", test)] where !(share >= 0 && share < 1) {
            throw InputError(.value, at: "split, \(name)", found: "\(share)", expected: "a share, 0 ..< 1")
        }
        guard validation + test < 1 else {
            throw InputError(
                .value, at: "split", found: "shares of \(validation) and \(test)",
                expected: "some rows to learn from")
        }
        if by == .group && schema.group == nil {
            throw InputError(
                .name, at: "split, by group", found: "no group", expected: "a column as the schema's group")
        }
        if by == .time && schema.time == nil {
            throw InputError(
                .name, at: "split, by time", found: "no time", expected: "a column as the schema's time")
        }
        for (name, text) in [("gap", gap), ("validation_from", validationFrom), ("test_from", testFrom)]
        where text != nil && by != .time {
            throw InputError(
                .value, at: "split, \(name)", found: "a split by \(by.rawValue)", expected: "a split by time")
        }
        if let gap, Timestamp.span(gap) == nil {
            throw InputError(
                .value, at: "split, gap", found: "\"\(gap)\"", expected: "a span such as 30m, 12h, 7d or 4w")
        }
        for (name, text) in [("validation_from", validationFrom), ("test_from", testFrom)] {
            if var text, text.withUTF8({ Timestamp.parse($0) }) == nil {
                throw InputError(.value, at: "split, \(name)", found: "\"\(text)\"", expected: "a time")
            }
        }
    }
}
