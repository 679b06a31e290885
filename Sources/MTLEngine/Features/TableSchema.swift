/// What the columns of a table are: features, numeric or categorical, and labels. Other columns are not looked at.
public struct TableSchema: Sendable, Equatable {
    /// Columns of numbers, standardised by the encoder.
    public var numeric: [String]
    /// Columns of values to be told apart, one-hot by the encoder.
    public var categorical: [String]
    /// Columns of numbers to be predicted; a missing cell is a missing label.
    public var labels: [String]

    /// A schema in full.
    public init(numeric: [String], categorical: [String], labels: [String]) {
        self.numeric = numeric
        self.categorical = categorical
        self.labels = labels
    }

    /// A schema from a table: every column that is not named is numeric if each of its cells that is not
    /// missing is a finite number, else categorical.
    ///
    /// - Parameters:
    ///   - labels: the columns to be predicted.
    ///   - numeric: columns that are numeric; a cell with text will then be an error.
    ///   - categorical: columns that are categorical though they look numeric.
    ///   - ignored: columns to leave out.
    ///   - rows: the rows to look at (the training rows); nil for all.
    /// - Throws: `InputError` for a named column that is not there or is named in two lists.
    public static func inferred(
        from table: CSVTable, labels: [String], numeric: [String] = [], categorical: [String] = [],
        ignored: [String] = [], rows: [Int]? = nil
    ) throws(InputError) -> TableSchema {
        var named = Set<String>()
        for name in labels + numeric + categorical + ignored {
            _ = try table.column(name)
            guard named.insert(name).inserted else {
                throw InputError(
                    .name, at: "\(table.path), column \"\(name)\"", found: "two roles for it",
                    expected: "one of label, numeric, categorical or ignored")
            }
        }
        var schema = TableSchema(numeric: numeric, categorical: categorical, labels: labels)
        for (column, name) in table.columns.enumerated() where !named.contains(name) {
            let isNumeric = (rows ?? Array(0..<table.rowCount)).allSatisfy { row in
                switch table.withCell(row: row, column: column, CellValue.init) {
                case .missing: true
                case .number(let value): value.isFinite
                case .text: false
                }
            }
            if isNumeric { schema.numeric.append(name) } else { schema.categorical.append(name) }
        }
        return schema
    }
}

/// Row numbers of a table, cut into parts that share no row.
public struct RowSplit: Sendable, Equatable {
    /// Rows to learn from.
    public let training: [Int]
    /// Rows whose loss is watched.
    public let validation: [Int]
    /// Rows to judge by.
    public let test: [Int]

    /// Draws a split of `rows` rows; within each part rows keep their order.
    ///
    /// - Throws: `InputError` for a share outside 0..<1, or shares that leave no row to learn from.
    public init(rows: Int, validationShare: Double, testShare: Double = 0, seed: UInt64) throws(InputError) {
        for (name, share) in [("validation share", validationShare), ("test share", testShare)]
        where !(share >= 0 && share < 1) {
            throw InputError(.value, at: name, found: "\(share)", expected: "0 ..< 1")
        }
        var order = Array(0..<rows)
        var generator = SeededGenerator(seed: seed)
        generator.shuffle(&order)
        let tests = Int((Double(rows) * testShare).rounded())
        let validations = Int((Double(rows) * validationShare).rounded())
        guard tests + validations < rows else {
            throw InputError(
                .empty, at: "split of \(rows) rows", found: "no row to learn from",
                expected: "smaller validation and test shares")
        }
        test = order[..<tests].sorted()
        validation = order[tests..<tests + validations].sorted()
        training = order[(tests + validations)...].sorted()
    }
}
