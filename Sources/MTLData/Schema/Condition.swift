package import MTLEngine

/// "click = 1": a column compared with a value. A name or a value with signs of its own stands in quotes.
package struct Condition: Sendable, Equatable {
    /// How they are compared.
    package enum Comparison: String, CaseIterable {
        case notEqual = "!=", atLeast = ">=", atMost = "<=", equal = "=", above = ">", below = "<"
    }

    package let column: String
    package let comparison: Comparison
    package let value: String
    /// The value as a number, and as yes or no; nil where it is none.
    private let number: Double?
    private let truth: Double?

    /// Signs that mean a comparison, and those that nobody can be sure of; longer ones first.
    private static let signs: [(text: String, comparison: Comparison?)] = [
        ("===", .equal), ("!==", .notEqual), ("==", .equal), ("!=", .notEqual), ("<>", .notEqual),
        (">=", .atLeast), ("<=", .atMost), ("=>", nil), ("=<", nil), ("=~", nil), ("=!", nil), ("!<", nil),
        ("!>", nil), (">>", nil), ("<<", nil), ("><", nil), ("=", .equal), (">", .above), ("<", .below),
        ("≠", .notEqual), ("≥", .atLeast), ("≤", .atMost),
    ]
    private static let signStarts = Set("=<>!≠≥≤")
    private static let quotes: Set<Character> = ["\"", "'", "`"]

    /// - Throws: `InputError` for what is no comparison, or could be several.
    package init(_ text: String, place: String) throws(InputError) {
        func wrong(_ found: String, _ expected: String) -> InputError {
            InputError(.syntax, at: place, found: found, expected: expected)
        }
        let expected = "COLUMN = VALUE, or with !=, >, >=, <, <="
        var rest = Self.trimmed(text[...])
        guard let column = Self.word(&rest, until: Self.signStarts) else {
            throw wrong("\(text), a quote without its end", expected)
        }
        guard !column.text.isEmpty, let first = rest.first, Self.signStarts.contains(first) else {
            throw wrong("\"\(text)\"", expected)
        }
        guard let sign = Self.signs.first(where: { rest.hasPrefix($0.text) }) else {
            throw wrong("\"\(text)\"", expected)
        }
        guard let comparison = sign.comparison else {
            let meant = sign.text == "=>" ? ">=" : sign.text == "=<" ? "<=" : nil
            throw wrong(
                "\"\(sign.text)\" in \"\(text)\"", meant.map { "\($0), if that is meant" } ?? expected)
        }
        rest = Self.trimmed(rest.dropFirst(sign.text.count))
        let whole = rest
        guard let value = Self.word(&rest, until: []) else {
            throw wrong("\(whole), a quote without its end", "a value, in quotes or without any")
        }
        guard !value.text.isEmpty else { throw wrong("\"\(text)\"", expected) }
        guard rest.isEmpty else {
            throw wrong("\"\(rest)\" behind the value of \"\(text)\"", "one comparison")
        }
        if !value.isQuoted, let odd = Self.oddPart(of: value.text) {
            throw wrong("\(odd) in \"\(text)\"", "one comparison; a value that holds such signs in quotes")
        }
        self.column = column.text
        self.comparison = comparison
        self.value = value.text
        number = Double(value.text).flatMap { $0.isFinite ? $0 : nil }
        var copy = value.text
        truth = copy.withUTF8 { CellReading.usual.truth($0) }
        guard [.equal, .notEqual].contains(comparison) || number != nil else {
            throw InputError(.value, at: place, found: "\"\(text)\"", expected: "a number to compare with")
        }
    }

    /// What is no part of a plain value: another comparison, or a second condition.
    private static func oddPart(of value: String) -> String? {
        if let sign = value.first(where: { signStarts.contains($0) }) { return "a second \"\(sign)\"" }
        for sign in ["&&", "||", "\"", "`", ";"] where value.contains(sign) { return "\(sign)" }
        let words = value.lowercased().split(whereSeparator: { $0 == " " || $0 == "\t" })
        guard words.count > 1 else { return nil }
        return words.first { ["and", "or", "not", "xor", "in", "is", "&", "|"].contains($0) }.map {
            "\"\($0)\""
        }
    }

    /// A name or value at the front, with or without quotes; nil for a quote that never closes.
    private static func word(
        _ text: inout Substring, until ends: Set<Character>
    ) -> (text: String, isQuoted: Bool)? {
        guard let quote = text.first, quotes.contains(quote) else {
            let end = ends.isEmpty ? text.endIndex : text.firstIndex { ends.contains($0) } ?? text.endIndex
            defer { text = text[end...] }
            return (String(trimmed(text[..<end])), false)
        }
        let inner = text.dropFirst()
        guard let end = inner.firstIndex(of: quote) else { return nil }
        defer { text = trimmed(inner[inner.index(after: end)...]) }
        return (String(inner[..<end]), true)
    }

    private static func trimmed(_ text: Substring) -> Substring {
        let blanks: Set<Character> = [" ", "\t"]
        var rest = text.drop { blanks.contains($0) }
        while let last = rest.last, blanks.contains(last) { rest.removeLast() }
        return rest
    }

    /// Whether a cell meets the condition; a missing one meets none but "!=".
    func holds(_ block: RowBlock, _ row: Int, _ column: Int) -> Bool {
        guard let bytes = block.value(row, column) else { return comparison == .notEqual }
        let reading = block.readings[column]
        // Long ids that differ are the same number as a Double.
        if let limit = number, case .number(let number) = reading.number(bytes),
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
        // "yes" is 1, "True" is true: as labels are read.
        let isEqual =
            value.utf8.elementsEqual(bytes) || truth.map { reading.truth(bytes) == $0 } ?? false
        return comparison == .equal ? isEqual : comparison == .notEqual && !isEqual
    }
}
