package import MTLEngine

extension Preprocessor {
    /// Fits a preprocessor on the training rows of a source.
    ///
    /// - Parameter part: which part a row is in; nil for training all.
    /// - Throws: `InputError` that names file, line and column of a missing column or a wrong cell, or the label without a
    ///   value. A source that skips bad rows skips rows with wrong cells here.
    package init(
        fitting source: some RowSource, schema: Schema, split: Splitter? = nil, skipsBadRows: Bool = false
    ) throws(InputError) {
        try schema.check()
        let plans = try ColumnPlans(schema, of: source, withLabels: true)
        let workers = (0..<source.threads).map { _ in FitCounts(schema) }
        try source.read { (block, worker) throws(InputError) in
            let plan = plans[block]
            let parsed = ParsedBlock(
                block, plan, classes: [Vocabulary?](repeating: nil, count: schema.labels.count))
            if !skipsBadRows, let error = parsed.errors.first { throw error }
            let rows =
                split.map { split in parsed.rows.filter { split.part(parsed, $0) == .training } }
                ?? parsed.rows
            workers[worker].add(parsed, plan, rows: rows)
        }
        for other in workers.dropFirst() { workers[0].merge(other) }
        guard workers[0].rows > 0 else {
            throw InputError(.empty, at: source.path, found: "no training row", expected: "at least one")
        }
        self.init(schema: schema, counts: workers[0], format: source.format)
        try checkColumns()
        for (label, classes) in zip(schema.labels, classes) where label.kind == .multiclass {
            guard (classes?.map.count ?? 0) >= 2 else {
                throw InputError(
                    .value, at: "label \"\(label.name)\"",
                    found: "\(classes?.map.count ?? 0) classes in the training rows",
                    expected: "at least 2")
            }
        }
    }

    /// Columns that one feature may become: each is a number of every row, in memory and in the prepared rows.
    static let mostColumns = 4096

    /// - Throws: `InputError` that names the feature with a column for each of too many values.
    private func checkColumns() throws(InputError) {
        for (index, feature) in schema.features.enumerated() where feature.encoding == .oneHot {
            let count = denseNames(of: index).count
            guard count > Self.mostColumns else { continue }
            throw InputError(
                .value, at: "feature \"\(feature.name)\", encoding",
                found: "one_hot of \(Wording.count(count, "value")), each of which is a column of every row",
                expected:
                    "at most \(Wording.count(Self.mostColumns)); embedding holds more, minimum_count makes them fewer"
            )
        }
    }

    private init(schema: Schema, counts: FitCounts, format: TableFormat) {
        let rows = counts.rows
        var statistics = counts.statistics
        var fitted: [FittedFeature] = []
        for (index, feature) in schema.features.enumerated() {
            var fit = FittedFeature()
            switch feature.kind {
            case .numeric where feature.isEmbedded:
                fit.missingRows = statistics[index][0].missing
                fit.bounds =
                    feature.bounds ?? Self.bounds(&statistics[index][0], buckets: feature.buckets ?? 2)
                if feature.missing == .mostFrequent {
                    let sample = statistics[index][0].sortedSample()
                    if !sample.isEmpty { fit.fillID = Self.bucket(Self.mode(sample), fit) }
                }
            case .numeric:
                fit.numbers = [Self.number(feature, &statistics[index][0], rows: rows)]
                if feature.isNumberField { fit.missingRows = statistics[index][0].missing }
            case .timestamp:
                for part in feature.parts.indices {
                    var number = FittedNumber()
                    let statistic = statistics[index][part]
                    number.fill = statistic.mean
                    if !feature.parts[part].isBounded {
                        number.offset = statistic.mean
                        number.factor = statistic.deviation > 0 ? 1 / statistic.deviation : 0
                    }
                    fit.numbers.append(number)
                }
            case .categorical, .cross, .tags, .sequence:
                if feature.sharing == nil {
                    Self.fitCategories(feature, counts.categories[index], rows: rows, &fit)
                }
                // What a bag without ids means is known where training had some.
                if feature.isBag, counts.emptyBags[index] < Self.enoughRows {
                    fit.fillID = Vocabulary.unknown
                }
            }
            fitted.append(fit)
        }
        self.init(
            schema: schema, trainingRows: rows, fitted: fitted,
            classes: counts.classes.map { counter in
                counter.map {
                    Vocabulary($0.map, counts: $0.counts, missing: $0.missing, minimumCount: 1).sorted
                }
            }, labelMoments: counts.labels.map(\.found),
            scenarios: counts.scenarios.map {
                Vocabulary($0.map, counts: $0.counts, missing: $0.missing, minimumCount: 1)
            }, format: format)
    }

    private static func number(
        _ feature: Feature, _ statistic: inout NumberStatistics, rows: Int
    ) -> FittedNumber {
        var number = FittedNumber()
        number.clip = feature.clip
        number.log = feature.log
        let sample = statistic.sortedSample()
        switch feature.missing ?? .mean {
        case .mean: number.fill = statistic.mean
        case .median: number.fill = quantile(sample, 0.5)
        case .constant: number.fill = number.raw(feature.fill ?? 0)
        case .mostFrequent: number.fill = mode(sample)
        case .own: number.fill = statistic.mean
        }
        if feature.isNumberField {
            number.bins = PiecewiseBins(sample, count: feature.bins ?? usualBins(rows: rows))
            // Where training rows have too few, or none, the vector is fitted after training.
            number.flagsMissing = (feature.missing ?? .own) == .own
            return number
        }
        switch feature.scale {
        case .none: break
        case .standard:
            number.offset = statistic.mean
            number.factor = statistic.deviation > 0 ? 1 / statistic.deviation : 0
        case .minMax:
            let range = statistic.greatest - statistic.least
            number.offset = statistic.count > 0 ? statistic.least : 0
            number.factor = range > 0 && range.isFinite ? 1 / range : 0
        case .quantile:
            number.quantiles = (0...1000).map { quantile(sample, Double($0) / 1000) }
        }
        number.flagsMissing = feature.missingIndicator ?? (statistic.missing > 0)
        return number
    }

    /// Fewer rows are learned by heart through more bins.
    static func usualBins(rows: Int) -> Int { min(48, max(8, rows / 100)) }

    /// The most frequent of sorted values, the least of several.
    private static func mode(_ sorted: [Double]) -> Double {
        var best = (value: sorted.first ?? 0, count: 0)
        var run = 0
        for index in sorted.indices {
            run = index > 0 && sorted[index] == sorted[index - 1] ? run + 1 : 1
            if run > best.count { best = (sorted[index], run) }
        }
        return best.value
    }

    private static func bounds(_ statistic: inout NumberStatistics, buckets: Int) -> [Double] {
        let sample = statistic.sortedSample()
        var bounds: [Double] = []
        for bucket in 1..<buckets {
            let bound = quantile(sample, Double(bucket) / Double(buckets))
            if bound > bounds.last ?? -.infinity { bounds.append(bound) }
        }
        return bounds
    }

    private static func fitCategories(
        _ feature: Feature, _ counter: CategoryCounter, rows: Int, _ fit: inout FittedFeature
    ) {
        if let buckets = feature.hashBuckets {
            fit.hashBuckets = buckets
            return
        }
        let vocabulary = Vocabulary(
            counter.map, counts: counter.counts, missing: counter.missing, minimumCount: feature.minimumCount)
        fit.vocabulary = vocabulary
        if feature.missing == .mostFrequent && vocabulary.size > Vocabulary.reserved {
            fit.fillID = Int32(Vocabulary.reserved)
        }
        if feature.encoding == .frequency {
            fit.values = vocabulary.counts.map { Float($0) / Float(max(1, rows)) }
        }
        guard feature.encoding == .target else { return }
        var folds = [CategoryCounter.Folds](repeating: CategoryCounter.Folds(), count: vocabulary.size)
        folds[Int(Vocabulary.missing)] = counter.missingFolds
        for index in counter.counts.indices {
            let id = counter.map.key(index).withUnsafeBufferPointer { vocabulary.id($0) }
            folds[Int(id)].merge(counter.folds[index])
        }
        fit.values = means(folds, leaving: nil, smoothing: feature.smoothing)
        fit.foldValues = (0..<CategoryCounter.Folds.count).map {
            means(folds, leaving: $0, smoothing: feature.smoothing)
        }
    }

    /// Per id the label's mean, drawn towards the overall one by `smoothing` rows of it (Micci-Barreca, SIGKDD
    /// Explorations 3, 2001), without the rows of a fold.
    private static func means(
        _ folds: [CategoryCounter.Folds], leaving fold: Int?, smoothing: Double
    ) -> [Float] {
        func total(_ folds: CategoryCounter.Folds) -> (sum: Double, rows: Double) {
            var sum: Int128 = 0
            var rows = 0
            for index in 0..<CategoryCounter.Folds.count where index != fold {
                sum += folds.sums[index]
                rows += folds.rows[index]
            }
            return (Double(sum) * CategoryCounter.Folds.unit, Double(rows))
        }
        let all = folds.map(total).reduce((sum: 0.0, rows: 0.0)) { ($0.sum + $1.sum, $0.rows + $1.rows) }
        let overall = all.rows > 0 ? all.sum / all.rows : 0
        return folds.map { category in
            let (sum, rows) = total(category)
            guard rows + smoothing > 0 else { return Float(overall) }
            return Float((sum + smoothing * overall) / (rows + smoothing))
        }
    }
}

extension Vocabulary {
    /// The same values, numbers in their order before texts in that of their bytes: classes that are numbers keep their order.
    fileprivate var sorted: Vocabulary {
        let values = (Self.reserved..<size).map { id in
            let text = value(id)
            let number = Double(text).flatMap { $0.isFinite ? $0 : nil }
            return (text: text, number: number ?? .infinity, count: counts[id])
        }.sorted { left, right in
            if left.number != right.number { return left.number < right.number }
            return left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
        }
        var map = ByteMap()
        for value in values {
            var text = value.text
            _ = text.withUTF8 { map.insert($0) }
        }
        return Vocabulary(map: map, counts: Array(counts.prefix(Self.reserved)) + values.map(\.count))
    }
}
