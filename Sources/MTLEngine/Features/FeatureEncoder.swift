/// Turns the cells of a table into features: numbers standardised, categories one-hot. What it knows of the
/// data, it learned from the training rows.
///
/// A missing number becomes the mean, with a column that says so where the training rows had missing ones. A
/// missing category is a category of its own where the training rows had one; a category they did not have is
/// all zeros.
public struct FeatureEncoder: Sendable, Equatable {
    /// A numeric column as fitted.
    struct Numeric: Sendable, Equatable {
        let name: String
        let mean: Double
        /// One over the standard deviation, or 0 for a constant column.
        let scale: Double
        let flagsMissing: Bool
    }

    /// A categorical column as fitted.
    struct Categorical: Sendable, Equatable {
        let name: String
        /// In sorted order; the empty string stands for missing cells.
        let values: [String]
        let index: [String: Int]
    }

    let numeric: [Numeric]
    let categorical: [Categorical]
    /// The columns of the encoded features, in order: "age", "age is missing", "colour=red", ….
    public let featureNames: [String]
    /// The label columns.
    public let labelNames: [String]

    /// Fits an encoder.
    ///
    /// - Parameters:
    ///   - rows: the training rows; nil for all.
    ///   - minimumCount: categories seen less often in the training rows get no column.
    /// - Throws: `InputError` that names file, line and column of a missing column, of text in a numeric column or of an infinite value.
    public init(
        fitting table: CSVTable, schema: TableSchema, rows: [Int]? = nil, minimumCount: Int = 1
    ) throws(InputError) {
        let rows = rows ?? Array(0..<table.rowCount)
        guard !rows.isEmpty else {
            throw InputError(.empty, at: table.path, found: "no training row", expected: "at least one")
        }
        var numeric: [Numeric] = []
        for name in schema.numeric { numeric.append(try Self.fit(name, of: table, rows: rows)) }
        var categorical: [Categorical] = []
        for name in schema.categorical {
            let column = try table.column(name)
            var counts: [String: Int] = [:]
            for row in rows { counts[Self.category(table, row: row, column: column), default: 0] += 1 }
            let values = counts.filter { $0.value >= minimumCount }.keys.sorted()
            categorical.append(
                Categorical(
                    name: name, values: values,
                    index: Dictionary(uniqueKeysWithValues: values.enumerated().map { ($1, $0) })))
        }
        for name in schema.labels { _ = try table.column(name) }
        self.numeric = numeric
        self.categorical = categorical
        labelNames = schema.labels
        featureNames =
            numeric.flatMap { $0.flagsMissing ? [$0.name, "\($0.name) is missing"] : [$0.name] }
            + categorical.flatMap { column in
                column.values.map { "\(column.name)=\($0.isEmpty ? "(missing)" : $0)" }
            }
    }

    private static func fit(_ name: String, of table: CSVTable, rows: [Int]) throws(InputError) -> Numeric {
        let column = try table.column(name)
        var (count, mean, squares) = (0.0, 0.0, 0.0)
        for row in rows {
            guard let value = try number(table, row: row, column: column) else { continue }
            count += 1
            let step = value - mean
            mean += step / count
            squares += step * (value - mean)
        }
        let deviation = count > 0 ? (squares / count).squareRoot() : 0
        return Numeric(
            name: name, mean: mean, scale: deviation > 0 ? 1 / deviation : 0,
            flagsMissing: count < Double(rows.count))
    }

    /// Encodes rows of a table; it may be another one than the encoder was fitted on.
    ///
    /// - Parameters:
    ///   - rows: the rows to encode; nil for all.
    ///   - withLabels: whether the table has the label columns (false to predict).
    /// - Returns: features `[rows, featureNames.count]` and the labels.
    /// - Throws: `InputError` that names file, line and column of what cannot be encoded.
    public func encode<Scalar: BLASScalar>(
        _ table: CSVTable, rows: [Int]? = nil, withLabels: Bool = true, as _: Scalar.Type = Float.self
    ) throws(InputError) -> Dataset<Scalar> {
        var numericColumns: [Int] = []
        for column in numeric { numericColumns.append(try table.column(column.name)) }
        var categoricalColumns: [Int] = []
        for column in categorical { categoricalColumns.append(try table.column(column.name)) }
        let labels = withLabels ? labelNames : []
        var labelColumns: [Int] = []
        for name in labels { labelColumns.append(try table.column(name)) }

        let width = featureNames.count
        let rows = rows ?? Array(0..<table.rowCount)
        return try Dataset(rowCount: rows.count, featureNames: featureNames, labelNames: labels) {
            (x, y) throws(InputError) in
            for (index, row) in rows.enumerated() {
                var target = index * width
                for (fitted, column) in zip(numeric, numericColumns) {
                    let value = try Self.number(table, row: row, column: column)
                    x[target] = Scalar(value.map { ($0 - fitted.mean) * fitted.scale } ?? 0)
                    target += 1
                    if fitted.flagsMissing {
                        x[target] = value == nil ? 1 : 0
                        target += 1
                    }
                }
                for (fitted, column) in zip(categorical, categoricalColumns) {
                    if let hot = fitted.index[Self.category(table, row: row, column: column)] {
                        x[target + hot] = 1
                    }
                    target += fitted.values.count
                }
                for (label, column) in labelColumns.enumerated() {
                    y[index * labels.count + label] = Scalar(
                        try Self.number(table, row: row, column: column) ?? .nan)
                }
            }
        }
    }

    /// The number in a cell, nil where it is missing.
    private static func number(_ table: CSVTable, row: Int, column: Int) throws(InputError) -> Double? {
        switch table.withCell(row: row, column: column, CellValue.init) {
        case .missing: return nil
        case .number(let value) where value.isFinite: return value
        case .number(let value):
            throw InputError(
                .value, at: table.place(row: row, column: column), found: "\(value)",
                expected: "a finite number")
        case .text:
            throw InputError(
                .syntax, at: table.place(row: row, column: column),
                found: "\"\(table.text(row: row, column: column))\"", expected: "a number")
        }
    }

    /// The category in a cell without blanks around it; the empty string where it is missing.
    private static func category(_ table: CSVTable, row: Int, column: Int) -> String {
        table.withCell(row: row, column: column) { cell in
            let bytes = CellValue.trimmed(cell)
            return CellValue.isMissing(bytes) ? "" : String(decoding: bytes, as: UTF8.self)
        }
    }
}
