internal import CBLAS

/// The thin singular value decomposition of a matrix of one shape, again and again, in memory of its own: what a training
/// step uses between its updates. Column-major throughout.
package final class SingularValueWorkspace {
    package let rows: Int
    package let columns: Int
    /// min(rows, columns)
    package let rank: Int
    /// The matrix, `[rows, columns]`; a run destroys it.
    package let matrix: AlignedStorage<Double>
    /// Left singular vectors, `[rows, rank]`; singular values, falling; right singular vectors, `[rank, columns]`.
    package let left: AlignedStorage<Double>
    package let values: AlignedStorage<Double>
    package let right: AlignedStorage<Double>
    private let work: AlignedStorage<Double>
    private let integers: AlignedStorage<Int32>

    package init(rows: Int, columns: Int) {
        precondition(rows > 0 && columns > 0, "[\(rows), \(columns)]")
        precondition(rows * columns <= Int(Int32.max), "matrix too large for LAPACK")
        (self.rows, self.columns, rank) = (rows, columns, min(rows, columns))
        matrix = AlignedStorage(zeroed: rows * columns)
        left = AlignedStorage(zeroed: rows * rank)
        values = AlignedStorage(zeroed: rank)
        right = AlignedStorage(zeroed: rank * columns)
        integers = AlignedStorage(zeroed: 8 * rank)
        var size = 0.0
        let info = LAPACKE_dgesdd_work(
            LAPACK_COL_MAJOR, CChar(UInt8(ascii: "S")), Int32(rows), Int32(columns), matrix.base,
            Int32(rows), values.base, left.base, Int32(rows), right.base, Int32(rank), &size, -1,
            integers.base)
        precondition(info == 0, "LAPACK info \(info)")
        work = AlignedStorage(zeroed: Int(size))
        openblas_set_num_threads(1)
    }

    /// - Returns: false where the matrix has a value that is not finite, or LAPACK gives up.
    package func run() -> Bool {
        guard matrix.buffer.allSatisfy(\.isFinite) else { return false }
        return LAPACKE_dgesdd_work(
            LAPACK_COL_MAJOR, CChar(UInt8(ascii: "S")), Int32(rows), Int32(columns), matrix.base,
            Int32(rows), values.base, left.base, Int32(rows), right.base, Int32(rank), work.base,
            Int32(work.count), integers.base) == 0
    }
}

/// The same for the eigenvalues of a symmetric matrix.
package final class EigenvalueWorkspace {
    package let size: Int
    /// The matrix (its lower triangle is read), then its eigenvectors as columns.
    package let matrix: AlignedStorage<Double>
    /// Rising.
    package let values: AlignedStorage<Double>
    private let work: AlignedStorage<Double>
    private let integers: AlignedStorage<Int32>

    package init(size: Int) {
        precondition(size > 0, "\(size) rows")
        self.size = size
        matrix = AlignedStorage(zeroed: size * size)
        values = AlignedStorage(zeroed: size)
        work = AlignedStorage(zeroed: 1 + 6 * size + 2 * size * size)
        integers = AlignedStorage(zeroed: 3 + 5 * size)
        openblas_set_num_threads(1)
    }

    /// - Returns: false where the matrix has a value that is not finite, or LAPACK gives up.
    package func run() -> Bool {
        guard matrix.buffer.allSatisfy(\.isFinite) else { return false }
        return LAPACKE_dsyevd_work(
            LAPACK_COL_MAJOR, CChar(UInt8(ascii: "V")), CChar(UInt8(ascii: "L")), Int32(size), matrix.base,
            Int32(size), values.base, work.base, Int32(work.count), integers.base, Int32(integers.count)) == 0
    }
}

/// The inverse of a symmetric positive definite matrix `[size, size]`, in place, by Cholesky's factor; pivots are at
/// least 1e-12 of the largest entry of the diagonal.
package func invertSymmetric(_ a: UnsafeMutablePointer<Double>, size: Int) {
    var largest = 0.0
    for index in 0..<size { largest = max(largest, a[index * (size + 1)]) }
    let floor = max(largest, .leastNormalMagnitude) * 1e-12
    // L in the lower triangle.
    for column in 0..<size {
        for row in column..<size {
            var value = a[row * size + column]
            for k in 0..<column { value -= a[row * size + k] * a[column * size + k] }
            a[row * size + column] =
                row == column ? max(value, floor).squareRoot() : value / a[column * (size + 1)]
        }
    }
    // L⁻¹ in its place.
    for column in 0..<size {
        a[column * (size + 1)] = 1 / a[column * (size + 1)]
        for row in column + 1..<max(size, column + 1) {
            var value = 0.0
            for k in column..<row { value -= a[row * size + k] * a[k * size + column] }
            a[row * size + column] = value / a[row * (size + 1)]
        }
    }
    // L⁻ᵀ L⁻¹: entry (i, j), i ≤ j, needs the rows from j on.
    for row in 0..<size {
        for column in row..<size {
            var value = 0.0
            for k in column..<size { value += a[k * size + row] * a[k * size + column] }
            a[row * size + column] = value
        }
    }
    for row in 0..<size { for column in 0..<row { a[row * size + column] = a[column * size + row] } }
}

/// Fills a row-major matrix with orthonormal rows: normal draws, orthogonalised twice (Gram and Schmidt).
package func fillOrthonormal<Scalar: BLASScalar>(
    _ target: UnsafeMutablePointer<Scalar>, rows: Int, columns: Int, generator: inout SeededGenerator
) {
    precondition(rows <= columns, "\(rows) orthonormal rows of \(columns)")
    var done: [[Double]] = []
    for row in 0..<rows {
        var vector = (0..<columns).map { _ in generator.normal() }
        for _ in 0..<2 {
            for other in done {
                let dot = zip(vector, other).reduce(0) { $0 + $1.0 * $1.1 }
                for index in vector.indices { vector[index] -= dot * other[index] }
            }
        }
        let norm = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
        done.append(vector.map { $0 / norm })
        for index in 0..<columns { target[row * columns + index] = Scalar(done[row][index]) }
    }
}
