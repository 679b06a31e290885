import MTLEngine
import Testing

/// The matrix products against a slow reference in Double: every instruction set, both back ends, odd sizes.
@Suite struct ProductTests {
    static let computes =
        InstructionSet.allCases.filter(\.isAvailable).map { (MatrixBackend.kernels, $0) }
        + [(MatrixBackend.openBLAS, InstructionSet.best)]
    /// Rows, columns and depth around the tiles' edges, the packing of wide panels, and the block of 256.
    static let sizes = [
        (1, 1, 1), (1, 65, 7), (3, 64, 40), (7, 17, 5), (8, 32, 64), (9, 33, 257), (13, 3, 100),
        (70, 300, 19), (9, 512, 300), (5, 1, 600), (0, 4, 3), (4, 6, 0),
    ]

    /// Numbers of a matrix with spare columns, which must stay as they are.
    private final class Grid<Scalar: BLASScalar> {
        let storage: AlignedStorage<Scalar>
        let view: MatrixView<Scalar>

        init(_ rows: Int, _ columns: Int, spare: Int, _ generator: inout SeededGenerator) {
            let stride = max(1, columns + spare)
            storage = AlignedStorage(zeroed: rows * stride)
            for index in 0..<rows * stride { storage.base[index] = Scalar(generator.normal()) }
            view = MatrixView(storage.base, rows: rows, columns: columns, stride: stride)
        }

        subscript(row: Int, column: Int) -> Double { Double(storage.base[row * view.stride + column]) }
        var all: [Scalar] { withExtendedLifetime(self) { Array(storage.buffer) } }
    }

    private enum Finish: CaseIterable { case none, accumulate, bias, biasReLU, gate, accumulateGate }

    /// One pair of factors with what their product is, and how large its terms are, in Double.
    private final class Case<Scalar: BLASScalar> {
        let a: Grid<Scalar>
        let b: Grid<Scalar>
        var sums: [Double] = []
        var sizes: [Double] = []

        init(_ size: (Int, Int, Int), transposed: Bool, _ generator: inout SeededGenerator) {
            let (m, n, k) = size
            a = Grid(transposed ? k : m, transposed ? m : k, spare: 3, &generator)
            b = Grid(k, n, spare: n == 512 ? 0 : 2, &generator)
            let left = a.all.map(Double.init)
            let right = b.all.map(Double.init)
            let (down, along) = transposed ? (1, a.view.stride) : (a.view.stride, 1)
            for row in 0..<m {
                for column in 0..<n {
                    var (sum, size) = (0.0, 0.0)
                    for p in 0..<k {
                        let term = left[row * down + p * along] * right[p * b.view.stride + column]
                        sum += term
                        size += abs(term)
                    }
                    sums.append(sum)
                    sizes.append(size)
                }
            }
        }
    }

    private func check<Scalar: BLASScalar>(_: Scalar.Type, size: (Int, Int, Int), transposed: Bool) {
        let (m, n, k) = size
        var generator = SeededGenerator(seed: UInt64(m * 1000 + n * 10 + k))
        let factors = Case<Scalar>(size, transposed: transposed, &generator)
        let gate = Grid<Scalar>(m, n, spare: 1, &generator)
        let bias = Grid<Scalar>(1, n, spare: 0, &generator)
        for compute in Self.computes {
            let product = Product<Scalar>(backend: compute.0, instructions: compute.1)
            for finish in Finish.allCases where !transposed || finish == .none || finish == .accumulate {
                let c = Grid<Scalar>(m, n, spare: 5, &generator)
                let before = c.all
                let adds = finish == .accumulate || finish == .accumulateGate
                let epilogue: Product<Scalar>.Epilogue
                switch finish {
                case .none, .accumulate: epilogue = .none
                case .bias: epilogue = .bias(UnsafePointer(bias.view.base))
                case .biasReLU: epilogue = .biasReLU(UnsafePointer(bias.view.base))
                case .gate, .accumulateGate: epilogue = .gate(gate.view)
                }
                let (a, b) = (factors.a.view, factors.b.view)
                if transposed {
                    product.multiplyTransposed(a, b, into: c.view, accumulate: adds)
                } else {
                    product.multiply(a, b, into: c.view, accumulate: adds, epilogue: epilogue)
                }
                let after = c.all
                for index in after.indices {
                    let (row, column) = (index / c.view.stride, index % c.view.stride)
                    guard column < n, row < m else {
                        guard after[index] == before[index] else {
                            Issue.record("\(compute) \(finish): a spare element changed")
                            return
                        }
                        continue
                    }
                    let start = adds ? Double(before[index]) : 0
                    var sum = factors.sums[row * n + column] + start
                    let size = factors.sizes[row * n + column] + abs(start) + 4
                    if finish == .bias || finish == .biasReLU { sum += bias[0, column] }
                    if finish == .biasReLU { sum = max(sum, 0) }
                    if finish == .gate || finish == .accumulateGate {
                        sum = gate[row, column] > 0 ? sum : 0
                    }
                    // The bound of a sum of k + 2 rounded terms.
                    let bound = Double(k + 2) * Double(Scalar.ulpOfOne) * size
                    guard abs(Double(after[index]) - sum) <= bound else {
                        Issue.record(
                            "\(compute) \(finish) [\(row), \(column)]: \(after[index]), expected \(sum)")
                        return
                    }
                }
                withExtendedLifetime((c, factors, gate, bias)) {}
            }
        }
    }

    @Test(arguments: sizes)
    func agreeWithTheReference(size: (Int, Int, Int)) {
        for transposed in [false, true] {
            check(Float.self, size: size, transposed: transposed)
            check(Double.self, size: size, transposed: transposed)
        }
    }

    @Test(arguments: [(1, 1, 1), (5, 3, 64), (33, 4, 65), (9, 7, 130), (2, 21, 3)])
    func narrowProductsAgreeWithTheReference(size: (Int, Int, Int)) {
        let (m, n, k) = size
        for compute in Self.computes {
            var generator = SeededGenerator(seed: 3)
            let product = Product<Float>(backend: compute.0, instructions: compute.1)
            let (a, b) = (Grid<Float>(m, k, spare: 2, &generator), Grid<Float>(n, k, spare: 0, &generator))
            let (c, bias) = (Grid<Float>(m, n, spare: 1, &generator), Grid<Float>(1, n, spare: 0, &generator))
            product.multiplyNarrow(
                a.view, byTransposeOf: b.view, bias: UnsafePointer(bias.view.base), into: c.view)
            for row in 0..<m {
                for column in 0..<n {
                    let terms = (0..<k).map { a[row, $0] * b[column, $0] }
                    let size = terms.reduce(1) { $0 + abs($1) } + 3
                    let error = abs(c[row, column] - bias[0, column] - terms.reduce(0, +))
                    #expect(error <= Double(k + 2) * Double(Float.ulpOfOne) * size)
                }
            }
            withExtendedLifetime((a, b, c, bias)) {}
        }
    }

    /// ReLU hides no NaN, as PyTorch's does not.
    @Test func reluKeepsNaN() {
        for compute in Self.computes {
            var generator = SeededGenerator(seed: 1)
            let (a, b) = (Grid<Float>(2, 3, spare: 0, &generator), Grid<Float>(3, 4, spare: 0, &generator))
            let (c, bias) = (Grid<Float>(2, 4, spare: 0, &generator), Grid<Float>(1, 4, spare: 0, &generator))
            a.storage.base[0] = .nan
            Product<Float>(backend: compute.0, instructions: compute.1).multiply(
                a.view, b.view, into: c.view, epilogue: .biasReLU(UnsafePointer(bias.view.base)))
            #expect((0..<4).allSatisfy { c[0, $0].isNaN && !c[1, $0].isNaN })
            withExtendedLifetime((a, b, c, bias)) {}
        }
    }
}
