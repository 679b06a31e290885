/// y_d = [a_di b_dj] for every dimension d: all products of a feature map a_i and a field b_j, of each dimension by itself
/// (xDeepFM, arXiv 1803.05170).
package struct FieldProductsNode: NodeOperation {
    /// The maps, every dimension's side by side; or, as fields, every field's dimensions side by side.
    package let a: GraphValue
    /// The fields, every one's dimensions side by side.
    package let b: GraphValue
    /// `[rows, dimensions · maps · fields]`.
    package let y: GraphValue
    package let dimensions: Int
    /// Whether a lies as fields do.
    package let isFieldMajor: Bool
    /// Per worker memory of a row's fields and of their gradient, dimension by dimension.
    package let scratch: Int
    package var da = GradientMode.none
    package var db = GradientMode.none

    package var output: GraphValue { y }
    package var blockWidth: Int { y.width }
    package var multiplyAdds: Int { y.width }
    package func part(_: Range<Int>) -> FieldProductsNode { self }
    package func inputs(_ lists: [Int32]) -> [GraphValue] { [a, b] }

    package mutating func setGradient(_ mode: GradientMode, of input: Int, lists: inout [Int32]) {
        if input == 0 { da = mode } else { db = mode }
    }

    private var fields: Int { b.width / dimensions }
    private var maps: Int { a.width / dimensions }
    /// From a dimension, and from a map, to the next.
    private var steps: (dimension: Int, map: Int) { isFieldMajor ? (1, dimensions) : (maps, 1) }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let (left, right, to) = (tile.view(a), tile.view(b), tile.view(y))
        let (dimensions, fields, maps, steps) = (dimensions, fields, maps, steps)
        let turned = tile.scratch + scratch
        for row in 0..<tile.rows {
            turn(right.base + row * right.stride, into: turned)
            let from = left.base + row * left.stride
            var target = to.base + row * to.stride
            for dimension in 0..<dimensions {
                let v = turned + dimension * fields
                for map in 0..<maps {
                    let factor = from[dimension * steps.dimension + map * steps.map]
                    for field in 0..<fields { target[field] = factor * v[field] }
                    target += fields
                }
            }
        }
    }

    /// A row's fields, dimension by dimension.
    @inline(__always)
    private func turn<Scalar: BLASScalar>(
        _ row: UnsafeMutablePointer<Scalar>, into turned: UnsafeMutablePointer<Scalar>
    ) {
        let (dimensions, fields) = (dimensions, fields)
        for field in 0..<fields {
            for dimension in 0..<dimensions {
                turned[dimension * fields + field] = row[field * dimensions + dimension]
            }
        }
    }

    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        let (left, right, d) = (tile.view(a), tile.view(b), tile.gradient(y))
        let (dimensions, fields, maps, steps) = (dimensions, fields, maps, steps)
        let (toA, toB) = (da == .none ? nil : tile.gradient(a), db == .none ? nil : tile.gradient(b))
        let turned = tile.scratch + scratch
        let sums = turned + b.width
        for row in 0..<tile.rows {
            turn(right.base + row * right.stride, into: turned)
            let from = left.base + row * left.stride
            var gradient = d.base + row * d.stride
            sums.update(repeating: 0, count: b.width)
            for dimension in 0..<dimensions {
                let (v, sum) = (turned + dimension * fields, sums + dimension * fields)
                for map in 0..<maps {
                    let place = dimension * steps.dimension + map * steps.map
                    let factor = from[place]
                    if let toA {
                        var dot: Scalar = 0
                        for field in 0..<fields { dot += gradient[field] * v[field] }
                        let target = toA.base + row * toA.stride + place
                        target.pointee = da == .add ? target.pointee + dot : dot
                    }
                    for field in 0..<fields { sum[field] += factor * gradient[field] }
                    gradient += fields
                }
            }
            guard let toB else { continue }
            let target = toB.base + row * toB.stride
            for field in 0..<fields {
                for dimension in 0..<dimensions {
                    let (place, sum) = (field * dimensions + dimension, sums[dimension * fields + field])
                    target[place] = db == .add ? target[place] + sum : sum
                }
            }
        }
    }

    package static func scratchCount(fields width: Int) -> Int { 2 * width }
}
