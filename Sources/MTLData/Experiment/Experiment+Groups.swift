internal import MTLEngine

extension Experiment {
    /// The group of every test row, as numbers, in the order of the prepared rows; nil where the schema names none.
    ///
    /// Prepared rows do not hold it: the source is read once more.
    func testGroups(_ data: PreparedData) throws(InputError) -> [Int]? {
        guard schema.group != nil, let test = data.test else { return nil }
        let format = data.preprocessor.format
        let skips = try self.data.options(threads: 1).badRows != .refuse
        var numbers = GroupNumbers()
        if let path = self.data.test {
            try add(try open(path, format: format), .all(.test), data.preprocessor, skips, to: &numbers)
        } else {
            let source = try open(self.data.source, format: format)
            let splitter = try Splitter(split, source, schema, skipsBadRows: skips)
            try add(source, splitter, data.preprocessor, skips, to: &numbers)
        }
        // Another number of rows is another order: the source has changed meanwhile.
        return numbers.numbers.count == test.rowCount ? numbers.numbers : nil
    }

    private func add(
        _ source: any RowSource, _ splitter: Splitter, _ preprocessor: Preprocessor, _ skipsBadRows: Bool,
        to numbers: inout GroupNumbers
    ) throws(InputError) {
        try add(opened: source, splitter, preprocessor, skipsBadRows, to: &numbers)
    }

    private func add(
        opened source: some RowSource, _ splitter: Splitter, _ preprocessor: Preprocessor,
        _ skipsBadRows: Bool,
        to numbers: inout GroupNumbers
    ) throws(InputError) {
        let plan = try ColumnPlan(schema, of: source, withLabels: true)
        try source.read { (block, _) throws(InputError) in
            let parsed = ParsedBlock(block, plan, classes: preprocessor.classes)
            if !skipsBadRows, let error = parsed.errors.first { throw error }
            guard let column = plan.group else { return }
            for row in parsed.rows where splitter.part(parsed, row) == .test {
                numbers.add(block, row, column)
            }
        }
    }
}

/// Groups of rows, by numbers.
struct GroupNumbers {
    private var known: [String: Int] = [:]
    private(set) var numbers: [Int] = []

    /// A row without a group is one of its own.
    mutating func add(_ block: RowBlock, _ row: Int, _ column: Int) {
        guard let cell = block.value(row, column) else {
            numbers.append(-1 - numbers.count)
            return
        }
        let name = String(decoding: cell, as: UTF8.self)
        let number = known[name] ?? known.count
        known[name] = number
        numbers.append(number)
    }
}
