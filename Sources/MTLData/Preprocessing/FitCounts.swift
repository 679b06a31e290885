/// What one worker counts while a preprocessor is fitted.
final class FitCounts: @unchecked Sendable {
    /// Per feature its values; of a feature with another's table they are counted there.
    var categories: [CategoryCounter]
    /// Per multiclass label its classes.
    var classes: [CategoryCounter?]
    var scenarios: CategoryCounter?
    /// Per feature its numbers: of a numeric one, of every part of a timestamp.
    var statistics: [[NumberStatistics]]
    /// Per label what its loss is scaled by.
    private(set) var labels: [LabelStatistics]
    private(set) var rows = 0
    /// Per feature its cells without values; of tags and sequences alone.
    private(set) var emptyBags: [Int]
    private let owners: [Int]
    private let targets: [Int?]

    init(_ schema: Schema) {
        categories = schema.features.map { CategoryCounter(hasTarget: $0.encoding == .target) }
        emptyBags = schema.features.map { _ in 0 }
        classes = schema.labels.map { $0.kind == .multiclass ? CategoryCounter(hasTarget: false) : nil }
        labels = schema.labels.map { LabelStatistics($0) }
        scenarios = schema.scenario == nil ? nil : CategoryCounter(hasTarget: false)
        statistics = schema.features.map { feature in
            let keepsSample =
                feature.scale == .quantile || feature.missing == .median || feature.missing == .mostFrequent
                || feature.buckets != nil || feature.isNumberField
            let count = feature.kind == .timestamp ? feature.parts.count : feature.kind == .numeric ? 1 : 0
            return [NumberStatistics](repeating: NumberStatistics(keepsSample: keepsSample), count: count)
        }
        owners = schema.features.indices.map { index in
            schema.features[index].sharing.flatMap { name in schema.features.firstIndex { $0.name == name } }
                ?? index
        }
        targets = schema.features.map { feature in
            feature.encoding == .target ? schema.labels.firstIndex { $0.name == feature.target } : nil
        }
    }

    func add(_ parsed: ParsedBlock, _ plan: ColumnPlan, rows: [Int]) {
        let block = parsed.block
        self.rows += rows.count
        addNumbers(parsed, plan, rows: rows)
        for (index, feature) in plan.schema.features.enumerated() {
            let columns = plan.features[index]
            switch feature.kind {
            case .tags, .sequence:
                let isCounted = feature.hashBuckets == nil
                for row in rows {
                    var isEmpty = true
                    Preprocessor.forEachValue(feature, block, row, columns[0]) { value, _ in
                        isEmpty = false
                        if isCounted { _ = categories[owners[index]].add(value) }
                    }
                    if isEmpty { emptyBags[index] += 1 }
                }
            case _ where feature.hashBuckets != nil: continue
            case .categorical where targets[index] == nil:
                categories[owners[index]].add(block, columns[0], rows: rows)
            case .categorical, .cross:
                for row in rows { count(feature, index, block, row, columns, parsed) }
            case .numeric, .timestamp: break
            }
        }
        for index in classes.indices {
            guard classes[index] != nil, let place = plan.labels[index] else { continue }
            for row in rows where plan.hasLabel(index, block, row) {
                if let cell = block.value(row, place.column) { _ = classes[index]?.add(cell) }
            }
        }
        for index in labels.indices where classes[index] == nil {
            for row in rows {
                labels[index].add(parsed.labels[index][row], weight: parsed.lossWeight(index, row))
            }
        }
        if let column = plan.scenario { scenarios?.add(block, column, rows: rows) }
    }

    private func count(
        _ feature: Feature, _ index: Int, _ block: RowBlock, _ row: Int, _ columns: [Int],
        _ parsed: ParsedBlock
    ) {
        let owner = owners[index]
        let label = targets[index].map { parsed.labels[$0][row] }
        let fold = Preprocessor.fold(block.record(row))
        if feature.kind == .cross {
            let pair = Preprocessor.crossed(block, row, columns)
            let category = pair.withUnsafeBufferPointer { categories[owner].add($0) }
            if let label, !label.isNaN { categories[owner].folds[category].add(label, fold: fold) }
            return
        }
        if let cell = block.value(row, columns[0]) {
            let category = categories[owner].add(cell)
            if let label, !label.isNaN { categories[owner].folds[category].add(label, fold: fold) }
        } else {
            categories[owner].missing += 1
            if let label, !label.isNaN { categories[owner].missingFolds.add(label, fold: fold) }
        }
    }

    private func addNumbers(_ parsed: ParsedBlock, _ plan: ColumnPlan, rows: [Int]) {
        var records: [Int] = []
        for (index, feature) in plan.schema.features.enumerated() where !statistics[index].isEmpty {
            if records.isEmpty { records = rows.map(parsed.block.record) }
            let all = parsed.numbers[index]
            var values = rows.map { all[$0] }
            if feature.kind == .timestamp {
                for (part, calendar) in feature.parts.enumerated() {
                    let some = values.map { time in
                        time.isNaN ? .nan : calendar.value(at: Int64(time), utcOffset: feature.utcOffset)
                    }
                    statistics[index][part].add(some, records: records)
                }
                continue
            }
            if !feature.isEmbedded && (feature.clip != nil || feature.log) {
                var number = FittedNumber()
                number.clip = feature.clip
                number.log = feature.log
                for place in values.indices where !values[place].isNaN {
                    values[place] = number.raw(values[place])
                }
            }
            statistics[index][0].add(values, records: records)
        }
    }

    /// Adds what another worker counted; whichever rows were whose, the whole is the same.
    func merge(_ other: FitCounts) {
        rows += other.rows
        for index in emptyBags.indices { emptyBags[index] += other.emptyBags[index] }
        for index in categories.indices { categories[index].merge(other.categories[index]) }
        for index in classes.indices {
            if let counter = other.classes[index] { classes[index]?.merge(counter) }
        }
        for index in labels.indices { labels[index].merge(other.labels[index]) }
        if let counter = other.scenarios { scenarios?.merge(counter) }
        for index in statistics.indices {
            for part in statistics[index].indices {
                statistics[index][part].merge(other.statistics[index][part])
            }
        }
    }
}
