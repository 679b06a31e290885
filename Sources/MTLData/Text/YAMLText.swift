/// Pieces of YAML, quoted so that any reader takes them for the text they are.
package enum YAMLText {
    /// Words that a reader of YAML 1.1 or 1.2 takes for something else.
    private static let reserved: Set<String> = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"]

    /// A text as a scalar, plain where that is safe and in double quotes elsewhere.
    package static func scalar(_ text: String) -> String {
        isPlain(text) ? text : quoted(text)
    }

    private static func isPlain(_ text: String) -> Bool {
        guard let first = text.unicodeScalars.first, let last = text.unicodeScalars.last,
            isLetter(first) || first == "_", isLetter(last) || isDigit(last) || last == "_",
            !reserved.contains(text.lowercased())
        else { return false }
        return text.unicodeScalars.allSatisfy {
            isLetter($0) || isDigit($0) || $0 == "_" || $0 == "-" || $0 == "." || $0 == "/" || $0 == " "
        }
    }

    private static func isLetter(_ sign: Unicode.Scalar) -> Bool {
        ("a"..."z").contains(sign) || ("A"..."Z").contains(sign)
    }

    private static func isDigit(_ sign: Unicode.Scalar) -> Bool { ("0"..."9").contains(sign) }

    static func quoted(_ text: String) -> String {
        var result = "\""
        for sign in text.unicodeScalars {
            switch sign {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            case " "..."~": result.unicodeScalars.append(sign)
            default:
                switch sign.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned,
                    .spaceSeparator, .surrogate:
                    result += escape(sign)
                default: result.unicodeScalars.append(sign)
                }
            }
        }
        return result + "\""
    }

    private static func escape(_ sign: Unicode.Scalar) -> String {
        let digits = String(sign.value, radix: 16, uppercase: true)
        let (letter, width) = sign.value < 0x100 ? ("x", 2) : sign.value < 0x10000 ? ("u", 4) : ("U", 8)
        return "\\" + letter + String(repeating: "0", count: width - digits.count) + digits
    }

    /// "{name: age, type: numeric}".
    static func mapping(_ pairs: [(key: String, value: String)]) -> String {
        "{" + pairs.map { "\($0.key): \($0.value)" }.joined(separator: ", ") + "}"
    }

    /// "[a, b]".
    static func list(_ values: [String]) -> String { "[" + values.joined(separator: ", ") + "]" }
}
