/// Settings of a proposal as pairs of a mapping.
extension YAMLText {
    static func pairs(_ feature: Feature) -> [(key: String, value: String)] {
        var pairs = [("name", scalar(feature.name)), ("type", feature.kind.rawValue)]
        if let column = feature.column { pairs.append(("column", scalar(column))) }
        if feature.isNumberField { pairs.append(("encoding", feature.encoding.rawValue)) }
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
