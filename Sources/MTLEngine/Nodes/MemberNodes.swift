/// y = x ⊙ r: every column of x times a factor of its own.
package struct ScaleNode: NodeOperation {
    package var x: GraphValue
    package var y: GraphValue
    /// Where the factors `[x.width]` lie in the parameter vector.
    package var factors: Int
    package var dx = GradientMode.none

    package var output: GraphValue { y }

    package func part(_ some: Range<Int>) -> ScaleNode {
        var copy = self
        copy.x = x.columns(some)
        copy.y = y.columns(some)
        copy.factors += some.lowerBound
        return copy
    }

    package func inputs(_ lists: [Int32]) -> [GraphValue] { [x] }

    package mutating func setGradient(_ mode: GradientMode, of _: Int, lists: inout [Int32]) { dx = mode }

    package var parameters: [ParameterRange] {
        [ParameterRange(start: factors, count: x.width, rowLength: 1, scenario: nil, transposed: nil)]
    }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        scale(tile.view(x), by: tile.parameters + factors, into: tile.view(y), adds: false, level: tile.level)
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        let (from, d) = (tile.view(x), tile.gradient(y))
        Scalar._columnDots(
            level: tile.level, rows: tile.rows, columns: x.width, a: from.base, lda: from.stride, b: d.base,
            ldb: d.stride, target: tile.gradients + factors, adds: !tile.isFirst)
        let read = x.differentiable
        guard dx != .none, read.width > 0 else { return }
        let first = x.width - read.width
        scale(
            d.columns(first..<x.width), by: tile.parameters + factors + first, into: tile.gradient(read),
            adds: dx == .add, level: tile.level)
    }

    /// The product is the same on the way up and down.
    private func scale<Scalar: BLASScalar>(
        _ from: MatrixView<Scalar>, by factors: UnsafeMutablePointer<Scalar>, into to: MatrixView<Scalar>,
        adds: Bool, level: Int32
    ) {
        Scalar._affineBackward(
            level: level, rows: from.rows, columns: from.columns, gain: factors, dy: from.base,
            lddy: from.stride, dx: to.base, lddx: to.stride, adds: adds)
    }
}

/// A node of which every member of a packed ensemble has parameters of its own, `stride` apart.
///
/// The node inside is the first member's: a tile on its way through another member has that one's parameters in their place.
package struct MemberNode: NodeOperation {
    package enum Inner: Sendable {
        case scale(ScaleNode)
        case dense(DenseNode)
        case scenarioDense(ScenarioDenseNode)
    }

    package var inner: Inner
    package let members: Int
    /// Elements between the parameters of members, and between their transposes.
    package let stride: Int
    package let transposedStride: Int

    package init(_ inner: Inner, members: Int, stride: Int, transposedStride: Int) {
        self.inner = inner
        self.members = members
        self.stride = stride
        self.transposedStride = transposedStride
    }

    package var operation: any NodeOperation {
        switch inner {
        case .scale(let node): node
        case .dense(let node): node
        case .scenarioDense(let node): node
        }
    }

    package var output: GraphValue { operation.output }
    package var blockWidth: Int { operation.blockWidth }
    package var multiplyAdds: Int { operation.multiplyAdds }

    package func part(_ blocks: Range<Int>) -> MemberNode {
        var copy = self
        copy.inner =
            switch inner {
            case .scale(let node): .scale(node.part(blocks))
            case .dense(let node): .dense(node.part(blocks))
            case .scenarioDense(let node): .scenarioDense(node.part(blocks))
            }
        return copy
    }

    package func inputs(_ lists: [Int32]) -> [GraphValue] { operation.inputs(lists) }

    package mutating func setGradient(_ mode: GradientMode, of input: Int, lists: inout [Int32]) {
        switch inner {
        case .scale(var node):
            node.setGradient(mode, of: input, lists: &lists)
            inner = .scale(node)
        case .dense(var node):
            node.setGradient(mode, of: input, lists: &lists)
            inner = .dense(node)
        case .scenarioDense(var node):
            node.setGradient(mode, of: input, lists: &lists)
            inner = .scenarioDense(node)
        }
    }

    package var parameters: [ParameterRange] { ofAll(operation.parameters) }
    package func parameters(_ lists: [Int32]) -> [ParameterRange] { ofAll(operation.parameters(lists)) }

    private func ofAll(_ ranges: [ParameterRange]) -> [ParameterRange] {
        (0..<members).flatMap { member in
            ranges.map { range in
                var own = range
                own.start += member * stride
                own.transposed = range.transposed.map { $0 + member * transposedStride }
                return own
            }
        }
    }

    @inline(__always)
    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let own = tile.own(parameters: stride, transposes: transposedStride)
        switch inner {
        case .scale(let node): node.forward(own)
        case .dense(let node): node.forward(own)
        case .scenarioDense(let node): node.forward(own)
        }
    }

    @inline(__always)
    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        let own = tile.own(parameters: stride, transposes: transposedStride)
        switch inner {
        case .scale(let node): node.backward(own)
        case .dense(let node): node.backward(own)
        case .scenarioDense(let node): node.backward(own)
        }
    }
}
