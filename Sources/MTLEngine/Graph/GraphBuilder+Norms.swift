extension GraphBuilder {
    /// Layer normalisation of every block of x: `[rows, x.width]`; per block "NAME.weight" (1 at the start) and "NAME.bias"
    /// (0), `[x.width / names]`.
    ///
    /// - Parameters:
    ///   - x: what is read, `[rows, columns]`.
    ///   - names: one per block.
    ///   - epsilon: what is added to the variance.
    /// - SeeAlso: Ba et al., arXiv 1607.06450.
    public mutating func layerNorm(_ x: GraphValue, names: [String], epsilon: Double = 1e-5) -> GraphValue {
        let blocks = names.count
        precondition(blocks > 0 && x.width % blocks == 0, "\(x.width) columns in \(blocks) blocks")
        let source = inWorkspace(x)
        let gain = place(2 * x.width)
        let width = x.width / blocks
        for (block, title) in names.enumerated() {
            vector(title + ".weight", gain + block * width, width, beginsAt: 1)
            vector(title + ".bias", gain + x.width + block * width, width, beginsAt: 0)
        }
        let statistics = reserveSaved(2 * blocks)
        let y = reserve(x.width)
        note(y, hasParameters: true, from: [])
        nodes.append(
            .layerNorm(
                LayerNormNode(
                    x: source, y: y, count: blocks, gain: gain, shift: gain + x.width, statistics: statistics,
                    epsilon: epsilon, blocks: 0..<blocks)))
        return y
    }

    /// Batch normalisation: `[rows, x.width]`; "NAME.weight", "NAME.bias", and the moving "NAME.running_mean" and
    /// "NAME.running_var", each `[x.width]`. PyTorch's definition, of momentum and epsilon too.
    ///
    /// Partitioned, every scenario has moving statistics and factors of its own beside the shared ones
    /// ("NAME.s.weight" from 1, "NAME.s.bias" from 0), and a count of the batches behind its statistics,
    /// "NAME.s.num_batches_tracked" `[1]`, where less than 32 rows count as a part of a batch. Statistics begin as the first
    /// batch's, and a scenario with less than 32 rows in a batch is normalised by them once they are of as many.
    ///
    /// - Parameters:
    ///   - x: what is read, `[rows, columns]`.
    ///   - isPartitioned: whether every scenario has statistics and factors of its own.
    ///   - name: NAME, what the parameters' names begin with.
    ///   - epsilon: what is added to the variance.
    ///   - momentum: how much of a batch's statistics the moving ones take, 0 to 1; above 0 where it is partitioned.
    /// - SeeAlso: Ioffe & Szegedy, arXiv 1502.03167; of partitions Sheng et al., arXiv 2101.11427.
    public mutating func batchNorm(
        _ x: GraphValue, isPartitioned: Bool = false, name: String, epsilon: Double = 1e-5,
        momentum: Double = 0.1
    ) -> GraphValue {
        batchNorm(x, isPartitioned: isPartitioned, names: [name], epsilon: epsilon, momentum: momentum)
    }

    /// Batch normalisation of equal blocks side by side, `[rows, x.width]`, the parameters named per block, each
    /// `[x.width / names]`; otherwise as `batchNorm(_:isPartitioned:name:epsilon:momentum:)`.
    public mutating func batchNorm(
        _ x: GraphValue, isPartitioned: Bool = false, names: [String], epsilon: Double = 1e-5,
        momentum: Double = 0.1
    ) -> GraphValue {
        addBatchNorm(
            x, isPartitioned: isPartitioned, names: names, epsilon: epsilon, momentum: momentum,
            hasFactors: true)
    }

    /// - Parameter hasFactors: without, the gain is 1 and the shift 0; not with partitions.
    mutating func addBatchNorm(
        _ x: GraphValue, isPartitioned: Bool = false, names: [String], epsilon: Double = 1e-5,
        momentum: Double = 0.1, hasFactors: Bool
    ) -> GraphValue {
        precondition(
            !names.isEmpty && x.width % names.count == 0, "\(x.width) columns, \(names.count) blocks")
        // Of a partitioned norm the first batch's weight is a quotient of two zeros without any momentum.
        precondition(
            (0...1).contains(momentum) && (momentum > 0 || !isPartitioned), "a momentum of \(momentum)")
        let source = inWorkspace(x)
        let width = x.width
        if isPartitioned { usesScenarios = true }
        let gain = hasFactors ? place(2 * width) : 0
        let own = isPartitioned ? place(2 * scenarios * width) : nil
        let sets = isPartitioned ? scenarios : 1
        let moving = place(2 * sets * width, isTrained: false)
        let tracked = isPartitioned ? place(sets * names.count, isTrained: false) : nil
        let each = width / names.count
        for (block, title) in names.enumerated() {
            let first = block * each
            if hasFactors {
                vector(title + ".weight", gain + first, each, beginsAt: 1)
                vector(title + ".bias", gain + width + first, each, beginsAt: 0)
            }
            for set in 0..<sets {
                let prefix = isPartitioned ? "\(title).\(set)" : title
                if let own {
                    let place = own + set * width + first
                    vector(prefix + ".weight", place, each, beginsAt: 1, scenario: set)
                    factors.append(place..<place + each)
                    vector(prefix + ".bias", place + scenarios * width, each, beginsAt: 0, scenario: set)
                }
                let place = moving + set * width + first
                vector(prefix + ".running_mean", place, each, beginsAt: 0, isTrained: false)
                vector(prefix + ".running_var", place + sets * width, each, beginsAt: 1, isTrained: false)
                if let tracked {
                    vector(
                        prefix + ParameterSegment.countName, tracked + set * names.count + block, 1,
                        beginsAt: 0, isTrained: false)
                }
            }
        }
        let y = reserve(width)
        note(y, hasParameters: hasFactors, from: [source])
        nodes.append(
            .batchNorm(
                BatchNormNode(
                    x: source, y: y, gain: gain, shift: gain + width, ownGain: own,
                    ownShift: own.map { $0 + scenarios * width }, movingMean: moving,
                    movingVariance: moving + sets * width, tracked: tracked, blocks: names.count,
                    isPartitioned: isPartitioned,
                    scenarios: scenarios, width: width, place: normWidth, epsilon: epsilon,
                    momentum: momentum, hasFactors: hasFactors)))
        normWidth = Self.sum(normWidth, width)
        return y
    }
}
