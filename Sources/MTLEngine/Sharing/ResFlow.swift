/// Residual flow: every layer of a later task's network adds the output of the earlier task's layer of the same depth, and its
/// logit the earlier task's logit, h_t^l = act(W h_t^(l-1) + b) + h_parent^l, z_t = head(h_t) + z_parent.
///
/// Networks are "networks.TASK.l"; what lies above them, the task's tower, adds no layers, only the logit.
/// - SeeAlso: Fu et al., *Residual Multi-Task Learner for Applied Ranking*, arXiv 2411.09705.
public struct ResFlow: Architecture, Equatable {
    /// Per later task the task whose event comes before.
    public var parents: [String: String]
    /// The layers of a task's network, from the features up.
    public var layers: [HiddenLayer]

    /// The layers' outputs and the logits flow.
    public init(parents: [String: String], layers: [HiddenLayer]) {
        self.parents = parents
        self.layers = layers
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(parents: try options.singleParents(), layers: try options.layers())
    }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names an option out of range or a task of `parents` that is unknown, of a wrong kind or
    ///   its own ancestor.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        let funnel = try graph.funnel(parents)
        try layers.check(at: "layers", allowsNone: false)
        let order = graph.headOrder
        var value = graph.features
        for (depth, layer) in layers.enumerated() {
            let own = graph.layer(
                value, layer,
                names: order.map { "networks.\(graph.tasks[$0].name).\(depth)" }, inputIsShared: depth == 0)
            value = graph.flow(own, funnel, order)
        }
        var logits = graph.heads(graph.inTaskOrder(value.blocks(order.count)))
        for task in funnel.order { logits[task] = graph.add([logits[task], logits[funnel.parent(task)]]) }
        return logits
    }
}

extension GraphBuilder {
    /// Blocks of tasks in `order`, each with its parent's added, parents first.
    fileprivate mutating func flow(_ x: GraphValue, _ funnel: Funnel, _ order: [Int]) -> GraphValue {
        let y = reserve(x.width)
        let (from, to) = (x.blocks(order.count), y.blocks(order.count))
        let roots = order.indices.filter { funnel.parents[order[$0]].isEmpty }
        for place in roots { accumulate(from[place], into: to[place], isFirst: true) }
        for task in funnel.order {
            guard let place = order.firstIndex(of: task),
                let parent = order.firstIndex(of: funnel.parent(task))
            else { continue }
            accumulate(from[place], into: to[place], isFirst: true)
            accumulate(to[parent], into: to[place], isFirst: false)
        }
        return y
    }
}
