#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Numbers and texts as reports write them.
enum Wording {
    /// A separator.
    static func character(_ byte: UInt8) -> String {
        byte == UInt8(ascii: "\t") ? "\\t" : String(UnicodeScalar(byte))
    }

    static func plainSign(_ byte: UInt8) -> String { String(UnicodeScalar(byte)) }

    /// "1,204".
    static func count(_ value: Int) -> String {
        var digits = String(value.magnitude)
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return (value < 0 ? "-" : "") + ([digits] + groups).joined(separator: ",")
    }

    /// "1,204 rows", "1 row".
    static func count(_ value: Int, _ noun: String) -> String {
        "\(count(value)) \(noun)\(value == 1 ? "" : "s")"
    }

    /// "12.3 %", "0.48 %", never 0 or 100 for a share that is neither.
    static func percent(_ share: Double) -> String {
        guard share.isFinite else { return "- %" }
        let value = share * 100
        if value == 0 || value == 100 { return "\(Int(value)) %" }
        if value < 0.01 { return "< 0.01 %" }
        if value < 1 { return "\(fixed(value, 2)) %" }
        if value < 100 && value >= 99.95 { return "> 99.9 %" }
        return "\(fixed(value, 1)) %"
    }

    /// Years stay whole.
    private static func grouped(_ value: Int) -> String {
        value.magnitude < 10_000 ? String(value) : count(value)
    }

    /// Four digits of a number: "18", "1970", "84,835", "0.1234".
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return "\(value)" }
        guard value.magnitude < 1e15, value == 0 || value.magnitude >= 1e-4 else { return "\(value)" }
        if value == value.rounded() { return grouped(Int(value)) }
        let places = max(0, 3 - Int(log10(value.magnitude).rounded(.down)))
        return fixed(value, places)
    }

    /// A number with so many places, without zeros at the end.
    static func fixed(_ value: Double, _ places: Int) -> String {
        let factor = pow(10, Double(places))
        let scaled = (value.magnitude * factor).rounded()
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard scaled < 1e15 else { return "\(value)" }
        let whole = Int(scaled)
        var fraction = String(whole % Int(factor))
        fraction = String(repeating: "0", count: places - min(places, fraction.count)) + fraction
        while fraction.last == "0" { fraction.removeLast() }
        if places == 0 { fraction = "" }
        return sign + grouped(whole / Int(factor)) + (fraction.isEmpty ? "" : "." + fraction)
    }

    /// A value of the data in quotes, on one line and not too long.
    static func quoted(_ text: String) -> String {
        var line = ""
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
                line.append(" ")
            default: line.unicodeScalars.append(scalar)
            }
        }
        return "\"" + (line.count > 40 ? line.prefix(40) + "…" : line) + "\""
    }
}
