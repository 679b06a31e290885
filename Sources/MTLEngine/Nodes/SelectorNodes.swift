#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// y = θ for every row, trained or not.
package struct ParameterNode: NodeOperation {
    package var y: GraphValue
    package var start: Int
    package var isTrained = true

    package var output: GraphValue { y }

    package func part(_ some: Range<Int>) -> ParameterNode {
        ParameterNode(y: y.columns(some), start: start + some.lowerBound, isTrained: isTrained)
    }

    package func inputs(_ lists: [Int32]) -> [GraphValue] { [] }

    package mutating func setGradient(_: GradientMode, of _: Int, lists: inout [Int32]) {}

    package var parameters: [ParameterRange] {
        isTrained
            ? [ParameterRange(start: start, count: y.width, rowLength: 1, scenario: nil, transposed: nil)]
            : []
    }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let to = tile.view(y)
        for row in 0..<tile.rows {
            (to.base + row * to.stride).update(from: tile.parameters + start, count: y.width)
        }
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        guard isTrained else { return }
        let d = tile.gradient(y)
        Scalar._columnSums(
            level: tile.level, rows: tile.rows, columns: y.width, source: d.base, ld: d.stride,
            target: tile.gradients + start, accumulate: !tile.isFirst)
    }
}

/// Smooth-step selectors (Hazimeh et al., *DSelect-k*, arXiv 2106.03760, equations 4 to 6).
///
/// A selector has m bits z; S(z) is 0 below -γ/2, 1 above γ/2 and -2z³/γ³ + 3z/(2γ) + ½ between. Expert e has weight
/// Π_b S(z_b) where bit b of e is 1, 1 - S(z_b) where it is 0.
package struct BitSelectorNode: NodeOperation {
    /// `[rows, selectors · bits]`
    package var x: GraphValue
    /// `[rows, selectors · experts]`
    package var y: GraphValue
    package let bits: Int
    package let experts: Int
    package let gamma: Double
    package var dx = GradientMode.none

    package var output: GraphValue { y }
    package var blockWidth: Int { experts }

    package func part(_ some: Range<Int>) -> BitSelectorNode {
        var copy = self
        copy.x = x.columns(some.lowerBound * bits..<some.upperBound * bits)
        copy.y = y.columns(some.lowerBound * experts..<some.upperBound * experts)
        return copy
    }

    package func inputs(_ lists: [Int32]) -> [GraphValue] { [x] }

    package mutating func setGradient(_ mode: GradientMode, of _: Int, lists: inout [Int32]) { dx = mode }

    private func step(_ z: Double) -> Double {
        if z <= -gamma / 2 { return 0 }
        if z >= gamma / 2 { return 1 }
        let share = z / gamma
        return (1.5 - 2 * share * share) * share + 0.5
    }

    private func slope(_ z: Double) -> Double {
        guard abs(z) < gamma / 2 else { return 0 }
        let share = z / gamma
        return (1.5 - 6 * share * share) / gamma
    }

    /// The product of an expert's bits but one.
    private func weight<Scalar: BLASScalar>(
        _ expert: Int, _ z: UnsafePointer<Scalar>, without skipped: Int = -1
    ) -> Double {
        var product = 1.0
        for bit in 0..<bits where bit != skipped {
            let on = step(Double(z[bit]))
            product *= expert >> bit & 1 == 1 ? on : 1 - on
        }
        return product
    }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let (from, to) = (tile.view(x), tile.view(y))
        for row in 0..<tile.rows {
            for selector in 0..<y.width / experts {
                let z = UnsafePointer(from.base + row * from.stride + selector * bits)
                let r = to.base + row * to.stride + selector * experts
                for expert in 0..<experts { r[expert] = Scalar(weight(expert, z)) }
            }
        }
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        guard dx != .none else { return }
        let (from, d, to) = (tile.view(x), tile.gradient(y), tile.gradient(x))
        for row in 0..<tile.rows {
            for selector in 0..<y.width / experts {
                let z = UnsafePointer(from.base + row * from.stride + selector * bits)
                let dr = d.base + row * d.stride + selector * experts
                let dz = to.base + row * to.stride + selector * bits
                for bit in 0..<bits {
                    var sum = 0.0
                    let rise = slope(Double(z[bit]))
                    if rise != 0 {
                        for expert in 0..<experts {
                            let rest = weight(expert, z, without: bit)
                            sum += Double(dr[expert]) * (expert >> bit & 1 == 1 ? rest : -rest)
                        }
                    }
                    let value = Scalar(sum * rise)
                    dz[bit] = dx == .add ? dz[bit] + value : value
                }
            }
        }
    }
}

/// The value of a `JointLoss.selection` over a tile; its gradient is added.
func _selectionLoss<Scalar: BLASScalar>(
    _ r: MatrixView<Scalar>, gradient d: MatrixView<Scalar>, count: Int, entropy: Double, reach: Double,
    scale: Double
) -> Double {
    // What the authors add before the logarithm.
    let epsilon = 1e-6
    var sum = 0.0
    for row in 0..<r.rows {
        for selector in 0..<r.columns / count {
            let from = r.base + row * r.stride + selector * count
            let to = d.base + row * d.stride + selector * count
            var mass = 0.0
            for expert in 0..<count { mass += Double(from[expert]) }
            mass = max(mass, epsilon)
            sum += reach / mass
            for expert in 0..<count {
                let p = Double(from[expert])
                let logarithm = log(p + epsilon)
                sum -= entropy * p * logarithm
                let slope = -entropy * (logarithm + p / (p + epsilon)) - reach / (mass * mass)
                to[expert] += Scalar(scale * slope)
            }
        }
    }
    return scale * sum
}

/// Hard-concrete gates, the same for all rows of a step (Louizos et al., *Learning Sparse Neural Networks through L0
/// Regularization*, arXiv 1712.01312, equations 10 to 13).
///
/// In training z = clip(s(ζ - γ) + γ, 0, 1) with s = σ((log u - log(1 - u) + log α)/β), u drawn anew every step from its
/// counter; in prediction s = σ(log α).
package struct HardConcreteNode: NodeOperation {
    package var y: GraphValue
    /// log α of the first gate.
    package var start: Int
    package var first = 0
    package let number: UInt64
    package let beta: Double
    package let gamma: Double
    package let zeta: Double

    package var output: GraphValue { y }

    package func part(_ some: Range<Int>) -> HardConcreteNode {
        var copy = self
        copy.y = y.columns(some)
        copy.start = start + some.lowerBound
        copy.first = first + some.lowerBound
        return copy
    }

    package func inputs(_ lists: [Int32]) -> [GraphValue] { [] }

    package mutating func setGradient(_: GradientMode, of _: Int, lists: inout [Int32]) {}

    package var parameters: [ParameterRange] {
        [ParameterRange(start: start, count: y.width, rowLength: 1, scenario: nil, transposed: nil)]
    }

    /// s of a gate.
    private func sigmoid<Scalar: BLASScalar>(_ gate: Int, _ tile: ForwardTile<Scalar>) -> Double {
        let logAlpha = Double(tile.parameters[start + gate])
        guard tile.isTraining else { return 1 / (1 + exp(-logAlpha)) }
        let draw = _draw(
            key: tile.dropoutKey &+ number &* 0xD134_2543_DE82_EF95, row: 0, column: first + gate)
        let u = (Double(draw) + 0.5) * 0x1p-32
        return 1 / (1 + exp(-(log(u) - log(1 - u) + logAlpha) / beta))
    }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let to = tile.view(y)
        for gate in 0..<y.width {
            let value = Scalar(min(1, max(0, sigmoid(gate, tile) * (zeta - gamma) + gamma)))
            for row in 0..<tile.rows { to.base[row * to.stride + gate] = value }
        }
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        let d = tile.gradient(y)
        for gate in 0..<y.width {
            let s = sigmoid(gate, tile.forward)
            let z = s * (zeta - gamma) + gamma
            var sum = 0.0
            if z > 0 && z < 1 {
                for row in 0..<tile.rows { sum += Double(d.base[row * d.stride + gate]) }
                sum *= (zeta - gamma) * s * (1 - s) / beta
            }
            let target = tile.gradients + start + gate
            target.pointee = tile.isFirst ? Scalar(sum) : target.pointee + Scalar(sum)
        }
    }
}

/// y = g ⊙ k/Σ(g ⊙ k), where k keeps an expert for a row or not; g where nothing would be left, and in prediction.
///
/// A row's expert is kept or dropped for all gates of the same number.
package struct ExpertDropoutNode: NodeOperation {
    package let x: GraphValue
    package let y: GraphValue
    package let rate: Double
    package let number: UInt64
    /// Where the experts' numbers begin among the lists.
    package let experts: Int
    package var dx = GradientMode.none

    package var output: GraphValue { y }
    package var blockWidth: Int { y.width }

    package func part(_: Range<Int>) -> ExpertDropoutNode { self }

    package func inputs(_ lists: [Int32]) -> [GraphValue] { [x] }

    package mutating func setGradient(_ mode: GradientMode, of _: Int, lists: inout [Int32]) { dx = mode }

    private func keeps<Scalar: BLASScalar>(_ row: Int, _ column: Int, _ tile: ForwardTile<Scalar>) -> Bool {
        let place = tile.positions.map { Int($0[row]) } ?? tile.start + row
        let draw = _draw(
            key: tile.dropoutKey &+ number &* 0xD134_2543_DE82_EF95, row: place,
            column: Int(tile.lists[experts + column]))
        return draw >= UInt32(rate * 0x1p32)
    }

    /// The sum of a row's kept gates; 0 for a row that keeps its gate as it is.
    private func kept<Scalar: BLASScalar>(
        _ row: Int, _ g: UnsafePointer<Scalar>, _ tile: ForwardTile<Scalar>
    ) -> Double {
        var sum = 0.0
        for column in 0..<y.width where keeps(row, column, tile) { sum += Double(g[column]) }
        return sum > 1e-6 ? sum : 0
    }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let (from, to) = (tile.view(x), tile.view(y))
        guard tile.isTraining else { return to.copy(from) }
        for row in 0..<tile.rows {
            let (g, out) = (UnsafePointer(from.base + row * from.stride), to.base + row * to.stride)
            let sum = kept(row, g, tile)
            for column in 0..<y.width {
                out[column] =
                    sum == 0 ? g[column] : keeps(row, column, tile) ? Scalar(Double(g[column]) / sum) : 0
            }
        }
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        guard dx != .none else { return }
        let (from, result, d, to) = (tile.view(x), tile.view(y), tile.gradient(y), tile.gradient(x))
        for row in 0..<tile.rows {
            let (g, p) = (UnsafePointer(from.base + row * from.stride), result.base + row * result.stride)
            let (dy, dg) = (d.base + row * d.stride, to.base + row * to.stride)
            let sum = kept(row, g, tile.forward)
            var dot = 0.0
            for column in 0..<y.width { dot += Double(p[column]) * Double(dy[column]) }
            for column in 0..<y.width {
                let value: Scalar =
                    sum == 0
                    ? dy[column]
                    : keeps(row, column, tile.forward) ? Scalar((Double(dy[column]) - dot) / sum) : 0
                dg[column] = dx == .add ? dg[column] + value : value
            }
        }
    }
}

/// 32 bits of a counter, as the kernels of dropout draw them.
private func _draw(key: UInt64, row: Int, column: Int) -> UInt32 {
    var mixed = key &+ UInt64(row) &* 0x9E37_79B9_7F4A_7C15
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    mixed ^= mixed >> 31
    var h = UInt32(truncatingIfNeeded: mixed) &+ UInt32(column) &* 0x9E37_79B1
    h = (h ^ (h >> 16)) &* 0x7FEB_352D
    h = (h ^ (h >> 15) ^ UInt32(mixed >> 32)) &* 0x846C_A68B
    return h ^ (h >> 16)
}
