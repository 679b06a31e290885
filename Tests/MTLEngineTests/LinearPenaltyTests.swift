import MTLEngine
import Testing

/// A proximal operator must minimise ½‖X - V‖² + τ p(X), with p as its definition says.
@Suite struct LinearPenaltyTests {
    private struct Definition {
        let name: String
        let penalty: any Penalty
        var isConvex = true
        let value: (Matrix) throws -> Double
    }

    private static func random(_ rows: Int, _ columns: Int, seed: UInt64, scale: Double = 1) -> Matrix {
        var generator = SeededGenerator(seed: seed)
        return Matrix(rows, columns, (0..<rows * columns).map { _ in scale * generator.normal() })
    }

    private static func nuclear(_ x: Matrix) throws -> Double { try SingularValues(x).sigma.reduce(0, +) }

    /// min over γ by bisection on the multiplier of Σγ ≤ k: γ = clip(σ/√ν - η, 0, 1).
    private static func box(_ sigma: [Double], eta: Double, k: Double) -> Double {
        func gamma(_ root: Double) -> [Double] { sigma.map { min(max($0 * root - eta, 0), 1) } }
        var (low, high) = (0.0, 1e12)
        for _ in 0..<300 {
            let middle = (low + high) / 2
            if gamma(middle).reduce(0, +) < k { low = middle } else { high = middle }
        }
        return zip(sigma, gamma(low)).reduce(0) { $0 + $1.0 * $1.0 / (eta + $1.1) }
    }

    private func definitions(columns: Int) throws -> [Definition] {
        func norms(_ x: Matrix) -> [Double] { (0..<x.rows).map { Self.length(x.row($0)) } }
        let root = Self.random(columns, columns, seed: 5)
        let quadratic = root.multiplied(by: root, transposeA: true)
        return [
            Definition(name: "l1", penalty: ElementPenalty(lambda: 0.7)) { x in
                0.7 * x.values.reduce(0) { $0 + abs($1) }
            },
            Definition(name: "l2,1", penalty: RowPenalty(lambda: 1.1)) { x in
                1.1 * norms(x).reduce(0, +)
            },
            Definition(name: "columns", penalty: ColumnPenalty(lambda: 1.6)) { x in
                1.6 * norms(x.transposed).reduce(0, +)
            },
            Definition(name: "l1,inf", penalty: RowMaximumPenalty(lambda: 1.3)) { x in
                1.3 * (0..<x.rows).reduce(0) { $0 + (x.row($1).map { abs($0) }.max() ?? 0) }
            },
            Definition(name: "no l1,inf", penalty: RowMaximumPenalty(lambda: 0)) { _ in 0 },
            Definition(name: "ridge and l2,1", penalty: RidgePenalty(rho: 0.4, other: RowPenalty(lambda: 1)))
            { x in norms(x).reduce(0) { $0 + $1 + 0.4 * $1 * $1 } },
            Definition(name: "trace norm", penalty: TraceNormPenalty(lambda: 0.9)) { x in
                try 0.9 * Self.nuclear(x)
            },
            Definition(name: "trace ball", penalty: TraceBall(radius: 2.5)) { x in
                try Self.nuclear(x) <= 2.5 * (1 + 1e-13) ? 0 : .infinity
            },
            Definition(name: "squared trace norm", penalty: SquaredTraceNormPenalty(lambda: 0.2)) { x in
                let norm = try Self.nuclear(x)
                return 0.2 * norm * norm
            },
            Definition(name: "box", penalty: SpectralBoxPenalty(c: 0.6, eta: 0.3, k: 2)) { x in
                0.6 * Self.box(try SingularValues(x).sigma, eta: 0.3, k: 2)
            },
            Definition(name: "tasks' quadratic", penalty: try TaskQuadraticPenalty(quadratic)) { x in
                x.multiplied(by: quadratic).dot(x)
            },
            Definition(
                name: "tail", penalty: SpectralTailPenalty(lambda: 0.8, free: 2), isConvex: false
            ) { x in 0.8 * (try SingularValues(x).sigma.dropFirst(2).reduce(0) { $0 + $1 * $1 }) },
        ]
    }

    private static func length(_ values: [Double]) -> Double {
        values.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }

    @Test(arguments: [(7, 4), (3, 5), (1, 3), (4, 1)], [0.05, 0.6, 4])
    func proxMinimisesItsDefinition(_ shape: (rows: Int, columns: Int), step: Double) throws {
        let v = Self.random(shape.rows, shape.columns, seed: 1, scale: 1.5)
        for definition in try definitions(columns: shape.columns) {
            let (x, value) = try definition.penalty.proximal(v, step: step)
            let defined = try definition.value(x)
            #expect(abs(value - defined) <= 1e-9 * (1 + defined), "\(definition.name): \(value), \(defined)")
            func objective(_ z: Matrix) throws -> Double {
                try z.adding(-1, v).squaredNorm / 2 + step * definition.value(z)
            }
            let minimum = try objective(x)
            for trial in 0..<120 {
                // Random steps, and those that a wrong amount of shrinking would show in.
                let direction =
                    switch trial % 4 {
                    case 0: x.scaled(-1)
                    case 1: v.adding(-1, x)
                    default: Self.random(shape.rows, shape.columns, seed: UInt64(100 + trial))
                    }
                for size in [1e-3, -1e-3, 0.1, -0.1, 1] {
                    let moved = x.adding(size, direction)
                    // Beside a convex penalty the objective is strongly convex with modulus 1.
                    let gain = definition.isConvex ? moved.adding(-1, x).squaredNorm / 2 : 0
                    let least = minimum + gain
                    #expect(try objective(moved) >= least - 1e-9 * (1 + least), "\(definition.name)")
                }
            }
        }
    }

    @Test func zeroMatricesStayZero() throws {
        for definition in try definitions(columns: 3) {
            let (x, value) = try definition.penalty.proximal(Matrix(zeros: 4, 3), step: 0.5)
            #expect(x.values.allSatisfy { $0 == 0 } && value == 0, "\(definition.name)")
        }
    }

    @Test(arguments: [(7, 4), (4, 7), (5, 5), (1, 6), (6, 1)])
    func singularValuesComposeTheMatrix(_ shape: (rows: Int, columns: Int)) throws {
        let a = Self.random(shape.rows, shape.columns, seed: 3)
        let svd = try SingularValues(a)
        #expect(svd.with(svd.sigma).adding(-1, a).squaredNorm < 1e-26)
        #expect(svd.sigma == svd.sigma.sorted(by: >))
        try expectIdentity(svd.u.multiplied(by: svd.u, transposeA: true))
        try expectIdentity(svd.vt.multiplied(by: svd.vt, transposeB: true))
    }

    @Test func eigenvaluesComposeTheMatrix() throws {
        let root = Self.random(6, 6, seed: 4)
        let a = root.adding(1, root.transposed)
        let eigen = try SymmetricEigenvalues(a)
        let composed = eigen.vt.transposed.scalingColumns(eigen.lambda).multiplied(by: eigen.vt)
        #expect(composed.adding(-1, a).squaredNorm < 1e-24)
        #expect(eigen.lambda == eigen.lambda.sorted())
        try expectIdentity(eigen.vt.multiplied(by: eigen.vt, transposeB: true))
    }

    @Test func decompositionsOfWhatIsNoNumberThrow() {
        let bad = Matrix(2, 2, [1, .nan, 0, 1])
        #expect(throws: InputError.self) { try SingularValues(bad) }
        #expect(throws: InputError.self) { try SymmetricEigenvalues(Matrix(2, 2, [1, .nan, .nan, 1])) }
    }

    private func expectIdentity(_ a: Matrix) throws {
        for row in 0..<a.rows {
            for column in 0..<a.columns {
                #expect(abs(a[row, column] - (row == column ? 1 : 0)) < 1e-13)
            }
        }
    }
}
