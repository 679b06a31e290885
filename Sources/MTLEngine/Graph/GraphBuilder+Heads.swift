extension GraphBuilder {
    /// The tasks so ordered that those with equal towers and outputs are neighbours: in this order per-task blocks feed
    /// the heads without a copy.
    public var headOrder: [Int] { headGroups.flatMap { $0 } }

    /// One value per task, given in `headOrder`, in the order of `tasks`: the inverse of `headOrder`.
    public func inTaskOrder(_ values: [GraphValue]) -> [GraphValue] {
        precondition(values.count == tasks.count, "\(values.count) values for \(tasks.count) tasks")
        var result = values
        for (place, task) in headOrder.enumerated() { result[task] = values[place] }
        return result
    }

    private var headGroups: [[Int]] {
        var groups: [[Int]] = []
        for (index, task) in tasks.enumerated() {
            let place = groups.firstIndex {
                tasks[$0[0]].tower == task.tower && tasks[$0[0]].outputs == task.outputs
            }
            if let place { groups[place].append(index) } else { groups.append([index]) }
        }
        return groups
    }

    /// Every task's tower and logits, "heads.TASK.l.weight": tasks of equal shape run side by side.
    ///
    /// - Parameter inputs: per task, in the order of `tasks`, what its tower reads: `[rows, any width]`.
    /// - Returns: per task its logits, `[rows, outputs]`.
    public mutating func heads(_ inputs: [GraphValue]) -> [GraphValue] {
        precondition(inputs.count == tasks.count, "\(inputs.count) inputs for \(tasks.count) tasks")
        var result = inputs
        for group in headGroups {
            let task = tasks[group[0]]
            // Equal inputs are read together, others side by side; widths that differ stay apart.
            let isShared = group.allSatisfy { inputs[$0] == inputs[group[0]] }
            let isEven = group.allSatisfy { inputs[$0].width == inputs[group[0]].width }
            for some in isShared || isEven ? [group] : group.map({ [$0] }) {
                let x = isShared ? inputs[some[0]] : concatenate(some.map { inputs[$0] })
                let names = some.map { "heads.\(tasks[$0].name)" }
                let inputIsShared = isShared || some.count == 1
                let hidden = stack(x, task.tower, names: names, inputIsShared: inputIsShared)
                let all = logits(
                    hidden, outputs: task.outputs,
                    names: names.map { "\($0).\(task.tower.count)" },
                    inputIsShared: inputIsShared && task.tower.isEmpty)
                for (block, value) in all.blocks(some.count).enumerated() { result[some[block]] = value }
            }
        }
        return result
    }

    /// The logits as losses and predictions read them: of a task with one for no and one for yes their difference, whose sigmoid is the
    /// softmax's probability of yes.
    mutating func contrasted(_ logits: [GraphValue]) -> [GraphValue] {
        contexts = zip(tasks, logits).map { $0.hasTwoLogits ? $1 : nil }
        return contexts.enumerated().map { task, pair in
            pair.map { add([$0.columns(1..<2), $0.columns(0..<1)], factors: [1, -1]) } ?? logits[task]
        }
    }

    /// The last layers of tasks' heads, side by side: `[rows, names · outputs]`. In a packed ensemble every member has its own,
    /// "NAME.members.m.weight".
    ///
    /// - Parameters:
    ///   - x: what is read, `[rows, columns]`.
    ///   - outputs: logits of a task.
    ///   - names: one per task, what the names of its parameters begin with.
    ///   - inputIsShared: whether every task reads all of x, or its own of as many blocks of x as there are names.
    public mutating func logits(
        _ x: GraphValue, outputs: Int, names: [String], inputIsShared: Bool
    ) -> GraphValue {
        addDense(
            x, units: outputs, activation: .identity, names: names, inputIsShared: inputIsShared,
            hasBias: true, initial: .drawn, into: nil, perMember: members != nil
        ).value
    }

    /// A network per task side by side, all of the same layers over all of x, "networks.TASK.l.weight".
    ///
    /// - Returns: per task, in the order of `tasks`, its output: `[rows, units of the last layer]`.
    public mutating func networks(_ x: GraphValue, _ layers: [HiddenLayer]) -> [GraphValue] {
        networks(tasks.map { _ in x }, layers)
    }

    /// The same over what each task has for itself, such as its mixture of experts.
    ///
    /// - Parameters:
    ///   - inputs: per task, in the order of `tasks`, what its network reads: `[rows, columns]`, of equal widths.
    ///   - layers: the layers of each, from its input up; at least one.
    public mutating func networks(_ inputs: [GraphValue], _ layers: [HiddenLayer]) -> [GraphValue] {
        precondition(inputs.count == tasks.count, "\(inputs.count) inputs for \(tasks.count) tasks")
        let order = headOrder
        let isShared = inputs.allSatisfy { $0 == inputs[0] }
        let x = isShared ? inputs[0] : concatenate(order.map { inputs[$0] })
        return inTaskOrder(
            stack(
                x, layers, names: order.map { "networks.\(tasks[$0].name)" }, inputIsShared: isShared
            ).blocks(order.count))
    }
}
