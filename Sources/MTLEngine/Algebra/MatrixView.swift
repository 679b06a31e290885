/// A window onto row-major memory that somebody else owns: `[rows, columns]`, rows `stride` elements apart.
///
/// A view is only as alive as its owner (`AlignedStorage`); the engine makes views inside one step and keeps none.
package struct MatrixView<Scalar: BLASScalar> {
    package let base: UnsafeMutablePointer<Scalar>
    package let rows: Int
    package let columns: Int
    package let stride: Int

    package init(_ base: UnsafeMutablePointer<Scalar>, rows: Int, columns: Int, stride: Int) {
        self.base = base
        self.rows = rows
        self.columns = columns
        self.stride = stride
    }

    /// The same columns of fewer rows.
    package func rows(_ range: Range<Int>) -> MatrixView {
        assert(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(rows)")
        return MatrixView(
            base + range.lowerBound * stride, rows: range.count, columns: columns, stride: stride)
    }

    /// Takes over the values of a view of the same shape.
    package func copy(_ source: MatrixView) {
        precondition(
            source.rows == rows && source.columns == columns,
            "[\(source.rows), \(source.columns)] into [\(rows), \(columns)]")
        for row in 0..<rows {
            (base + row * stride).update(from: source.base + row * source.stride, count: columns)
        }
    }

    /// The same rows of fewer columns.
    package func columns(_ range: Range<Int>) -> MatrixView {
        assert(range.lowerBound >= 0 && range.upperBound <= columns, "columns \(range) of \(columns)")
        return MatrixView(base + range.lowerBound, rows: rows, columns: range.count, stride: stride)
    }
}

/// The distance between rows of `columns` elements in a workspace.
///
/// Rows start on a cache line, and rows that would lie a large power of two apart (where they would share a
/// few cache sets) are moved one line further.
package func workspaceStride(columns: Int) -> Int {
    guard columns >= 8 else { return columns }
    let whole = (columns + 15) / 16 * 16
    return whole % 256 == 0 ? whole + 16 : whole
}
