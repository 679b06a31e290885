/// The vector of a number, y = b + Σ_i<j W_i + f W_j, where the number lies the share f into bin j: as a dense layer makes it of the
/// number's piecewise-linear encoding 1, …, 1, f, 0, …, 0 (Gorishniy et al., arXiv 2203.05556), in time that does not grow with the bins.
package struct PiecewiseNode: NodeOperation {
    /// j + f, `[rows, 1]`; below 0 where the number is missing.
    package let x: GraphValue
    package let y: GraphValue
    package let bins: Int
    /// b, W `[bins, y.width]`, and the vector of a missing number.
    package let start: Int
    package let scratch: Int

    package var output: GraphValue { y }
    package var blockWidth: Int { y.width }
    package var multiplyAdds: Int { y.width }

    package func part(_: Range<Int>) -> PiecewiseNode { self }
    package func inputs(_ lists: [Int32]) -> [GraphValue] { [x] }
    package mutating func setGradient(_ mode: GradientMode, of _: Int, lists: inout [Int32]) {}

    package static func parameterCount(bins: Int, dimension: Int) -> Int { (bins + 2) * dimension }
    /// Per bin two sums of gradients, and that of the missing.
    package static func scratchCount(bins: Int, dimension: Int) -> Int { (2 * bins + 1) * dimension }

    package var field: NumberField {
        let missing = start + (bins + 1) * y.width
        return NumberField(
            column: x.column, bins: bins, dimension: y.width, missing: missing..<missing + y.width,
            encoding: .piecewise(start: start))
    }

    package var parameters: [ParameterRange] {
        [
            ParameterRange(
                start: start, count: Self.parameterCount(bins: bins, dimension: y.width), rowLength: y.width,
                scenario: nil, transposed: nil)
        ]
    }

    /// The bin of a position that is not missing, and how far into it.
    @inline(__always)
    private func place<Scalar: BLASScalar>(_ position: Scalar) -> (bin: Int, share: Scalar) {
        let position = min(position, Scalar(bins))
        let bin = min(Int(position), bins - 1)
        return (bin, position - Scalar(bin))
    }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let (from, to) = (tile.view(x), tile.view(y))
        let width = y.width
        let b = tile.parameters + start
        let w = b + width
        let missing = w + bins * width
        // What a bin begins with.
        let knots = tile.scratch + scratch
        for column in 0..<width { knots[column] = b[column] }
        for bin in 1..<max(bins, 1) {
            let (last, next, step) = (knots + (bin - 1) * width, knots + bin * width, w + (bin - 1) * width)
            for column in 0..<width { next[column] = last[column] + step[column] }
        }
        for row in 0..<tile.rows {
            let position = from.base[row * from.stride]
            let target = to.base + row * to.stride
            guard position >= 0 else {
                for column in 0..<width { target[column] = missing[column] }
                continue
            }
            let (bin, share) = place(position)
            let (knot, step) = (knots + bin * width, w + bin * width)
            for column in 0..<width { target[column] = knot[column] + share * step[column] }
        }
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        let (from, d) = (tile.view(x), tile.gradient(y))
        let width = y.width
        // Per bin the sums of its rows' gradients, and of those times the share; what lies above a bin has all of its step.
        let whole = tile.scratch + scratch
        let parts = whole + bins * width
        let missing = parts + bins * width
        for place in 0..<Self.scratchCount(bins: bins, dimension: width) { whole[place] = 0 }
        for row in 0..<tile.rows {
            let position = from.base[row * from.stride]
            let gradient = d.base + row * d.stride
            guard position >= 0 else {
                for column in 0..<width { missing[column] += gradient[column] }
                continue
            }
            let (bin, share) = place(position)
            let (all, some) = (whole + bin * width, parts + bin * width)
            for column in 0..<width {
                all[column] += gradient[column]
                some[column] += share * gradient[column]
            }
        }
        for bin in stride(from: bins - 2, through: 0, by: -1) {
            let (own, above) = (whole + bin * width, whole + (bin + 1) * width)
            let some = parts + bin * width
            for column in 0..<width {
                some[column] += above[column]
                own[column] += above[column]
            }
        }
        let db = tile.gradients + start
        let dw = db + width
        let dm = dw + bins * width
        if tile.isFirst {
            for column in 0..<width { db[column] = whole[column] }
            for place in 0..<bins * width { dw[place] = parts[place] }
            for column in 0..<width { dm[column] = missing[column] }
        } else {
            for column in 0..<width { db[column] += whole[column] }
            for place in 0..<bins * width { dw[place] += parts[place] }
            for column in 0..<width { dm[column] += missing[column] }
        }
    }
}
