/// Star topology: every layer's weights are a shared factor times one of the row's scenario, W_s ⊙ W, biases b_s + b,
/// behind a partitioned normalisation of the features; a small auxiliary network that reads the scenario's embedding and
/// the features adds to every logit.
///
/// Partitioned normalisation takes a scenario's mean and variance from the scenario's rows of the batch, and in
/// prediction from moving ones of the scenario; few rows are normalised by those too (`GraphBuilder.batchNorm`), as a batch
/// here may be of all scenarios, where the paper's is of one. Decay pulls the scenarios' factors to 1. As in the paper the
/// star reaches up to the logits, so the tasks' towers and last layers are of it; the auxiliary network's hidden layers are
/// the tasks' in common. Parameters: "norm.*", "star.l.s.weight", "star.l.shared.weight", "auxiliary.scenarios.s",
/// "auxiliary.hidden.l.weight", "auxiliary.heads.TASK.weight", "heads.TASK.l.s.weight", "heads.TASK.l.shared.weight"; without
/// `starsHeads` "heads.TASK.l.weight".
/// - SeeAlso: Sheng et al., *One Model to Serve All: Star Topology Adaptive Recommender for Multi-Domain CTR
///   Prediction*, arXiv 2101.11427.
public struct STAR: Architecture, Equatable {
    /// The star layers, from the features up.
    public var layers: [HiddenLayer]
    /// Whether the features go through a partitioned normalisation first.
    public var normalizes: Bool
    /// The width of a scenario's embedding; 0 for no auxiliary network.
    public var scenarioWidth: Int
    /// The hidden layers of the auxiliary network.
    public var auxiliary: [HiddenLayer]
    /// Whether towers and last layers are star layers too; else scenarios share them.
    public var starsHeads: Bool

    /// By default all parts of the paper.
    public init(
        layers: [HiddenLayer], normalizes: Bool = true, scenarioWidth: Int = 8,
        auxiliary: [HiddenLayer] = [.relu(16)], starsHeads: Bool = true
    ) {
        self.layers = layers
        self.normalizes = normalizes
        self.scenarioWidth = scenarioWidth
        self.auxiliary = auxiliary
        self.starsHeads = starsHeads
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(layers: try options.layers())
        try options.read("normalized", &normalizes)
        try options.read("scenario_width", &scenarioWidth)
        try options.read("auxiliary", &auxiliary)
        try options.read("star_heads", &starsHeads)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try layers.check(at: "layers", allowsNone: false)
        try auxiliary.check(at: "auxiliary")
        try require(scenarioWidth, atLeast: 0, atMost: SizeLimit.units, "scenario width")
        let x = normalizes ? graph.normalizedFeatures(isPartitioned: true, name: "norm") : graph.features
        let h = graph.scenarioStack(x, layers, sharesFactor: true, name: "star")
        let logits =
            starsHeads
            ? graph.scenarioHeads(h, sharesFactor: true) : graph.heads(graph.tasks.map { _ in h })
        guard scenarioWidth > 0 else { return logits }
        let embedding = graph.scenarioVector(scenarioWidth, name: "auxiliary.scenarios")
        let hidden = graph.stack(
            graph.concatenate([embedding, x]), auxiliary, names: ["auxiliary.hidden"])
        return zip(graph.tasks, logits).map { task, own in
            let extra = graph.dense(
                hidden, units: task.outputs, activation: .identity, name: "auxiliary.heads.\(task.name)")
            return graph.add([own, extra])
        }
    }
}
