import MTLEngine
import MTLKernels
import Testing

private let levels = 0...mtl_cpu_best_level()

/// Every rule on the rows that a batch touches, against its formula in Double.
@Suite struct TableOptimizerKernelTests {
    static let widths = [1, 3, 7, 8, 16, 17, 33]
    private static let rows = 9
    /// Rows 1, 4 and 6 are not touched.
    private static let touched: [Int32] = [5, 0, 8, 2, 7, 3]

    enum Rule: CaseIterable {
        case sgd, adagrad, rowAdagrad, adam, ftrl

        func state(_ width: Int) -> Int {
            switch self {
            case .sgd: 0
            case .adagrad: width
            case .rowAdagrad: 1
            case .adam, .ftrl: 2 * width
            }
        }

        func run<T>(
            _ k: ElementwiseKernels<T>, _ slots: Range<Int>, _ width: Int, _ table: inout [T],
            _ state: inout [T], _ sums: [T], decay: Double
        ) {
            let (first, last, touched) = (
                slots.lowerBound, slots.upperBound, TableOptimizerKernelTests.touched
            )
            switch self {
            case .sgd: k.embed_sgd(first, last, touched, width, &table, sums, 0.1, decay)
            case .adagrad:
                k.embed_adagrad(first, last, touched, width, &table, &state, sums, 0.1, 1e-3, decay)
            case .rowAdagrad:
                k.embed_row_adagrad(first, last, touched, width, &table, &state, sums, 0.1, 1e-3, decay)
            case .adam:
                k.embed_adam(
                    first, last, touched, width, &table, &state, sums, 0.1, 0.9, 0.99, 0.1, 0.01, 1e-3, 0.19,
                    0.2, decay)
            case .ftrl:
                k.embed_ftrl(
                    first, last, touched, width, &table, &state, sums, 0.1, 0.7, 0.4, 0.2, decay)
            }
        }

        /// The formula, on one row.
        func reference(_ p: [Double], _ state: [Double], _ g: [Double]) -> (p: [Double], state: [Double]) {
            let width = p.count
            switch self {
            case .sgd: return (zip(p, g).map { $0 - 0.1 * $1 }, [])
            case .adagrad:
                let sums = zip(state, g).map { $0 + $1 * $1 }
                return (
                    (0..<width).map { p[$0] - 0.1 * g[$0] / (sums[$0].squareRoot() + 1e-3) }, sums
                )
            case .rowAdagrad:
                let sum = state[0] + g.reduce(0) { $0 + $1 * $1 } / Double(width)
                return (zip(p, g).map { $0 - 0.1 / (sum.squareRoot() + 1e-3) * $1 }, [sum])
            case .adam:
                let m = (0..<width).map { 0.9 * state[$0] + 0.1 * g[$0] }
                let v = (0..<width).map { 0.99 * state[width + $0] + 0.01 * g[$0] * g[$0] }
                let step = 0.1 / 0.19 * 0.2
                return ((0..<width).map { p[$0] - step * m[$0] / (v[$0].squareRoot() + 1e-3) }, m + v)
            case .ftrl:
                var result = (p: p, state: state)
                for x in 0..<width {
                    let n = state[width + x] + g[x] * g[x]
                    let sigma = (n.squareRoot() - state[width + x].squareRoot()) / 0.1
                    let z = state[x] + g[x] - sigma * p[x]
                    result.state[x] = z
                    result.state[width + x] = n
                    result.p[x] =
                        abs(z) <= 0.4
                        ? 0 : -(z < 0 ? -1 : 1) * (abs(z) - 0.4) / ((0.7 + n.squareRoot()) / 0.1 + 0.2)
                }
                return result
            }
        }
    }

    @Test(arguments: levels, Rule.allCases) func rulesMatchTheirFormulas(level: Int32, rule: Rule) {
        check(ElementwiseKernels(Float.self, level: level), room: 2e-6)
        check(ElementwiseKernels(Double.self, level: level), room: 1e-14)
        func check<T>(_ k: ElementwiseKernels<T>, room: Double) {
            for (width, decay) in Self.widths.flatMap({ w in [0, 0.3].map { (w, $0) } }) {
                var noise = KernelNoise(width)
                let each = rule.state(width)
                let table: [T] = noise.list(Self.rows * width, 1)
                let state: [T] = noise.list(Self.rows * each, 1).map { (value: T) in abs(value) }
                let sums: [T] = noise.list(Self.touched.count * width, 2)
                var (found, remembered) = (table, state)
                rule.run(k, 0..<Self.touched.count, width, &found, &remembered, sums, decay: decay)

                var (expected, kept) = (table.map { Double($0) }, state.map { Double($0) })
                for (slot, row) in Self.touched.map({ Int($0) }).enumerated() {
                    let (place, memory) = (row * width..<(row + 1) * width, row * each..<(row + 1) * each)
                    let p = Array(expected[place])
                    let g = (0..<width).map { Double(sums[slot * width + $0]) + decay * p[$0] }
                    let stepped = rule.reference(p, Array(kept[memory]), g)
                    expected.replaceSubrange(place, with: stepped.p)
                    kept.replaceSubrange(memory, with: stepped.state)
                }
                let what = "\(rule), \(width) wide"
                for (a, b) in zip(found + remembered, expected + kept) {
                    #expect(abs(Double(a) - b) <= room * (1 + 4 * abs(b)), "\(what)")
                }

                // Rows shared out otherwise.
                var (again, memory) = (table, state)
                for slots in [0..<1, 1..<4, 4..<4, 4..<6] {
                    rule.run(k, slots, width, &again, &memory, sums, decay: decay)
                }
                #expect(again == found && memory == remembered, "\(what)")
            }
        }
    }

    /// The levels with fused multiplication agree bit by bit.
    @Test(arguments: Rule.allCases) func longerVectorsGiveTheSameBits(rule: Rule) {
        guard mtl_cpu_best_level() > 1 else { return }
        for width in Self.widths {
            var noise = KernelNoise(width)
            let table: [Float] = noise.list(Self.rows * width, 1)
            let sums: [Float] = noise.list(Self.touched.count * width, 2)
            let results = [Int32(1), 2].map { level in
                var (found, state) = (table, [Float](repeating: 0.5, count: Self.rows * rule.state(width)))
                rule.run(
                    ElementwiseKernels(Float.self, level: level), 0..<Self.touched.count, width, &found,
                    &state, sums, decay: 0.01)
                return found + state
            }
            #expect(results[0] == results[1], "\(width) wide")
        }
    }

    @Test(arguments: levels) func nothingNumericIsHidden(level: Int32) {
        let kernels = ElementwiseKernels(Float.self, level: level)
        for rule in Rule.allCases {
            var table = [Float](repeating: 1, count: Self.rows * 3)
            var state = [Float](repeating: 0, count: Self.rows * rule.state(3))
            var sums = [Float](repeating: 0, count: Self.touched.count * 3)
            sums[0] = .nan
            rule.run(kernels, 0..<Self.touched.count, 3, &table, &state, sums, decay: 0)
            #expect(table[15].isNaN, "\(rule)")
            #expect(table.filter(\.isNaN).count == (rule == .rowAdagrad ? 3 : 1), "\(rule)")
        }
        // Without a gradient, a beta and an l2 the quotient is 0 / 0.
        var (table, state) = ([Float](repeating: 1, count: 9), [Float](repeating: 0, count: 18))
        kernels.embed_ftrl(0, 1, [1], 1, &table, &state, [0], 0.1, 0, 0, 0, 0)
        #expect(table == [1, 0, 1, 1, 1, 1, 1, 1, 1])
    }

    /// Rows of an average that the steps left alone, and those that one has just changed.
    @Test(arguments: levels) func averagesOfRowsCatchUp(level: Int32) {
        check(ElementwiseKernels(Float.self, level: level), room: 1e-6)
        check(ElementwiseKernels(Double.self, level: level), room: 1e-14)
        func check<T>(_ k: ElementwiseKernels<T>, room: Double) {
            for width in Self.widths {
                var noise = KernelNoise(width)
                let table: [T] = noise.list(Self.rows * width, 1)
                let before: [T] = noise.list(Self.rows * width, 1)
                // From the rising part, from its end, in and above the table of powers, one not behind.
                let stamps: [Int32] = [7, 0, 2, 5, 3, 1, 7, 4, 6]
                let powers = [1, 0.75]
                func kept(_ step: Int32) -> Double {
                    step <= 4 ? Double(step - 1) / Double(step + 8) : 0.75
                }
                var (averages, latest) = (before, stamps)
                k.embed_settle(
                    0, Self.touched.count, Self.touched, width, table, &averages, &latest, 7, 0.75, 4, powers,
                    2)
                for row in 0..<Self.rows {
                    let isTouched = Self.touched.contains(Int32(row))
                    #expect(latest[row] == (isTouched ? 7 : stamps[row]))
                    let keep = isTouched ? (stamps[row]..<7).reduce(1) { $0 * kept($1 + 1) } : 1
                    for x in row * width..<(row + 1) * width {
                        let expected = keep * Double(before[x]) + (1 - keep) * Double(table[x])
                        #expect(abs(Double(averages[x]) - expected) <= room)
                    }
                }
                var taken = before
                k.embed_average(1, 3, Self.touched, width, table, &taken, 0.9, 0.1)
                for row in 0..<Self.rows {
                    for x in row * width..<(row + 1) * width {
                        let expected =
                            [0, 8].contains(row)
                            ? 0.9 * Double(before[x]) + 0.1 * Double(table[x]) : Double(before[x])
                        #expect(abs(Double(taken[x]) - expected) <= room)
                    }
                }
            }
        }
    }
}
