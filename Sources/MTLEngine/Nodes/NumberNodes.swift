#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The place of a number among its bins as a number of mean 0 and variance 1, were all places equally likely: √12 (p / bins - ½).
///
/// What lies beyond the bins is at their ends, and what is missing at the first: whatever is computed of it is finite.
package struct NumberScaleNode: NodeOperation {
    /// `[rows, 1]`; below 0 where the number is missing.
    package let x: GraphValue
    package let y: GraphValue
    package let bins: Int

    package var output: GraphValue { y }
    package func part(_: Range<Int>) -> NumberScaleNode { self }
    package func inputs(_ lists: [Int32]) -> [GraphValue] { [x] }
    package mutating func setGradient(_: GradientMode, of _: Int, lists: inout [Int32]) {}

    package static func scaled<Scalar: BLASScalar>(_ place: Scalar, bins: Int) -> Scalar {
        let share = place > 0 ? min(place, Scalar(bins)) / Scalar(bins) : 0
        return (share - 0.5) * Scalar(12).squareRoot()
    }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let (from, to) = (tile.view(x), tile.view(y))
        for row in 0..<tile.rows {
            to.base[row * to.stride] = Self.scaled(from.base[row * from.stride], bins: bins)
        }
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {}
}

/// y = [sin 2πcx, cos 2πcx] of trained frequencies c (Gorishniy et al., arXiv 2203.05556).
package struct PeriodicNode: NodeOperation {
    /// A number of the data, `[rows, 1]`.
    package let x: GraphValue
    /// Sines, then cosines, `[rows, 2 · frequencies]`.
    package let y: GraphValue
    /// c.
    package let start: Int

    package var output: GraphValue { y }
    package var blockWidth: Int { y.width }
    package func part(_: Range<Int>) -> PeriodicNode { self }
    package func inputs(_ lists: [Int32]) -> [GraphValue] { [x] }
    package mutating func setGradient(_: GradientMode, of _: Int, lists: inout [Int32]) {}

    package var parameters: [ParameterRange] {
        [ParameterRange(start: start, count: y.width / 2, rowLength: 1, scenario: nil, transposed: nil)]
    }

    package static func waves<Scalar: BLASScalar>(_ x: Scalar, _ frequency: Scalar) -> (
        sine: Scalar, cosine: Scalar
    ) {
        let angle = 2 * Double.pi * Double(frequency) * Double(x)
        return (Scalar(sin(angle)), Scalar(cos(angle)))
    }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let (from, to) = (tile.view(x), tile.view(y))
        let c = tile.parameters + start
        let count = y.width / 2
        for row in 0..<tile.rows {
            let x = from.base[row * from.stride]
            let target = to.base + row * to.stride
            for place in 0..<count {
                (target[place], target[count + place]) = Self.waves(x, c[place])
            }
        }
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        let (from, waves, d) = (tile.view(x), tile.view(y), tile.gradient(y))
        let dc = tile.gradients + start
        let count = y.width / 2
        if tile.isFirst { dc.update(repeating: 0, count: count) }
        for row in 0..<tile.rows {
            let factor = 2 * Scalar.pi * from.base[row * from.stride]
            let (w, d) = (waves.base + row * waves.stride, d.base + row * d.stride)
            for place in 0..<count {
                dc[place] += factor * (d[place] * w[count + place] - d[count + place] * w[place])
            }
        }
    }
}

/// The vector of a number, or where it is missing one that stands for that.
package struct MissingNumberNode: NodeOperation {
    /// The number's place among its bins, `[rows, 1]`; below 0 where it is missing.
    package let x: GraphValue
    /// Its vector where it is not.
    package let vector: GraphValue
    package let y: GraphValue
    /// The vector of a missing number.
    package let start: Int
    /// What made `vector`, for whoever asks for one outside of a step.
    package let field: NumberField
    package var dVector = GradientMode.none

    package var output: GraphValue { y }
    package var blockWidth: Int { y.width }
    package func part(_: Range<Int>) -> MissingNumberNode { self }
    package func inputs(_ lists: [Int32]) -> [GraphValue] { [x, vector] }

    package mutating func setGradient(_ mode: GradientMode, of input: Int, lists: inout [Int32]) {
        if input == 1 { dVector = mode }
    }

    package var parameters: [ParameterRange] {
        [ParameterRange(start: start, count: y.width, rowLength: 1, scenario: nil, transposed: nil)]
    }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let (places, from, to) = (tile.view(x), tile.view(vector), tile.view(y))
        for row in 0..<tile.rows {
            let isKnown = places.base[row * places.stride] >= 0
            let source = isKnown ? from.base + row * from.stride : tile.parameters + start
            (to.base + row * to.stride).update(from: source, count: y.width)
        }
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        let (places, d) = (tile.view(x), tile.gradient(y))
        let dm = tile.gradients + start
        let width = y.width
        if tile.isFirst { dm.update(repeating: 0, count: width) }
        let to = dVector == .none ? nil : tile.gradient(vector)
        for row in 0..<tile.rows {
            let gradient = d.base + row * d.stride
            let isKnown = places.base[row * places.stride] >= 0
            if !isKnown {
                for column in 0..<width { dm[column] += gradient[column] }
            }
            guard let to else { continue }
            let target = to.base + row * to.stride
            for column in 0..<width {
                let part = isKnown ? gradient[column] : 0
                target[column] = dVector == .add ? target[column] + part : part
            }
        }
    }
}
