/// y = ½ ((Σ v)² - Σ v²) over the fields: all products of two of them, in time linear in their number (Rendle,
/// *Factorization Machines*, ICDM 2010).
package struct PairwiseNode: NodeOperation {
    package let x: GraphValue
    package let y: GraphValue
    /// Σ v.
    package let sum: GraphValue
    package let count: Int
    package var dx = GradientMode.none

    package var output: GraphValue { y }
    package var blockWidth: Int { y.width }
    package func part(_: Range<Int>) -> PairwiseNode { self }
    package func inputs(_ lists: [Int32]) -> [GraphValue] { [x] }
    package mutating func setGradient(_ mode: GradientMode, of _: Int, lists: inout [Int32]) { dx = mode }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let (from, s, to) = (tile.view(x), tile.view(sum), tile.view(y))
        let width = y.width
        for row in 0..<tile.rows {
            let v = from.base + row * from.stride
            let (s, z) = (s.base + row * s.stride, to.base + row * to.stride)
            for column in 0..<width {
                s[column] = v[column]
                z[column] = -v[column] * v[column]
            }
            for field in 1..<max(count, 1) {
                let v = v + field * width
                for column in 0..<width {
                    s[column] += v[column]
                    z[column] -= v[column] * v[column]
                }
            }
            for column in 0..<width { z[column] = (s[column] * s[column] + z[column]) / 2 }
        }
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        guard dx != .none else { return }
        // dv = dy ⊙ (Σ v - v), of the fields that have a gradient.
        let (from, s, d, to) = (tile.view(x), tile.view(sum), tile.gradient(y), tile.gradient(x))
        let width = y.width
        let adds = dx == .add
        for row in 0..<tile.rows {
            let (s, d) = (s.base + row * s.stride, d.base + row * d.stride)
            for field in 0..<count {
                let v = from.base + row * from.stride + field * width
                let target = to.base + row * to.stride + field * width
                if adds {
                    for column in 0..<width { target[column] += d[column] * (s[column] - v[column]) }
                } else {
                    for column in 0..<width { target[column] = d[column] * (s[column] - v[column]) }
                }
            }
        }
    }
}

/// The dot product of every two fields (DLRM, arXiv 1906.00091).
package struct FieldDotsNode: NodeOperation {
    package let x: GraphValue
    package let y: GraphValue
    package let count: Int
    package var dx = GradientMode.none

    package var output: GraphValue { y }
    package var blockWidth: Int { y.width }
    package func part(_: Range<Int>) -> FieldDotsNode { self }
    package func inputs(_ lists: [Int32]) -> [GraphValue] { [x] }
    package mutating func setGradient(_ mode: GradientMode, of _: Int, lists: inout [Int32]) { dx = mode }
    package var multiplyAdds: Int { y.width * (x.width / count) }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let (from, to) = (tile.view(x), tile.view(y))
        let width = x.width / count
        var pair = 0
        for first in 0..<count {
            for second in first + 1..<count {
                Scalar._dots(
                    level: tile.level, rows: tile.rows, blocks: 1, width: width,
                    a: from.base + first * width, lda: from.stride, b: from.base + second * width,
                    ldb: from.stride, y: to.base + pair, ldy: to.stride, adds: false)
                pair += 1
            }
        }
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        guard dx != .none else { return }
        let (from, d, to) = (tile.view(x), tile.gradient(y), tile.gradient(x))
        let width = x.width / count
        var isBegun = dx == .add
        // The first pairs are (0, 1), (0, 2), …: they begin every field's gradient once.
        var pair = 0
        for first in 0..<count {
            for second in first + 1..<count {
                hand(second, to: first, pair, adds: isBegun || second > 1)
                hand(first, to: second, pair, adds: isBegun)
                pair += 1
            }
            isBegun = true
        }
        func hand(_ other: Int, to field: Int, _ pair: Int, adds: Bool) {
            Scalar._product(
                level: tile.level, rows: tile.rows, blocks: 1, width: width, a: from.base + other * width,
                lda: from.stride, b: d.base + pair, ldb: d.stride, y: to.base + field * width,
                ldy: to.stride, adds: adds)
        }
    }
}

/// The mean of every field, of widths that may differ.
package struct FieldMeansNode: NodeOperation {
    package var x: GraphValue
    package var y: GraphValue
    /// Where the list of widths begins among the lists.
    package var first: Int
    package var dx = GradientMode.none

    package var output: GraphValue { y }
    package var blockWidth: Int { y.width }
    package func part(_: Range<Int>) -> FieldMeansNode { self }
    package func inputs(_ lists: [Int32]) -> [GraphValue] { [x] }
    package mutating func setGradient(_ mode: GradientMode, of _: Int, lists: inout [Int32]) { dx = mode }

    /// The same for some of the fields.
    package func fields(_ some: Range<Int>, _ lists: [Int32]) -> FieldMeansNode {
        func columns(before place: Int) -> Int { lists[first..<first + place].reduce(0) { $0 + Int($1) } }
        var copy = self
        copy.x = x.columns(columns(before: some.lowerBound)..<columns(before: some.upperBound))
        copy.y = y.columns(some)
        copy.first = first + some.lowerBound
        return copy
    }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let (from, to) = (tile.view(x), tile.view(y))
        for row in 0..<tile.rows {
            var v = from.base + row * from.stride
            for field in 0..<y.width {
                let width = Int(tile.lists[first + field])
                var sum: Scalar = 0
                for column in 0..<width { sum += v[column] }
                to.base[row * to.stride + field] = sum / Scalar(width)
                v += width
            }
        }
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        guard dx != .none else { return }
        let (d, to) = (tile.gradient(y), tile.gradient(x))
        let adds = dx == .add
        for row in 0..<tile.rows {
            var target = to.base + row * to.stride
            for field in 0..<y.width {
                let width = Int(tile.lists[first + field])
                let share = d.base[row * d.stride + field] / Scalar(width)
                for column in 0..<width { target[column] = adds ? target[column] + share : share }
                target += width
            }
        }
    }
}
