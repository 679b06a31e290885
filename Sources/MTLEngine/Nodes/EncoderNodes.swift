/// The tokens that an encoder reads: the candidate first, where there is one, then a row's behaviours, each with the vector of its
/// position, and zeros behind the last.
///
/// Positions count from the latest behaviour back, the candidate's is 0, so that what is cut off at the far end moves none.
package struct SequenceTokensNode: NodeOperation {
    package let x: GraphValue
    /// What stands before the behaviours; nil for nothing.
    package let candidate: GraphValue?
    package let length: GraphValue
    package let y: GraphValue
    package let capacity: Int
    /// Where the vectors of the positions `[tokens, dimension]` begin; nil for none.
    package let positions: Int?
    package var dx = GradientMode.none
    package var dc = GradientMode.none

    package var output: GraphValue { y }
    package var blockWidth: Int { y.width }
    package func part(_: Range<Int>) -> SequenceTokensNode { self }
    package func inputs(_ lists: [Int32]) -> [GraphValue] { [x] + (candidate.map { [$0] } ?? []) }

    private var width: Int { x.width / capacity }
    private var first: Int { candidate == nil ? 0 : 1 }

    package mutating func setGradient(_ mode: GradientMode, of input: Int, lists: inout [Int32]) {
        if input == 0 { dx = mode } else { dc = mode }
    }

    package var parameters: [ParameterRange] {
        guard let positions else { return [] }
        return [
            ParameterRange(
                start: positions, count: y.width, rowLength: width, scenario: nil, transposed: nil)
        ]
    }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let (from, lengths, to) = (tile.view(x), tile.view(length), tile.view(y))
        let beside = candidate.map { tile.view($0) }
        for row in 0..<tile.rows {
            let count = Int(lengths.base[row * lengths.stride])
            let target = to.base + row * to.stride
            if let beside { target.update(from: beside.base + row * beside.stride, count: width) }
            (target + first * width).update(from: from.base + row * from.stride, count: count * width)
            if let positions {
                let p = tile.parameters + positions
                if first > 0 { Scalar._add(level: tile.level, count: width, source: p, target: target) }
                for place in 0..<count {
                    Scalar._add(
                        level: tile.level, count: width,
                        source: p + (count - 1 - place + first) * width,
                        target: target + (first + place) * width)
                }
            }
            (target + (first + count) * width).update(repeating: 0, count: (capacity - count) * width)
        }
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        let (lengths, d) = (tile.view(length), tile.gradient(y))
        let toX = dx == .none ? nil : tile.gradient(x)
        let toC = dc == .none ? nil : candidate.map { tile.gradient($0) }
        if let positions, tile.isFirst {
            (tile.gradients + positions).update(repeating: 0, count: y.width)
        }
        for row in 0..<tile.rows {
            let count = Int(lengths.base[row * lengths.stride])
            let source = d.base + row * d.stride
            if let positions {
                let p = tile.gradients + positions
                if first > 0 { Scalar._add(level: tile.level, count: width, source: source, target: p) }
                for place in 0..<count {
                    Scalar._add(
                        level: tile.level, count: width, source: source + (first + place) * width,
                        target: p + (count - 1 - place + first) * width)
                }
            }
            if let toC { hand(source, count: width, to: toC.base + row * toC.stride, adds: dc == .add) }
            guard let toX else { continue }
            let target = toX.base + row * toX.stride
            hand(source + first * width, count: count * width, to: target, adds: dx == .add)
            if dx == .overwrite {
                (target + count * width).update(repeating: 0, count: (capacity - count) * width)
            }
        }
        func hand(
            _ from: UnsafeMutablePointer<Scalar>, count: Int, to: UnsafeMutablePointer<Scalar>, adds: Bool
        ) {
            if adds {
                Scalar._add(level: tile.level, count: count, source: from, target: to)
            } else {
                to.update(from: from, count: count)
            }
        }
    }
}

/// Multi-head self-attention between the tokens of a row, head by head y_i = Σ_j softmax_j(q_i · k_j / √d) v_j; 0 behind the last token.
///
/// Tokens are [q, k, v] side by side in x. What lies behind the last token is not read. The weights are computed again on the way back,
/// as `tokens`² of them for every head and row would be the largest thing in memory.
package struct SequenceAttentionNode: NodeOperation {
    package let x: GraphValue
    /// The number of behaviours behind the leading tokens; nil where there are none.
    package let length: GraphValue?
    package let y: GraphValue
    package let tokens: Int
    /// Tokens before the first behaviour, which every row has.
    package let leading: Int
    package let heads: Int
    /// The tokens that ask.
    package var queries: Range<Int>
    /// Where the lists of the tokens' first columns, and of gradients' modes, all of which add, begin.
    package let first: Int
    package let modes: Int
    /// Where the worker's memory for a token's weights and their gradients begins.
    package let scratch: Int
    package var dx = GradientMode.none

    private var width: Int { y.width / tokens }
    private var headWidth: Int { width / heads }
    package var output: GraphValue { y.columns(queries.lowerBound * width..<queries.upperBound * width) }
    package var blockWidth: Int { width }
    package func inputs(_ lists: [Int32]) -> [GraphValue] { [x] }
    package var multiplyAdds: Int { 2 * queries.count * tokens * width }

    package static func scratchCount(tokens: Int, width: Int) -> Int { 3 * tokens + width }

    package func part(_ some: Range<Int>) -> SequenceAttentionNode {
        var copy = self
        copy.queries = queries.lowerBound + some.lowerBound..<queries.lowerBound + some.upperBound
        return copy
    }

    package mutating func setGradient(_ mode: GradientMode, of _: Int, lists: inout [Int32]) { dx = mode }

    /// The weights of the first `count` tokens for one of them: q · k_j / √d, and their softmax.
    @inline(__always)
    private func weigh<Scalar: BLASScalar>(
        _ q: UnsafeMutablePointer<Scalar>, _ keys: UnsafeMutablePointer<Scalar>, count: Int,
        into a: UnsafeMutablePointer<Scalar>, scale: Scalar, level: Int32
    ) {
        Scalar._dots(
            level: level, rows: count, blocks: 1, width: headWidth, a: q, lda: 0, b: keys, ldb: 3 * width,
            y: a, ldy: 1, adds: false)
        for token in 0..<count { a[token] *= scale }
        Scalar._softmax(level: level, rows: 1, classes: count, logits: a, ld: count, p: a, ldp: count)
    }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let (from, lengths, to) = (tile.view(x), length.map { tile.view($0) }, tile.view(y))
        let a = tile.scratch + scratch
        let scale = 1 / Scalar(headWidth).squareRoot()
        for row in 0..<tile.rows {
            let count = leading + (lengths.map { Int($0.base[row * $0.stride]) } ?? 0)
            let (source, target) = (from.base + row * from.stride, to.base + row * to.stride)
            for query in queries {
                guard query < count else {
                    (target + query * width).update(repeating: 0, count: width)
                    continue
                }
                for head in 0..<heads {
                    let column = head * headWidth
                    let keys = source + width + column
                    weigh(
                        source + query * 3 * width + column, keys, count: count, into: a, scale: scale,
                        level: tile.level)
                    Scalar._mixture(
                        level: tile.level, rows: 1, count: count, width: headWidth, x: keys + width, ldx: 0,
                        first: tile.lists + first, g: a, ldg: 0, y: target + query * width + column, ldy: 0)
                }
            }
        }
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        guard dx != .none else { return }
        let (from, lengths) = (tile.view(x), length.map { tile.view($0) })
        let (d, to) = (tile.gradient(y), tile.gradient(x))
        let a = tile.scratch + scratch
        let (da, ds, dq) = (a + tokens, a + 2 * tokens, a + 3 * tokens)
        let scale = 1 / Scalar(headWidth).squareRoot()
        for row in 0..<tile.rows {
            let count = leading + (lengths.map { Int($0.base[row * $0.stride]) } ?? 0)
            let (source, target) = (from.base + row * from.stride, to.base + row * to.stride)
            if dx == .overwrite { target.update(repeating: 0, count: x.width) }
            for query in queries where query < count {
                for head in 0..<heads {
                    let column = head * headWidth
                    let (q, keys) = (source + query * 3 * width + column, source + width + column)
                    let (toQ, toKeys) = (target + query * 3 * width + column, target + width + column)
                    weigh(q, keys, count: count, into: a, scale: scale, level: tile.level)
                    Scalar._mixtureBackward(
                        level: tile.level, rows: 1, count: count, width: headWidth, x: keys + width, ldx: 0,
                        first: tile.lists + first, g: a, ldg: 0,
                        dy: d.base + row * d.stride + query * width + column, lddy: 0, dx: toKeys + width,
                        lddx: 0, modes: tile.lists + modes, dg: da, lddg: 0, adds: false)
                    Scalar._softmaxBackward(
                        level: tile.level, rows: 1, blocks: 1, width: count, scale: scale, y: a, ldy: count,
                        dy: da, lddy: count, dz: ds, lddz: count, adds: false)
                    Scalar._mixture(
                        level: tile.level, rows: 1, count: count, width: headWidth, x: keys, ldx: 0,
                        first: tile.lists + first, g: ds, ldg: 0, y: dq, ldy: 0)
                    Scalar._add(level: tile.level, count: headWidth, source: dq, target: toQ)
                    Scalar._product(
                        level: tile.level, rows: count, blocks: 1, width: headWidth, a: q, lda: 0, b: ds,
                        ldb: 1, y: toKeys, ldy: 3 * width, adds: true)
                }
            }
        }
    }
}

/// What becomes of an encoder's tokens: their mean, `[rows, dimension]`, 0 for none, or all of them with zeros behind the last.
package struct SequenceOutputNode: NodeOperation {
    package let x: GraphValue
    package let length: GraphValue
    package let y: GraphValue
    package let tokens: Int
    package let leading: Int
    package let isMean: Bool
    package var dx = GradientMode.none

    package var output: GraphValue { y }
    package var blockWidth: Int { y.width }
    package func part(_: Range<Int>) -> SequenceOutputNode { self }
    package func inputs(_ lists: [Int32]) -> [GraphValue] { [x] }
    package mutating func setGradient(_ mode: GradientMode, of _: Int, lists: inout [Int32]) { dx = mode }

    private var width: Int { x.width / tokens }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let (from, lengths, to) = (tile.view(x), tile.view(length), tile.view(y))
        for row in 0..<tile.rows {
            let count = leading + Int(lengths.base[row * lengths.stride])
            let (source, target) = (from.base + row * from.stride, to.base + row * to.stride)
            guard isMean else {
                target.update(from: source, count: count * width)
                (target + count * width).update(repeating: 0, count: (tokens - count) * width)
                continue
            }
            target.update(repeating: 0, count: width)
            for token in 0..<count {
                Scalar._add(level: tile.level, count: width, source: source + token * width, target: target)
            }
            for column in 0..<width { target[column] /= Scalar(max(1, count)) }
        }
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        guard dx != .none else { return }
        let (lengths, d, to) = (tile.view(length), tile.gradient(y), tile.gradient(x))
        for row in 0..<tile.rows {
            let count = leading + Int(lengths.base[row * lengths.stride])
            let (source, target) = (d.base + row * d.stride, to.base + row * to.stride)
            if dx == .overwrite { target.update(repeating: 0, count: x.width) }
            let share = isMean ? 1 / Scalar(max(1, count)) : 1
            for token in 0..<count {
                Scalar._linear(
                    level: tile.level, rows: 1, columns: width, alpha: share,
                    x: isMean ? source : source + token * width, ldx: width, y: target + token * width,
                    ldy: width, adds: true)
            }
        }
    }
}
