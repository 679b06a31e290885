internal import MTLEngine

extension Experiment {
    /// The group of every test row, as numbers, in the order of the prepared rows; nil where the schema names none.
    ///
    /// Prepared rows do not hold it: the source is read once more.
    func testGroups(_ data: PreparedData, threads: Int) throws(InputError) -> [Int]? {
        guard schema.group != nil, let test = data.test else { return nil }
        let format = data.preprocessor.format
        let skips = try self.data.options(threads: threads).badRows != .refuse
        let found: [(record: Int, group: String?)]
        if let own = try openTest(threads: threads, format: format) {
            found = try groups(own, .all(.test), data.preprocessor, skips)
        } else {
            let source = try openRows(threads: threads, format: format)
            let splitter = try Splitter(split, source, schema, skipsBadRows: skips)
            found = try groups(source, splitter, data.preprocessor, skips)
        }
        // Another number of rows is another order: the source has changed meanwhile.
        guard found.count == test.rowCount else { return nil }
        var numbers = GroupNumbers()
        for row in found.sorted(by: { $0.record < $1.record }) { numbers.add(row.group) }
        return numbers.numbers
    }

    private func groups(
        _ source: any RowSource, _ splitter: Splitter, _ preprocessor: Preprocessor, _ skipsBadRows: Bool
    ) throws(InputError) -> [(record: Int, group: String?)] {
        try groups(opened: source, splitter, preprocessor, skipsBadRows)
    }

    private func groups(
        opened source: some RowSource, _ splitter: Splitter, _ preprocessor: Preprocessor,
        _ skipsBadRows: Bool
    ) throws(InputError) -> [(record: Int, group: String?)] {
        let plans = try ColumnPlans(schema, of: source, withLabels: true)
        let blocks = Collected<[(record: Int, group: String?)]>()
        try source.read { (block, _) throws(InputError) in
            let plan = plans[block]
            let parsed = ParsedBlock(block, plan, classes: preprocessor.classes)
            if !skipsBadRows, let error = parsed.errors.first { throw error }
            guard let column = plan.group else { return }
            blocks.add(
                parsed.rows.filter { splitter.part(parsed, $0) == .test }.map { row in
                    (
                        block.record(row),
                        block.value(row, column).map { String(decoding: $0, as: UTF8.self) }
                    )
                })
        }
        return blocks.values.flatMap { $0 }
    }
}

/// Groups of rows, by numbers.
struct GroupNumbers {
    private var known: [String: Int] = [:]
    private(set) var numbers: [Int] = []

    mutating func add(_ block: RowBlock, _ row: Int, _ column: Int) {
        add(block.value(row, column).map { String(decoding: $0, as: UTF8.self) })
    }

    /// A row without a group is one of its own.
    mutating func add(_ name: String?) {
        guard let name else {
            numbers.append(-1 - numbers.count)
            return
        }
        let number = known[name] ?? known.count
        known[name] = number
        numbers.append(number)
    }
}
