/// Adaptively sparse structures: a shared network of whose units every row's scenario keeps its own, and weighs them.
///
/// Behind layer l with units h and d, what describes the row's scenario (features, a trained vector, or both), h becomes
/// h ⊙ π, π = v where v > ε, else 0, v = β σ(α (W [d, h] + b)). α rises with every training step and is kept with the model: the
/// factors begin near β/2 and end near 0 or β. This is the paper's fusion of weighing and cutting, its defaults but for α's course,
/// which it gives no steps for, and without the penalty that holds the share of cut units within bounds. What is cut costs the
/// same: rows of several scenarios are one product. (Public code raises α in evaluation too.)
///
/// Parameters: "domain.scenarios.s", "trunk.l.weight", "pruners.l.weight" `[units, d + units]`, "pruners.l.sharpness" (α, not
/// trained).
/// - SeeAlso: Yang et al., *AdaSparse: Learning Adaptively Sparse Structures for Multi-Domain Click-Through Rate Prediction*,
///   arXiv 2206.13108.
public struct AdaSparse: Architecture, Equatable {
    /// The shared layers, from the features up.
    public var layers: [HiddenLayer]
    /// The names of the embedded features that describe the scenario.
    public var fields: [String]
    /// The width of the scenario's vector; 0 for none.
    public var scenarioWidth: Int
    /// β: the greatest factor.
    public var scale: Double
    /// ε: what factors are to be above.
    public var threshold: Double
    /// α before the first step.
    public var sharpness: Double
    /// α after `steps`.
    public var limit: Double
    /// The training steps in which α gets from one to the other.
    public var steps: Int

    /// By default β 2, ε .25, and α from .1 to 5 in 5,000 steps.
    public init(
        layers: [HiddenLayer], fields: [String] = [], scenarioWidth: Int = 8, scale: Double = 2,
        threshold: Double = 0.25, sharpness: Double = 0.1, limit: Double = 5, steps: Int = 5000
    ) {
        self.layers = layers
        self.fields = fields
        self.scenarioWidth = scenarioWidth
        self.scale = scale
        self.threshold = threshold
        self.sharpness = sharpness
        self.limit = limit
        self.steps = steps
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(layers: try options.layers())
        try options.read("fields", &fields)
        try options.read("scenario_width", &scenarioWidth)
        try options.read("scale", &scale)
        try options.read("threshold", &threshold)
        try options.read("sharpness", &sharpness)
        try options.read("limit", &limit)
        try options.read("steps", &steps)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range, or an embedded feature that does not exist.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try check()
        let domain = graph.concatenate(
            try scenarioParts(&graph, fields, width: scenarioWidth, name: "domain.scenarios"))
        var h = graph.features
        for (depth, layer) in layers.enumerated() {
            h = graph.layer(h, layer, names: ["trunk.\(depth)"], inputIsShared: true)
            let scores = graph.dense(
                graph.concatenate([domain, h]), units: layer.units, activation: .identity,
                name: "pruners.\(depth)")
            let factors = graph.pruning(
                scores, scale: scale, threshold: threshold, sharpness: sharpness...limit, steps: steps,
                name: "pruners.\(depth)")
            h = graph.multiply(h, factors)
        }
        return graph.heads([GraphValue](repeating: h, count: graph.tasks.count))
    }

    private func check() throws(InputError) {
        try layers.check(at: "layers", allowsNone: false)
        func refuse(_ name: String, _ found: Double, _ expected: String) -> InputError {
            InputError(.value, at: name, found: "\(found)", expected: expected)
        }
        try requirePositive(scale, "scale")
        guard threshold >= 0, threshold < scale else {
            throw refuse("threshold", threshold, "0 up to the scale, without it")
        }
        try requirePositive(sharpness, "sharpness")
        guard limit >= sharpness, limit.isFinite else {
            throw refuse("limit", limit, "at least the sharpness, \(sharpness)")
        }
        try require(steps, atLeast: 1, atMost: .max, "steps")
    }
}
