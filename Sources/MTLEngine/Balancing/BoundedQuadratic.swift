/// Minimises ½ xᵀQx + qᵀx over x ≥ 0, and over aᵀx = 1 where that is wanted, by the method of active sets (Lawson and Hanson, *Solving
/// Least Squares Problems*, 1974): exact after finitely many steps, each by a Cholesky factor of the free part, of which only rows
/// behind a coordinate that left are factored again.
///
/// Q is symmetric and positive semidefinite, a > 0. Its diagonal is taken as 1 + 1e-12 times as large: of many solutions this chooses
/// the shortest, no set of free coordinates is singular, and where there is no solution x is far out along what Q does not see.
final class BoundedQuadratic {
    typealias Numbers = UnsafeMutablePointer<Double>

    private let factor: AlignedStorage<Double>
    private let vectors: AlignedStorage<Double>
    private let free: AlignedStorage<Int>
    private let capacity: Int
    /// Free coordinates of the latest solution, and how many of them the factor has.
    private var count = 0
    private var factored = 0
    private static let ridge = 1e-12

    init(capacity: Int) {
        self.capacity = capacity
        factor = AlignedStorage(zeroed: capacity * capacity)
        vectors = AlignedStorage(zeroed: 4 * capacity)
        free = AlignedStorage(zeroed: capacity)
    }

    /// - Parameters:
    ///   - q: 0 where it is nil.
    ///   - a: no equality where it is nil.
    ///   - x: the solution; what it holds before is not read, but where `goesOn`.
    ///   - goesOn: whether to begin at the latest solution, which x holds, of the same matrix and a.
    func solve(
        _ matrix: Numbers, size: Int, q: Numbers?, a: Numbers?, into x: Numbers, goesOn: Bool = false
    ) {
        let (gradient, trial) = (vectors.base, vectors.base + capacity)
        if goesOn {
            count = move(matrix, size, q, a, x, trial, count)
        } else {
            (count, factored) = (0, 0)
            for index in 0..<size { x[index] = 0 }
            if let a {
                free.base[0] = corner(matrix, size, q, a)
                x[free.base[0]] = 1 / a[free.base[0]]
                count = 1
            }
        }
        var rejected = -1
        for _ in 0..<20 * size {
            SmallSymmetric.multiply(matrix, size: size, x, into: gradient)
            var largest = 0.0
            for index in 0..<size {
                gradient[index] += (q?[index] ?? 0) + Self.ridge * matrix[index * (size + 1)] * x[index]
                largest = max(largest, abs(gradient[index]))
            }
            // At the minimum of the free part its gradient is a multiple of a.
            let multiplier = a.map { slope(along: $0, gradient, count) } ?? 0
            guard
                let next = steepest(
                    gradient, size, count, multiplier, a, tolerance: 1e-13 * largest, without: rejected)
            else { return }
            free.base[count] = next
            count += 1
            count = move(matrix, size, q, a, x, trial, count)
            // Rounding can send a coordinate back at once; the same set would come again for ever.
            rejected = x[next] == 0 ? next : -1
        }
    }

    /// The minimum of ½ xᵀQx alone over the coordinates that are free in the latest solution, of whatever sign, with aᵀx = 1.
    func center(_ matrix: Numbers, size: Int, a: Numbers, into x: Numbers) {
        let trial = vectors.base + capacity
        minimum(matrix, size, nil, a, trial, count)
        for index in 0..<size { x[index] = 0 }
        for place in 0..<count { x[free.base[place]] = trial[place] }
    }

    /// Read where a is largest: elsewhere rounding may be all of it.
    private func slope(along a: Numbers, _ gradient: Numbers, _ count: Int) -> Double {
        var best = free.base[0]
        for place in 1..<max(count, 1) where a[free.base[place]] > a[best] { best = free.base[place] }
        return gradient[best] / a[best]
    }

    /// The corner of the simplex with the least value.
    private func corner(_ matrix: Numbers, _ size: Int, _ q: Numbers?, _ a: Numbers) -> Int {
        var (best, least) = (0, Double.infinity)
        for index in 0..<size {
            let value =
                0.5 * matrix[index * (size + 1)] / (a[index] * a[index]) + (q?[index] ?? 0) / a[index]
            if value < least { (best, least) = (index, value) }
        }
        return best
    }

    private func steepest(
        _ gradient: Numbers, _ size: Int, _ count: Int, _ multiplier: Double, _ a: Numbers?,
        tolerance: Double, without rejected: Int
    ) -> Int? {
        var next: Int?
        var least = -tolerance
        for index in 0..<size where index != rejected {
            let slope = gradient[index] - multiplier * (a?[index] ?? 0)
            guard slope < least, !isFree(index, count) else { continue }
            (next, least) = (index, slope)
        }
        return next
    }

    private func isFree(_ index: Int, _ count: Int) -> Bool {
        for place in 0..<count where free.base[place] == index { return true }
        return false
    }

    /// To the minimum over the free coordinates, or as far as none of them falls below 0, again and again.
    ///
    /// - Returns: how many are free then.
    private func move(
        _ matrix: Numbers, _ size: Int, _ q: Numbers?, _ a: Numbers?, _ x: Numbers, _ trial: Numbers,
        _ start: Int
    ) -> Int {
        var count = start
        while count > 0 {
            minimum(matrix, size, q, a, trial, count)
            var (share, blocking) = (1.0, -1)
            for place in 0..<count where trial[place] <= 0 {
                let value = x[free.base[place]]
                let ratio = value / (value - trial[place])
                // One that begins at 0 and does not rise blocks at once: 0/0 there.
                if !(ratio >= share) { (share, blocking) = (ratio.isNaN ? 0 : ratio, place) }
            }
            for place in 0..<count {
                let value = x[free.base[place]]
                x[free.base[place]] = value + share * (trial[place] - value)
            }
            guard blocking >= 0 else { return count }
            x[free.base[blocking]] = 0
            var kept = 0
            for place in 0..<count {
                guard x[free.base[place]] > 0 else {
                    factored = min(factored, kept)
                    continue
                }
                free.base[kept] = free.base[place]
                kept += 1
            }
            for place in 0..<size where x[place] < 0 { x[place] = 0 }
            // The equality keeps one at least; where rounding has not, nothing better is to be had.
            guard kept > 0 || a == nil else { return count }
            count = kept
        }
        return count
    }

    /// The minimum over the free coordinates, whatever their signs.
    private func minimum(
        _ matrix: Numbers, _ size: Int, _ q: Numbers?, _ a: Numbers?, _ trial: Numbers, _ count: Int
    ) {
        let other = vectors.base + 2 * capacity
        var largest = 0.0
        for row in 0..<count {
            let index = free.base[row]
            trial[row] = -(q?[index] ?? 0)
            largest = max(largest, matrix[index * (size + 1)])
            guard row >= factored else { continue }
            let line = factor.base + row * capacity
            for column in 0...row { line[column] = matrix[index * size + free.base[column]] }
            line[row] *= 1 + Self.ridge
            SmallSymmetric.factorRow(
                factor.base, row, stride: capacity, floor: max(largest * 1e-15, .leastNormalMagnitude))
        }
        factored = count
        SmallSymmetric.solve(factor.base, size: count, stride: capacity, trial)
        guard let a else { return }
        for row in 0..<count { other[row] = a[free.base[row]] }
        SmallSymmetric.solve(factor.base, size: count, stride: capacity, other)
        var (along, missing) = (0.0, 1.0)
        for row in 0..<count {
            along += a[free.base[row]] * other[row]
            missing -= a[free.base[row]] * trial[row]
        }
        for row in 0..<count { trial[row] += missing / along * other[row] }
    }
}
