internal import CBLAS

/// A row-major matrix of Double that owns its values: what the linear models take and return.
public struct Matrix: Equatable, Sendable {
    /// The number of rows.
    public let rows: Int
    /// The number of columns.
    public let columns: Int
    /// Row-major, `[rows, columns]`.
    public package(set) var values: [Double]

    /// A matrix from its row-major values.
    ///
    /// - Throws: `InputError` if the count of values is not rows · columns.
    public init(rows: Int, columns: Int, values: [Double]) throws(InputError) {
        guard rows >= 0, columns >= 0, values.count == rows * columns else {
            throw InputError(
                .shape, at: "matrix [\(rows), \(columns)]", found: "\(values.count) values",
                expected: "rows x columns")
        }
        self.init(rows, columns, values)
    }

    /// A matrix from its rows.
    ///
    /// - Throws: `InputError` if a row is longer or shorter than the first.
    public init(_ rows: [[Double]]) throws(InputError) {
        let width = rows.first?.count ?? 0
        for (index, row) in rows.enumerated() where row.count != width {
            throw InputError(
                .shape, at: "matrix, row \(index)", found: "\(row.count) values", expected: "\(width)")
        }
        self.init(rows.count, width, rows.flatMap { $0 })
    }

    package init(_ rows: Int, _ columns: Int, _ values: [Double]) {
        assert(values.count == rows * columns, "\(values.count) values for [\(rows), \(columns)]")
        self.rows = rows
        self.columns = columns
        self.values = values
    }

    package init(zeros rows: Int, _ columns: Int) {
        self.init(rows, columns, [Double](repeating: 0, count: rows * columns))
    }

    /// The value in a row and a column.
    public package(set) subscript(row: Int, column: Int) -> Double {
        get {
            precondition(column >= 0 && column < columns, "column \(column) of \(columns)")
            return values[row * columns + column]
        }
        set { values[row * columns + column] = newValue }
    }

    /// One row, `[columns]`.
    public func row(_ index: Int) -> [Double] { Array(values[index * columns..<(index + 1) * columns]) }

    /// One column, `[rows]`.
    public func column(_ index: Int) -> [Double] { (0..<rows).map { self[$0, index] } }
}

extension Matrix {
    package var squaredNorm: Double { dot(self) }

    package func dot(_ other: Matrix) -> Double {
        check(other)
        var sum = 0.0
        for index in values.indices { sum += values[index] * other.values[index] }
        return sum
    }

    /// self + factor · other.
    package func adding(_ factor: Double, _ other: Matrix) -> Matrix {
        check(other)
        var result = self
        for index in values.indices { result.values[index] += factor * other.values[index] }
        return result
    }

    package func scaled(_ factor: Double) -> Matrix { Matrix(rows, columns, values.map { factor * $0 }) }

    /// Each column times its factor.
    package func scalingColumns(_ factors: [Double]) -> Matrix {
        precondition(factors.count == columns, "\(factors.count) factors for \(columns) columns")
        var result = self
        for row in 0..<rows {
            for column in 0..<columns { result.values[row * columns + column] *= factors[column] }
        }
        return result
    }

    package var transposed: Matrix {
        var result = Matrix(zeros: columns, rows)
        for row in 0..<rows {
            for column in 0..<columns { result.values[column * rows + row] = values[row * columns + column] }
        }
        return result
    }

    /// C = A·B, or with `transposeA`, `transposeB` the product of the transposes, by BLAS on one thread (so that
    /// the bits do not depend on the number of cores).
    package func multiplied(by b: Matrix, transposeA: Bool = false, transposeB: Bool = false) -> Matrix {
        var c = Matrix(zeros: transposeA ? columns : rows, transposeB ? b.rows : b.columns)
        multiply(
            by: b, columns: 0..<(transposeB ? b.rows : b.columns), transposeA: transposeA,
            transposeB: transposeB, into: &c, at: 0)
        return c
    }

    /// A·B for some columns of B, written into the columns of C from `start` on.
    package func multiply(
        by b: Matrix, columns range: Range<Int>, transposeA: Bool = false, transposeB: Bool = false,
        into c: inout Matrix, at start: Int
    ) {
        let (m, k) = transposeA ? (columns, rows) : (rows, columns)
        precondition(
            k == (transposeB ? b.columns : b.rows) && c.rows == m && start + range.count <= c.columns
                && range.upperBound <= (transposeB ? b.rows : b.columns),
            "[\(m), \(k)] x [\(b.rows), \(b.columns)] into [\(c.rows), \(c.columns)]")
        precondition(
            max(values.count, b.values.count, c.values.count) <= Int(Int32.max), "matrix too large for BLAS")
        guard m > 0, !range.isEmpty, k > 0 else { return }
        openblas_set_num_threads(1)
        let (ldb, ldc) = (b.columns, c.columns)
        values.withUnsafeBufferPointer { a in
            b.values.withUnsafeBufferPointer { b in
                c.values.withUnsafeMutableBufferPointer { c in
                    guard let a = a.baseAddress, let b = b.baseAddress, let c = c.baseAddress else { return }
                    Double._blas(
                        transposeA: transposeA, transposeB: transposeB, m: m, n: range.count, k: k, a: a,
                        lda: columns, b: b + range.lowerBound * (transposeB ? ldb : 1), ldb: ldb,
                        accumulate: false, c: c + start, ldc: ldc)
                }
            }
        }
    }

    private func check(_ other: Matrix) {
        precondition(
            other.rows == rows && other.columns == columns,
            "[\(other.rows), \(other.columns)] beside [\(rows), \(columns)]")
    }
}
