/// Adaptive parameter generation: every layer is a product of two low-rank factors that all rows share around a small
/// matrix, and a bias, that are generated for the row: act(x U S(z) V + b(z)).
///
/// z is the layer's own input (self-wise), chosen features and a vector of the row's scenario (group-wise), or all of these
/// (mix-wise); gradients flow through it. The generator is a network "layers.l.generator.k.weight" with k² + units outputs, S
/// row-major before the bias. The paper's over-parameterised factors, which are one matrix after training, are left out. Other
/// parameters: "condition.scenarios.s", "layers.l.down.weight" (U), "layers.l.up.weight" (V), and without generated biases
/// "layers.l.up.bias", "heads.TASK.l.weight".
/// - SeeAlso: Yan et al., *APG: Adaptive Parameter Generation Network for Click-Through Rate Prediction*, arXiv
///   2203.16218.
public struct APG: Architecture, Equatable {
    /// What the weights are generated from, z.
    public enum Condition: String, Sendable, CaseIterable {
        /// The layer's own input.
        case selfWise = "self"
        /// The features of `fields`, and the scenario's vector.
        case groupWise = "group"
        /// Both, side by side.
        case mixWise = "mix"
    }

    /// The layers, from the features up.
    public var layers: [HiddenLayer]
    /// k: S(z) is `[k, k]`. Layers that read or write fewer columns have as many.
    public var rank: Int
    /// What the weights are generated from, z.
    public var condition: Condition
    /// The names of the embedded features in z.
    public var fields: [String]
    /// The width of the scenario's vector in z; 0 for none.
    public var scenarioWidth: Int
    /// The hidden layers of a generator.
    public var generator: [HiddenLayer]
    /// Whether biases are generated too.
    public var generatesBias: Bool

    /// By default z is the layer's own input.
    public init(
        layers: [HiddenLayer], rank: Int = 32, condition: Condition = .selfWise, fields: [String] = [],
        scenarioWidth: Int = 8, generator: [HiddenLayer] = [], generatesBias: Bool = true
    ) {
        self.layers = layers
        self.rank = rank
        self.condition = condition
        self.fields = fields
        self.scenarioWidth = scenarioWidth
        self.generator = generator
        self.generatesBias = generatesBias
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(layers: try options.layers())
        try options.read("rank", &rank)
        try options.read("condition", &condition)
        try options.read("fields", &fields)
        try options.read("scenario_width", &scenarioWidth)
        try options.read("generator", &generator, .relu)
        try options.read("generated_bias", &generatesBias)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range, or an embedded feature that does not exist.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try layers.check(at: "layers", allowsNone: false, isPlain: true)
        try generator.check(at: "generator")
        try require(rank, atLeast: 1, atMost: SizeLimit.rank, "rank")
        let group = try groupCondition(&graph)
        var h = graph.features
        for (depth, layer) in layers.enumerated() {
            let name = "layers.\(depth)"
            let own = condition == .groupWise ? [] : [h]
            let z = graph.concatenate(group + own)
            let k = min(rank, h.width, layer.units)
            let generated = graph.stack(
                z, generator + [.dense(k * k + (generatesBias ? layer.units : 0), .identity)],
                names: ["\(name).generator"])
            let down = graph.dense(
                h, units: k, activation: .identity, names: ["\(name).down"], inputIsShared: true,
                hasBias: false)
            let up = graph.dense(
                graph.rowProduct(down, generated.columns(0..<k * k)), units: layer.units,
                activation: .identity, names: ["\(name).up"], inputIsShared: true, hasBias: !generatesBias)
            let bias = generated.columns(k * k..<generated.width)
            h = graph.activation(generatesBias ? graph.add([up, bias]) : up, layer.activation)
        }
        return graph.heads(graph.tasks.map { _ in h })
    }

    /// The chosen features and the scenario's vector.
    private func groupCondition(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        guard condition != .selfWise else {
            guard fields.isEmpty else {
                throw InputError(
                    .value, at: "fields", found: "\(fields.joined(separator: ", ")) beside condition self",
                    expected: "condition group or mix")
            }
            return []
        }
        return try scenarioParts(&graph, fields, width: scenarioWidth, name: "condition.scenarios")
    }
}

/// What weights are generated from where it is the row's scenario: chosen features, and a vector of the scenario, "NAME.s".
///
/// - Throws: `InputError` for a width out of range, a feature that does not exist, or neither of both.
func scenarioParts(
    _ graph: inout GraphBuilder, _ fields: [String], width: Int, name: String
) throws(InputError) -> [GraphValue] {
    try require(width, atLeast: 0, atMost: SizeLimit.units, "scenario width")
    guard !fields.isEmpty || width > 0 else {
        throw InputError(
            .empty, at: "fields", found: "neither a feature nor a scenario width", expected: "at least one")
    }
    var parts = try fields.isEmpty ? [] : graph.fields(fields, at: "fields").map(\.value)
    if width > 0 { parts.append(graph.scenarioVector(width, name: name)) }
    return parts
}

extension APG.Condition: OptionType {}
