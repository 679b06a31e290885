/// Algebra of small symmetric matrices, row-major, in the caller's memory. As many rows as there are tasks: plain loops are as fast
/// as LAPACK here, which is called only where a matrix is large.
enum SmallSymmetric {
    typealias Numbers = UnsafeMutablePointer<Double>

    /// The lower triangle becomes Cholesky's factor. A pivot below `floor` is put at it: so much is then added to the diagonal there.
    static func factor(_ a: Numbers, size: Int, floor: Double) {
        for column in 0..<size {
            for row in column..<size {
                var value = a[row * size + column]
                for k in 0..<column { value -= a[row * size + k] * a[column * size + k] }
                a[row * size + column] =
                    row == column ? max(value, floor).squareRoot() : value / a[column * (size + 1)]
            }
        }
    }

    /// Solves L Lᵀ x = b in place of b.
    static func solve(_ factor: Numbers, size: Int, _ b: Numbers) {
        for row in 0..<size {
            var value = b[row]
            for k in 0..<row { value -= factor[row * size + k] * b[k] }
            b[row] = value / factor[row * (size + 1)]
        }
        var row = size - 1
        while row >= 0 {
            var value = b[row]
            for k in row + 1..<max(size, row + 1) { value -= factor[k * size + row] * b[k] }
            b[row] = value / factor[row * (size + 1)]
            row -= 1
        }
    }

    /// y = A x
    static func multiply(_ a: Numbers, size: Int, _ x: Numbers, into y: Numbers) {
        for row in 0..<size {
            var value = 0.0
            for column in 0..<size { value += a[row * size + column] * x[column] }
            y[row] = value
        }
    }

    /// xᵀ A y
    static func product(_ x: Numbers, _ a: Numbers, _ y: Numbers, size: Int) -> Double {
        var value = 0.0
        for row in 0..<size {
            var line = 0.0
            for column in 0..<size { line += a[row * size + column] * y[column] }
            value += x[row] * line
        }
        return value
    }

    /// Jacobi's rotations, row by row: the diagonal of `a` becomes the eigenvalues, in no order, the columns of `vectors` the
    /// eigenvectors.
    static func eigen(_ a: Numbers, size: Int, vectors: Numbers) {
        for row in 0..<size {
            for column in 0..<size { vectors[row * size + column] = row == column ? 1 : 0 }
        }
        // Quadratic convergence: ten sweeps are plenty for any size; the bound is for matrices that are not finite.
        for _ in 0..<30 {
            var (off, diagonal) = (0.0, 0.0)
            for row in 0..<size {
                diagonal += a[row * (size + 1)] * a[row * (size + 1)]
                for column in row + 1..<max(size, row + 1) {
                    off += a[row * size + column] * a[row * size + column]
                }
            }
            guard off > 1e-32 * diagonal, off > 0 else { return }
            for p in 0..<size { for q in p + 1..<max(size, p + 1) { rotate(a, p, q, size, vectors) } }
        }
    }

    private static func rotate(_ a: Numbers, _ p: Int, _ q: Int, _ size: Int, _ vectors: Numbers) {
        let apq = a[p * size + q]
        guard apq != 0 else { return }
        let theta = (a[q * (size + 1)] - a[p * (size + 1)]) / (2 * apq)
        // For a large θ its square would be infinite.
        let t =
            abs(theta) > 1e150
            ? 0.5 / theta : (theta < 0 ? -1 : 1) / (abs(theta) + (theta * theta + 1).squareRoot())
        let c = 1 / (t * t + 1).squareRoot()
        let s = t * c
        for k in 0..<size {
            let (x, y) = (a[k * size + p], a[k * size + q])
            a[k * size + p] = c * x - s * y
            a[k * size + q] = s * x + c * y
        }
        for k in 0..<size {
            let (x, y) = (a[p * size + k], a[q * size + k])
            a[p * size + k] = c * x - s * y
            a[q * size + k] = s * x + c * y
            let (v, w) = (vectors[k * size + p], vectors[k * size + q])
            vectors[k * size + p] = c * v - s * w
            vectors[k * size + q] = s * v + c * w
        }
    }

    /// y = A⁺ x, of what `eigen` left of A; eigenvalues below `threshold` count as 0.
    static func pseudoinverse(
        _ values: Numbers, _ vectors: Numbers, size: Int, threshold: Double, _ x: Numbers, into y: Numbers
    ) {
        for row in 0..<size { y[row] = 0 }
        for index in 0..<size {
            let value = values[index * (size + 1)]
            guard value > threshold else { continue }
            var part = 0.0
            for row in 0..<size { part += vectors[row * size + index] * x[row] }
            for row in 0..<size { y[row] += part / value * vectors[row * size + index] }
        }
    }

    /// The nearest point x ≥ 0 with Σ x = `mass` (Held, Wolfe and Crowder, 1974; by sorting, as Duchi et al., ICML 2008).
    static func projectOntoSimplex(_ x: Numbers, size: Int, mass: Double = 1, sorted: Numbers) {
        for index in 0..<size {
            var place = index
            while place > 0, sorted[place - 1] < x[index] {
                sorted[place] = sorted[place - 1]
                place -= 1
            }
            sorted[place] = x[index]
        }
        var (sum, threshold) = (0.0, 0.0)
        for index in 0..<size {
            sum += sorted[index]
            let candidate = (sum - mass) / Double(index + 1)
            // Rounding must not leave the first one out.
            if index > 0, sorted[index] <= candidate { break }
            threshold = candidate
        }
        for index in 0..<size { x[index] = max(0, x[index] - threshold) }
    }
}
