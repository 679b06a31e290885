/// Hard parameter sharing: layers that every task shares, then a head per task.
///
/// h = σ(W x + b) through the trunk; yᵢ = Vᵢ h + cᵢ per task, behind the task's own tower if it has one. Heads of equal shape
/// lie side by side and run as one batched product. A task's head may be attached to a lower layer of the trunk: simple
/// tasks low, those that build on them high, as `Schedule.hierarchical` trains them.
///
/// - SeeAlso: Caruana, *Multitask Learning*, Machine Learning 28, 1997; Søgaard & Goldberg, *Deep Multi-task Learning with
///   Low Level Tasks Supervised at Lower Layers*, ACL 2016.
public struct SharedBottom: Architecture, Equatable {
    /// The shared layers, from the features up.
    public var trunk: [HiddenLayer]
    /// Per task how many of the shared layers its head reads through, from 1; a task that is not named, all.
    public var attached: [String: Int]

    /// Shared layers; none is allowed: then the heads read the features.
    ///
    /// - Parameters:
    ///   - trunk: the shared layers, the lowest first.
    ///   - attached: per task the layer that its head is attached to, counted from 1, the lowest. Some task's head must be on
    ///     the highest.
    public init(trunk: [HiddenLayer], attached: [String: Int] = [:]) {
        self.trunk = trunk
        self.attached = attached
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(trunk: try options.layers())
        try options.read("attach", &attached)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try trunk.check(at: "trunk")
        try checkAttached(graph.tasks.map(\.name))
        var values: [GraphValue] = []
        for (depth, layer) in trunk.enumerated() {
            values.append(
                graph.layer(
                    values.last ?? graph.features, layer, names: ["trunk.\(depth)"], inputIsShared: depth == 0
                ))
        }
        let top = values.last ?? graph.features
        return graph.heads(graph.tasks.map { task in attached[task.name].map { values[$0 - 1] } ?? top })
    }

    private func checkAttached(_ tasks: [String]) throws(InputError) {
        for (name, layer) in attached.sorted(by: { $0.key < $1.key }) {
            guard tasks.contains(name) else {
                throw InputError(
                    .name, at: "attach, \(name)", found: "no task of that name",
                    expected: "some of \(tasks.joined(separator: ", "))")
            }
            guard layer >= 1, layer <= trunk.count else {
                throw InputError(
                    .value, at: "attach, \(name)", found: "layer \(layer)",
                    expected: trunk.isEmpty ? "no layer, as there is none" : "1 to \(trunk.count)")
            }
        }
        let highest = tasks.map { attached[$0] ?? trunk.count }.max() ?? 0
        guard highest == trunk.count else {
            throw InputError(
                .value, at: "attach", found: "no task above layer \(highest)",
                expected: "a task on layer \(trunk.count), the highest")
        }
    }
}
