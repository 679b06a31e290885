internal import CBLAS

/// A = U·diag(σ)·Vᵀ, thin: r = min(rows, columns), σ falling.
package struct SingularValues: Sendable {
    /// Left singular vectors as columns, `[rows, r]`.
    package let u: Matrix
    /// `[r]`, falling.
    package let sigma: [Double]
    /// Right singular vectors as rows, `[r, columns]`.
    package let vt: Matrix

    /// LAPACK's divide and conquer (`gesdd`), on one thread.
    ///
    /// - Throws: `InputError` where LAPACK reports a failure (a NaN, no convergence).
    package init(_ a: Matrix) throws(InputError) {
        let r = min(a.rows, a.columns)
        guard r > 0 else {
            (u, sigma, vt) = (Matrix(zeros: a.rows, 0), [], Matrix(zeros: 0, a.columns))
            return
        }
        precondition(a.values.count <= Int(Int32.max), "matrix too large for LAPACK")
        openblas_set_num_threads(1)
        var copy = a.values
        var left = [Double](repeating: 0, count: a.rows * r)
        var values = [Double](repeating: 0, count: r)
        var right = [Double](repeating: 0, count: r * a.columns)
        // Read by columns, row-major A is Aᵀ = V·diag(σ)·Uᵀ: LAPACKE need not transpose anything, and what it
        // calls U is our Vᵀ by rows.
        let info = LAPACKE_dgesdd(
            LAPACK_COL_MAJOR, CChar(UInt8(ascii: "S")), Int32(a.columns), Int32(a.rows), &copy,
            Int32(a.columns), &values, &right, Int32(a.columns), &left, Int32(r))
        try checkLAPACK(info, "singular values of a [\(a.rows), \(a.columns)] matrix")
        u = Matrix(a.rows, r, left)
        sigma = values
        vt = Matrix(r, a.columns, right)
    }

    /// U·diag(values)·Vᵀ: the same singular vectors with other values.
    package func with(_ values: [Double]) -> Matrix {
        let kept = values.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
        guard kept > 0 else { return Matrix(zeros: u.rows, vt.columns) }
        return u.scalingColumns(values).multiplied(by: vt)
    }
}

/// A = V·diag(λ)·Vᵀ of a symmetric matrix, λ rising.
package struct SymmetricEigenvalues: Sendable {
    /// `[n]`, rising.
    package let lambda: [Double]
    /// Eigenvectors as rows, `[n, n]`.
    package let vt: Matrix

    /// LAPACK's divide and conquer (`syevd`), on one thread; reads one triangle.
    ///
    /// - Throws: `InputError` where LAPACK reports a failure.
    package init(_ a: Matrix) throws(InputError) {
        precondition(a.rows == a.columns, "[\(a.rows), \(a.columns)] is not symmetric")
        precondition(a.values.count <= Int(Int32.max), "matrix too large for LAPACK")
        guard a.rows > 0 else {
            (lambda, vt) = ([], a)
            return
        }
        openblas_set_num_threads(1)
        var vectors = a.values
        var values = [Double](repeating: 0, count: a.rows)
        let info = LAPACKE_dsyevd(
            LAPACK_COL_MAJOR, CChar(UInt8(ascii: "V")), CChar(UInt8(ascii: "L")), Int32(a.rows),
            &vectors, Int32(a.rows), &values)
        try checkLAPACK(info, "eigenvalues of a [\(a.rows), \(a.rows)] matrix")
        lambda = values
        // Eigenvectors come as columns of a column-major matrix, which are the rows of ours.
        vt = Matrix(a.rows, a.rows, vectors)
    }
}

private func checkLAPACK(_ info: Int32, _ what: String) throws(InputError) {
    guard info == 0 else {
        throw InputError(
            .value, at: what, found: "LAPACK info \(info)",
            expected: "finite values on which the decomposition converges")
    }
}
