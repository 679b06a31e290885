/// Adaptive information transfer: along the funnel a task attends to its own network's output and to what the task before
/// passes on, z_t = Σ_u softmax(⟨k(u), q(u)⟩ / √d) v(u) over u ∈ {h_t, relu(W z_parent + b)}.
///
/// Networks are "networks.TASK.l", transfers "transfers.TASK", the attention's layers, which serve both inputs,
/// "attention.TASK.query", ".key" and ".value". A task that follows none reads its own network's output. The calibrator adds
/// calibration · mean over the rows of max(p(later) - p(earlier), 0) to the loss. The attention's layers have biases, which the
/// authors' code has not.
///
/// Where rows are sampled by the first event, both probabilities are 1/s times too large, s the share of such rows that were kept
/// (`LearningTask.negativeRate`): their order is that of the corrected ones, and the mean of the kept rows is that of all in
/// proportion. The factor .6 is from public code that takes the batch's sum (AITM-torch, PaddleRec); the paper's formula and EasyRec
/// take the mean.
/// - SeeAlso: Xi et al., *Modeling the Sequential Dependence among Audience Multi-step Conversions with Multi-task
///   Learning in Targeted Display Advertising*, arXiv 2105.08489.
public struct AITM: Architecture, Equatable {
    /// Per later task the task whose event comes before.
    public var parents: [String: String]
    /// Experts over the features, of which every task's network reads its own mixture; nil for none.
    public var experts: MMoE?
    /// The layers of a task's network, from the features or the experts up; the last one's units are d.
    public var layers: [HiddenLayer]
    /// The calibrator's factor; 0 for none.
    public var calibration: Double

    /// The calibrator's factor is the authors' by default.
    public init(
        parents: [String: String], experts: MMoE? = nil, layers: [HiddenLayer], calibration: Double = 0.6
    ) {
        self.parents = parents
        self.experts = experts
        self.layers = layers
        self.calibration = calibration
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(parents: try options.singleParents(), layers: try options.layers())
        experts = try options.experts()
        try options.read("calibration", &calibration)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names an option out of range or a task of `parents` that is unknown, of a wrong kind or
    ///   its own ancestor.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        let funnel = try graph.funnel(parents)
        try layers.check(at: "layers", allowsNone: false)
        try require(calibration, atLeast: 0, "calibration")
        let inputs = try experts?.taskMixtures(&graph, of: graph.features).tasks
        var z = graph.networks(inputs ?? graph.tasks.map { _ in graph.features }, layers)
        for task in funnel.order {
            z[task] = graph.transfer(
                from: z[funnel.parent(task)], to: z[task], name: graph.tasks[task].name)
        }
        let logits = graph.heads(z)
        if calibration > 0 {
            try graph.checkLosses(funnel)
            for task in funnel.order {
                graph.penalizeOrder(
                    later: logits[task], earlier: logits[funnel.parent(task)], weight: calibration,
                    events: [task, funnel.parent(task)])
            }
        }
        return logits
    }
}

extension GraphBuilder {
    fileprivate mutating func transfer(
        from earlier: GraphValue, to own: GraphValue, name: String
    ) -> GraphValue {
        let width = own.width
        let pair = reserve(2 * width)
        _ = scale(own, by: 1, into: pair.columns(0..<width))
        _ = dense(
            earlier, units: width, activation: .relu, name: "transfers.\(name)",
            into: pair.columns(width..<2 * width))
        let parts = ["query", "key", "value"].map {
            tiedDense(pair, blocks: 2, units: width, activation: .identity, name: "attention.\(name).\($0)")
        }
        let weights = softmaxBlocks(
            dot(parts[0], parts[1], blocks: 2), temperature: Double(width).squareRoot())
        return mixture(experts: parts[2], width: width, gates: [weights])
    }
}
