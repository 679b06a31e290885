/// y = x (p + a (1 - p)) with a slope a for every column: Dice of a p that other nodes make, or PReLU, whose p is 1 where x > 0, else 0.
package struct SlopesNode: NodeOperation {
    package var x: GraphValue
    package var p: GraphValue?
    package var y: GraphValue
    /// Where the slopes `[x.width]` lie in the parameter vector.
    package var slopes: Int
    package var dx = GradientMode.none
    package var dp = GradientMode.none

    package var output: GraphValue { y }

    package func part(_ some: Range<Int>) -> SlopesNode {
        var copy = self
        copy.x = x.columns(some)
        copy.p = p.map { $0.columns(some) }
        copy.y = y.columns(some)
        copy.slopes += some.lowerBound
        return copy
    }

    package func inputs(_ lists: [Int32]) -> [GraphValue] { [x] + (p.map { [$0] } ?? []) }

    package mutating func setGradient(_ mode: GradientMode, of input: Int, lists: inout [Int32]) {
        if input == 0 { dx = mode } else { dp = mode }
    }

    package var parameters: [ParameterRange] {
        [ParameterRange(start: slopes, count: x.width, rowLength: 1, scenario: nil, transposed: nil)]
    }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let (from, to) = (tile.view(x), tile.view(y))
        let (a, count) = (tile.parameters + slopes, x.width)
        guard let p else {
            for row in 0..<tile.rows {
                let (z, h) = (from.base + row * from.stride, to.base + row * to.stride)
                for column in 0..<count { h[column] = z[column] > 0 ? z[column] : a[column] * z[column] }
            }
            return
        }
        let share = tile.view(p)
        for row in 0..<tile.rows {
            let (z, h) = (from.base + row * from.stride, to.base + row * to.stride)
            let p = share.base + row * share.stride
            for column in 0..<count {
                h[column] = z[column] * (p[column] + a[column] * (1 - p[column]))
            }
        }
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        let (from, d) = (tile.view(x), tile.gradient(y))
        let (a, da, count) = (tile.parameters + slopes, tile.gradients + slopes, x.width)
        if tile.isFirst { da.update(repeating: 0, count: count) }
        let to = dx == .none ? nil : tile.gradient(x)
        let adds = dx == .add
        guard let p else {
            for row in 0..<tile.rows {
                let (z, d) = (from.base + row * from.stride, d.base + row * d.stride)
                for column in 0..<count { da[column] += z[column] > 0 ? 0 : d[column] * z[column] }
                guard let to else { continue }
                let t = to.base + row * to.stride
                for column in 0..<count {
                    let slope = z[column] > 0 ? d[column] : a[column] * d[column]
                    t[column] = adds ? t[column] + slope : slope
                }
            }
            return
        }
        let share = tile.view(p)
        let toP = dp == .none ? nil : tile.gradient(p)
        let addsP = dp == .add
        for row in 0..<tile.rows {
            let (z, d) = (from.base + row * from.stride, d.base + row * d.stride)
            let p = share.base + row * share.stride
            for column in 0..<count { da[column] += d[column] * z[column] * (1 - p[column]) }
            if let toP {
                let t = toP.base + row * toP.stride
                for column in 0..<count {
                    let slope = d[column] * z[column] * (1 - a[column])
                    t[column] = addsP ? t[column] + slope : slope
                }
            }
            guard let to else { continue }
            let t = to.base + row * to.stride
            for column in 0..<count {
                let slope = d[column] * (p[column] + a[column] * (1 - p[column]))
                t[column] = adds ? t[column] + slope : slope
            }
        }
    }
}
