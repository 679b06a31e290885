/// y = Σ_e g_e x_e over the experts that one gate sees (Ma et al., *Modeling Task Relationships in Multi-task
/// Learning with Multi-gate Mixture-of-Experts*, KDD 2018).
package struct MixtureNode: NodeOperation {
    /// The columns that hold the experts, seen or not.
    package let experts: GraphValue
    package let gates: GraphValue
    package let y: GraphValue
    package let count: Int
    /// Where the list of the experts' first columns begins among the lists, and the one of their gradients' modes.
    package let first: Int
    package let modes: Int
    package var dGates = GradientMode.none

    package var output: GraphValue { y }
    package var blockWidth: Int { y.width }

    package func part(_: Range<Int>) -> MixtureNode { self }

    package func inputs(_ lists: [Int32]) -> [GraphValue] {
        [gates]
            + (0..<count).map { index in
                let start = Int(lists[first + index])
                return experts.columns(start..<start + y.width)
            }
    }

    package mutating func setGradient(_ mode: GradientMode, of input: Int, lists: inout [Int32]) {
        if input == 0 { dGates = mode } else { lists[modes + input - 1] = mode.rawValue }
    }

    package var multiplyAdds: Int { count * y.width }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let (x, g, to) = (tile.view(experts), tile.view(gates), tile.view(y))
        Scalar._mixture(
            level: tile.level, rows: tile.rows, count: count, width: y.width, x: x.base, ldx: x.stride,
            first: tile.lists + first, g: g.base, ldg: g.stride, y: to.base, ldy: to.stride)
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        let (x, g, d) = (tile.view(experts), tile.view(gates), tile.gradient(y))
        let dx = tile.gradient(experts)
        let dg = dGates == .none ? nil : tile.gradient(gates)
        Scalar._mixtureBackward(
            level: tile.level, rows: tile.rows, count: count, width: y.width, x: x.base, ldx: x.stride,
            first: tile.lists + first, g: g.base, ldg: g.stride, dy: d.base, lddy: d.stride, dx: dx.base,
            lddx: dx.stride, modes: tile.lists + modes, dg: dg?.base, lddg: dg?.stride ?? 0,
            adds: dGates == .add)
    }
}

/// y_i = Σ_j α_ij x_j over blocks (Misra et al., *Cross-stitch Networks for Multi-task Learning*, arXiv 1604.03539).
package struct StitchNode: NodeOperation {
    package let x: GraphValue
    package let y: GraphValue
    package let count: Int
    package let alpha: Int
    package var outs: Range<Int>
    package var dx = GradientMode.none

    private var width: Int { x.width / count }
    package var output: GraphValue { y.columns(outs.lowerBound * width..<outs.upperBound * width) }
    package var blockWidth: Int { width }

    package func part(_ some: Range<Int>) -> StitchNode {
        var copy = self
        copy.outs = outs.lowerBound + some.lowerBound..<outs.lowerBound + some.upperBound
        return copy
    }

    package func inputs(_ lists: [Int32]) -> [GraphValue] { [x] }

    package mutating func setGradient(_ mode: GradientMode, of _: Int, lists: inout [Int32]) { dx = mode }

    package var parameters: [ParameterRange] {
        [
            ParameterRange(
                start: alpha + outs.lowerBound * count, count: outs.count * count, rowLength: 1,
                scenario: nil, transposed: nil)
        ]
    }

    package var multiplyAdds: Int { outs.count * count * width }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let (from, to) = (tile.view(x), tile.view(output))
        Scalar._stitch(
            level: tile.level, rows: tile.rows, outs: outs.count, ins: count, width: width,
            alpha: tile.parameters + alpha + outs.lowerBound * count, rowStride: count, columnStride: 1,
            x: from.base, ldx: from.stride, y: to.base, ldy: to.stride, adds: false)
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        let (from, d) = (tile.view(x), tile.gradient(output))
        Scalar._stitchGradient(
            level: tile.level, rows: tile.rows, outs: outs.count, ins: count, width: width, dy: d.base,
            lddy: d.stride, x: from.base, ldx: from.stride,
            dalpha: tile.gradients + alpha + outs.lowerBound * count, adds: !tile.isFirst)
        guard dx != .none else { return }
        let to = tile.gradient(x)
        Scalar._stitch(
            level: tile.level, rows: tile.rows, outs: count, ins: outs.count, width: width,
            alpha: tile.parameters + alpha + outs.lowerBound * count, rowStride: 1, columnStride: count,
            x: d.base, ldx: d.stride, y: to.base, ldy: to.stride, adds: dx == .add)
    }
}
