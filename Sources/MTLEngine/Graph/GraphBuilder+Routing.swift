/// Clusters that rows are dealt to by their centres.
extension GraphBuilder {
    /// Per row the one of `clusters` centres c with the greatest x·c as a column of 1 among zeros: `[rows, clusters]`;
    /// "NAME.centres" `[clusters, x.width]`, which begin anywhere on the unit sphere.
    ///
    /// Centres are state that no optimiser trains: in a training step they move before rows are dealt out, in `rounds` rounds of
    /// r = softmax(x·c) and c ← β c + (1 - β) Σ r x, brought to length 1.
    /// - Parameters:
    ///   - x: what is read, `[rows, columns]`.
    ///   - clusters: the number of centres.
    ///   - momentum: β, 0 to 1.
    ///   - rounds: how often the centres move in a step; 0 or more.
    ///   - title: NAME, what the parameters' names begin with.
    /// - SeeAlso: Li et al., arXiv 2211.12105.
    public mutating func routing(
        _ x: GraphValue, clusters: Int, momentum: Double, rounds: Int = 3, name title: String
    ) -> GraphValue {
        precondition(clusters > 0 && (0...1).contains(momentum), "\(clusters) clusters, momentum \(momentum)")
        precondition(rounds >= 0, "\(rounds) rounds")
        let centres = place(clusters * x.width, isTrained: false)
        name("\(title).centres", centres, [clusters, x.width], isTrained: false)
        beginnings.append(
            .sphere(centres, rows: clusters, columns: x.width, name: "\(title).centres"))
        let scratch = scratchCount
        scratchCount = Self.sum(scratchCount, (clusters + 15) / 16 * 16)
        var after: GraphValue?
        var y = reserve(clusters)
        for round in 0...rounds {
            if round > 0 { y = reserve(clusters) }
            nodes.append(
                .routing(
                    RoutingNode(
                        x: x, y: y, after: after, isRound: round < rounds, centres: centres,
                        scratch: scratch, place: normWidth, momentum: momentum)))
            after = y
        }
        normWidth = Self.sum(normWidth, RoutingNode.normColumns(width: x.width, count: clusters))
        return y
    }

    /// act(x (W_k ⊙ W) + b_k + b), `[rows, units]`, of the row's cluster k, which `routes` `[rows, clusters]` names by a column
    /// of 1: "NAME.k.weight", "NAME.shared.weight". All clusters are computed for every row, and the others' left out.
    public mutating func clusterDense(
        _ x: GraphValue, units: Int, activation: Activation, routes: GraphValue, name title: String
    ) -> GraphValue {
        precondition(!activation.hasParameters, "\(activation.rawValue), which only hidden layers have")
        let (clusters, size) = (routes.width, x.width * units)
        let own = place(clusters * (size + units))
        let shared = place(size + units)
        for cluster in 0..<clusters {
            let start = own + cluster * (size + units)
            nameLayer(
                "\(title).\(cluster)", weight: start, bias: start + size, inputs: x.width, outputs: units,
                isTransposed: true, initial: nil)
            beginnings.append(.constant(start..<start + size, 1))
            factors.append(start..<start + size)
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
            scratchCount = Self.sum(
                scratchCount, (ScenarioDenseNode.scratchCount(inputs: x.width, outputs: units) + 15) / 16 * 16
            )
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
