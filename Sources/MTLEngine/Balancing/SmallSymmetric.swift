/// Algebra of small symmetric matrices, row-major, in the caller's memory. As many rows as there are tasks: plain loops are as fast
/// as LAPACK here, which is called only where a matrix is large.
enum SmallSymmetric {
    typealias Numbers = UnsafeMutablePointer<Double>

    /// The lower triangle becomes Cholesky's factor. A pivot below `floor` is put at it: so much is then added to the diagonal there.
    static func factor(_ a: Numbers, size: Int, floor: Double) {
        for row in 0..<size { factorRow(a, row, stride: size, floor: floor) }
    }

    /// A row of it, where those above are factored already.
    static func factorRow(_ a: Numbers, _ row: Int, stride: Int, floor: Double) {
        let own = a + row * stride
        for column in 0..<row {
            let other = a + column * stride
            own[column] = (own[column] - dot(own, other, column)) / other[column]
        }
        own[row] = max(own[row] - dot(own, own, row), floor).squareRoot()
    }

    /// Solves L Lᵀ x = b in place of b.
    ///
    /// - Parameter stride: elements from one row of L to the next; nil for `size`.
    static func solve(_ factor: Numbers, size: Int, stride: Int? = nil, _ b: Numbers) {
        let stride = stride ?? size
        for row in 0..<size {
            let own = factor + row * stride
            b[row] = (b[row] - dot(own, b, row)) / own[row]
        }
        var row = size - 1
        while row >= 0 {
            let own = factor + row * stride
            b[row] /= own[row]
            // Row by row of Lᵀ's columns, so that neighbours are read.
            for k in 0..<row { b[k] -= own[k] * b[row] }
            row -= 1
        }
    }

    /// Four sums at once: one alone waits for itself at every element.
    static func dot(_ x: Numbers, _ y: Numbers, _ count: Int) -> Double {
        var sums = SIMD4<Double>(repeating: 0)
        var index = 0
        while index + 4 <= count {
            sums += SIMD4(
                x[index] * y[index], x[index + 1] * y[index + 1], x[index + 2] * y[index + 2],
                x[index + 3] * y[index + 3])
            index += 4
        }
        var sum = (sums[0] + sums[1]) + (sums[2] + sums[3])
        while index < count {
            sum += x[index] * y[index]
            index += 1
        }
        return sum
    }

    /// y = A x
    static func multiply(_ a: Numbers, size: Int, _ x: Numbers, into y: Numbers) {
        for row in 0..<size { y[row] = dot(a + row * size, x, size) }
    }

    /// xᵀ A y
    static func product(_ x: Numbers, _ a: Numbers, _ y: Numbers, size: Int) -> Double {
        var value = 0.0
        for row in 0..<size { value += x[row] * dot(a + row * size, y, size) }
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
