internal import MTLDataKernels
package import MTLEngine

/// A split made ready for one source, or for several that are joined: which part every row is in.
///
/// The rule is one for all of them: the same group is in the same part everywhere, and the same cuts in time hold.
package struct Splitter: Sendable {
    private enum Way: Sendable {
        case records
        /// Per source the column of its groups.
        case groups(columns: [Int?])
        /// Cuts in milliseconds, and how long before one nothing counts.
        case times(validation: Double, test: Double, gap: Double)
        /// Per record of the source.
        case listed([Part])
        case all(Part)
    }

    private let split: Split
    private let way: Way

    /// Looks at the source as far as the rule needs: by time shares and stratified, all rows once.
    ///
    /// - Throws: `InputError` for shares out of range, a rule without its column, or a cell that is no time.
    package init(
        _ split: Split, _ source: some RowSource, _ schema: Schema, skipsBadRows: Bool = false
    ) throws(InputError) {
        try split.check(schema)
        self.split = split
        let plans = try ColumnPlans(schema, of: source, withLabels: true)
        switch split.by {
        case .random: way = .records
        case .group: way = .groups(columns: plans.columns(\.group))
        case .time:
            way = try Self.times(split, source, plans, skipsBadRows: skipsBadRows)
        case .stratified:
            way = .listed(try Self.strata(split, source, plans, skipsBadRows: skipsBadRows))
        }
    }

    private init(_ way: Way) {
        split = Split()
        self.way = way
    }

    /// All rows in one part.
    static func all(_ part: Part) -> Splitter { Splitter(.all(part)) }

    /// The part of a row.
    package func part(_ parsed: ParsedBlock, _ row: Int) -> Part {
        switch way {
        case .all(let part): return part
        case .records: return drawn(UInt64(parsed.block.record(row)))
        case .groups(let columns):
            guard let column = columns[parsed.block.source], let cell = parsed.block.value(row, column) else {
                return drawn(UInt64(parsed.block.record(row)))
            }
            return drawn(mtl_hash_bytes(cell.baseAddress, cell.count, split.seed))
        case .times(let validation, let test, let gap):
            let time = parsed.times[row]
            if time.isNaN { return .dropped }
            if time >= test { return .test }
            if time >= validation { return time < test - gap ? .validation : .dropped }
            return time < validation - gap ? .training : .dropped
        case .listed(let parts):
            let record = parsed.block.record(row)
            return record < parts.count ? parts[record] : .dropped
        }
    }

    /// The part of a key, which depends on the key, the seed and the shares alone.
    private func drawn(_ key: UInt64) -> Part {
        var generator = SeededGenerator(seed: split.seed).split(key)
        let draw = generator.uniform()
        if draw < split.test { return .test }
        return draw < split.test + split.validation ? .validation : .training
    }

    private static func parsed(
        _ source: some RowSource, _ plans: ColumnPlans, skipsBadRows: Bool,
        _ body: (ParsedBlock, ColumnPlan) -> Void
    ) throws(InputError) {
        try source.read { (block, _) throws(InputError) in
            let plan = plans[block]
            let parsed = ParsedBlock(
                block, plan, classes: [Vocabulary?](repeating: nil, count: plan.schema.labels.count))
            if !skipsBadRows, let error = parsed.errors.first { throw error }
            body(parsed, plan)
        }
    }

    private static func times(
        _ split: Split, _ source: some RowSource, _ plans: ColumnPlans, skipsBadRows: Bool
    ) throws(InputError) -> Way {
        func cut(_ text: String?) -> Double? {
            guard var text else { return nil }
            return text.withUTF8 { Timestamp.parse($0) }.map(Double.init)
        }
        var sorted: [Double] = []
        let fixed = (validation: cut(split.validationFrom), test: cut(split.testFrom))
        if fixed.validation == nil || fixed.test == nil {
            let times = Collected<[Double]>()
            try parsed(source, plans, skipsBadRows: skipsBadRows) { (parsed, _) in
                times.add(parsed.rows.map { parsed.times[$0] }.filter { !$0.isNaN })
            }
            sorted = times.values.flatMap { $0 }.sorted()
        }
        let rows = Double(sorted.count)
        let test = fixed.test ?? time(Int((rows * (1 - split.test)).rounded()), of: split.test)
        /// The time of a row, from which a part of a share begins.
        func time(_ row: Int, of share: Double) -> Double {
            guard share > 0, !sorted.isEmpty else { return .infinity }
            return sorted[max(0, min(sorted.count - 1, row))]
        }
        var validation = fixed.validation ?? test
        if fixed.validation == nil && split.validation > 0 {
            // Rows at the cut itself are in the test part, however many they are.
            let before = lowerBound(sorted, test)
            validation = min(
                test, time(before - Int((rows * split.validation).rounded()), of: split.validation))
        }
        guard validation <= test else {
            throw InputError(
                .value, at: "split by time", found: "validation that begins after test",
                expected: "validation_from before test_from")
        }
        return .times(
            validation: validation, test: test, gap: Double(split.gap.flatMap { Timestamp.span($0) } ?? 0))
    }

    /// Rows of a stratum in random order: the first to test, the next to validation.
    private static func strata(
        _ split: Split, _ source: some RowSource, _ plans: ColumnPlans, skipsBadRows: Bool
    ) throws(InputError) -> [Part] {
        let seen = Collected<[(record: Int, stratum: UInt64)]>()
        try parsed(source, plans, skipsBadRows: skipsBadRows) { (parsed, plan) in
            seen.add(
                parsed.rows.map { row in
                    var stratum = split.seed
                    // Shares are those of every source; of the first one strata are what they are without others.
                    if parsed.block.source > 0 { stratum = Self.mixed(stratum, Double(parsed.block.source)) }
                    if let scenario = plan.scenario {
                        let cell = parsed.block.value(row, scenario)
                        stratum = Self.mixed(stratum, cell != nil ? 1 : 2)
                        if let cell { stratum = mtl_hash_bytes(cell.baseAddress, cell.count, stratum) }
                    }
                    for (index, label) in plan.schema.labels.enumerated() where label.kind != .regression {
                        guard let place = plan.labels[index] else { continue }
                        if label.kind == .binary {
                            let value = parsed.labels[index][row]
                            stratum = Self.mixed(stratum, value.isNaN ? 2 : value)
                        } else {
                            let isThere = plan.hasLabel(index, parsed.block, row)
                            let cell = isThere ? parsed.block.value(row, place.column) : nil
                            stratum = Self.mixed(stratum, cell != nil ? 1 : 2)
                            if let cell { stratum = mtl_hash_bytes(cell.baseAddress, cell.count, stratum) }
                        }
                    }
                    return (parsed.block.record(row), stratum)
                })
        }
        let rows = seen.values.flatMap { $0 }.sorted { $0.record < $1.record }
        var members: [UInt64: [Int]] = [:]
        for row in rows { members[row.stratum, default: []].append(row.record) }
        var parts = [Part](repeating: .dropped, count: (rows.last?.record ?? -1) + 1)
        for (stratum, records) in members {
            var records = records
            var generator = SeededGenerator(seed: split.seed).split(stratum)
            generator.shuffle(&records)
            // Rounded up as often as its fraction says, so that many small strata have their shares together.
            let fraction = generator.uniform()
            let count = Double(records.count)
            let test = Int(count * split.test + fraction)
            let watched = Int(count * (split.test + split.validation) + fraction)
            for (place, record) in records.enumerated() {
                parts[record] = place < test ? .test : place < watched ? .validation : .training
            }
        }
        return parts
    }

    private static func mixed(_ stratum: UInt64, _ value: Double) -> UInt64 {
        withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes in
            mtl_hash_bytes(bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count, stratum)
        }
    }
}
