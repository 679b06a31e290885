#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

extension GraphBuilder {
    /// Trained parameters as a value: `[rows, count]`, every row the same numbers; the parameter "NAME" is `[count]`.
    ///
    /// - Parameters:
    ///   - count: the number of columns.
    ///   - bound: the parameters start uniform in ±bound; at 0 where it is 0.
    ///   - title: NAME, what the parameters' names begin with.
    public mutating func parameter(_ count: Int, bound: Double = 0, name title: String) -> GraphValue {
        let start = place(count)
        name(title, start, [count])
        let range = start..<start + count
        beginnings.append(bound > 0 ? .uniform(range, bound: bound, name: title) : .constant(range, 0))
        let y = reserve(count)
        note(y, hasParameters: true, from: [])
        nodes.append(.parameter(ParameterNode(y: y, start: start)))
        return y
    }

    /// Trained rows of length 1 at right angles to each other as a value: `[rows, count · width]`, every row the same numbers, one
    /// after the other; the parameter "NAME" is `[count, width]`. They begin so, and after every step that moved them they are made
    /// so again; no weight decay applies to them.
    ///
    /// - Parameters:
    ///   - count: the number of orthonormal rows, at most `width`.
    ///   - width: their length.
    ///   - title: NAME, what the parameter is called.
    public mutating func orthonormalRows(_ count: Int, width: Int, name title: String) -> GraphValue {
        precondition(count > 0 && count <= width, "\(count) orthonormal rows of \(width)")
        let start = place(count * width)
        name(title, start, [count, width])
        beginnings.append(.orthonormal(start, rows: count, columns: width, name: title))
        undecayed.append(start..<start + count * width)
        structures.append(.orthonormal(title))
        let y = reserve(count * width)
        note(y, hasParameters: true, from: [])
        nodes.append(.parameter(ParameterNode(y: y, start: start)))
        return y
    }

    /// Smooth-step selectors over `experts`, each of ⌈log₂ experts⌉ bits: `[rows, selectors · experts]`; see `DSelectK`.
    ///
    /// - Parameters:
    ///   - bits: `[rows, selectors · ⌈log₂ experts⌉]`.
    ///   - selectors: the number of selectors.
    ///   - experts: the number of experts.
    ///   - gamma: the width of the smooth step around 0; a bit is exactly 0 or 1 outside ±gamma/2.
    /// - SeeAlso: Hazimeh et al., arXiv 2106.03760, section 3.
    public mutating func bitSelectors(_ bits: GraphValue, selectors: Int, experts: Int, gamma: Double)
        -> GraphValue
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

    /// Hard-concrete gates: `[rows, count]`, every row the same gates; the parameter "NAME" `[count]` is their log α.
    ///
    /// A gate is drawn once a step in training, and fixed in prediction.
    /// - Parameters:
    ///   - count: the number of columns.
    ///   - open: σ(log α) at the start, above 0 and below 1.
    ///   - beta: the temperature.
    ///   - gamma: the lower end of the interval that gates are stretched to before they are clipped to 0...1; below 0.
    ///   - zeta: the upper end of that interval; above 1.
    ///   - sparsity: the factor of the penalty on the expected number of open gates.
    ///   - title: NAME, what the parameters' names begin with.
    /// - SeeAlso: Louizos et al., arXiv 1712.01312.
    public mutating func hardConcrete(
        _ count: Int, open: Double, beta: Double, gamma: Double, zeta: Double, sparsity: Double,
        name title: String
    ) -> GraphValue {
        precondition(open > 0 && open < 1, "gates that are open with probability \(open)")
        precondition(gamma < 0 && zeta > 1 && beta > 0, "gamma \(gamma), zeta \(zeta), beta \(beta)")
        let logAlpha = log(open / (1 - open))
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

    /// In training, gates that drop each expert of a row with probability `rate` and divide the other experts' weights by
    /// their sum; in prediction the gates themselves. Gates of one call drop the same experts.
    ///
    /// - Parameters:
    ///   - gates: each `[rows, experts it weighs]`.
    ///   - sees: per gate the numbers of its experts; nil for all in order.
    ///   - rate: at least 0 and below 1.
    /// - Returns: per gate a value of its shape.
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

    /// Σ_l β_l x_l over equal blocks of x: `[rows, x.width / blocks]`; the parameter "NAME.weight" `[blocks]` is β.
    ///
    /// - Parameters:
    ///   - x: what is read, `[rows, columns]`.
    ///   - blocks: the number of equal blocks of x.
    ///   - last: β of the last block at the start; the other blocks share 1 - last equally.
    ///   - title: NAME, what the parameters' names begin with.
    public mutating func blockMixture(
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

    /// One linear layer per block of x, each over all of x: `[rows, x.width]`, "NAME.weight" `[x.width / names, x.width]`.
    ///
    /// - Parameters:
    ///   - x: what is read, `[rows, columns]`.
    ///   - names: one per block.
    ///   - own: what a block's layer takes of its own block at the start, column by column; the other blocks share
    ///     1 - own equally, and biases are 0.
    ///   - hasBias: false for x W alone.
    public mutating func fusion(_ x: GraphValue, names: [String], own: Double, hasBias: Bool) -> GraphValue {
        precondition(
            !names.isEmpty && x.width % names.count == 0, "\(x.width) columns in \(names.count) blocks")
        let (blocks, width) = (names.count, x.width / names.count)
        let (y, layer) = addDense(
            x, units: width, activation: .identity, names: names, inputIsShared: true, hasBias: hasBias,
            initial: .zero, into: nil)
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
