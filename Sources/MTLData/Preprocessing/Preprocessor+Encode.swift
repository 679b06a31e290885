internal import MTLEngine

/// Encoded rows of one block: row-major numbers and ids, bags feature by feature.
package struct EncodedRows {
    package struct Bag {
        package var offsets: [Int32] = [0]
        package var ids: [Int32] = []
        /// As long as the ids, or empty where the feature has no weights.
        package var weights: [Float] = []

        package init() {}
    }

    package var count = 0
    /// `[rows, dense]`
    package var dense: [Float] = []
    /// `[rows, features of one id]`
    package var ids: [Int32] = []
    package var bags: [Bag] = []
    /// `[rows, labels]`, NaN where missing.
    package var labels: [Float] = []
    /// `[rows]`, or `[rows, labels]` where labels have weights of their own; empty where every row counts once.
    package var weights: [Float] = []
    /// `[rows]`, or empty where there are no scenarios.
    package var scenarios: [Int32] = []
    /// `[rows]`, -1 for none; or empty where no loss compares rows.
    package var groups: [Int32] = []
    /// Per feature its values that the training rows did not have; of a missing one, where none was missing there.
    package var unseen: [Int] = []

    package init() {}
}

extension Preprocessor {
    /// Encodes rows of a block.
    ///
    /// - Parameter isTraining: target encoding leaves the rows' own fold out then.
    package func encode(_ parsed: ParsedBlock, _ plan: ColumnPlan, rows: [Int], isTraining: Bool)
        -> EncodedRows
    {
        let block = parsed.block
        let widths = schema.features.indices.map { denseNames(of: $0).count }
        let width = widths.reduce(0, +)
        let singles = embeddedIndices.filter { ![.tags, .sequence].contains(schema.features[$0].kind) }
        var encoded = EncodedRows()
        encoded.count = rows.count
        encoded.unseen = [Int](repeating: 0, count: schema.features.count)
        encoded.dense = [Float](repeating: 0, count: rows.count * width)
        encoded.ids = [Int32](repeating: 0, count: rows.count * singles.count)
        var column = 0
        var place = 0
        for (index, feature) in schema.features.enumerated() {
            let fit = fitted[owner(of: index)]
            // What a vector of few rows, or a column of none, would say is not what they had in common.
            let known = feature.isEmbedded ? Self.enoughRows : 1
            let hasMissing = fit.vocabulary.map { $0.counts[Int(Vocabulary.missing)] >= known } ?? true
            func isUnseen(_ id: Int32) -> Bool {
                fit.hashBuckets == nil
                    && (id == Vocabulary.unknown || id == Vocabulary.missing && !hasMissing)
            }
            defer { column += widths[index] }
            switch feature.kind {
            case .numeric where feature.isEmbedded:
                let values = parsed.numbers[index]
                encoded.unseen[index] = unseenMissing(index, values, rows, isOwn: fit.fillID == nil)
                fill(&encoded.ids, place, of: singles.count) { Self.bucket(values[rows[$0]], fit) }
                place += 1
            case .numeric:
                let number = fit.numbers[0]
                let values = parsed.numbers[index]
                if number.bins != nil {
                    encoded.unseen[index] = unseenMissing(index, values, rows, isOwn: number.flagsMissing)
                } else if feature.missing == nil, feature.missingIndicator == nil, !number.flagsMissing {
                    encoded.unseen[index] = rows.count { values[$0].isNaN }
                }
                fill(&encoded.dense, column, of: width) { number.encode(values[rows[$0]]) }
                if number.flagsMissing, number.bins == nil {
                    fill(&encoded.dense, column + 1, of: width) { values[rows[$0]].isNaN ? 1 : 0 }
                }
            case .timestamp:
                let times = parsed.numbers[index]
                for (part, number) in fit.numbers.enumerated() {
                    let calendar = feature.parts[part]
                    fill(&encoded.dense, column + part, of: width) {
                        let time = times[rows[$0]]
                        return number.encode(
                            time.isNaN ? .nan : calendar.value(at: Int64(time), utcOffset: feature.utcOffset))
                    }
                }
            case .categorical, .cross:
                let ids = ids(index, block, plan.features[index], rows: rows)
                encoded.unseen[index] = ids.count { isUnseen($0) }
                if feature.isEmbedded {
                    fill(&encoded.ids, place, of: singles.count) { ids[$0] }
                    place += 1
                } else {
                    encodeCategory(
                        feature, fit, block, ids: ids, rows: rows, isTraining: isTraining,
                        into: &encoded.dense, width: width, column: column)
                }
            case .tags, .sequence:
                let bag = Self.bag(
                    feature, fit, empty: fitted[index].fillID, block, plan.features[index][0], rows: rows)
                encoded.unseen[index] = bag.ids.count { $0 == Vocabulary.unknown }
                encoded.bags.append(bag)
            }
        }
        if plan.labels.contains(where: { $0 != nil }) {
            let columns = parsed.labels + parsed.taught
            encoded.labels = [Float](repeating: 0, count: rows.count * columns.count)
            for (label, values) in columns.enumerated() {
                fill(&encoded.labels, label, of: columns.count) { Float(values[rows[$0]]) }
            }
        }
        encoded.weights = parsed.lossWeights(rows)
        if let scenario = plan.scenario, let scenarios {
            encoded.scenarios = scenarios.ids(block, scenario, rows: rows)
        }
        if schema.ranks, plan.withLabels {
            encoded.groups = rows.map { row in plan.group.map { Self.group(block, row, $0) } ?? -1 }
        }
        return encoded
    }

    /// A number for the name of a row's group. Two names that share one (of a batch of 1,000 groups once in 4,000 batches) are
    /// compared as one group.
    private static func group(_ block: RowBlock, _ row: Int, _ column: Int) -> Int32 {
        guard let name = block.value(row, column) else { return -1 }
        return Int32(truncatingIfNeeded: ByteMap.hash(name) >> 33)
    }

    /// Encoded rows as a dataset.
    func dataset(_ encoded: EncodedRows, hasLabels: Bool) throws(InputError) -> Dataset<Float> {
        let singles = embeddedIndices.filter { ![.tags, .sequence].contains(schema.features[$0].kind) }
        var columns: [IDColumn<Float>] = []
        var bag = 0
        for index in embeddedIndices {
            let feature = schema.features[index]
            let largest = fitted[owner(of: index)].idCount - 1
            if let place = singles.firstIndex(of: index) {
                columns.append(
                    IDColumn(
                        feature.name, rowCount: encoded.count,
                        ids: AlignedStorage(
                            copying: (0..<encoded.count).map { encoded.ids[$0 * singles.count + place] }),
                        offsets: nil, weights: nil, largest: largest, longest: 1))
            } else {
                let values = encoded.bags[bag]
                bag += 1
                columns.append(
                    IDColumn(
                        feature.name, rowCount: encoded.count, ids: AlignedStorage(copying: values.ids),
                        offsets: AlignedStorage(copying: values.offsets),
                        weights: feature.weightSeparator == nil
                            ? nil : AlignedStorage(copying: values.weights),
                        largest: largest, longest: feature.length))
            }
        }
        return try Dataset(
            rowCount: encoded.count, featureNames: denseNames,
            labelNames: hasLabels ? schema.labelColumns : [],
            ids: columns,
            labelWeights: !hasLabels || encoded.weights.isEmpty
                ? nil
                : encoded.weights.withUnsafeBufferPointer {
                    AlignedStorage.labelWeights($0, rows: encoded.count, labels: schema.labelColumns.count)
                },
            scenarios: scenarios == nil ? nil : encoded.scenarios
        ) { (features, labels) in
            _ = features.update(fromContentsOf: encoded.dense)
            if hasLabels { _ = labels.update(fromContentsOf: encoded.labels) }
        }
    }

    /// How many rows miss a number with vectors, where too few training rows did for that to have a meaning.
    private func unseenMissing(_ index: Int, _ values: [Double], _ rows: [Int], isOwn: Bool) -> Int {
        let sharers = schema.features.indices.filter { owner(of: $0) == owner(of: index) }
        let missing = sharers.map { fitted[$0].missingRows ?? Self.enoughRows }.reduce(0, +)
        return isOwn && missing < Self.enoughRows ? rows.count { values[$0].isNaN } : 0
    }

    private func encodeCategory(
        _ feature: Feature, _ fit: FittedFeature, _ block: RowBlock, ids: [Int32], rows: [Int],
        isTraining: Bool, into dense: inout [Float], width: Int, column: Int
    ) {
        let firstHot = fit.vocabulary?.counts[1] == 0 ? 2 : 1
        let folds = isTraining ? fit.foldValues : nil
        for (target, row) in rows.enumerated() {
            let id = Int(ids[target])
            switch feature.encoding {
            case .embedding, .piecewise, .periodic, .autoDis: break
            case .oneHot:
                let hot = id - firstHot
                if hot >= 0 { dense[target * width + column + hot] = 1 }
            case .frequency: dense[target * width + column] = fit.values?[id] ?? 0
            case .target:
                let values = folds.map { $0[Self.fold(block.record(row))] } ?? fit.values
                dense[target * width + column] = values?[id] ?? 0
            }
        }
    }

    /// The fold of a training row, by its record's number.
    package static func fold(_ record: Int) -> Int {
        Int((UInt64(record) &* 0x9E37_79B9_7F4A_7C15) >> 32) % CategoryCounter.Folds.count
    }

    static func bucket(_ value: Double, _ fit: FittedFeature) -> Int32 {
        guard !value.isNaN else { return fit.fillID ?? Vocabulary.missing }
        return Int32(upperBound(fit.bounds ?? [], value) + Vocabulary.reserved)
    }

    /// Per row the id of a feature of one value.
    func ids(_ index: Int, _ block: RowBlock, _ columns: [Int], rows: [Int]) -> [Int32] {
        let (feature, fit) = (schema.features[index], fitted[owner(of: index)])
        if feature.kind == .cross {
            return rows.map { row in
                Self.crossed(block, row, columns).withUnsafeBufferPointer { Self.id($0, fit) }
            }
        }
        // That of a bag whose table it shares is for cells without values.
        let isOfBag = schema.features[owner(of: index)].isBag
        let missing = isOfBag ? Vocabulary.missing : fit.fillID ?? Vocabulary.missing
        if let vocabulary = fit.vocabulary, fit.hashBuckets == nil {
            return vocabulary.ids(block, columns[0], rows: rows, missing: missing)
        }
        return rows.map { row in block.value(row, columns[0]).map { Self.id($0, fit) } ?? missing }
    }

    private static func id(_ value: UnsafeBufferPointer<UInt8>, _ fit: FittedFeature) -> Int32 {
        if let buckets = fit.hashBuckets {
            return Int32(ByteMap.hash(value) % UInt64(buckets)) + Int32(Vocabulary.reserved)
        }
        return fit.vocabulary?.id(value) ?? Vocabulary.unknown
    }

    /// Both values with a separator that text does not have.
    static func crossed(_ block: RowBlock, _ row: Int, _ columns: [Int]) -> [UInt8] {
        var pair: [UInt8] = []
        for (index, column) in columns.enumerated() {
            if index > 0 { pair.append(0x1F) }
            if let cell = block.value(row, column) { pair.append(contentsOf: cell) }
        }
        return pair
    }

    private static func bag(
        _ feature: Feature, _ fit: FittedFeature, empty: Int32?, _ block: RowBlock, _ column: Int,
        rows: [Int]
    ) -> EncodedRows.Bag {
        var bag = EncodedRows.Bag()
        for row in rows {
            let start = bag.ids.count
            forEachValue(feature, block, row, column) { value, weight in
                bag.ids.append(id(value, fit))
                if feature.weightSeparator != nil { bag.weights.append(weight) }
            }
            if bag.ids.count == start, let empty {
                bag.ids.append(empty)
                if feature.weightSeparator != nil { bag.weights.append(1) }
            }
            let extra = bag.ids.count - start - feature.length
            if extra > 0 {
                // The last of a sequence are the most recent; of tags the first count.
                let cut =
                    feature.kind == .sequence ? start..<start + extra : start + feature.length..<bag.ids.count
                bag.ids.removeSubrange(cut)
                if !bag.weights.isEmpty { bag.weights.removeSubrange(cut) }
            }
            bag.offsets.append(Int32(bag.ids.count))
        }
        return bag
    }

    /// The values of a cell "a|b|c", blanks and empty ones left out; with weights "a:0.5|b:2".
    static func forEachValue(
        _ feature: Feature, _ block: RowBlock, _ row: Int, _ column: Int,
        _ body: (UnsafeBufferPointer<UInt8>, Float) -> Void
    ) {
        let separator = feature.separator.utf8.first ?? UInt8(ascii: "|")
        let weightSeparator = feature.weightSeparator?.utf8.first
        guard let whole = block.value(row, column) else { return }
        let reading = block.readings[column]
        for part in whole.split(separator: separator) {
            var value = Cell.trimmed(UnsafeBufferPointer(rebasing: part))
            var weight: Float = 1
            if let weightSeparator, let place = value.lastIndex(of: weightSeparator) {
                if case .number(let number) = reading.cell(
                    UnsafeBufferPointer(rebasing: value[(place + 1)...]))
                {
                    weight = Float(number)
                    value = Cell.trimmed(UnsafeBufferPointer(rebasing: value[..<place]))
                }
            }
            if !value.isEmpty { body(value, weight) }
        }
    }
}

extension Vocabulary {
    /// The id of a cell's value; nil where it is missing.
    func idOrMissing(_ value: UnsafeBufferPointer<UInt8>?) -> Int32 { value.map { id($0) } ?? Self.missing }
}

/// Writes one column of row-major values.
@inline(__always)
private func fill<Element>(_ values: inout [Element], _ column: Int, of width: Int, _ value: (Int) -> Element)
{
    guard width > 0 else { return }
    values.withUnsafeMutableBufferPointer { values in
        var place = column
        var row = 0
        while place < values.count {
            values[place] = value(row)
            place += width
            row += 1
        }
    }
}

extension AlignedStorage<Float> {
    /// How much rows count in the loss of each label, `[rows, labels]`, of weights that are so or `[rows]`.
    static func labelWeights(
        _ weights: UnsafeBufferPointer<Float>, rows: Int, labels: Int
    ) -> AlignedStorage<Float> {
        let spread = AlignedStorage<Float>(zeroed: rows * labels)
        let isOne = weights.count == rows
        for place in 0..<rows * labels { spread.base[place] = weights[isOne ? place / labels : place] }
        return spread
    }
}
