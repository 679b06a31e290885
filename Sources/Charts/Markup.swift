/// Text of a page that is escaped where it has to be, and numbers as short as a drawing needs them.
package enum Markup {
    /// Text between tags or in an attribute.
    package static func escaped(_ text: String) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default:
                // Control characters are no part of a page.
                let isControl = character.value < 0x20 && character != "\n" && character != "\t"
                result.unicodeScalars.append(isControl ? "\u{FFFD}" : character)
            }
        }
        return result
    }

    /// A place in a drawing, to a tenth of a unit.
    static func place(_ value: Double) -> String {
        let tenths = (value * 10).rounded()
        guard tenths.isFinite, tenths.magnitude < 1e9 else { return "0" }
        let whole = Int(tenths)
        return whole % 10 == 0 ? "\(whole / 10)" : "\(Double(whole) / 10)"
    }
}
