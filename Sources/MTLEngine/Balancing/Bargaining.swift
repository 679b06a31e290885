// Nash-MTL and FairGrad: M w = w^(-p) for p > 0, where ½ wᵀMw - Σ ψ(w_t) with ψ' = w^(-p) is least, by Newton's method.
#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

extension BalancerMemory {
    /// Nash-MTL. Rows are the last solution, and whether there is one.
    func weighByBargaining(_ every: Int, _ maximumNorm: Double) {
        let (count, last, known) = (problem.size, row(0), row(1))
        var isKept = step % every != 0
        for index in 0..<count where known[present.base[index]] == 0 { isKept = false }
        if isKept {
            for index in 0..<count { problem.weights[index] = last[present.base[index]] }
        } else {
            bargain(1)
            var squares = 0.0
            for index in 0..<count * count { squares += problem.products[index] * problem.products[index] }
            let frobenius = squares.squareRoot()
            for index in 0..<count {
                problem.weights[index] *= frobenius.squareRoot()
                last[present.base[index]] = problem.weights[index]
                known[present.base[index]] = 1
            }
        }
        guard maximumNorm > 0 else { return }
        let y = problem.vector(1)
        for index in 0..<count { y[index] = problem.weights[index] * problem.lengths[index] }
        let square = SmallSymmetric.product(y, problem.cosines, y, size: count)
        let norm = max(0, square).squareRoot() * problem.scale.squareRoot()
        guard norm > maximumNorm else { return }
        for index in 0..<count { problem.weights[index] *= maximumNorm / norm }
    }

    /// FairGrad: of M over its scale m the solution is m^(1/(1+p)) times as large.
    func weighByFairness(_ alpha: Double) {
        let power = 1 / alpha
        bargain(power)
        let unit = pow(problem.scale, -1 / (1 + power))
        for index in 0..<problem.size { problem.weights[index] *= unit }
    }

    /// Weights w with (M / scale) w = w^(-p).
    ///
    /// With w = e x, where e solves each task alone, M_tt e = e^(-p), Q = e M e and k = e^(1-p) it is Q x = k x^(-p), whose
    /// diagonal is k: tasks of any scale begin at their own solution.
    private func bargain(_ power: Double) {
        let count = problem.size
        let (own, k, x, slope, move, right) = (
            problem.vector(1), problem.vector(2), problem.vector(3), problem.vector(4), problem.vector(5),
            problem.vector(6)
        )
        for index in 0..<count {
            let square = problem.lengths[index] * problem.lengths[index]
            own[index] = pow(max(square, .leastNormalMagnitude), -1 / (1 + power))
            k[index] = pow(own[index], 1 - power)
            x[index] = 1
        }
        // Of gradients that cancel out all multiples solve it: a little on the diagonal chooses.
        let matrix = problem.basis
        for row in 0..<count {
            for column in 0..<count {
                let size = own[row] * problem.lengths[row] * own[column] * problem.lengths[column]
                matrix[row * count + column] =
                    problem.cosines[row * count + column] * size * (row == column ? 1 + 1e-12 : 1)
            }
        }
        var value = merit(matrix, x, k, power)
        for _ in 0..<100 {
            SmallSymmetric.multiply(matrix, size: count, x, into: slope)
            var worst = 0.0
            for index in 0..<count {
                let wanted = k[index] * pow(x[index], -power)
                slope[index] -= wanted
                worst = max(worst, abs(slope[index]) / wanted)
                right[index] = power * wanted / x[index]
                move[index] = -slope[index]
            }
            guard worst > 1e-13 else { break }
            var largest = 0.0
            for row in 0..<count {
                for column in 0..<count {
                    problem.square[row * count + column] =
                        matrix[row * count + column] + (row == column ? right[row] : 0)
                }
                largest = max(largest, problem.square[row * (count + 1)])
            }
            SmallSymmetric.factor(
                problem.square, size: count, floor: max(largest * 1e-300, .leastNormalMagnitude))
            SmallSymmetric.solve(problem.square, size: count, move)
            guard let next = advance(matrix, x, move, slope, k, power, right, from: value) else { break }
            value = next
        }
        for index in 0..<count { problem.weights[index] = own[index] * x[index] }
    }

    /// A step that stays above 0 and lowers the merit; nil where rounding leaves none.
    private func advance(
        _ matrix: Numbers, _ x: Numbers, _ move: Numbers, _ slope: Numbers, _ k: Numbers, _ power: Double,
        _ trial: Numbers, from value: Double
    ) -> Double? {
        let count = problem.size
        var (share, fall) = (1.0, 0.0)
        for index in 0..<count {
            fall += slope[index] * move[index]
            if move[index] < 0 { share = min(share, -0.9 * x[index] / move[index]) }
        }
        for _ in 0..<40 {
            for index in 0..<count { trial[index] = x[index] + share * move[index] }
            let next = merit(matrix, trial, k, power)
            // Near the end the merit is the same to all its digits: then the full step is right.
            if next <= value + 1e-4 * share * fall || abs(fall) < 1e-12 * max(1, abs(value)), next.isFinite {
                for index in 0..<count { x[index] = trial[index] }
                return next
            }
            share *= 0.5
        }
        return nil
    }

    private func merit(_ matrix: Numbers, _ x: Numbers, _ k: Numbers, _ power: Double) -> Double {
        var value = 0.5 * SmallSymmetric.product(x, matrix, x, size: problem.size)
        for index in 0..<problem.size {
            value -=
                k[index] * (power == 1 ? log(x[index]) : pow(x[index], 1 - power) / (1 - power))
        }
        return value
    }
}
