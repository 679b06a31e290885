#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

extension GraphBuilder {
    /// Parameters as a value, the same for every row, "NAME"; they begin uniform in ±bound, at 0 without one.
    mutating func parameter(_ count: Int, bound: Double = 0, name title: String) -> GraphValue {
        let start = place(count)
        name(title, start, [count])
        let range = start..<start + count
        beginnings.append(bound > 0 ? .uniform(range, bound: bound, name: title) : .constant(range, 0))
        let y = reserve(count)
        note(y, hasParameters: true, from: [])
        nodes.append(.parameter(ParameterNode(y: y, start: start)))
        return y
    }

    /// A linear layer whose weights begin uniform in ±bound and whose bias begins at 0.
    mutating func smallDense(_ x: GraphValue, units: Int, bound: Double, name title: String) -> GraphValue {
        let y = dense(x, units: units, activation: .identity, name: title)
        if case .layer(let weights, let biases, _, _, _)? = beginnings.popLast() {
            beginnings.append(.uniform(weights, bound: bound, name: title))
            beginnings.append(.constant(biases, 0))
        }
        return y
    }

    /// log(p / (1 - p)).
    func logit(of p: Double) -> Double { log(p / (1 - p)) }

    /// Smooth-step selectors over `experts`, each of ⌈log₂ experts⌉ bits: `[rows, selectors · experts]`.
    mutating func bitSelectors(_ bits: GraphValue, selectors: Int, experts: Int, gamma: Double) -> GraphValue
    {
        let source = inWorkspace(bits)
        let y = reserve(selectors * experts)
        note(y, from: [source])
        nodes.append(
            .bitSelector(
                BitSelectorNode(
                    x: source, y: y, bits: bits.width / selectors, experts: experts, gamma: gamma)))
        return y
    }

    /// Hard-concrete gates, "NAME" their log α, which begins at one value: `[rows, count]`, the same for every row.
    ///
    /// - Parameter sparsity: what the expected number of open gates is penalised with.
    mutating func hardConcrete(
        _ count: Int, beginsAt logAlpha: Double, beta: Double, gamma: Double, zeta: Double, sparsity: Double,
        name title: String
    ) -> GraphValue {
        let start = place(count)
        vector(title, start, count, beginsAt: logAlpha)
        let y = reserve(count)
        note(y, hasParameters: true, from: [])
        dropouts += 1
        nodes.append(
            .hardConcrete(
                HardConcreteNode(
                    y: y, start: start, number: dropouts, beta: beta, gamma: gamma, zeta: zeta)))
        if sparsity > 0 {
            structures.append(.openGates(title, shift: beta * gateShift(gamma, zeta), weight: sparsity))
        }
        return y
    }

    /// In training, gates of which every row loses each expert with probability `rate`, the others' weights divided by
    /// their sum. Gates of one call drop the same experts.
    ///
    /// - Parameter sees: per gate the numbers of its experts; nil for all in order.
    public mutating func expertDropout(
        _ gates: [GraphValue], sees: [[Int]]? = nil, rate: Double
    ) -> [GraphValue] {
        precondition(rate >= 0 && rate < 1, "a rate of \(rate)")
        guard rate > 0 else { return gates }
        dropouts += 1
        var result: [GraphValue] = []
        for (index, gate) in gates.enumerated() {
            let source = inWorkspace(gate)
            let numbers = sees?[index] ?? Array(0..<gate.width)
            precondition(numbers.count == gate.width, "\(gate.width) columns for \(numbers.count) experts")
            let first = lists.count
            lists += numbers.map { Int32($0) }
            let y = reserve(gate.width)
            note(y, from: [source])
            nodes.append(
                .expertDropout(
                    ExpertDropoutNode(x: source, y: y, rate: rate, number: dropouts, experts: first)))
            result.append(y)
        }
        return result
    }

    /// Lets the layers that `dense` has just added begin at 0.
    mutating func beginAtZero(_ layers: Int) {
        for index in beginnings.count - layers..<beginnings.count {
            guard case .layer(let weights, let biases, _, _, _) = beginnings[index] else { continue }
            beginnings[index] = .constant(weights, 0)
            if !biases.isEmpty { beginnings.append(.constant(biases, 0)) }
        }
    }

    /// Σ_l β_l x_l over blocks, "NAME.weight" `[blocks]`.
    mutating func blockMixture(
        _ x: GraphValue, blocks: Int, last: Double, name title: String
    ) -> GraphValue {
        let source = inWorkspace(x)
        let start = place(blocks)
        name(title + ".weight", start, [blocks])
        beginnings.append(
            .strided(start, stride: 1, count: blocks - 1, value: (1 - last) / Double(max(1, blocks - 1))))
        beginnings.append(.strided(start + blocks - 1, stride: 1, count: 1, value: last))
        let y = reserve(x.width / blocks)
        note(y, hasParameters: true, from: [])
        nodes.append(.stitch(StitchNode(x: source, y: y, count: blocks, alpha: start, outs: 0..<1)))
        return y
    }

    /// One dense layer per block of x, each over all of x; it begins as `own` of its own block and the rest shared out
    /// among the others, column by column, with bias 0 if any. "NAMES.weight" `[width, x.width]`.
    mutating func fusion(_ x: GraphValue, names: [String], own: Double, hasBias: Bool) -> GraphValue {
        let (blocks, width) = (names.count, x.width / names.count)
        let y = dense(
            x, units: width, activation: .identity, names: names, inputIsShared: true, hasBias: hasBias)
        guard case .dense(let node)? = nodes.last else { return y }
        beginAtZero(blocks)
        let layer = node.layer
        let (unit, input) = layer.order == .inputMajor ? (1, width) : (x.width, 1)
        for out in 0..<blocks {
            for block in 0..<blocks {
                let value = block == out ? own : (1 - own) / Double(max(1, blocks - 1))
                beginnings.append(
                    .strided(
                        layer.weight + out * x.width * width + block * width * input, stride: unit + input,
                        count: width, value: value))
            }
        }
        return y
    }
}

/// log(-γ/ζ): a gate is open with probability σ(log α - β log(-γ/ζ)).
private func gateShift(_ gamma: Double, _ zeta: Double) -> Double { log(-gamma / zeta) }
