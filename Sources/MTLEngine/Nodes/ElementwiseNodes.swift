/// y = alpha x, or y += alpha x: copies, sums and scalings.
package struct LinearNode: ColumnwiseNode {
    package var x: GraphValue
    package var y: GraphValue
    package let alpha: Double
    /// Whether another node has begun the sum.
    package let adds: Bool
    package var dx = GradientMode.none

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let (from, to) = (tile.view(x), tile.view(y))
        Scalar._linear(
            level: tile.level, rows: tile.rows, columns: x.width, alpha: Scalar(alpha), x: from.base,
            ldx: from.stride, y: to.base, ldy: to.stride, adds: adds)
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        let read = x.differentiable
        guard dx != .none, read.width > 0 else { return }
        let from = tile.gradient(y).columns(x.width - read.width..<x.width)
        let to = tile.gradient(read)
        Scalar._linear(
            level: tile.level, rows: tile.rows, columns: read.width, alpha: Scalar(alpha), x: from.base,
            ldx: from.stride, y: to.base, ldy: to.stride, adds: dx == .add)
    }
}

/// y = a ⊙ b, where a column of b serves `per` columns of a.
package struct ProductNode: NodeOperation {
    package var a: GraphValue
    package var b: GraphValue
    package var y: GraphValue
    package let per: Int
    package var da = GradientMode.none
    package var db = GradientMode.none

    package var output: GraphValue { y }
    package var blockWidth: Int { per }

    package func part(_ some: Range<Int>) -> ProductNode {
        let columns = some.lowerBound * per..<some.upperBound * per
        var copy = self
        copy.a = a.columns(columns)
        copy.b = b.columns(some)
        copy.y = y.columns(columns)
        return copy
    }

    package func inputs(_ lists: [Int32]) -> [GraphValue] { [a, b] }

    package mutating func setGradient(_ mode: GradientMode, of input: Int, lists: inout [Int32]) {
        if input == 0 { da = mode } else { db = mode }
    }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let (left, right, to) = (tile.view(a), tile.view(b), tile.view(y))
        Scalar._product(
            level: tile.level, rows: tile.rows, blocks: b.width, width: per, a: left.base, lda: left.stride,
            b: right.base, ldb: right.stride, y: to.base, ldy: to.stride, adds: false)
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        let d = tile.gradient(y)
        if da != .none {
            let (right, to) = (tile.view(b), tile.gradient(a))
            Scalar._product(
                level: tile.level, rows: tile.rows, blocks: b.width, width: per, a: d.base, lda: d.stride,
                b: right.base, ldb: right.stride, y: to.base, ldy: to.stride, adds: da == .add)
        }
        if db != .none {
            let (left, to) = (tile.view(a), tile.gradient(b))
            Scalar._dots(
                level: tile.level, rows: tile.rows, blocks: b.width, width: per, a: d.base, lda: d.stride,
                b: left.base, ldb: left.stride, y: to.base, ldy: to.stride, adds: db == .add)
        }
    }
}

/// y[b] = ⟨a[b], b[b]⟩ per row and block of `per` columns.
package struct DotsNode: NodeOperation {
    package var a: GraphValue
    package var b: GraphValue
    package var y: GraphValue
    package let per: Int
    package var da = GradientMode.none
    package var db = GradientMode.none

    package var output: GraphValue { y }

    package func part(_ some: Range<Int>) -> DotsNode {
        let columns = some.lowerBound * per..<some.upperBound * per
        var copy = self
        copy.a = a.columns(columns)
        copy.b = b.columns(columns)
        copy.y = y.columns(some)
        return copy
    }

    package func inputs(_ lists: [Int32]) -> [GraphValue] { [a, b] }

    package mutating func setGradient(_ mode: GradientMode, of input: Int, lists: inout [Int32]) {
        if input == 0 { da = mode } else { db = mode }
    }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let (left, right, to) = (tile.view(a), tile.view(b), tile.view(y))
        Scalar._dots(
            level: tile.level, rows: tile.rows, blocks: y.width, width: per, a: left.base, lda: left.stride,
            b: right.base, ldb: right.stride, y: to.base, ldy: to.stride, adds: false)
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        let d = tile.gradient(y)
        func spread(_ other: GraphValue, into target: GraphValue, _ mode: GradientMode) {
            guard mode != .none else { return }
            let (from, to) = (tile.view(other), tile.gradient(target))
            Scalar._product(
                level: tile.level, rows: tile.rows, blocks: y.width, width: per, a: from.base,
                lda: from.stride, b: d.base, ldb: d.stride, y: to.base, ldy: to.stride, adds: mode == .add)
        }
        spread(b, into: a, da)
        spread(a, into: b, db)
    }
}

/// y = act(x).
package struct ActivationNode: ColumnwiseNode {
    package var x: GraphValue
    package var y: GraphValue
    package let activation: Activation
    package var dx = GradientMode.none

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let (z, h) = (tile.view(x), tile.view(y))
        Scalar._activate(
            level: tile.level, activation: activation.code, rows: tile.rows, columns: x.width, z: z.base,
            ldz: z.stride, h: h.base, ldh: h.stride)
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        guard dx != .none else { return }
        let saved = tile.view(activation.savesInput ? x : y)
        let d = tile.gradient(y)
        // The output's gradient has no reader after this node.
        Scalar._activateBackward(
            level: tile.level, activation: activation.code, rows: tile.rows, columns: x.width,
            saved: saved.base, lds: saved.stride, d: d.base, ldd: d.stride)
        let to = tile.gradient(x)
        Scalar._linear(
            level: tile.level, rows: tile.rows, columns: x.width, alpha: 1, x: d.base, ldx: d.stride,
            y: to.base, ldy: to.stride, adds: dx == .add)
    }
}

/// y = softmax(scale x) of every block.
package struct SoftmaxNode: NodeOperation {
    package var x: GraphValue
    package var y: GraphValue
    package let count: Int
    package let scale: Double
    package var dx = GradientMode.none

    package var output: GraphValue { y }
    package var blockWidth: Int { count }

    package func part(_ some: Range<Int>) -> SoftmaxNode {
        let columns = some.lowerBound * count..<some.upperBound * count
        var copy = self
        copy.x = x.columns(columns)
        copy.y = y.columns(columns)
        return copy
    }

    package func inputs(_ lists: [Int32]) -> [GraphValue] { [x] }

    package mutating func setGradient(_ mode: GradientMode, of _: Int, lists: inout [Int32]) { dx = mode }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        var (z, p) = (tile.view(x), tile.view(y))
        if scale != 1 {
            Scalar._linear(
                level: tile.level, rows: tile.rows, columns: x.width, alpha: Scalar(scale), x: z.base,
                ldx: z.stride, y: p.base, ldy: p.stride, adds: false)
            z = p
        }
        for block in 0..<x.width / count {
            let columns = block * count..<(block + 1) * count
            let from = z.columns(columns)
            p = tile.view(y).columns(columns)
            Scalar._softmax(
                level: tile.level, rows: tile.rows, classes: count, logits: from.base, ld: from.stride,
                p: p.base, ldp: p.stride)
        }
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        guard dx != .none else { return }
        let (p, d, to) = (tile.view(y), tile.gradient(y), tile.gradient(x))
        Scalar._softmaxBackward(
            level: tile.level, rows: tile.rows, blocks: x.width / count, width: count, scale: Scalar(scale),
            y: p.base, ldy: p.stride, dy: d.base, lddy: d.stride, dz: to.base, lddz: to.stride,
            adds: dx == .add)
    }
}

/// y = x / (1 - rate) where a draw says keep, else 0; in prediction y = x.
package struct DropoutNode: NodeOperation {
    package var x: GraphValue
    package var y: GraphValue
    package let rate: Double
    /// The number of the node, so that no two draw alike, and its first column among the node's.
    package let number: UInt64
    package var firstColumn = 0
    package var dx = GradientMode.none

    package var output: GraphValue { y }

    package func part(_ some: Range<Int>) -> DropoutNode {
        var copy = self
        copy.x = x.columns(some)
        copy.y = y.columns(some)
        copy.firstColumn = firstColumn + some.lowerBound
        return copy
    }

    package func inputs(_ lists: [Int32]) -> [GraphValue] { [x] }

    package mutating func setGradient(_ mode: GradientMode, of _: Int, lists: inout [Int32]) { dx = mode }

    private func draw<Scalar: BLASScalar>(
        _ from: MatrixView<Scalar>, into to: MatrixView<Scalar>, adds: Bool, _ tile: ForwardTile<Scalar>
    ) {
        Scalar._dropout(
            level: tile.level, rows: tile.rows, columns: x.width,
            key: tile.dropoutKey &+ number &* 0xD134_2543_DE82_EF95, positions: tile.positions,
            start: tile.start, firstColumn: firstColumn, rate: rate, x: from.base, ldx: from.stride,
            y: to.base, ldy: to.stride, adds: adds)
    }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        if tile.isTraining {
            draw(tile.view(x), into: tile.view(y), adds: false, tile)
        } else {
            tile.view(y).copy(tile.view(x))
        }
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        guard dx != .none else { return }
        draw(tile.gradient(y), into: tile.gradient(x), adds: dx == .add, tile.forward)
    }
}

/// z = the logit of σ(a) σ(b): of an event that needs two others, in log space.
///
/// z = -log(exp(-a) + exp(-b) + exp(-a-b)), so that log σ(z) = log σ(a) + log σ(b) and neither end cancels.
package struct LogitProductNode: NodeOperation {
    package let a: GraphValue
    package let b: GraphValue
    package let z: GraphValue
    package var da = GradientMode.none
    package var db = GradientMode.none

    package var output: GraphValue { z }

    package func part(_: Range<Int>) -> LogitProductNode { self }

    package func inputs(_ lists: [Int32]) -> [GraphValue] { [a, b] }

    package mutating func setGradient(_ mode: GradientMode, of input: Int, lists: inout [Int32]) {
        if input == 0 { da = mode } else { db = mode }
    }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let (left, right, to) = (tile.view(a), tile.view(b), tile.view(z))
        Scalar._logitProduct(
            level: tile.level, rows: tile.rows, a: left.base, lda: left.stride, b: right.base,
            ldb: right.stride, z: to.base, ldz: to.stride)
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        let (left, right, d) = (tile.view(a), tile.view(b), tile.gradient(z))
        let first = da == .none ? nil : tile.gradient(a)
        let second = db == .none ? nil : tile.gradient(b)
        Scalar._logitProductBackward(
            level: tile.level, rows: tile.rows, a: left.base, lda: left.stride, b: right.base,
            ldb: right.stride, dz: d.base, lddz: d.stride, da: first?.base, ldda: first?.stride ?? 0,
            addsA: da == .add, db: second?.base, lddb: second?.stride ?? 0, addsB: db == .add)
    }
}
