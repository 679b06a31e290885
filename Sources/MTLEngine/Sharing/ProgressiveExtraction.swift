/// Progressive layered extraction: levels of shared experts and each task's own, mixed by a gate per task and, except in
/// the last level, one for the shared experts, which sees all of the level's.
///
/// One level is customised gate control (CGC). At level 1 all experts and gates read the features; above, a task's experts
/// and gate read the task's mixture of the level below, the shared ones the shared mixture. Task t's gate weighs its own
/// experts first, then the shared ones; the shared gate all tasks' in order, then the shared ones.
/// - SeeAlso: Tang et al., *Progressive Layered Extraction (PLE)*, RecSys 2020.
public struct PLE: Architecture, Equatable {
    /// The experts of one level.
    public struct Level: Sendable, Equatable {
        /// Experts of each task; none makes the level one of `MMoE`.
        public var own: Int
        /// Experts of all tasks.
        public var shared: Int
        /// The layers of an expert.
        public var layers: [HiddenLayer]

        /// By default one expert of each kind.
        public init(own: Int = 1, shared: Int = 1, layers: [HiddenLayer]) {
            self.own = own
            self.shared = shared
            self.layers = layers
        }

        fileprivate mutating func read(_ options: inout OptionReader) throws(InputError) {
            try options.read("own", &own)
            try options.read("shared", &shared)
        }
    }

    /// The levels, from the features up.
    public var levels: [Level]
    /// The layers of a gate before its linear one.
    public var gate: [HiddenLayer]
    /// In training, the share of a row's experts that all gates of a level lose, the others' weights divided by their sum.
    public var expertDropout: Double

    /// By default gates are linear.
    public init(levels: [Level], gate: [HiddenLayer] = [], expertDropout: Double = 0) {
        self.expertDropout = expertDropout
        self.levels = levels
        self.gate = gate
    }

    /// Customised gate control: one level.
    public static func cgc(own: Int, shared: Int, layers: [HiddenLayer], gate: [HiddenLayer] = []) -> PLE {
        PLE(levels: [Level(own: own, shared: shared, layers: layers)], gate: gate)
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        let usual = Level(layers: options.layers(of: [64]))
        self.init(
            levels: try options.levels { (options) throws(InputError) in
                var level = Level(layers: try options.requiredLayers())
                try level.read(&options)
                return level
            } ?? [usual, usual])
        try read(&options)
    }

    /// Customised gate control, whose level's options are its own.
    package init(cgc options: inout OptionReader) throws(InputError) {
        var level = Level(layers: try options.layers())
        try level.read(&options)
        self.init(levels: [level])
        try read(&options)
    }

    private mutating func read(_ options: inout OptionReader) throws(InputError) {
        try options.read("gate", &gate, .relu)
        try options.read("expert_dropout", &expertDropout)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range, or a task that is called "shared".
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        graph.heads(try taskMixtures(&graph, of: graph.features))
    }

    /// The levels over x as part of another architecture: a mixture for every task, in the order of the tasks, `[rows, units of the
    /// last level's last layer]` each.
    ///
    /// - Parameters:
    ///   - graph: the graph that gets them.
    ///   - x: what the experts and gates of the first level read, `[rows, columns]`.
    /// - Throws: `InputError` that names the option that is out of range, or a task that is called "shared".
    public func taskMixtures(
        _ graph: inout GraphBuilder, of x: GraphValue
    ) throws(InputError) -> [GraphValue] {
        try check()
        try graph.tasks.checkNames(not: "shared")
        let order = graph.headOrder
        let names = order.map { graph.tasks[$0].name }
        var inputs = names.map { _ in x }
        // What the tasks read of the level below, side by side.
        var tasksInput = x
        var shared = x
        for (depth, level) in levels.enumerated() {
            let prefix = "levels.\(depth)"
            let width = level.layers[level.layers.count - 1].units
            let ownCount = names.count * level.own
            let experts = graph.reserve((ownCount + level.shared) * width)
            func place(_ range: Range<Int>) -> GraphValue {
                experts.columns(range.lowerBound * width..<range.upperBound * width)
            }
            let own = names.map { name in (0..<level.own).map { "\(prefix).experts.\(name).\($0)" } }
            let common = (0..<level.shared).map { "\(prefix).experts.shared.\($0)" }
            let titles = own.flatMap { $0 } + common
            if depth == 0 {
                // All read the same: one node.
                _ = graph.stack(x, level.layers, names: titles, into: experts)
            } else {
                if level.own == 1 {
                    _ = graph.stack(
                        tasksInput, level.layers, names: own.flatMap { $0 }, inputIsShared: false,
                        into: place(0..<ownCount))
                } else if level.own > 0 {
                    for (task, titles) in own.enumerated() {
                        _ = graph.stack(
                            inputs[task], level.layers, names: titles,
                            into: place(task * level.own..<(task + 1) * level.own))
                    }
                }
                if level.shared > 0 {
                    _ = graph.stack(
                        shared, level.layers, names: common,
                        into: place(ownCount..<ownCount + level.shared))
                }
            }
            let isLast = depth == levels.count - 1
            let seen = Array(ownCount..<ownCount + level.shared)
            var sees = names.indices.map { Array($0 * level.own..<($0 + 1) * level.own) + seen }
            var gates = graph.gates(
                tasksInput, gate, experts: level.own + level.shared,
                names: names.map { "\(prefix).gates.\($0)" }, inputIsShared: depth == 0)
            if !isLast {
                sees.append(Array(0..<ownCount + level.shared))
                gates += graph.gates(
                    shared, gate, experts: ownCount + level.shared, names: ["\(prefix).gates.shared"])
            }
            for (index, gate) in gates.enumerated() {
                graph.record(
                    gate: gate,
                    name: "\(prefix).\(index < names.count ? names[index] : "shared")",
                    experts: sees[index].map { titles[$0] })
            }
            gates = graph.expertDropout(gates, sees: sees, rate: expertDropout)
            let mixed = graph.mixture(experts: experts, width: width, gates: gates, sees: sees)
            tasksInput = mixed.columns(0..<names.count * width)
            inputs = tasksInput.blocks(names.count)
            if !isLast { shared = mixed.blocks(gates.count)[names.count] }
        }
        var result = inputs
        for (place, task) in order.enumerated() { result[task] = inputs[place] }
        return result
    }

    private func check() throws(InputError) {
        guard !levels.isEmpty else {
            throw InputError(.empty, at: "levels", found: "none", expected: "at least one")
        }
        try gate.check(at: "gates")
        try requireRate(expertDropout, "expert dropout")
        for (depth, level) in levels.enumerated() {
            try require(level.own, atLeast: 0, "level \(depth), own experts")
            try require(level.shared, atLeast: 0, "level \(depth), shared experts")
            try require(level.own + level.shared, atLeast: 1, atMost: .max, "level \(depth), experts")
            try level.layers.check(at: "level \(depth), experts", allowsNone: false)
        }
    }
}
