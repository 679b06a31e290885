/// y_p = [a_p, b_p] of every position of two sequences.
package struct SequenceJoinNode: NodeOperation {
    package let a: GraphValue
    package let b: GraphValue
    package let y: GraphValue
    package let capacity: Int
    package var da = GradientMode.none
    package var db = GradientMode.none

    package var output: GraphValue { y }
    package var blockWidth: Int { y.width }
    package func part(_: Range<Int>) -> SequenceJoinNode { self }
    package func inputs(_ lists: [Int32]) -> [GraphValue] { [a, b] }

    package mutating func setGradient(_ mode: GradientMode, of input: Int, lists: inout [Int32]) {
        if input == 0 { da = mode } else { db = mode }
    }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let to = tile.view(y)
        let (left, width) = (a.width / capacity, y.width / capacity)
        for place in 0..<capacity {
            copy(tile.view(a), place, into: to, column: place * width)
            copy(tile.view(b), place, into: to, column: place * width + left)
        }
        func copy(_ from: MatrixView<Scalar>, _ place: Int, into to: MatrixView<Scalar>, column: Int) {
            let count = from.columns / capacity
            Scalar._linear(
                level: tile.level, rows: tile.rows, columns: count, alpha: 1, x: from.base + place * count,
                ldx: from.stride, y: to.base + column, ldy: to.stride, adds: false)
        }
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        let d = tile.gradient(y)
        let (left, width) = (a.width / capacity, y.width / capacity)
        func hand(_ mode: GradientMode, _ value: GraphValue, first: Int) {
            guard mode != .none else { return }
            let (to, count) = (tile.gradient(value), value.width / capacity)
            for place in 0..<capacity {
                Scalar._linear(
                    level: tile.level, rows: tile.rows, columns: count, alpha: 1,
                    x: d.base + place * width + first, ldx: d.stride, y: to.base + place * count,
                    ldy: to.stride, adds: mode == .add)
            }
        }
        hand(da, a, first: 0)
        hand(db, b, first: left)
    }
}

/// Per position [e, c, e - c, e ⊙ c]: what a target attention's layers read (DIN, arXiv 1706.06978).
package struct SequencePairsNode: NodeOperation {
    package let x: GraphValue
    package let c: GraphValue
    package let length: GraphValue
    package let y: GraphValue
    package let capacity: Int
    package var dx = GradientMode.none
    package var dc = GradientMode.none

    package var output: GraphValue { y }
    package var blockWidth: Int { y.width }
    package func part(_: Range<Int>) -> SequencePairsNode { self }
    package func inputs(_ lists: [Int32]) -> [GraphValue] { [x, c] }

    package mutating func setGradient(_ mode: GradientMode, of input: Int, lists: inout [Int32]) {
        if input == 0 { dx = mode } else { dc = mode }
    }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let (from, beside, lengths, to) = (tile.view(x), tile.view(c), tile.view(length), tile.view(y))
        let width = c.width
        for row in 0..<tile.rows {
            let count = Int(lengths.base[row * lengths.stride])
            let target = to.base + row * to.stride
            let v = beside.base + row * beside.stride
            for place in 0..<count {
                let e = from.base + row * from.stride + place * width
                let pair = target + place * 4 * width
                for column in 0..<width {
                    pair[column] = e[column]
                    pair[width + column] = v[column]
                    pair[2 * width + column] = e[column] - v[column]
                    pair[3 * width + column] = e[column] * v[column]
                }
            }
            (target + count * 4 * width).update(repeating: 0, count: (capacity - count) * 4 * width)
        }
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        let (from, beside, lengths, d) = (tile.view(x), tile.view(c), tile.view(length), tile.gradient(y))
        let width = c.width
        let (toX, toC) = (dx == .none ? nil : tile.gradient(x), dc == .none ? nil : tile.gradient(c))
        for row in 0..<tile.rows {
            let count = Int(lengths.base[row * lengths.stride])
            let v = beside.base + row * beside.stride
            if let toX, dx == .overwrite {
                (toX.base + row * toX.stride).update(repeating: 0, count: capacity * width)
            }
            if let toC, dc == .overwrite {
                (toC.base + row * toC.stride).update(repeating: 0, count: width)
            }
            for place in 0..<count {
                let e = from.base + row * from.stride + place * width
                let pair = d.base + row * d.stride + place * 4 * width
                if let toX {
                    let target = toX.base + row * toX.stride + place * width
                    for column in 0..<width {
                        target[column] +=
                            pair[column] + pair[2 * width + column] + pair[3 * width + column] * v[column]
                    }
                }
                if let toC {
                    let target = toC.base + row * toC.stride
                    for column in 0..<width {
                        target[column] +=
                            pair[width + column] - pair[2 * width + column]
                            + pair[3 * width + column] * e[column]
                    }
                }
            }
        }
    }
}

/// y = Σ a_p e_p over a row's positions, a the softmax of their scores or the scores themselves; 0 for no position.
///
/// What lies behind the last position is not read, so that room for more changes no bit.
package struct SequencePoolNode: NodeOperation {
    package let x: GraphValue
    package let scores: GraphValue
    package let length: GraphValue
    package let y: GraphValue
    /// a, and in the backward pass its gradient.
    package let saved: GraphValue
    package let capacity: Int
    package let isNormalized: Bool
    /// Where the lists of the positions' first columns and of their gradients' modes begin.
    package let first: Int
    package let modes: Int
    package var dScores = GradientMode.none
    package var dx = GradientMode.none

    package var output: GraphValue { y }
    package var blockWidth: Int { y.width }
    package func part(_: Range<Int>) -> SequencePoolNode { self }
    package func inputs(_ lists: [Int32]) -> [GraphValue] { [scores, x] }
    package var multiplyAdds: Int { capacity * y.width }

    package mutating func setGradient(_ mode: GradientMode, of input: Int, lists: inout [Int32]) {
        guard input == 1 else {
            dScores = mode
            return
        }
        dx = mode
        for place in 0..<capacity { lists[modes + place] = mode.rawValue }
    }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let (from, lengths, to) = (tile.view(x), tile.view(length), tile.view(y))
        let (s, kept) = (tile.view(scores), tile.view(saved))
        for row in 0..<tile.rows {
            let count = Int(lengths.base[row * lengths.stride])
            let target = to.base + row * to.stride
            guard count > 0 else {
                target.update(repeating: 0, count: y.width)
                continue
            }
            let a = kept.base + row * kept.stride
            if isNormalized {
                Scalar._softmax(
                    level: tile.level, rows: 1, classes: count, logits: s.base + row * s.stride, ld: s.stride,
                    p: a, ldp: kept.stride)
            } else {
                a.update(from: s.base + row * s.stride, count: count)
            }
            Scalar._mixture(
                level: tile.level, rows: 1, count: count, width: y.width, x: from.base + row * from.stride,
                ldx: from.stride, first: tile.lists + first, g: a, ldg: kept.stride, y: target,
                ldy: to.stride)
        }
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        let (from, lengths, d) = (tile.view(x), tile.view(length), tile.gradient(y))
        let kept = tile.view(saved)
        let (toX, toScores) = (tile.gradient(x), tile.gradient(scores))
        for row in 0..<tile.rows {
            let count = Int(lengths.base[row * lengths.stride])
            let target = toX.base + row * toX.stride
            let ds = toScores.base + row * toScores.stride
            if dx == .overwrite {
                (target + count * y.width).update(repeating: 0, count: (capacity - count) * y.width)
            }
            if dScores == .overwrite { (ds + count).update(repeating: 0, count: capacity - count) }
            guard count > 0 else { continue }
            let a = kept.base + row * kept.stride
            let da = a + capacity
            Scalar._mixtureBackward(
                level: tile.level, rows: 1, count: count, width: y.width, x: from.base + row * from.stride,
                ldx: from.stride, first: tile.lists + first, g: a, ldg: kept.stride,
                dy: d.base + row * d.stride, lddy: d.stride, dx: target, lddx: toX.stride,
                modes: tile.lists + modes, dg: da, lddg: kept.stride, adds: false)
            guard dScores != .none else { continue }
            if isNormalized {
                Scalar._softmaxBackward(
                    level: tile.level, rows: 1, blocks: 1, width: count, scale: 1, y: a, ldy: kept.stride,
                    dy: da, lddy: kept.stride, dz: ds, lddz: toScores.stride, adds: dScores == .add)
            } else {
                Scalar._linear(
                    level: tile.level, rows: 1, columns: count, alpha: 1, x: da, ldx: kept.stride, y: ds,
                    ldy: toScores.stride, adds: dScores == .add)
            }
        }
    }
}
