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

extension GraphBuilder {
    /// Per row the nearest of `clusters` centres as a column of 1 among zeros: `[rows, clusters]`; "NAME.centres"
    /// `[clusters, x.width]`.
    ///
    /// Centres are state that no optimiser trains: after a step a centre moves towards the mean of its rows, by 1 - momentum.
    /// - Parameters:
    ///   - x: what is read, `[rows, columns]`.
    ///   - clusters: the number of centres.
    ///   - momentum: 0 to 1.
    ///   - title: NAME, what the parameters' names begin with.
    public mutating func routing(
        _ x: GraphValue, clusters: Int, momentum: Double, name title: String
    ) -> GraphValue {
        precondition(clusters > 0 && (0...1).contains(momentum), "\(clusters) clusters, momentum \(momentum)")
        let centres = place(clusters * x.width, isTrained: false)
        let range = centres..<centres + clusters * x.width
        name("\(title).centres", centres, [clusters, x.width], isTrained: false)
        beginnings.append(
            .layer(
                weights: range, biases: centres..<centres, inputs: 1, outputs: x.width,
                name: "\(title).centres"))
        let scratch = scratchCount
        scratchCount += (clusters + 15) / 16 * 16
        let y = reserve(clusters)
        nodes.append(
            .routing(
                RoutingNode(
                    x: x, y: y, centres: centres, scratch: scratch, place: normWidth, momentum: momentum)))
        normWidth += RoutingNode.normColumns(width: x.width, count: clusters)
        return y
    }

    /// act(x (W_k ⊙ W) + b_k + b), `[rows, units]`, of the row's cluster k, which `routes` `[rows, clusters]` names by a column
    /// of 1: "NAME.k.weight", "NAME.shared.weight". All clusters are computed for every row, and the others' left out.
    public mutating func clusterDense(
        _ x: GraphValue, units: Int, activation: Activation, routes: GraphValue, name title: String
    ) -> GraphValue {
        let (clusters, size) = (routes.width, x.width * units)
        let own = place(clusters * (size + units))
        let shared = place(size + units)
        for cluster in 0..<clusters {
            let start = own + cluster * (size + units)
            nameLayer(
                "\(title).\(cluster)", weight: start, bias: start + size, inputs: x.width, outputs: units,
                isTransposed: true, initial: nil)
            beginnings.append(.constant(start..<start + size, 1))
            beginnings.append(.constant(start + size..<start + size + units, 0))
        }
        nameLayer(
            title + ".shared", weight: shared, bias: shared + size, inputs: x.width, outputs: units,
            isTransposed: true)
        let all = reserve(clusters * units)
        let saved = activation.savesInput ? reserveSaved(clusters * units) : all
        note(all, hasParameters: true, from: [])
        for cluster in 0..<clusters {
            let columns = cluster * units..<(cluster + 1) * units
            let scratch = scratchCount
            scratchCount += (ScenarioDenseNode.scratchCount(inputs: x.width, outputs: units) + 15) / 16 * 16
            nodes.append(
                .scenarioDense(
                    ScenarioDenseNode(
                        x: x, y: all.columns(columns), saved: saved.columns(columns), activation: activation,
                        inputs: x.width, outputs: units, own: own, shared: shared, scenarios: clusters,
                        slots: nil, scratch: scratch, cluster: cluster)))
        }
        return mixture(experts: all, width: units, gates: [routes])
    }
}
