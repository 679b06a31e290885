internal import MTLEngine

/// A column to predict.
public struct Label: Sendable, Equatable, Codable {
    /// What is predicted of it.
    public enum Kind: String, Sendable, Codable, CaseIterable {
        /// Yes or no; the loss is the binary cross-entropy.
        case binary
        /// One of several classes.
        case multiclass
        /// A number; the loss is the squared error, or Huber's with `huberDelta`.
        case regression
    }

    /// The name of the task that predicts it.
    public var name: String
    /// The column; nil where it has the task's name.
    public var column: String?
    /// What is predicted of it.
    public var kind: Kind
    /// Binary: the values that mean yes; nil for 1 and 0 (or true and false, yes and no).
    public var positive: [String]?
    /// The rows that have this label, such as "click = 1"; in others it is missing.
    public var when: String?
    /// Its factor in the sum of losses.
    public var weight: Double = 1
    /// Regression: Huber's delta; nil for the squared error.
    public var huberDelta: Double?

    /// A label of a kind, with that kind's defaults.
    public init(
        _ name: String, _ kind: Kind, column: String? = nil, positive: [String]? = nil, when: String? = nil
    ) {
        self.name = name
        self.kind = kind
        self.column = column
        self.positive = positive
        self.when = when
    }

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case name, column, type, positive, when, weight
        case huberDelta = "huber_delta"
    }

    /// Reads settings; those that are left out keep their defaults.
    ///
    /// - Throws: `InputError` for a setting of an unknown name, `DecodingError` for one that is missing or of a wrong type.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(CodingKeys.self)
        self.init(try values.require(.name), try values.require(.type))
        try values.read(.column, &column)
        try values.read(.when, &when)
        if let one = try? values.require(.positive, as: String.self) {
            positive = [one]
        } else {
            try values.read(.positive, &positive)
        }
        try values.read(.weight, &weight)
        try values.read(.huberDelta, &huberDelta)
    }

    /// Writes the settings that differ from their defaults.
    ///
    /// - Throws: what the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(name, forKey: .name)
        try values.encodeIfPresent(column, forKey: .column)
        try values.encode(kind, forKey: .type)
        try values.encodeIfPresent(positive, forKey: .positive)
        try values.encodeIfPresent(when, forKey: .when)
        if weight != 1 { try values.encode(weight, forKey: .weight) }
        try values.encodeIfPresent(huberDelta, forKey: .huberDelta)
    }

    func check() throws(InputError) {
        guard positive == nil || kind == .binary else {
            throw InputError(
                .value, at: "label \"\(name)\", positive", found: "a \(kind.rawValue) label",
                expected: "a binary one")
        }
        func require(_ holds: Bool, _ setting: String, _ found: String, _ expected: String) throws(InputError)
        {
            guard holds else {
                throw InputError(
                    .value, at: "label \"\(name)\", \(setting)", found: found, expected: expected)
            }
        }
        try require(positive?.isEmpty != true, "positive", "no value", "the values that mean yes")
        try require(weight >= 0 && weight.isFinite, "weight", "\(weight)", "a finite number, 0 or above")
        if let huberDelta {
            try require(
                kind == .regression, "huber_delta", "a \(kind.rawValue) label", "a regression one")
            try require(
                huberDelta > 0 && huberDelta.isFinite, "huber_delta", "\(huberDelta)",
                "a finite number above 0")
        }
        _ = try condition
    }

    var condition: Condition? {
        get throws(InputError) {
            guard let when else { return nil }
            return try Condition(when, place: "label \"\(name)\", when")
        }
    }
}

/// "click = 1": a column compared with a value.
struct Condition: Sendable, Equatable {
    enum Comparison: String, CaseIterable {
        case notEqual = "!=", atLeast = ">=", atMost = "<=", equal = "=", above = ">", below = "<"
    }

    let column: String
    let comparison: Comparison
    let value: String

    init(_ text: String, place: String) throws(InputError) {
        for comparison in Comparison.allCases {
            guard let range = Self.range(of: comparison.rawValue, in: text) else { continue }
            column = Self.trimmed(text[..<range.lowerBound])
            value = Self.trimmed(text[range.upperBound...])
            self.comparison = comparison
            guard !column.isEmpty, !value.isEmpty else { break }
            guard [.equal, .notEqual].contains(comparison) || Double(value) != nil else {
                throw InputError(
                    .value, at: place, found: "\"\(text)\"", expected: "a number to compare with")
            }
            return
        }
        throw InputError(
            .syntax, at: place, found: "\"\(text)\"", expected: "COLUMN = VALUE, or with !=, >, >=, <, <=")
    }

    private static func range(of sign: String, in text: String) -> Range<String.Index>? {
        var start = text.startIndex
        while start < text.endIndex {
            if text[start...].hasPrefix(sign) { return start..<text.index(start, offsetBy: sign.count) }
            start = text.index(after: start)
        }
        return nil
    }

    private static func trimmed(_ text: Substring) -> String {
        let blanks: Set<Character> = [" ", "\t"]
        let front = text.drop { blanks.contains($0) }
        return String(front.reversed().drop { blanks.contains($0) }.reversed())
    }

    /// Whether a cell meets the condition; a missing one meets none but "!=".
    func holds(_ block: RowBlock, _ row: Int, _ column: Int) -> Bool {
        guard let bytes = block.value(row, column) else { return comparison == .notEqual }
        // Long ids that differ are the same number as a Double.
        if case .number(let number) = block.readings[column].number(bytes), let limit = Double(value),
            limit.magnitude < 0x1p53 || ![.equal, .notEqual].contains(comparison)
        {
            switch comparison {
            case .equal: return number == limit
            case .notEqual: return number != limit
            case .above: return number > limit
            case .below: return number < limit
            case .atLeast: return number >= limit
            case .atMost: return number <= limit
            }
        }
        let isEqual = value.utf8.elementsEqual(bytes)
        return comparison == .equal ? isEqual : comparison == .notEqual && !isEqual
    }
}
