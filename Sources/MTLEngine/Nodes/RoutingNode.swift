/// y = the one of K clusters whose centre is nearest to x, as a column of 1 among zeros; ties go to the first.
///
/// No gradient passes. A training step moves the centre of every cluster that has rows in the batch towards their mean,
/// μ ← β μ + (1 - β) mean, once its forward passes are done; prediction takes them as they are, so that a row's cluster
/// does not depend on its neighbours.
package struct RoutingNode: NodeOperation {
    package let x: GraphValue
    package let y: GraphValue
    /// Centres `[K, x.width]` among the parameters.
    package let centres: Int
    /// Where it keeps half the squares of the centres in a worker's scratch.
    package let scratch: Int
    /// Its place among a tile's sums, which are those of the batch norms: rows of each cluster, then the sums of x.
    package let place: Int
    package let momentum: Double

    package var count: Int { y.width }
    package var output: GraphValue { y }
    package var blockWidth: Int { y.width }
    package var multiplyAdds: Int { x.width * count }

    /// Columns of norms that hold as many numbers.
    package static func normColumns(width: Int, count: Int) -> Int { (count * (width + 1) + 1) / 2 }

    package func part(_: Range<Int>) -> RoutingNode { self }

    package func inputs(_: [Int32]) -> [GraphValue] { [x] }

    package mutating func setGradient(_: GradientMode, of _: Int, lists _: inout [Int32]) {}

    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        let (from, to) = (tile.view(x), tile.view(y))
        let all = MatrixView(
            tile.parameters + centres, rows: count, columns: x.width, stride: x.width)
        let halves = tile.scratch + scratch
        for cluster in 0..<count {
            var sum: Scalar = 0
            for column in 0..<x.width {
                let value = all.base[cluster * x.width + column]
                sum += value * value
            }
            halves[cluster] = -sum / 2
        }
        // |x - μ|² is least where x·μ - |μ|²/2 is greatest.
        tile.product.multiplyNarrow(from, byTransposeOf: all, bias: UnsafePointer(halves), into: to)
        let sums = tile.sums + 2 * place
        if tile.isTraining { sums.update(repeating: 0, count: count * (x.width + 1)) }
        for row in 0..<to.rows {
            let scores = to.base + row * to.stride
            var best = 0
            for cluster in 1..<max(1, count) where scores[cluster] > scores[best] { best = cluster }
            for cluster in 0..<count { scores[cluster] = cluster == best ? 1 : 0 }
            guard tile.isTraining else { continue }
            sums[best] += 1
            let (values, total) = (from.base + row * from.stride, sums + count + best * x.width)
            for column in 0..<x.width { total[column] += Double(values[column]) }
        }
    }

    package func backward<Scalar: BLASScalar>(_: BackwardTile<Scalar>) {}

    /// Moves a cluster's centre by the sums of all tiles, `stride` apart, in their order.
    package func move<Scalar: BLASScalar>(
        _ cluster: Int, tiles: Int, sums: UnsafeMutablePointer<Double>, stride: Int,
        parameters: UnsafeMutablePointer<Scalar>
    ) {
        let first = sums + 2 * place
        var rows = 0.0
        for tile in 0..<tiles { rows += first[tile * stride + cluster] }
        guard rows > 0 else { return }
        for column in 0..<x.width {
            var total = 0.0
            for tile in 0..<tiles { total += first[tile * stride + count + cluster * x.width + column] }
            let index = centres + cluster * x.width + column
            parameters[index] = Scalar(
                Double(parameters[index]) * momentum + total / rows * (1 - momentum))
        }
    }
}
