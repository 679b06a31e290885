/// Pieces of YAML, quoted so that any reader takes them for the text they are.
enum YAMLText {
    /// Words that a reader of YAML 1.1 or 1.2 takes for something else.
    private static let reserved: Set<String> = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"]

    /// A text as a scalar, plain where that is safe and in double quotes elsewhere.
    static func scalar(_ text: String) -> String {
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

    static func pairs(_ feature: Feature) -> [(key: String, value: String)] {
        var pairs = [("name", scalar(feature.name)), ("type", feature.kind.rawValue)]
        if let column = feature.column { pairs.append(("column", scalar(column))) }
        if let buckets = feature.buckets { pairs.append(("buckets", "\(buckets)")) }
        if let dimension = feature.dimension { pairs.append(("dimension", "\(dimension)")) }
        let plain = Feature(feature.name, feature.kind)
        if feature.log { pairs.append(("log", "true")) }
        if feature.minimumCount != plain.minimumCount {
            pairs.append(("minimum_count", "\(feature.minimumCount)"))
        }
        if let buckets = feature.hashBuckets { pairs.append(("hash_buckets", "\(buckets)")) }
        if feature.separator != plain.separator { pairs.append(("separator", quoted(feature.separator))) }
        if let separator = feature.weightSeparator { pairs.append(("weight_separator", quoted(separator))) }
        if feature.length != plain.length { pairs.append(("length", "\(feature.length)")) }
        if feature.parts != plain.parts { pairs.append(("parts", list(feature.parts.map(\.rawValue)))) }
        return pairs
    }

    static func pairs(_ label: Label) -> [(key: String, value: String)] {
        var pairs = [("name", scalar(label.name)), ("type", label.kind.rawValue)]
        if let positive = label.positive {
            let values = positive.map(scalar)
            pairs.append(("positive", values.count == 1 ? values[0] : list(values)))
        }
        return pairs
    }

    static func pairs(_ format: TableFormat) -> [(key: String, value: String)] {
        var pairs: [(String, String)] = []
        if let separator = format.separator { pairs.append(("separator", quoted(separator))) }
        if let encoding = format.encoding { pairs.append(("encoding", scalar(encoding))) }
        if let escape = format.escape { pairs.append(("escape", quoted(escape))) }
        if let comment = format.comment { pairs.append(("comment", quoted(comment))) }
        if format.skipLines > 0 { pairs.append(("skip_lines", "\(format.skipLines)")) }
        return pairs + Self.pairs(format.allCells)
    }

    static func pairs(_ format: CellFormat) -> [(key: String, value: String)] {
        var pairs: [(String, String)] = []
        if let decimal = format.decimal { pairs.append(("decimal", quoted(decimal))) }
        if let thousands = format.thousands { pairs.append(("thousands", quoted(thousands))) }
        if let words = format.missingWords {
            pairs.append(
                ("missing_words", list(words.map { $0 == CellFormat.usual ? $0 : quoted($0) })))
        }
        if let dates = format.dates { pairs.append(("dates", dates.rawValue)) }
        return pairs
    }
}
