internal import MTLDataKernels
internal import MTLEngine

/// How the cells of one column are read: the one place that knows what is missing, a number or a time.
final class CellReading: Sendable {
    static let usual = CellReading(CellFormat())

    let format: CellFormat
    /// Whether a plain number is read as it stands, so that the fast pass over numbers may take it.
    let readsPlainNumbers: Bool
    /// Whether nothing differs from the usual way of telling what is missing.
    let hasUsualWords: Bool
    private let words: [[UInt8]]
    private let decimal: UInt8
    private let thousands: [UInt8]?

    init(_ format: CellFormat) {
        self.format = format
        let listed = format.missingWords ?? [CellFormat.usual]
        hasUsualWords = listed.contains(CellFormat.usual)
        words = listed.filter { $0 != CellFormat.usual && !$0.isEmpty }.map { word in
            Array(word.utf8.drop { $0 == 0x20 })
        }
        decimal = UInt8(ascii: format.decimal == "," ? "," : ".")
        thousands = format.thousands.map { Array($0.utf8) }
        readsPlainNumbers =
            decimal == UInt8(ascii: ".") && format.thousands != "."
            && words.allSatisfy { word in
                var value = 0.0
                return mtl_parse_number(word, word.count, &value) == MTL_NUMBER_NONE
            }
    }

    /// One for each column.
    static func of(_ columns: [String], _ format: TableFormat) -> [CellReading] {
        columns.map { name in
            let cell = format.cell(name)
            return cell == CellFormat() ? usual : CellReading(cell)
        }
    }

    /// The words that mean "not known".
    var missingWords: [[UInt8]] { words + (hasUsualWords ? Cell.usualWords.map { Array($0.utf8) } : []) }

    /// Whether bytes without blanks around them mean "not known".
    func isMissing(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        if bytes.isEmpty || hasUsualWords && Cell.isMissing(bytes) { return true }
        return !words.isEmpty && words.contains { $0.elementsEqual(bytes) }
    }

    /// Reads a cell; blanks around its content do not count.
    func cell(_ cell: UnsafeBufferPointer<UInt8>) -> Cell {
        let bytes = Cell.trimmed(cell)
        return isMissing(bytes) ? .missing : number(bytes)
    }

    /// Reads trimmed bytes that are not missing.
    func number(_ bytes: UnsafeBufferPointer<UInt8>) -> Cell {
        guard let first = bytes.first, first < UInt8(ascii: ":") else { return .text }
        if decimal == UInt8(ascii: ".") {
            let cell = Self.plain(bytes)
            if cell != .text { return cell }
        }
        return grouped(bytes)
    }

    private static func plain(_ bytes: some Collection<UInt8>) -> Cell {
        var value = 0.0
        let found =
            bytes.withContiguousStorageIfAvailable { mtl_parse_number($0.baseAddress, $0.count, &value) }
            ?? MTL_NUMBER_NONE
        return switch found {
        case MTL_NUMBER_OK, MTL_NUMBER_BIG_INTEGER: .number(value)
        case MTL_NUMBER_TOO_LARGE: .tooLarge
        default: .text
        }
    }

    /// Dollars, a number with characters between its thousands, or with another decimal character.
    private func grouped(_ bytes: UnsafeBufferPointer<UInt8>) -> Cell {
        guard bytes.count < 64 else { return .text }
        let isDollars = bytes[0] == UInt8(ascii: "$")
        guard format != CellFormat() || isDollars || bytes.contains(UInt8(ascii: ",")) else { return .text }
        var rest = bytes.dropFirst(isDollars ? 1 : 0)
        var digits: [UInt8] = []
        if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            digits.append(sign)
            rest = rest.dropFirst()
        }
        let place = rest.firstIndex(of: decimal) ?? rest.endIndex
        let fraction = rest[place...].dropFirst()
        // Without a setting, commas where they can be nothing else.
        let comma = UInt8(ascii: ",")
        let separator = thousands ?? (decimal == comma ? nil : [comma])
        guard let groups = Self.groups(rest[..<place], separator: separator) else { return .text }
        digits += groups.joined()
        if groups.count == 2, thousands == nil, place == rest.endIndex, !isDollars { return .ambiguous }
        if place < rest.endIndex { digits += [UInt8(ascii: ".")] + fraction }
        // A second decimal character, or one of thousands in the fraction, is no digit; a point is none where it is not decimal.
        guard !fraction.contains(UInt8(ascii: ".")), !fraction.contains(comma) else { return .text }
        return Self.plain(digits)
    }

    /// "1,234,567": three digits in every group but the first, which begins with no 0.
    private static func groups(
        _ whole: Slice<UnsafeBufferPointer<UInt8>>, separator: [UInt8]?
    ) -> [[UInt8]]? {
        var groups: [[UInt8]] = [[]]
        var index = whole.startIndex
        while index < whole.endIndex {
            if let separator, whole[index...].starts(with: separator) {
                groups.append([])
                index += separator.count
            } else {
                let byte = whole[index]
                guard byte != UInt8(ascii: "."), byte != UInt8(ascii: ",") else { return nil }
                groups[groups.count - 1].append(byte)
                index += 1
            }
        }
        guard groups.count > 1 else { return groups }
        guard (1...3).contains(groups[0].count), groups[0][0] != UInt8(ascii: "0"),
            groups.dropFirst().allSatisfy({ $0.count == 3 }),
            groups.joined().allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        return groups
    }

    /// Whether a byte of a number stands between thousands.
    func isThousandsSign(_ byte: UInt8) -> Bool {
        thousands.map { $0.contains(byte) } ?? (decimal != UInt8(ascii: ",") && byte == UInt8(ascii: ","))
    }

    /// 1 for yes and 0 for no, as numbers or in words; nil for anything else.
    func truth(_ bytes: UnsafeBufferPointer<UInt8>) -> Double? {
        if bytes.count == 1 && bytes[0] == UInt8(ascii: "0") { return 0 }
        if bytes.count == 1 && bytes[0] == UInt8(ascii: "1") { return 1 }
        if case .number(let value) = number(bytes) { return value == 0 || value == 1 ? value : nil }
        return Cell.truth(word: bytes)
    }

    /// Reads trimmed bytes that are not missing.
    func time(_ bytes: UnsafeBufferPointer<UInt8>) -> Timestamp.Reading {
        Timestamp.read(bytes, as: format.dates)
    }

    // MARK: Advice

    /// What was expected of a cell that is no time, and what to do about it.
    func expectedTime(_ cell: UnsafeBufferPointer<UInt8>) -> String {
        let bytes = Cell.trimmed(cell)
        if case .ambiguous(let formats) = time(bytes) {
            let names = formats.map(\.rawValue)
            return
                "one time; dates: \(names.dropLast().joined(separator: ", ")) or \(names.last ?? "") says which"
        }
        for other in DateFormat.allCases
        where other != format.dates && Timestamp.parse(bytes, as: other) != nil {
            return "a time; dates: \(other.rawValue) reads it as one"
        }
        return "a time, as 2026-11-24T13:45:00Z or Unix seconds; "
            + "\(advice(String(decoding: bytes, as: UTF8.self))) if it means unknown"
    }

    private static let infinities: Set<String> = [
        "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity", "∞", "-∞",
    ]

    static func isInfinite(_ text: String) -> Bool { infinities.contains(text.lowercased()) }

    /// What was expected of a cell that is no number, and what to do about it.
    func expectedNumber(_ cell: UnsafeBufferPointer<UInt8>) -> String {
        let bytes = Cell.trimmed(cell)
        let text = String(decoding: bytes, as: UTF8.self)
        switch number(bytes) {
        case .tooLarge: return "a number that a Double holds"
        case .ambiguous: return "a number; decimal: \",\" or thousands: \",\" says what its comma is"
        default: break
        }
        if Self.isInfinite(text) { return "a finite number; \(advice(text)) if it means unknown" }
        for (decimal, thousands) in [(",", nil), (".", nil), (",", "."), (".", ",")] as [(String, String?)] {
            var other = format
            (other.decimal, other.thousands) = (decimal, thousands)
            guard case .number = CellReading(other).number(bytes) else { continue }
            return "a number; decimal: \"\(decimal)\"" + (thousands.map { ", thousands: \"\($0)\"" } ?? "")
                + " reads it"
        }
        return "a number; \(advice(text)) if it means unknown"
    }

    /// The setting that makes a word a missing one.
    func advice(_ word: String) -> String {
        let listed = (format.missingWords ?? [CellFormat.usual]) + [String(word.prefix(60))]
        let texts = listed.map { $0 == CellFormat.usual ? $0 : YAMLText.quoted($0) }
        return "missing_words: [\(texts.joined(separator: ", "))]"
    }
}
