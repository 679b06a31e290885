internal import MTLEngine

extension Preprocessor.FittedFeature {
    private enum CodingKeys: String, CodingKey {
        case numbers, bounds, vocabulary, hashBuckets, fillID, values, missingRows
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        numbers = try container.decode([FittedNumber].self, forKey: .numbers)
        bounds = try container.decodeIfPresent(LongList<Double>.self, forKey: .bounds)?.elements
        vocabulary = try container.decodeIfPresent(Vocabulary.self, forKey: .vocabulary)
        hashBuckets = try container.decodeIfPresent(Int.self, forKey: .hashBuckets)
        fillID = try container.decodeIfPresent(Int32.self, forKey: .fillID)
        values = try container.decodeIfPresent(LongList<Float>.self, forKey: .values)?.elements
        missingRows = try container.decodeIfPresent(Int.self, forKey: .missingRows)
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(numbers, forKey: .numbers)
        try container.encodeIfPresent(bounds.map { LongList($0) }, forKey: .bounds)
        try container.encodeIfPresent(vocabulary, forKey: .vocabulary)
        try container.encodeIfPresent(hashBuckets, forKey: .hashBuckets)
        try container.encodeIfPresent(fillID, forKey: .fillID)
        try container.encodeIfPresent(values.map { LongList($0) }, forKey: .values)
        try container.encodeIfPresent(missingRows, forKey: .missingRows)
    }
}

extension Preprocessor {
    private enum CodingKeys: String, CodingKey {
        case schema, trainingRows, fitted, classes, scenarios, reading
        case labelMoments = "labels"
    }

    /// Reads what was fitted, and checks that all of it fits together: no file may lead encoding astray.
    ///
    /// - Throws: `DecodingError`, or `InputError` that names the feature or label.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            schema: try container.decode(Schema.self, forKey: .schema),
            trainingRows: try container.decode(Int.self, forKey: .trainingRows),
            fitted: try container.decode([FittedFeature].self, forKey: .fitted),
            classes: try container.decode([Vocabulary?].self, forKey: .classes),
            labelMoments: try container.decodeIfPresent([LabelMoments].self, forKey: .labelMoments),
            scenarios: try container.decodeIfPresent(Vocabulary.self, forKey: .scenarios),
            format: try container.decodeIfPresent(TableFormat.self, forKey: .reading) ?? TableFormat())
        try checkFitted()
    }

    /// Writes it as `init(from:)` reads it.
    ///
    /// - Throws: what the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(schema, forKey: .schema)
        try container.encode(trainingRows, forKey: .trainingRows)
        try container.encode(fitted, forKey: .fitted)
        try container.encode(classes, forKey: .classes)
        try container.encodeIfPresent(labelMoments, forKey: .labelMoments)
        try container.encodeIfPresent(scenarios, forKey: .scenarios)
        if format != TableFormat() { try container.encode(format, forKey: .reading) }
    }

    /// Checks everything that encoding indexes or computes with.
    ///
    /// - Throws: `InputError` that names the feature or label.
    func checkFitted() throws(InputError) {
        try format.check("reading")
        guard fitted.count == schema.features.count, classes.count == schema.labels.count,
            (scenarios != nil) == (schema.scenario != nil), trainingRows >= 0
        else {
            throw InputError(
                .shape, at: "schema",
                found: "what was fitted of \(fitted.count) features and \(classes.count) labels",
                expected: "that of \(schema.features.count) and \(schema.labels.count), and of the scenario")
        }
        var seen = Set<String>()
        for feature in schema.features where !seen.insert(feature.name).inserted {
            throw InputError(
                .name, at: "schema", found: "feature \"\(feature.name)\" twice", expected: "names that differ"
            )
        }
        for (feature, fit) in zip(schema.features, fitted) {
            try feature.check(schema: schema)
            if let fault = fit.fault(feature) {
                throw InputError(
                    .value, at: "feature \"\(feature.name)\"", found: fault,
                    expected: "what training fits to its kind")
            }
        }
        if let labelMoments {
            guard labelMoments.count == schema.labels.count else {
                throw InputError(
                    .shape, at: "labels", found: "scales of \(labelMoments.count)",
                    expected: "\(schema.labels.count)")
            }
            for (label, moments) in zip(schema.labels, labelMoments) where !moments.isSound(label) {
                throw InputError(
                    .value, at: "label \"\(label.name)\"", found: "an invalid scale",
                    expected: "what training fits to its kind")
            }
        }
        for (label, vocabulary) in zip(schema.labels, classes)
        where (vocabulary != nil) != (label.kind == .multiclass)
            || vocabulary.map({ $0.map.count < 2 }) == true
        {
            throw InputError(
                .shape, at: "label \"\(label.name)\"", found: "\(vocabulary?.map.count ?? 0) classes",
                expected: label.kind == .multiclass ? "at least 2" : "none")
        }
    }
}

extension LabelMoments {
    /// Whether a label may have them: a loss is computed with no others.
    fileprivate func isSound(_ label: Label) -> Bool {
        mean.isFinite && deviation.isFinite && deviation >= 0 && meanLogOfPositive?.isFinite != false
            && isLogarithmic == label.isLogarithmic
            && classes.count == (label.kind == .binary ? 2 : classes.count)
            && classes.allSatisfy { $0.isFinite && $0 >= 0 }
    }
}

extension Preprocessor.FittedFeature {
    /// What does not fit a feature; nil where all does.
    fileprivate func fault(_ feature: Feature) -> String? {
        guard numbers.count == numberCount(feature) else {
            return "\(numbers.count) numbers to scale by, not \(numberCount(feature))"
        }
        guard numbers.allSatisfy(\.isSound) else { return "an invalid scale" }
        guard numbers.allSatisfy({ ($0.bins != nil) == feature.isNumberField }) else {
            return feature.isNumberField ? "no bins" : "bins"
        }
        if feature.kind == .timestamp, feature.utcOffset.magnitude > 10_000 {
            return "\(feature.utcOffset) minutes east of UTC"
        }
        let wantsBounds = feature.kind == .numeric && feature.isEmbedded
        guard (bounds != nil) == wantsBounds else { return wantsBounds ? "no bounds" : "bounds" }
        if let bounds {
            guard bounds.count <= 1 << 24, !bounds.contains(where: \.isNaN),
                zip(bounds, bounds.dropFirst()).allSatisfy({ $0 < $1 })
            else { return "bounds that are not increasing" }
        }
        let isCategory = [.categorical, .cross, .tags, .sequence].contains(feature.kind)
        let hasOwn = isCategory && feature.sharing == nil
        guard hashBuckets == (hasOwn ? feature.hashBuckets : nil) else {
            return "\(hashBuckets.map(String.init) ?? "no") hash buckets"
        }
        guard (vocabulary != nil) == (hasOwn && hashBuckets == nil) else {
            return vocabulary == nil ? "no vocabulary" : "a vocabulary"
        }
        let wantsValues = isCategory && (feature.encoding == .frequency || feature.encoding == .target)
        guard values?.count == (wantsValues ? idCount : nil) else {
            return "\(values?.count ?? 0) values of \(wantsValues ? idCount : 0) ids"
        }
        if let values, !values.allSatisfy({ $0.isFinite }) { return "a value that is no number" }
        if let fillID, !(0..<max(idCount, 1) ~= Int(fillID)) {
            return "id \(fillID) for missing values, of \(idCount)"
        }
        return nil
    }

    private func numberCount(_ feature: Feature) -> Int {
        switch feature.kind {
        case .numeric: feature.isEmbedded ? 0 : 1
        case .timestamp: feature.parts.count
        default: 0
        }
    }
}

extension FittedNumber {
    fileprivate var isSound: Bool {
        guard fill.isFinite, offset.isFinite, factor.isFinite else { return false }
        if let clip, clip.count != 2 || !clip.allSatisfy({ $0.isFinite }) || clip[0] > clip[1] {
            return false
        }
        guard let quantiles else { return true }
        return quantiles.allSatisfy { $0.isFinite }
            && zip(quantiles, quantiles.dropFirst()).allSatisfy { $0 <= $1 }
    }
}
