internal import MTLDataKernels
internal import MTLEngine

/// A row as the report's sample keeps it.
struct ReportRow {
    let record: Int
    let part: Part
    /// Per feature its number, NaN where missing, or where it has categories the hash of its value as bits.
    var cells: [UInt64]
    /// Per feature of tags or a sequence the hashes of its values.
    var bags: [[UInt64]]
    /// Per label its value, NaN where missing; of classes nothing.
    var labels: [Double]
}

/// Rows and labels of a part or a scenario; whole numbers, whose sums depend on no order.
struct LabelCounts {
    struct One {
        var labelled = 0
        var sum = ExactSum()
        /// Rows per class; for yes and no two.
        var classes: [Int] = []
    }

    var rows = 0
    var trainingRows = 0
    var labels: [One]
    /// Per label rows of a class that the training rows do not have, and rows that meet its condition.
    var unknownClasses: [Int]
    var conditionsMet: [Int]

    init(_ labels: Int) {
        self.labels = [One](repeating: One(), count: labels)
        unknownClasses = [Int](repeating: 0, count: labels)
        conditionsMet = unknownClasses
    }

    mutating func merge(_ other: LabelCounts) {
        rows += other.rows
        trainingRows += other.trainingRows
        for index in labels.indices {
            labels[index].labelled += other.labels[index].labelled
            labels[index].sum.merge(other.labels[index].sum)
            unknownClasses[index] += other.unknownClasses[index]
            conditionsMet[index] += other.conditionsMet[index]
            for (place, count) in other.labels[index].classes.enumerated() {
                add(count, to: place, of: index)
            }
        }
    }

    mutating func add(_ count: Int, to place: Int, of label: Int) {
        while labels[label].classes.count <= place { labels[label].classes.append(0) }
        labels[label].classes[place] += count
    }

    func labelRows(_ schema: Schema) -> [DataReport.LabelRow] {
        zip(schema.labels, labels).map { label, one in
            let hasMean = label.kind != .multiclass && one.labelled > 0
            return DataReport.LabelRow(
                label: label.name, labelled: one.labelled, missing: rows - one.labelled,
                mean: hasMean ? one.sum.parts.high / Double(one.labelled) : nil,
                classes: label.kind == .regression ? nil : one.classes.count { $0 > 0 })
        }
    }
}

/// What one worker counts for a report, and in the end what all did.
final class ReportCounts: @unchecked Sendable {
    /// Scenarios beyond this many are not listed.
    static let listedScenarios = 1000

    let limits: ReportLimits
    var sample: HashSample<ReportRow>
    /// By the number of the part.
    var parts: [LabelCounts]
    var scenarios: [LabelCounts]
    /// Per feature its values by part, and training rows without one; of numbers the values are not kept.
    var values: [HashTally]
    var missing: [Int]
    /// Per feature the least and greatest hash of a training row's cell.
    var extremes: [(least: UInt64, greatest: UInt64)]
    /// Per feature and per label the number furthest from 0.
    var furthest: [FurthestNumber]
    var furthestLabels: [FurthestNumber]
    private var rows: HashTally
    /// What a source's records are counted from.
    private var firstRecord = 0

    init(_ preprocessor: Preprocessor, _ limits: ReportLimits) {
        self.limits = limits
        let schema = preprocessor.schema
        let width = schema.features.count + schema.labels.count
        sample = HashSample(limit: max(1000, min(limits.sampledRows, 4_000_000 / max(1, width))))
        let none = LabelCounts(schema.labels.count)
        parts = [LabelCounts](repeating: none, count: Part.allCases.count)
        scenarios = [LabelCounts](
            repeating: none, count: min(Self.listedScenarios, preprocessor.scenarios?.size ?? 0))
        values = [HashTally](repeating: HashTally(limit: limits.distinctValues), count: schema.features.count)
        missing = [Int](repeating: 0, count: schema.features.count)
        extremes = [(least: UInt64, greatest: UInt64)](repeating: (.max, 0), count: schema.features.count)
        furthest = [FurthestNumber](repeating: FurthestNumber(), count: schema.features.count)
        furthestLabels = [FurthestNumber](repeating: FurthestNumber(), count: schema.labels.count)
        rows = HashTally(limit: limits.distinctRows)
    }

    /// - Parameter test: rows to judge by from a source of their own.
    static func read(
        _ source: some RowSource, test: (any RowSource)?, _ preprocessor: Preprocessor, _ splitter: Splitter,
        skipsBadRows: Bool, limits: ReportLimits
    ) throws(InputError) -> ReportCounts {
        let threads = max(source.threads, test?.threads ?? 1)
        let workers = (0..<threads).map { _ in ReportCounts(preprocessor, limits) }
        try read(source, preprocessor, splitter, skipsBadRows: skipsBadRows, into: workers)
        if let test {
            // Records of the second source are others than those of the first.
            for worker in workers { worker.firstRecord = 1 << 40 }
            try read(test, preprocessor, .all(.test), skipsBadRows: skipsBadRows, into: workers)
        }
        for other in workers.dropFirst() { workers[0].merge(other) }
        return workers[0]
    }

    private static func read(
        _ source: some RowSource, _ preprocessor: Preprocessor, _ splitter: Splitter, skipsBadRows: Bool,
        into workers: [ReportCounts]
    ) throws(InputError) {
        let plans = try ColumnPlans(preprocessor.schema, of: source, withLabels: true)
        try source.read { (block, worker) throws(InputError) in
            let plan = plans[block]
            // Classes are not looked up: one that only test rows have is a finding, and not an error.
            let parsed = ParsedBlock(
                block, plan, classes: [Vocabulary?](repeating: nil, count: plan.schema.labels.count))
            if !skipsBadRows, let error = parsed.errors.first { throw error }
            workers[worker].add(parsed, plan, preprocessor, splitter)
        }
    }

    private func add(
        _ parsed: ParsedBlock, _ plan: ColumnPlan, _ preprocessor: Preprocessor, _ splitter: Splitter
    ) {
        for row in parsed.rows {
            let part = splitter.part(parsed, row)
            count(parsed, row, part, plan, preprocessor)
            if part == .dropped { continue }
            let cells = look(parsed, row, part, plan)
            let record = firstRecord + parsed.block.record(row)
            sample.add(record: record) {
                ReportRow(
                    record: record, part: part, cells: cells.cells, bags: cells.bags,
                    labels: parsed.labels.map { $0.isEmpty ? .nan : $0[row] })
            }
        }
    }

    private func count(
        _ parsed: ParsedBlock, _ row: Int, _ part: Part, _ plan: ColumnPlan, _ preprocessor: Preprocessor
    ) {
        var scenario: Int?
        if let column = plan.scenario, let vocabulary = preprocessor.scenarios {
            let id = Int(vocabulary.idOrMissing(parsed.block.value(row, column)))
            if id < scenarios.count { scenario = id }
        }
        func update(_ body: (inout LabelCounts) -> Void) {
            body(&parts[Int(part.rawValue)])
            if let scenario, part != .dropped { body(&scenarios[scenario]) }
        }
        update {
            $0.rows += 1
            if part == .training { $0.trainingRows += 1 }
        }
        for (index, label) in plan.schema.labels.enumerated() {
            guard let place = plan.labels[index] else { continue }
            if label.when != nil {
                guard plan.hasLabel(index, parsed.block, row) else { continue }
                update { $0.conditionsMet[index] += 1 }
            }
            if label.kind == .multiclass {
                guard let cell = parsed.block.value(row, place.column) else { continue }
                let id =
                    Int(preprocessor.classes[index]?.id(cell) ?? Vocabulary.unknown) - Vocabulary.reserved
                update {
                    $0.labels[index].labelled += 1
                    if id >= 0 { $0.add(1, to: id, of: index) } else { $0.unknownClasses[index] += 1 }
                }
                continue
            }
            let value = parsed.labels[index][row]
            if value.isNaN { continue }
            if label.kind == .regression {
                furthestLabels[index].add(value, parsed.block, row, after: firstRecord)
            }
            update {
                $0.labels[index].labelled += 1
                $0.labels[index].sum.withBins { ExactSum.add(value, to: $0) }
                if label.kind == .binary { $0.add(1, to: Int(value), of: index) }
            }
        }
    }

    private func look(
        _ parsed: ParsedBlock, _ row: Int, _ part: Part, _ plan: ColumnPlan
    ) -> (cells: [UInt64], bags: [[UInt64]]) {
        var cells: [UInt64] = []
        var bags: [[UInt64]] = []
        var rowHash: UInt64 = 1
        for (index, feature) in plan.schema.features.enumerated() {
            let columns = plan.features[index]
            var hash: UInt64 = 1
            var isMissing = true
            for column in columns {
                let cell = parsed.block.value(row, column)
                hash = mtl_hash_bytes(cell?.baseAddress, cell?.count ?? 0, hash)
                if cell != nil { isMissing = false }
            }
            rowHash = withUnsafeBytes(of: hash) {
                mtl_hash_bytes($0.bindMemory(to: UInt8.self).baseAddress, 8, rowHash)
            }
            switch feature.kind {
            case .numeric, .timestamp:
                let number = parsed.numbers[index][row]
                cells.append(number.bitPattern)
                if feature.kind == .numeric {
                    furthest[index].add(number, parsed.block, row, after: firstRecord)
                }
                // 1 and 1.0 are one number, and so are 0 and -0.
                hash = number.isNaN ? 0 : (number == 0 ? 0 : number).bitPattern
            case .categorical, .cross:
                cells.append(isMissing ? 0 : hash)
                if !isMissing { values[index].add(hash, part: part) }
            case .tags, .sequence:
                var bag: [UInt64] = []
                Preprocessor.forEachValue(feature, parsed.block, row, columns[0]) { value, _ in
                    let hash = ByteMap.hash(value)
                    bag.append(hash)
                    values[index].add(hash, part: part)
                }
                isMissing = bag.isEmpty
                cells.append(isMissing ? 0 : hash)
                while bags.count < index { bags.append([]) }
                bags.append(bag)
            }
            guard part == .training else { continue }
            if isMissing { missing[index] += 1 }
            let key = isMissing ? 0 : max(1, hash)
            extremes[index] = (min(extremes[index].least, key), max(extremes[index].greatest, key))
        }
        rows.add(rowHash, part: part)
        return (cells, bags)
    }

    private func merge(_ other: ReportCounts) {
        sample.merge(other.sample)
        for index in parts.indices { parts[index].merge(other.parts[index]) }
        for index in scenarios.indices { scenarios[index].merge(other.scenarios[index]) }
        for index in values.indices {
            values[index].merge(other.values[index])
            missing[index] += other.missing[index]
            extremes[index] = (
                min(extremes[index].least, other.extremes[index].least),
                max(extremes[index].greatest, other.extremes[index].greatest)
            )
        }
        for index in furthest.indices { furthest[index].merge(other.furthest[index]) }
        for index in furthestLabels.indices { furthestLabels[index].merge(other.furthestLabels[index]) }
        rows.merge(other.rows)
    }

    var duplicates: DataReport.Duplicates {
        var (testRows, pairs) = (0, 0)
        rows.forEach { training, _, test in
            guard training > 0, test > 0 else { return }
            testRows += test
            pairs += training * test
        }
        return DataReport.Duplicates(
            testRows: testRows << rows.level, pairs: pairs << rows.level, distinctRows: rows.distinct,
            isExact: !rows.isPartial)
    }
}
