internal import MTLEngine

extension Feature {
    /// The settings that a feature of its kind and encoding has a use for. Any other is a mistake: what it asks for would not
    /// happen.
    private var usefulSettings: Set<CodingKeys> {
        let table: Set<CodingKeys> =
            sharing == nil ? [.minimumCount, .hashBuckets, .dimension, .sharing] : [.sharing]
        switch kind {
        case .numeric where isNumberField:
            let own: Set<CodingKeys> = [.encoding, .bins, .missing, .fill, .dimension]
            switch encoding {
            case .periodic: return own.union([.frequencies, .deviation])
            case .autoDis: return own.union([.metaEmbeddings, .temperature, .skip])
            default: return own
            }
        case .numeric where isEmbedded: return [.buckets, .bounds, .missing, .dimension, .sharing]
        case .numeric: return [.log, .clip, .scale, .missing, .fill, .missingIndicator]
        case .categorical, .cross:
            let own: Set<CodingKeys> = kind == .cross ? [.encoding, .of] : [.encoding, .missing]
            switch encoding {
            case .embedding: return own.union(table)
            case .oneHot: return own.union([.minimumCount, .hashBuckets])
            case .frequency: return own.union([.minimumCount])
            case .target: return own.union([.minimumCount, .target, .smoothing])
            case .piecewise, .periodic, .autoDis: return own.subtracting([.encoding])
            }
        case .tags, .sequence:
            return table.union([.separator, .weightSeparator, .length, .pooling])
        case .timestamp: return [.parts, .utcOffset]
        }
    }

    /// The settings that differ from the defaults.
    private var changedSettings: [CodingKeys] {
        let plain = Feature(name, kind)
        let settings: [(CodingKeys, Bool)] = [
            (.column, column != nil && kind == .cross), (.log, log != plain.log), (.clip, clip != nil),
            (.scale, scale != plain.scale), (.buckets, buckets != nil), (.bounds, bounds != nil),
            (.bins, bins != nil), (.frequencies, frequencies != nil), (.deviation, deviation != nil),
            (.metaEmbeddings, metaEmbeddings != nil), (.temperature, temperature != nil),
            (.skip, skip != nil),
            (.missing, missing != nil), (.fill, fill != nil), (.missingIndicator, missingIndicator != nil),
            (.encoding, encoding != plain.encoding), (.minimumCount, minimumCount != plain.minimumCount),
            (.hashBuckets, hashBuckets != nil), (.dimension, dimension != nil), (.sharing, sharing != nil),
            (.target, target != nil), (.smoothing, smoothing != plain.smoothing),
            (.separator, separator != plain.separator), (.weightSeparator, weightSeparator != nil),
            (.length, length != plain.length), (.pooling, pooling != plain.pooling),
            (.parts, parts != plain.parts), (.utcOffset, utcOffset != plain.utcOffset), (.of, of != nil),
        ]
        return settings.filter(\.1).map(\.0)
    }

    /// Checks what can be checked without data.
    ///
    /// - Throws: `InputError` that names the feature and the setting.
    func check(schema: Schema) throws(InputError) {
        func require(_ holds: Bool, _ setting: CodingKeys, _ found: String, _ expected: String)
            throws(InputError)
        {
            guard holds else {
                throw InputError(
                    .value, at: "feature \"\(name)\", \(setting.stringValue)", found: found,
                    expected: expected)
            }
        }
        try require(!name.isEmpty, .name, "no name", "a name")
        try require(buckets == nil || bounds == nil, .bounds, "buckets too", "one of them")
        if let setting = changedSettings.first(where: { !usefulSettings.contains($0) }) {
            let useful = usefulSettings.map(\.stringValue).sorted().joined(separator: ", ")
            let table = sharing.map { " that shares the table of \"\($0)\"" } ?? ""
            try require(
                false, setting, "a setting that \(sort)\(table) has no use for", "only \(useful) here")
        }
        if let bins {
            try require(
                (1...PiecewiseBins.mostBins).contains(bins), .bins, "\(bins)",
                "1 to \(PiecewiseBins.mostBins)")
        }
        if isNumberField { try numberEncoding.check(at: "feature \"\(name)\"") }
        if let clip {
            try require(
                clip.count == 2 && clip[0] < clip[1], .clip, "\(clip)", "the least and the greatest value")
        }
        if let buckets {
            try require((2...1 << 20).contains(buckets), .buckets, "\(buckets)", "2 to \(1 << 20)")
        }
        if let bounds {
            try require(
                !bounds.isEmpty && zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 }, .bounds,
                "\(bounds)", "rising numbers")
        }
        try checkMissing(require)
        try require(minimumCount >= 1, .minimumCount, "\(minimumCount)", "at least 1")
        if let hashBuckets {
            try require(
                (1...1 << 30).contains(hashBuckets), .hashBuckets, "\(hashBuckets)", "1 to \(1 << 30)")
            try require(
                minimumCount == 1, .minimumCount, "hash_buckets too", "one of them: hashing counts nothing")
        }
        if let dimension {
            try require(
                (1...SizeLimit.dimension).contains(dimension), .dimension, "\(dimension)",
                "1 to \(SizeLimit.dimension)")
        }
        try require(
            (1...SizeLimit.dimension).contains(length), .length, "\(length)", "1 to \(SizeLimit.dimension)")
        try require(separator.utf8.count == 1, .separator, "\"\(separator)\"", "one character")
        if let weightSeparator {
            try require(
                weightSeparator.utf8.count == 1 && weightSeparator != separator, .weightSeparator,
                "\"\(weightSeparator)\"", "one character, not the separator")
        }
        try require(pooling != .single, .pooling, "single", "sum or mean")
        try require(
            smoothing >= 0 && smoothing.isFinite, .smoothing, "\(smoothing)", "a finite number, 0 or above")
        if encoding == .target {
            try require(
                schema.labels.contains { $0.name == target && $0.kind != .multiclass }, .target,
                target ?? "none", "a binary or regression label")
        }
        if kind == .cross {
            try require(of?.count == 2 && of?[0] != of?[1], .of, "\(of ?? [])", "two columns that differ")
        }
        if let sharing {
            let other = schema.features.first { $0.name == sharing }
            try require(
                other.map { canShare($0) } ?? false, .sharing, sharing,
                "an embedded feature with a table of its own, of values of the same kind")
        }
        if kind == .timestamp {
            try require(
                !parts.isEmpty && Set(parts).count == parts.count, .parts,
                parts.isEmpty ? "none" : "one twice", "at least one, each once")
        }
    }

    private func checkMissing(
        _ require: (Bool, CodingKeys, String, String) throws(InputError) -> Void
    ) throws(InputError) {
        let isNumber = kind == .numeric && !isEmbedded
        if let missing {
            let allowed: [Missing] =
                isNumber
                ? [.mean, .median, .constant, .mostFrequent] + (isNumberField ? [.own] : [])
                : [.own, .mostFrequent]
            try require(
                allowed.contains(missing), .missing, missing.rawValue,
                "one of \(allowed.map(\.rawValue).joined(separator: ", ")) for this kind of feature")
            try require(
                missing != .mostFrequent || hashBuckets == nil, .missing, missing.rawValue,
                "own: hashing does not count values")
        }
        try require(
            missing != .constant || fill != nil, .fill, "none", "the constant for missing values")
        try require(
            fill == nil || missing == .constant, .fill, "missing: \(missing?.rawValue ?? "mean")",
            "missing: constant")
    }

    private var sort: String {
        switch kind {
        case .numeric:
            isNumberField
                ? "a numeric feature with the encoding \(encoding.rawValue)"
                : isEmbedded ? "a numeric feature with ids" : "a numeric feature without ids"
        case .categorical, .cross: "a \(kind.rawValue) feature with the encoding \(encoding.rawValue)"
        case .tags, .sequence, .timestamp: "a feature of type \(kind.rawValue)"
        }
    }

    /// Whether ids of this feature mean in another's table what they mean there.
    private func canShare(_ other: Feature) -> Bool {
        guard isEmbedded, other.isEmbedded, other.sharing == nil, other.name != name else { return false }
        switch (kind, other.kind) {
        case (.numeric, .numeric): return buckets == other.buckets && bounds == other.bounds
        case (.cross, .cross): return true
        case (.numeric, _), (.cross, _), (_, .numeric), (_, .cross): return false
        default: return true
        }
    }
}
