/// Sub-network routing: levels of sub-networks, and a gate, open or closed, on every edge between neighbouring levels and
/// from the last level to the tasks.
///
/// With v_j the sub-networks of a level, what sub-network i of the next level (or task i's tower) reads is u_i = Σ_j z_ij v_j
/// (SNR-Aver), or Σ_j z_ij (W_ij v_j + b_ij) with `transforms` (SNR-Trans). z are hard-concrete gates: drawn once a step in
/// training, from the trainer's seed and the step's number, and fixed in prediction. `sparsity` penalises the expected
/// number of open gates. "levels.l.networks.j.…", log α "levels.l.gates.i" `[sub-networks below]`, "gates.TASK", and
/// "levels.l.transforms.i.j", "transforms.TASK.j".
/// - SeeAlso: Ma et al., *SNR: Sub-Network Routing for Flexible Parameter Sharing in Multi-Task Learning*, AAAI 2019;
///   Louizos et al., arXiv 1712.01312 (the gates).
public struct SNR: Architecture, Equatable {
    /// The sub-networks of one level.
    public struct Level: Sendable, Equatable {
        /// The number of sub-networks.
        public var networks: Int
        /// The layers of a sub-network.
        public var layers: [HiddenLayer]

        /// By default four sub-networks.
        public init(networks: Int = 4, layers: [HiddenLayer]) {
            self.networks = networks
            self.layers = layers
        }
    }

    /// The levels, from the features up.
    public var levels: [Level]
    /// Whether an edge has a matrix of its own.
    public var transforms: Bool
    /// What an open gate is penalised with.
    public var sparsity: Double
    /// σ(log α) at the start, above 0 and below 1.
    public var open: Double
    /// The temperature of the gates.
    public var beta: Double
    /// The lower end of the interval that gates are stretched to before they are clipped to 0...1; below 0.
    public var gamma: Double
    /// Its upper end; above 1.
    public var zeta: Double

    /// By default averages, and the gates' numbers from the paper.
    public init(
        levels: [Level], transforms: Bool = false, sparsity: Double = 1e-4, open: Double = 0.5,
        beta: Double = 0.9, gamma: Double = -0.1, zeta: Double = 1.1
    ) {
        self.levels = levels
        self.transforms = transforms
        self.sparsity = sparsity
        self.open = open
        self.beta = beta
        self.gamma = gamma
        self.zeta = zeta
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        let usual = Level(layers: options.layers(of: [32]))
        self.init(
            levels: try options.levels { (options) throws(InputError) in
                var level = Level(layers: try options.requiredLayers())
                try options.read("networks", &level.networks)
                return level
            } ?? [usual, usual])
        try options.read("transforms", &transforms)
        try options.read("sparsity", &sparsity)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try check()
        var (below, count) = (graph.features, 0)
        for (depth, level) in levels.enumerated() {
            let prefix = "levels.\(depth)"
            if depth > 0 {
                below = edges(
                    &graph, below, count: count, gates: (0..<level.networks).map { "\(prefix).gates.\($0)" },
                    transforms: (0..<level.networks).map { "\(prefix).transforms.\($0)" }, from: depth - 1)
            }
            below = graph.stack(
                below, level.layers, names: (0..<level.networks).map { "\(prefix).networks.\($0)" },
                inputIsShared: depth == 0)
            count = level.networks
        }
        let names = graph.headOrder.map { graph.tasks[$0].name }
        let inputs = edges(
            &graph, below, count: count, gates: names.map { "gates.\($0)" },
            transforms: names.map { "transforms.\($0)" }, from: levels.count - 1)
        return graph.heads(graph.inTaskOrder(inputs.blocks(names.count)))
    }

    /// Everything that reads a level: `[rows, readers · width]`.
    private func edges(
        _ graph: inout GraphBuilder, _ value: GraphValue, count: Int, gates: [String],
        transforms titles: [String],
        from level: Int
    ) -> GraphValue {
        let width = value.width / count
        let result = graph.reserve(gates.count * width)
        for (reader, name) in gates.enumerated() {
            let gate = graph.hardConcrete(
                count, open: open, beta: beta, gamma: gamma, zeta: zeta,
                sparsity: sparsity, name: name)
            graph.record(
                gate: gate, name: name, experts: (0..<count).map { "levels.\(level).networks.\($0)" })
            let source =
                transforms
                ? graph.dense(
                    value, units: width, activation: .identity,
                    names: (0..<count).map { "\(titles[reader]).\($0)" }, inputIsShared: false) : value
            _ = graph.mixture(
                experts: source, width: width, gates: [gate],
                into: result.columns(reader * width..<(reader + 1) * width))
        }
        return result
    }

    private func check() throws(InputError) {
        guard !levels.isEmpty else {
            throw InputError(.empty, at: "levels", found: "none", expected: "at least one")
        }
        for (depth, level) in levels.enumerated() {
            try require(level.networks, atLeast: 1, "level \(depth), networks")
            try level.layers.check(at: "level \(depth), networks", allowsNone: false)
        }
        try require(sparsity, atLeast: 0, "sparsity")
        func demand(_ holds: Bool, _ name: String, _ value: Double, _ expected: String) throws(InputError) {
            guard holds, value.isFinite else {
                throw InputError(.value, at: name, found: "\(value)", expected: expected)
            }
        }
        try demand(open > 0 && open < 1, "open share", open, "above 0 and below 1")
        try demand(beta > 0, "beta", beta, "above 0")
        try demand(gamma < 0, "gamma", gamma, "below 0")
        try demand(zeta > 1, "zeta", zeta, "above 1")
    }
}
