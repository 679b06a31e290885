extension GraphBuilder {
    // MARK: Dense layers

    /// act(x W + b): `[rows, units]`, "NAME.weight" `[units, x.width]` and "NAME.bias" `[units]`.
    ///
    /// - Parameters:
    ///   - x: what is read, `[rows, columns]`.
    ///   - units: outputs per block.
    ///   - activation: what the sums go through; one with parameters (PReLU, Dice) traps: `layer` has those.
    ///   - name: NAME, what the parameters' names begin with.
    ///   - initial: what the parameters are before training.
    ///   - into: where it writes, `[rows, units]` from `reserve`; nil for a new value.
    public mutating func dense(
        _ x: GraphValue, units: Int, activation: Activation, name: String,
        initial: InitialWeights = .drawn, into: GraphValue? = nil
    ) -> GraphValue {
        dense(
            x, units: units, activation: activation, names: [name], inputIsShared: true, initial: initial,
            into: into)
    }

    /// One dense layer per name, of equal shape, side by side: `[rows, names · units]`.
    ///
    /// - Parameters:
    ///   - x: what every block reads, or with `inputIsShared` false one block of columns for each.
    ///   - units: outputs per block.
    ///   - activation: what the sums go through; one with parameters (PReLU, Dice) traps: `layer` has those.
    ///   - names: one per block, what the names of its parameters begin with.
    ///   - inputIsShared: whether every block reads all of x.
    ///   - hasBias: false for x W alone.
    ///   - initial: what the parameters are before training.
    ///   - into: where it writes, from `reserve`; nil for a new value.
    public mutating func dense(
        _ x: GraphValue, units: Int, activation: Activation, names: [String], inputIsShared: Bool,
        hasBias: Bool = true, initial: InitialWeights = .drawn, into: GraphValue? = nil
    ) -> GraphValue {
        addDense(
            x, units: units, activation: activation, names: names, inputIsShared: inputIsShared,
            hasBias: hasBias, initial: initial, into: into
        ).value
    }

    /// - Parameter perMember: whether every member of a packed ensemble has weights of its own, "NAME.members.m.weight".
    mutating func addDense(
        _ x: GraphValue, units: Int, activation: Activation, names: [String], inputIsShared: Bool,
        hasBias: Bool, initial: InitialWeights, into: GraphValue?, perMember: Bool = false
    ) -> (value: GraphValue, layer: Dense) {
        precondition(units > 0 && !names.isEmpty, "\(names.count) layers of \(units) units")
        precondition(!activation.hasParameters, "\(activation.rawValue), which only hidden layers have")
        precondition(inputIsShared || x.width % names.count == 0, "\(x.width) columns, \(names.count) blocks")
        let blocks = names.count
        let source = inputIsShared || blocks == 1 ? x : inWorkspace(x)
        let isShared = inputIsShared || blocks == 1
        let inputs = isShared ? x.width : x.width / blocks
        // Narrow outputs (logits) are dot products of rows; others write whole vectors, and so do those over tables, looked up or
        // gated, which a step may then project.
        let readsTables =
            members == nil && needsGradient(source)
            && (source.isFeatures || parts.contains { $0.field != nil && $0.value.storage == source.storage })
        let order: Dense.Order =
            units < 8 && activation != .relu && !readsTables ? .outputMajor : .inputMajor
        var layer = Dense(
            blocks: blocks, inputs: inputs, outputs: units, inputIsShared: isShared,
            activation: activation, order: order)
        let own = perMember ? members : nil
        let stride = layer.weightCount + (hasBias ? layer.biasCount : 0)
        layer.weight = place((own ?? 1) * stride)
        layer.bias =
            hasBias ? layer.weight + layer.weightCount : place(layer.biasCount, isTrained: false)
        if order == .inputMajor && needsGradient(source) {
            layer.transposed = transposedCount
            transposedCount = Self.sum(
                transposedCount, (own ?? 1) * layer.biasCount * layer.transposedStride)
        }
        for member in 0..<(own ?? 1) {
            for (block, name) in names.enumerated() {
                let (weight, bias) = (layer.weight + member * stride, layer.bias + member * stride)
                nameLayer(
                    own == nil ? name : Self.title(name, member: member),
                    weight: weight + block * inputs * units, bias: bias + block * units, inputs: inputs,
                    outputs: units, isTransposed: order == .inputMajor, initial: initial, hasBias: hasBias)
            }
        }
        let y = target(into, layer.width)
        let saved = activation.savesInput ? reserveSaved(layer.width) : y
        note(y, hasParameters: true, from: [])
        var node = DenseNode(layer: layer, x: source, y: y, saved: saved, blocks: 0..<blocks)
        node.trainsBias = hasBias
        nodes.append(
            own.map { members in
                .member(
                    MemberNode(
                        .dense(node), members: members, stride: stride,
                        transposedStride: layer.transposed == nil
                            ? 0 : layer.biasCount * layer.transposedStride))
            } ?? .dense(node))
        return (y, layer)
    }

    /// One hidden layer per name, of equal shape, side by side: `[rows, names · layer.units]`; the parameters of `dense`, and
    /// of its normalisation "NAME.norm".
    ///
    /// - Parameters:
    ///   - x: what is read, `[rows, columns]`.
    ///   - layer: the plan of each block.
    ///   - names: one per block, what the names of its parameters begin with.
    ///   - inputIsShared: whether every block reads all of x, or its own of as many blocks of x as there are names.
    ///   - into: where it writes, from `reserve`; nil for a new value.
    public mutating func layer(
        _ x: GraphValue, _ layer: HiddenLayer, names: [String], inputIsShared: Bool,
        into: GraphValue? = nil
    ) -> GraphValue {
        guard !layer.isPlain else {
            return dense(
                x, units: layer.units, activation: layer.activation, names: names,
                inputIsShared: inputIsShared,
                into: into)
        }
        let sums = dense(
            x, units: layer.units, activation: .identity, names: names, inputIsShared: inputIsShared)
        let value = finished(sums, layer, names: names)
        return into == nil ? value : scale(value, by: 1, into: into)
    }

    /// What a hidden layer does behind its product, dropout(act(norm(sums))), of blocks side by side: `[rows, sums.width]`.
    ///
    /// - Parameters:
    ///   - sums: x W + b of the blocks, side by side.
    ///   - layer: the plan of each block.
    ///   - names: one per block; the normalisation's parameters are "NAME.norm.weight" and "NAME.norm.bias", those of PReLU and
    ///     Dice "NAME.activation.weight" `[units]`.
    public mutating func finished(_ sums: GraphValue, _ layer: HiddenLayer, names: [String]) -> GraphValue {
        let norms = names.map { "\($0).norm" }
        let normed =
            switch layer.normalization {
            case .none: sums
            case .batch: batchNorm(sums, names: norms)
            case .layer: layerNorm(sums, names: norms)
            }
        guard layer.activation.hasParameters else {
            return dropout(activation(normed, layer.activation), rate: layer.dropout)
        }
        return dropout(slopes(normed, layer.activation, names: names), rate: layer.dropout)
    }

    /// A stack of hidden layers per name, side by side: `[rows, names · units of the last layer]`, or x where there are no
    /// layers. Layer l's parameters are "NAME.l.weight" and "NAME.l.bias".
    ///
    /// - Parameters:
    ///   - x: what is read, `[rows, columns]`.
    ///   - layers: the layers, from x up.
    ///   - names: one per block, what the names of its parameters begin with.
    ///   - inputIsShared: whether every name's first layer reads all of x, or its own block of x.
    ///   - into: where the last layer writes, from `reserve`; nil for a new value.
    public mutating func stack(
        _ x: GraphValue, _ layers: [HiddenLayer], names: [String], inputIsShared: Bool = true,
        into: GraphValue? = nil
    ) -> GraphValue {
        var value = x
        for (depth, some) in layers.enumerated() {
            value = layer(
                value, some, names: names.map { "\($0).\(depth)" },
                inputIsShared: inputIsShared && depth == 0,
                into: depth == layers.count - 1 ? into : nil)
        }
        return value
    }

    mutating func nameLayer(
        _ title: String, weight: Int, bias: Int, inputs: Int, outputs: Int, isTransposed: Bool,
        scenario: Int? = nil, initial: InitialWeights? = .drawn, hasBias: Bool = true
    ) {
        name(title + ".weight", weight, [outputs, inputs], isTransposed: isTransposed)
        if hasBias { name(title + ".bias", bias, [outputs]) }
        let weights = weight..<weight + inputs * outputs
        let biases = bias..<bias + (hasBias ? outputs : 0)
        switch initial {
        case .drawn:
            beginnings.append(
                .layer(weights: weights, biases: biases, inputs: inputs, outputs: outputs, name: title))
        case .zero: beginnings += [.constant(weights, 0), .constant(biases, 0)]
        case .uniform(let bound):
            beginnings += [.uniform(weights, bound: bound, name: title), .constant(biases, 0)]
        case nil: break
        }
        if let scenario {
            owned.append((weights, scenario))
            owned.append((bias..<bias + outputs, scenario))
        }
    }

    // MARK: Elementwise

    /// alpha x: `[rows, x.width]`, into a value from `reserve` or a new one.
    public mutating func scale(_ x: GraphValue, by alpha: Double, into: GraphValue? = nil) -> GraphValue {
        let y = target(into, x.width)
        linear(x, into: y, alpha: alpha, adds: false)
        return y
    }

    mutating func linear(_ x: GraphValue, into y: GraphValue, alpha: Double, adds: Bool) {
        note(y, from: [x])
        nodes.append(.linear(LinearNode(x: x, y: y, alpha: alpha, adds: adds)))
    }

    /// The sum of values of equal width, each times its factor where `factors` are given: `[rows, width]`.
    public mutating func add(_ values: [GraphValue], factors: [Double]? = nil) -> GraphValue {
        precondition(!values.isEmpty && values.allSatisfy { $0.width == values[0].width }, "widths differ")
        let y = reserve(values[0].width)
        for (index, value) in values.enumerated() {
            linear(value, into: y, alpha: factors?[index] ?? 1, adds: index > 0)
        }
        return y
    }

    /// Values side by side: `[rows, sum of the widths]`. Neighbours in memory (the blocks of a value) are not copied.
    public mutating func concatenate(_ values: [GraphValue]) -> GraphValue {
        precondition(!values.isEmpty, "nothing to put side by side")
        let isWhole = zip(values, values.dropFirst()).allSatisfy { left, right in
            left.storage == right.storage && left.range.upperBound == right.column
                && left.isStopped == right.isStopped
        }
        let width = values.reduce(0) { $0 + $1.width }
        if isWhole {
            let first = values[0]
            return GraphValue(
                width: width, storage: first.storage, column: first.column, offsetPerRow: first.offsetPerRow,
                stride: first.stride, gradientStart: first.gradientStart, isStopped: first.isStopped)
        }
        let y = reserve(width)
        var column = 0
        for value in values {
            linear(value, into: y.columns(column..<column + value.width), alpha: 1, adds: false)
            column += value.width
        }
        return y
    }

    /// a ⊙ b: `[rows, a.width]`; where b is narrower, each of its columns multiplies a block of a.width / b.width columns.
    public mutating func multiply(_ a: GraphValue, _ b: GraphValue, into: GraphValue? = nil) -> GraphValue {
        precondition(a.width % b.width == 0, "\(a.width) columns times \(b.width)")
        let (left, right) = (inWorkspace(a), inWorkspace(b))
        let y = target(into, a.width)
        note(y, from: [left, right])
        nodes.append(.product(ProductNode(a: left, b: right, y: y, per: a.width / b.width)))
        return y
    }

    /// Per row and block the dot product of a and b: `[rows, blocks]`.
    public mutating func dot(_ a: GraphValue, _ b: GraphValue, blocks: Int = 1) -> GraphValue {
        precondition(
            a.width == b.width && a.width % blocks == 0, "\(a.width) and \(b.width) in \(blocks) blocks")
        let (left, right) = (inWorkspace(a), inWorkspace(b))
        let y = reserve(blocks)
        note(y, from: [left, right])
        nodes.append(.dots(DotsNode(a: left, b: right, y: y, per: a.width / blocks)))
        return y
    }

    /// act(x), element by element: `[rows, x.width]`. An activation with parameters (PReLU, Dice) traps: `finished` has those.
    public mutating func activation(_ x: GraphValue, _ activation: Activation) -> GraphValue {
        precondition(!activation.hasParameters, "\(activation.rawValue), which only hidden layers have")
        guard activation != .identity else { return x }
        let source = inWorkspace(x)
        let y = reserve(x.width)
        note(y, from: [source])
        nodes.append(.activation(ActivationNode(x: source, y: y, activation: activation)))
        return y
    }

    /// softmax(x / temperature) of every block: `[rows, x.width]`; each row of a block sums to 1.
    public mutating func softmaxBlocks(
        _ x: GraphValue, blocks: Int = 1, temperature: Double = 1
    ) -> GraphValue {
        precondition(x.width % blocks == 0 && temperature > 0, "\(x.width) columns in \(blocks) blocks")
        let source = inWorkspace(x)
        let y = reserve(x.width)
        note(y, from: [source])
        nodes.append(
            .softmax(SoftmaxNode(x: source, y: y, count: x.width / blocks, scale: 1 / temperature)))
        return y
    }

    /// x ⊙ gain + shift: `[rows, x.width]`; "NAME.weight" (1 at the start) and "NAME.bias" (0), `[x.width]`.
    ///
    /// - Parameters:
    ///   - x: what is read, `[rows, columns]`.
    ///   - perScenario: whether every scenario s has parameters of its own, "NAME.s.weight" and "NAME.s.bias".
    ///   - title: NAME, what the parameters' names begin with.
    public mutating func affine(_ x: GraphValue, perScenario: Bool = false, name title: String) -> GraphValue
    {
        let source = inWorkspace(x)
        let count = x.width
        let sets = perScenario ? scenarios : 1
        if perScenario { usesScenarios = true }
        let start = place(sets * 2 * count)
        for set in 0..<sets {
            let prefix = perScenario ? "\(title).\(set)" : title
            let offset = start + set * 2 * count
            let scenario = perScenario ? set : nil
            vector(prefix + ".weight", offset, count, beginsAt: 1, scenario: scenario)
            if perScenario { factors.append(offset..<offset + count) }
            vector(prefix + ".bias", offset + count, count, beginsAt: 0, scenario: scenario)
        }
        let y = reserve(count)
        note(y, hasParameters: true, from: [])
        nodes.append(
            .affine(
                AffineNode(
                    x: source, y: y, gain: start, shift: start + count,
                    scenarioStride: perScenario ? 2 * count : 0, scenarios: scenarios)))
        return y
    }

    /// In training, x with a share `rate` of its elements at 0 and the others divided by 1 - rate; in prediction x.
    /// `[rows, x.width]`.
    public mutating func dropout(_ x: GraphValue, rate: Double) -> GraphValue {
        precondition(rate >= 0 && rate < 1, "a rate of \(rate)")
        guard rate > 0 else { return x }
        let source = inWorkspace(x)
        let y = reserve(x.width)
        note(y, from: [source])
        dropouts += 1
        nodes.append(.dropout(DropoutNode(x: source, y: y, rate: rate, number: dropouts)))
        return y
    }

    /// The logit of σ(a) σ(b), computed in log space, of two logits `[rows, 1]`: of an event that takes two others (a click
    /// and then a purchase). `[rows, 1]`.
    public mutating func logitProduct(_ a: GraphValue, _ b: GraphValue) -> GraphValue {
        precondition(a.width == 1 && b.width == 1, "\(a.width) and \(b.width) logits")
        let y = reserve(1)
        note(y, from: [a, b])
        nodes.append(.logitProduct(LogitProductNode(a: a, b: b, z: y)))
        return y
    }

    // MARK: Mixtures

    /// Σ_e g_e x_e, one output per gate: `[rows, gates · width]`.
    ///
    /// - Parameters:
    ///   - experts: the experts as equal blocks of one value.
    ///   - width: the width of an expert.
    ///   - gates: per output its weights, one column per expert it sees; softmaxed already.
    ///   - sees: per output the experts its gate's columns stand for; nil for all in order.
    ///   - into: where it writes, from `reserve`; nil for a new value.
    public mutating func mixture(
        experts: GraphValue, width: Int, gates: [GraphValue], sees: [[Int]]? = nil, into: GraphValue? = nil
    ) -> GraphValue {
        let source = inWorkspace(experts)
        let all = Array(0..<experts.width / width)
        let y = target(into, gates.count * width)
        for (output, gate) in gates.enumerated() {
            let seen = sees?[output] ?? all
            precondition(gate.width == seen.count, "\(gate.width) gate columns for \(seen.count) experts")
            let first = lists.count
            lists += seen.map { Int32($0 * width) }
            let modes = lists.count
            lists += seen.map { _ in 0 }
            let part = y.columns(output * width..<(output + 1) * width)
            let weights = inWorkspace(gate)
            note(part, from: [weights, source])
            nodes.append(
                .mixture(
                    MixtureNode(
                        experts: source, gates: weights, y: part, count: seen.count, first: first,
                        modes: modes)))
        }
        return y
    }

    /// y_i = Σ_j α_ij x_j over equal blocks of x: `[rows, x.width]`; "NAME.weight" `[blocks, blocks]` is α.
    ///
    /// - Parameters:
    ///   - x: what is read, `[rows, columns]`.
    ///   - blocks: the number of equal blocks of x.
    ///   - on: α's diagonal at the start.
    ///   - off: its other entries at the start; nil shares 1 - on among them equally.
    ///   - title: NAME, what the parameters' names begin with.
    public mutating func crossStitch(
        _ x: GraphValue, blocks: Int, on: Double = 0.9, off: Double? = nil, name title: String
    ) -> GraphValue {
        precondition(x.width % blocks == 0, "\(x.width) columns in \(blocks) blocks")
        let source = inWorkspace(x)
        let alpha = place(blocks * blocks)
        name(title + ".weight", alpha, [blocks, blocks])
        beginnings.append(
            .diagonal(
                alpha, size: blocks, on: on, off: off ?? (blocks > 1 ? (1 - on) / Double(blocks - 1) : 0)))
        let y = reserve(x.width)
        note(y, hasParameters: true, from: [])
        nodes.append(.stitch(StitchNode(x: source, y: y, count: blocks, alpha: alpha, outs: 0..<blocks)))
        return y
    }
}
