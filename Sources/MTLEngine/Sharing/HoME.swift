/// Hierarchy of multi-gate experts: experts of equal scale, groups of tasks that share more with each other than with the rest, and
/// gates that give every expert its own view of what it reads and every sum its own experts a second time.
///
/// An expert is SiLU(BN(W v + b)), layer by layer, of v = x ⊙ view(x), where
///
///     view(x) = Σ_l softmax(x G)_l 2σ(x B_l A_l)
///
/// has `views` pairs of low-rank matrices of rank |x| / `views` (`viewRank`), without biases; G and all pairs are the expert's own. The lower
/// level mixes, for every group, experts of all tasks and of the group, and for what all share experts of all tasks and groups:
///
///     z_g = Σ_e softmax(gate_g(x))_e expert_e(x) + Σ_own self_g(x)_e expert_e(x)
///
/// The upper one mixes for task t of group g experts of all tasks, which read z_shared, and of the group and the task, which read
/// z_g; its gate reads [z_g, z_shared], its self gate z_g. A self gate is the softmax over the own experts (a group's, those of
/// all, a task's), the sigmoid of one expert alone. Whatever a layer's activation and normalisation are, an expert's are SiLU and batch
/// normalisation; its dropout is kept.
///
/// Parameters: "meta.experts.shared.e.l.weight", "meta.experts.groups.GROUP.e.l.weight", "meta.gates.GROUP.l.weight" and
/// "meta.self.GROUP.0.weight" with "shared" for what all share; "experts.shared.e…", "experts.groups.GROUP.e…", "experts.tasks.TASK.e…",
/// "gates.TASK.l.weight", "self.TASK.0.weight"; per expert "EXPERT.view.down.l.weight" (B), "EXPERT.view.up.l.weight" (A) and
/// "EXPERT.view.gate.0.weight" (G). No group may be called "shared".
/// - SeeAlso: Wang et al., *HoME: Hierarchy of Multi-Gate Experts for Multi-Task Learning at Kuaishou*, arXiv 2408.05430.
public struct HoME: Architecture, Equatable {
    /// Per group the names of its tasks, every task in one; empty for one group of all.
    public var groups: [String: [String]]
    /// Experts of all tasks, on each level.
    public var shared: Int
    /// Experts of each group, on each level.
    public var grouped: Int
    /// Experts of each task, on the upper level.
    public var own: Int
    /// The layers of an expert of either level, of which units and dropout are taken.
    public var layers: [HiddenLayer]
    /// The layers of a gate before its linear one.
    public var gate: [HiddenLayer]
    /// Pairs of low-rank matrices in an expert's view; 0 for experts that read x as it is.
    public var views: Int
    /// The rank of such a pair; 0 for the width of what is read by the number of pairs.
    public var viewRank: Int

    /// By default one group, one expert of each kind, linear gates and two pairs.
    public init(
        groups: [String: [String]] = [:], shared: Int = 1, grouped: Int = 1, own: Int = 1,
        layers: [HiddenLayer], gate: [HiddenLayer] = [], views: Int = 2, viewRank: Int = 0
    ) {
        self.groups = groups
        self.shared = shared
        self.grouped = grouped
        self.own = own
        self.layers = layers
        self.gate = gate
        self.views = views
        self.viewRank = viewRank
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(layers: options.layers(of: [64]))
        try options.read("groups", &groups)
        try options.read("shared", &shared)
        try options.read("grouped", &grouped)
        try options.read("own", &own)
        try options.read("layers", &layers)
        try options.read("gate", &gate, .relu)
        try options.read("views", &views)
        try options.read("view_rank", &viewRank)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range, or a task that is in no group, in two, or unknown.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try check()
        let groupOfTask = try places(graph.tasks)
        let names = groups.isEmpty ? ["all"] : groups.keys.sorted()
        let common = (0..<shared).map { "meta.experts.shared.\($0)" }
        let ofGroups = names.flatMap { name in (0..<grouped).map { "meta.experts.groups.\(name).\($0)" } }
        let pool = Pool(titles: common + ofGroups, width: layers[layers.count - 1].units)
        let x = graph.features
        let below = experts(&graph, over: x, pool.titles)
        func range(_ group: Int) -> [Int] {
            Array(shared + group * grouped..<shared + (group + 1) * grouped)
        }
        var z: [GraphValue] = []
        for (group, name) in names.enumerated() {
            z.append(
                mixed(
                    &graph, below, pool, seen: Array(0..<shared) + range(group), own: range(group), gate: x,
                    selfGate: x, "meta.", name))
        }
        let all = mixed(
            &graph, below, pool, seen: Array(pool.titles.indices), own: Array(0..<shared), gate: x,
            selfGate: x, "meta.", "shared")
        return graph.heads(upper(&graph, z, all, names, groupOfTask))
    }

    /// The upper level: per task what its tower reads.
    private func upper(
        _ graph: inout GraphBuilder, _ z: [GraphValue], _ all: GraphValue, _ names: [String],
        _ groupOfTask: [Int]
    ) -> [GraphValue] {
        let width = layers[layers.count - 1].units
        let common = (0..<shared).map { "experts.shared.\($0)" }
        let sharedExperts = experts(&graph, over: all, common)
        var result = graph.tasks.map { _ in all }
        for (group, name) in names.enumerated() {
            let tasks = graph.tasks.indices.filter { groupOfTask[$0] == group }
            let ofGroup = (0..<grouped).map { "experts.groups.\(name).\($0)" }
            let ofTasks = tasks.map { task in
                (0..<own).map { "experts.tasks.\(graph.tasks[task].name).\($0)" }
            }
            let pool = Pool(titles: common + ofGroup + ofTasks.flatMap { $0 }, width: width)
            let ownExperts = experts(&graph, over: z[group], ofGroup + ofTasks.flatMap { $0 })
            let values = graph.concatenate([sharedExperts, ownExperts])
            let seen = graph.concatenate([z[group], all])
            for (place, task) in tasks.enumerated() {
                let start = shared + grouped + place * own
                let mine = Array(start..<start + own)
                result[task] = mixed(
                    &graph, values, pool, seen: Array(0..<shared + grouped) + mine, own: mine, gate: seen,
                    selfGate: z[group], "", graph.tasks[task].name)
            }
        }
        return result
    }

    /// The experts of a level, side by side.
    private struct Pool {
        let titles: [String]
        let width: Int
    }

    /// Experts side by side over their own views of x, `[rows, names · units of the last layer]`.
    private func experts(
        _ graph: inout GraphBuilder, over x: GraphValue, _ names: [String]
    ) -> GraphValue {
        let normed: [HiddenLayer] = layers.map {
            .dense($0.units, .silu, normalization: .batch, dropout: $0.dropout)
        }
        guard views > 0 else { return graph.stack(x, normed, names: names) }
        let rank = viewRank > 0 ? viewRank : max(1, x.width / views)
        let pairs = names.flatMap { name in (0..<views).map { (name: "\(name).view", index: $0) } }
        let down = graph.dense(
            x, units: rank, activation: .identity, names: pairs.map { "\($0.name).down.\($0.index)" },
            inputIsShared: true, hasBias: false)
        let up = graph.dense(
            down, units: x.width, activation: .sigmoid, names: pairs.map { "\($0.name).up.\($0.index)" },
            inputIsShared: false, hasBias: false)
        // One pair alone needs no weight.
        let gates =
            views > 1 ? graph.gates(x, [], experts: views, names: names.map { "\($0).view.gate" }) : []
        // One copy of the features for all the products.
        let source = graph.inWorkspace(x)
        let seen = graph.reserve(names.count * x.width)
        for (place, block) in seen.blocks(names.count).enumerated() {
            let all = up.blocks(names.count)[place]
            let view =
                views > 1 ? graph.mixture(experts: all, width: x.width, gates: [gates[place]]) : all
            _ = graph.multiply(source, graph.scale(view, by: 2), into: block)
        }
        return graph.stack(seen, normed, names: names, inputIsShared: names.count == 1)
    }

    /// A gate's mixture of the experts that it sees, plus the self gate's of its own.
    private func mixed(
        _ graph: inout GraphBuilder, _ experts: GraphValue, _ pool: Pool, seen: [Int], own: [Int],
        gate x: GraphValue, selfGate y: GraphValue, _ prefix: String, _ name: String
    ) -> GraphValue {
        let weights = graph.gates(x, gate, experts: seen.count, names: ["\(prefix)gates.\(name)"])[0]
        graph.record(gate: weights, name: prefix + name, experts: seen.map { pool.titles[$0] })
        let title = "\(prefix)self.\(name)"
        let ownWeights =
            own.count == 1
            ? graph.stack(y, [.dense(1, .sigmoid)], names: [title])
            : graph.gates(y, [], experts: own.count, names: [title])[0]
        let parts = graph.mixture(
            experts: experts, width: pool.width, gates: [weights, ownWeights], sees: [seen, own])
        return graph.add(parts.blocks(2))
    }

    /// Per task the place of its group among the groups' names in order.
    private func places(_ tasks: [LearningTask]) throws(InputError) -> [Int] {
        guard !groups.isEmpty else { return tasks.map { _ in 0 } }
        let names = groups.keys.sorted()
        var result = [Int?](repeating: nil, count: tasks.count)
        for (place, name) in names.enumerated() {
            let members = groups[name] ?? []
            guard name != "shared", !members.isEmpty else {
                throw InputError(
                    .name, at: "groups, \(name)",
                    found: members.isEmpty ? "no task" : "the name of what all tasks share",
                    expected: members.isEmpty ? "at least one" : "another name")
            }
            for member in members {
                guard let task = tasks.firstIndex(where: { $0.name == member }) else {
                    throw InputError(
                        .name, at: "groups, \(name)", found: "no task \"\(member)\"",
                        expected: "one of \(tasks.map(\.name).joined(separator: ", "))")
                }
                guard result[task] == nil else {
                    throw InputError(
                        .name, at: "groups, \(name)", found: "\"\(member)\" a second time",
                        expected: "every task in one group")
                }
                result[task] = place
            }
        }
        var all: [Int] = []
        for (task, place) in zip(tasks, result) {
            guard let place else {
                throw InputError(
                    .name, at: "groups", found: "none that has \"\(task.name)\"",
                    expected: "every task in one group")
            }
            all.append(place)
        }
        return all
    }

    private func check() throws(InputError) {
        try require(shared, atLeast: 1, "shared experts")
        try require(grouped, atLeast: 1, "experts of a group")
        try require(own, atLeast: 1, "own experts")
        try require(max(1, groups.count) * grouped, atLeast: 1, "experts of all groups")
        try require(views, atLeast: 0, "views")
        try require(viewRank, atLeast: 0, atMost: SizeLimit.rank, "view rank")
        try layers.check(at: "experts", allowsNone: false)
        try gate.check(at: "gates")
    }
}
