/// Sluice networks: a network per task whose layers are cut into subspaces; after every layer all subspaces of all tasks
/// are mixed by α, "stitches.l.weight" `[tasks · subspaces, tasks · subspaces]`, and a task reads a mixture of its layers,
/// "mixtures.TASK.weight" `[layers]` (β).
///
/// Block i = (task, subspace): h̃_i = Σ_j α_ij h_j. α begins with `own` in its diagonal and the rest shared out; β with
/// `last` at the last layer and the rest shared out. `orthogonality` · Σ ‖G₁ᵀG₂‖² keeps the subspaces' weights of a
/// layer apart. The paper's layers are LSTMs; as there, α and β are free numbers, on no simplex.
/// - SeeAlso: Ruder et al., *Latent Multi-task Architecture Learning*, arXiv 1705.08142.
public struct Sluice: Architecture, Equatable {
    /// The layers of a task's network: of equal width where layers are mixed, a multiple of `subspaces`.
    public var layers: [HiddenLayer]
    /// The subspaces of a layer.
    public var subspaces: Int
    /// α's diagonal at the start.
    public var own: Double
    /// Whether a task reads a mixture of its layers, or the last one.
    public var mixesLayers: Bool
    /// β's last entry at the start.
    public var last: Double
    /// What the subspaces' overlap is penalised with.
    public var orthogonality: Double

    /// By default two subspaces, as in the paper.
    public init(
        layers: [HiddenLayer], subspaces: Int = 2, own: Double = 0.9, mixesLayers: Bool = true,
        last: Double = 0.9, orthogonality: Double = 1e-3
    ) {
        self.layers = layers
        self.subspaces = subspaces
        self.own = own
        self.mixesLayers = mixesLayers
        self.last = last
        self.orthogonality = orthogonality
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(layers: try options.layers())
        try options.read("subspaces", &subspaces)
        try options.read("own_share", &own)
        // Outputs of unequal width have no mixture.
        mixesLayers = Set(layers.map(\.units)).count == 1
        try options.read("mixes_layers", &mixesLayers)
        try options.read("orthogonality", &orthogonality)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try check()
        let names = graph.headOrder.map { graph.tasks[$0].name }
        var value = graph.features
        var levels: [[GraphValue]] = []
        for (depth, layer) in layers.enumerated() {
            let titles = names.map { "networks.\($0).\(depth)" }
            value = graph.layer(value, layer, names: titles, inputIsShared: depth == 0)
            for title in titles {
                graph.penalizeOverlap(title + ".weight", blocks: subspaces, weight: orthogonality)
            }
            value = graph.crossStitch(
                value, blocks: names.count * subspaces, on: own, name: "stitches.\(depth)")
            levels.append(value.blocks(names.count))
        }
        var outputs = value.blocks(names.count)
        if mixesLayers && layers.count > 1 {
            for (place, name) in names.enumerated() {
                outputs[place] = graph.blockMixture(
                    graph.concatenate(levels.map { $0[place] }), blocks: layers.count, last: last,
                    name: "mixtures.\(name)")
            }
        }
        return graph.heads(graph.inTaskOrder(outputs))
    }

    private func check() throws(InputError) {
        try layers.check(at: "layers", allowsNone: false)
        try require(subspaces, atLeast: 1, "subspaces")
        try require(orthogonality, atLeast: 0, "orthogonality")
        try requireShare(own, "own share")
        try requireFinite(last, "last layer's share")
        for (depth, layer) in layers.enumerated() {
            guard layer.units % subspaces == 0 else {
                throw InputError(
                    .shape, at: "layers, layer \(depth)", found: "\(layer.units) units",
                    expected: "a multiple of \(subspaces) subspaces")
            }
            guard !mixesLayers || layer.units == layers[0].units else {
                throw InputError(
                    .shape, at: "layers, layer \(depth)", found: "\(layer.units) units",
                    expected: "\(layers[0].units), as in layer 0: a mixture of layers needs equal widths")
            }
        }
    }
}
