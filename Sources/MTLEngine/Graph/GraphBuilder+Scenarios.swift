/// Nodes that know the row's scenario, and those of weights that rows bring along.
extension GraphBuilder {
    /// act(x W_s + b_s) with weights of the row's scenario s, "NAME.s.weight": `[rows, units]`; with a shared factor,
    /// act(x (W_s ⊙ W) + b_s + b), "NAME.shared.weight": the scenarios' own factors then start at 1, biases at 0.
    ///
    /// - Parameters:
    ///   - x: what is read, `[rows, columns]`.
    ///   - units: outputs per block.
    ///   - activation: what the sums go through; one with parameters (PReLU, Dice) traps: `scenarioStack` has those.
    ///   - sharesFactor: whether there is a shared factor, as in `STAR`.
    ///   - present: the scenarios that have weights, in ascending order, or nil for all; for the others y is 0.
    ///   - title: NAME, what the parameters' names begin with.
    ///   - into: where it writes, from `reserve`; nil for a new value.
    public mutating func scenarioDense(
        _ x: GraphValue, units: Int, activation: Activation, sharesFactor: Bool = false,
        present: [Int]? = nil, name title: String, into: GraphValue? = nil
    ) -> GraphValue {
        addScenarioDense(
            x, units: units, activation: activation, sharesFactor: sharesFactor, present: present,
            name: title, into: into, perMember: false)
    }

    /// The last layer of a task's head by scenarios, as `scenarioDense`; in a packed ensemble every member has its own,
    /// "NAME.members.m.s.weight". `[rows, outputs]`
    ///
    /// - Parameters:
    ///   - x: what is read, `[rows, columns]`.
    ///   - outputs: logits of the task.
    ///   - sharesFactor: whether there is a shared factor, as of `scenarioDense`; a member has one of its own.
    ///   - present: the scenarios that have weights, in ascending order, or nil for all; for the others it is 0.
    ///   - title: NAME, what the parameters' names begin with.
    public mutating func scenarioLogits(
        _ x: GraphValue, outputs: Int, sharesFactor: Bool = false, present: [Int]? = nil, name title: String
    ) -> GraphValue {
        addScenarioDense(
            x, units: outputs, activation: .identity, sharesFactor: sharesFactor, present: present,
            name: title, into: nil, perMember: members != nil)
    }

    /// Every task's tower and logits, all layers the row's scenario's own, "heads.TASK.l.s.weight": per task, in the order of
    /// `tasks`, `[rows, outputs]`. A task that exists in some scenarios only has layers there and nowhere else.
    ///
    /// - Parameters:
    ///   - x: what all towers read, `[rows, columns]`.
    ///   - sharesFactor: whether every layer has a shared factor, as of `scenarioDense`.
    public mutating func scenarioHeads(_ x: GraphValue, sharesFactor: Bool = false) -> [GraphValue] {
        var logits: [GraphValue] = []
        for task in tasks {
            let present = scenarios(of: task)
            let hidden = scenarioStack(
                x, task.tower, sharesFactor: sharesFactor, present: present, name: "heads.\(task.name)")
            logits.append(
                scenarioLogits(
                    hidden, outputs: task.outputs, sharesFactor: sharesFactor, present: present,
                    name: "heads.\(task.name).\(task.tower.count)"))
        }
        return logits
    }

    private mutating func addScenarioDense(
        _ x: GraphValue, units: Int, activation: Activation, sharesFactor: Bool, present: [Int]?,
        name title: String, into: GraphValue?, perMember: Bool
    ) -> GraphValue {
        precondition(!activation.hasParameters, "\(activation.rawValue), which only hidden layers have")
        usesScenarios = true
        let size = x.width * units
        let some = present ?? Array(0..<scenarios)
        let members = perMember ? members : nil
        // A member's shared factor lies behind its scenarios' own, so that one stride leads to both.
        let ownCount = some.count * (size + units)
        let stride = ownCount + (sharesFactor && members != nil ? size + units : 0)
        let own = place((members ?? 1) * stride)
        let shared = !sharesFactor ? nil : members != nil ? own + ownCount : place(size + units)
        for member in 0..<(members ?? 1) {
            let title = members == nil ? title : Self.title(title, member: member)
            for (slot, scenario) in some.enumerated() {
                let start = own + member * stride + slot * (size + units)
                nameLayer(
                    "\(title).\(scenario)", weight: start, bias: start + size, inputs: x.width,
                    outputs: units, isTransposed: true, scenario: scenario,
                    initial: sharesFactor ? nil : .drawn)
                if sharesFactor {
                    beginnings.append(.constant(start..<start + size, 1))
                    factors.append(start..<start + size)
                    beginnings.append(.constant(start + size..<start + size + units, 0))
                }
            }
            if let shared {
                let start = shared + member * stride
                nameLayer(
                    title + ".shared", weight: start, bias: start + size, inputs: x.width, outputs: units,
                    isTransposed: true)
            }
        }
        var slots: Int?
        if some.count < scenarios {
            slots = lists.count
            lists += (0..<scenarios).map { scenario in Int32(some.firstIndex(of: scenario) ?? -1) }
        }
        let y = target(into, units)
        let saved = activation.savesInput ? reserveSaved(units) : y
        note(y, hasParameters: true, from: [])
        let scratch = scratchCount
        scratchCount = Self.sum(
            scratchCount, (ScenarioDenseNode.scratchCount(inputs: x.width, outputs: units) + 15) / 16 * 16)
        let node = ScenarioDenseNode(
            x: x, y: y, saved: saved, activation: activation, inputs: x.width, outputs: units, own: own,
            shared: shared, scenarios: scenarios, slots: slots, scratch: scratch)
        nodes.append(
            members.map {
                .member(MemberNode(.scenarioDense(node), members: $0, stride: stride, transposedStride: 0))
            } ?? .scenarioDense(node))
        return y
    }

    /// Layers of `scenarioDense`, "NAME.l.s.weight": `[rows, units of the last layer]`, or x where there are no layers.
    ///
    /// What stands behind a layer's product is all scenarios' in common: its normalisation, "NAME.l.norm", whose batch is that
    /// of all rows, and the slopes of PReLU and Dice, "NAME.l.activation".
    /// - Parameters:
    ///   - x: what is read, `[rows, columns]`.
    ///   - layers: the layers, from x up.
    ///   - sharesFactor: whether there is a shared factor, as of `scenarioDense`.
    ///   - present: the scenarios that have weights, in ascending order, or nil for all.
    ///   - title: NAME, what the parameters' names begin with.
    ///   - into: where the last layer writes, from `reserve`; nil for a new value.
    public mutating func scenarioStack(
        _ x: GraphValue, _ layers: [HiddenLayer], sharesFactor: Bool = false, present: [Int]? = nil,
        name title: String, into: GraphValue? = nil
    ) -> GraphValue {
        var value = x
        for (depth, layer) in layers.enumerated() {
            let name = "\(title).\(depth)"
            value = scenarioDense(
                value, units: layer.units, activation: layer.isPlain ? layer.activation : .identity,
                sharesFactor: sharesFactor, present: present, name: name,
                into: depth == layers.count - 1 && layer.isPlain ? into : nil)
            guard !layer.isPlain else { continue }
            value = finished(value, layer, names: [name])
            if depth == layers.count - 1, into != nil { value = scale(value, by: 1, into: into) }
        }
        return value
    }

    /// A trained vector of the row's scenario, "NAME.s": `[rows, width]`.
    ///
    /// - Parameters:
    ///   - width: the length of the vector.
    ///   - value: what it starts with; nil for draws as of a layer's weights.
    ///   - title: NAME, what the parameters' names begin with.
    public mutating func scenarioVector(
        _ width: Int, beginsAt value: Double? = nil, name title: String
    ) -> GraphValue {
        precondition(width > 0, "a vector of \(width)")
        usesScenarios = true
        let start = place(scenarios * width)
        for scenario in 0..<scenarios {
            let range = start + scenario * width..<start + (scenario + 1) * width
            let own = "\(title).\(scenario)"
            name(own, range.lowerBound, [width])
            if let value {
                beginnings.append(.constant(range, value))
            } else {
                beginnings.append(
                    .layer(
                        weights: range, biases: range.lowerBound..<range.lowerBound, inputs: width,
                        outputs: 1, name: own))
            }
            owned.append((range, scenario))
        }
        let y = reserve(width)
        note(y, hasParameters: true, from: [])
        nodes.append(.scenarioVector(ScenarioVectorNode(y: y, start: start, scenarios: scenarios)))
        return y
    }

    /// The block of x that belongs to the row's scenario, where x has one block per scenario: `[rows, x.width / scenarios]`.
    public mutating func scenarioSelect(_ x: GraphValue) -> GraphValue {
        usesScenarios = true
        precondition(x.width % scenarios == 0, "\(x.width) columns for \(scenarios) scenarios")
        let source = inWorkspace(x)
        let y = reserve(x.width / scenarios)
        note(y, from: [source])
        nodes.append(.scenarioSelect(ScenarioSelectNode(x: source, y: y, scenarios: scenarios)))
        return y
    }

    /// x_r M_r, `[rows, outputs]`, with a matrix of each row's own, `[x.width, outputs]` row-major in the columns of `matrices`.
    ///
    /// It is the mixture of the matrix's rows with x as its weights, and runs as that.
    public mutating func rowProduct(_ x: GraphValue, _ matrices: GraphValue) -> GraphValue {
        precondition(matrices.width % x.width == 0, "\(x.width) columns times \(matrices.width)")
        return mixture(experts: matrices, width: matrices.width / x.width, gates: [x])
    }

    /// γ σ(relu(x U + a) V + b), `[rows, width]`, "NAME.0.weight" and "NAME.1.weight": a gate unit of `PEPNet`.
    public mutating func gateUnit(
        _ x: GraphValue, hidden: Int, width: Int, scale gamma: Double, name title: String
    ) -> GraphValue {
        let gate = stack(x, [.relu(hidden), .dense(width, .sigmoid)], names: [title])
        return gamma == 1 ? gate : scale(gate, by: gamma)
    }

    /// The scenarios that a task exists in, in ascending order; nil where it exists in all of them.
    public func scenarios(of task: LearningTask) -> [Int]? {
        guard let some = task.scenarios, some.count < scenarios else { return nil }
        return some.sorted()
    }
}
