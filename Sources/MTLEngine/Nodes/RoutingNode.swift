#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// y = the one of K clusters whose centre c has the greatest x·c, as a column of 1 among zeros; ties go to the first.
///
/// No gradient passes. In a training step rounds come before, each a stage of its own as all rows have to pass it: with
/// r = softmax over the clusters of x·c, every centre becomes β c + (1 - β) Σ r x over the rows of the batch, brought to length
/// 1. Rows then go by the moved centres. Prediction takes the centres as they are, so that a row's cluster does not depend on
/// its neighbours.
package struct RoutingNode: NodeOperation {
    package let x: GraphValue
    /// Of a round its room for x·c; what it gives says only that the round is over.
    package let y: GraphValue
    /// The round before, if there is one.
    package let after: GraphValue?
    package let isRound: Bool
    /// Centres `[K, x.width]` among the parameters.
    package let centres: Int
    /// Where it keeps zeros in a worker's scratch.
    package let scratch: Int
    /// Its place among a tile's sums, which are those of the batch norms: Σ r x of each cluster.
    package let place: Int
    package let momentum: Double

    package var count: Int { y.width }
    package var output: GraphValue { y }
    package var blockWidth: Int { y.width }
    package var multiplyAdds: Int { x.width * count }

    /// Columns of norms that hold as many numbers.
    package static func normColumns(width: Int, count: Int) -> Int { (count * width + 1) / 2 }

    package func part(_: Range<Int>) -> RoutingNode { self }

    package func inputs(_: [Int32]) -> [GraphValue] { [x] + (after.map { [$0] } ?? []) }

    package mutating func setGradient(_: GradientMode, of _: Int, lists _: inout [Int32]) {}

    /// x·c of every row and cluster, into y.
    private func score<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let zeros = tile.scratch + scratch
        zeros.update(repeating: 0, count: count)
        let all = MatrixView(
            tile.parameters + centres, rows: count, columns: x.width, stride: x.width)
        tile.product.multiplyNarrow(
            tile.view(x), byTransposeOf: all, bias: UnsafePointer(zeros), into: tile.view(y))
    }

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        guard !isRound else { return }
        score(tile)
        let to = tile.view(y)
        for row in 0..<to.rows {
            let scores = to.base + row * to.stride
            var best = 0
            for cluster in 1..<max(1, count) where scores[cluster] > scores[best] { best = cluster }
            for cluster in 0..<count { scores[cluster] = cluster == best ? 1 : 0 }
        }
    }

    package func backward<Scalar: BLASScalar>(_: BackwardTile<Scalar>) {}

    /// A tile's Σ r x, at the end of the stage below a round.
    package func measure<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        score(tile)
        let (from, scores) = (tile.view(x), tile.view(y))
        let sums = tile.sums + 2 * place
        sums.update(repeating: 0, count: count * x.width)
        for row in 0..<from.rows {
            let (values, own) = (from.base + row * from.stride, scores.base + row * scores.stride)
            var largest = own[0]
            for cluster in 1..<max(1, count) { largest = max(largest, own[cluster]) }
            var total = 0.0
            for cluster in 0..<count { total += exp(Double(own[cluster] - largest)) }
            for cluster in 0..<count {
                let share = exp(Double(own[cluster] - largest)) / total
                let target = sums + cluster * x.width
                for column in 0..<x.width { target[column] += share * Double(values[column]) }
            }
        }
    }

    /// Moves a cluster's centre by the sums of all tiles, `stride` apart, in their order.
    package func move<Scalar: BLASScalar>(
        _ cluster: Int, tiles: Int, sums: UnsafeMutablePointer<Double>, stride: Int,
        parameters: UnsafeMutablePointer<Scalar>
    ) {
        let first = sums + 2 * place + cluster * x.width
        let centre = parameters + centres + cluster * x.width
        var squares = 0.0
        for column in 0..<x.width {
            var total = 0.0
            for tile in 0..<tiles { total += first[tile * stride + column] }
            // The first tile's sum has been read, and takes the new value until its length is known.
            first[column] = momentum * Double(centre[column]) + (1 - momentum) * total
            squares += first[column] * first[column]
        }
        guard squares > 0, squares.isFinite else { return }
        let length = squares.squareRoot()
        for column in 0..<x.width { centre[column] = Scalar(first[column] / length) }
    }
}
