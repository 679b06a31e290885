/// How tasks and scenarios share: it builds the graph between the features and the tasks' logits.
public protocol Architecture: Sendable {
    /// Builds the graph.
    ///
    /// It is called more than once for a model and must do the same each time.
    /// - Returns: per task of the builder its logits, `[rows, outputs]`, each a value of its own.
    /// - Throws: `InputError` where an option is out of range, before the first node.
    func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue]
    /// Whether every task has embedding tables and feature layers of its own, which it finds among `GraphBuilder.taskFeatures`;
    /// by default all tasks have the same.
    var separatesFeatures: Bool { get }
    /// Whether, where every task has tables and feature layers of its own, there is a set for all of them beside these, which the
    /// architecture finds as `GraphBuilder.features`; by default there is none.
    var keepsSharedFeatures: Bool { get }
}

extension Architecture {
    /// By default all tasks read the same features.
    public var separatesFeatures: Bool { false }
    /// By default a task reads nothing beside its own features.
    public var keepsSharedFeatures: Bool { false }

    /// Whose tables and feature layers there are, tasks' names first; empty where there is one set for all.
    func featureOwners(_ tasks: [LearningTask]) -> [String] {
        guard separatesFeatures else { return [] }
        return tasks.map(\.name) + (keepsSharedFeatures ? [GraphBuilder.sharedOwner] : [])
    }
}

/// A model of any architecture: features, a graph and the tasks' heads.
///
/// A model is a plan: it holds no numbers, and any number of trainers may use it.
public struct MultiTaskModel: Sendable {
    /// The number of dense features.
    public let inputs: Int
    /// The features that are looked up in tables.
    public let embedded: [EmbeddedFeature]
    /// The tables of the embedded features; an architecture that separates features has one of each for every task.
    public let tables: [EmbeddingTable]
    /// The number of scenarios, which a dataset's rows name by 0 ..< scenarios.
    public let scenarios: Int
    /// The members of a packed ensemble; nil for a model that is none.
    public let ensemble: Int?
    /// The tasks, in the order of losses and turns.
    public let tasks: [LearningTask]
    /// Per task its share, all together 1, where a model that reads a preference is asked for nothing else; nil for one that reads none.
    public let preference: [Double]?

    package let plan: ModelPlan

    /// The flat vector of parameters: what several tasks train, what one trains, moving statistics, tables.
    public var layout: ParameterLayout { plan.layout }

    /// A model of dense and embedded features, layers that all tasks share, and the tasks' heads.
    ///
    /// - Parameters:
    ///   - inputs: the number of dense features; at least 1, or 0 where there are embedded ones.
    ///   - embedded: the features that are looked up in `tables`.
    ///   - tables: the tables of the embedded features.
    ///   - trunk: the shared layers, from the features up; none is allowed: then the heads read the features.
    ///   - tasks: at least one, with names that differ.
    ///   - ensemble: the members of a packed ensemble; nil for none.
    /// - Throws: `InputError` that names the layer or task and what was expected of it.
    /// - SeeAlso: `SharedBottom`
    public init(
        inputs: Int, embedded: [EmbeddedFeature] = [], tables: [EmbeddingTable] = [], trunk: [HiddenLayer],
        tasks: [LearningTask], ensemble: Int? = nil
    ) throws(InputError) {
        try self.init(
            inputs: inputs, embedded: embedded, tables: tables, architecture: SharedBottom(trunk: trunk),
            tasks: tasks, ensemble: ensemble)
    }

    /// A model of dense and embedded features and tasks.
    ///
    /// - Parameters:
    ///   - inputs: the number of dense features; at least 1, or 0 where there are embedded ones.
    ///   - embedded: the features that are looked up in `tables`.
    ///   - tables: the tables of the embedded features.
    ///   - scenarios: how many scenarios the dataset's rows belong to.
    ///   - featureLayers: what becomes of the features before the architecture reads them, one after the other.
    ///   - architecture: how the tasks share.
    ///   - tasks: at least one, with names that differ.
    ///   - decayed: which of the layers' parameters the optimiser's weight decay applies to.
    ///   - ensemble: the members of a packed ensemble, at most 1024; nil for none. Members share all parameters but factors of
    ///     the features and the last layers of the heads, each has its own loss, and their predictions are averaged (TabM-mini
    ///     of arXiv 2410.24210).
    ///   - preference: for a model that reads a preference beside its features, which `Balancing.cosmos` trains and
    ///     `Predictor.setPreference` asks for: the tasks' shares by name where nothing else is asked for, of any sum, 0 where a task is
    ///     not named; empty for equal shares. nil for a model that reads none.
    /// - Throws: `InputError` that names the option, layer or task and what was expected of it; one for an ensemble of an
    ///   architecture that normalises what members compute over the batch, or moves clusters of rows.
    public init(
        inputs: Int, embedded: [EmbeddedFeature] = [], tables: [EmbeddingTable] = [], scenarios: Int = 1,
        featureLayers: [any FeatureLayer] = [], architecture: some Architecture, tasks: [LearningTask],
        decayed: DecayedParameters = .all, ensemble: Int? = nil, preference: [String: Double]? = nil
    ) throws(InputError) {
        guard ensemble.map({ 1...SizeLimit.members ~= $0 }) ?? true else {
            throw InputError(
                .value, at: "ensemble", found: "\(ensemble ?? 0)", expected: "1 to \(SizeLimit.members)")
        }
        try Self.check(inputs: inputs, hasEmbedded: !embedded.isEmpty, tasks: tasks)
        guard scenarios >= 1, scenarios <= SizeLimit.scenarios else {
            throw InputError(
                .value, at: "scenarios", found: "\(scenarios)", expected: "1 to \(SizeLimit.scenarios)")
        }
        try Self.check(tasks, scenarios: scenarios)
        if let task = tasks.first(where: { $0.ranking != nil || $0.f1 != nil }), ensemble != nil {
            let loss = task.ranking == nil ? "loss for F1" : "ranking loss"
            throw InputError(
                .value, at: "ensemble", found: "members beside the \(loss) of task \"\(task.name)\"",
                expected: "one of them: members run one after the other, and its rows have to meet")
        }
        let shares = try preference.map { (named) throws(InputError) in
            try Preference.shares(named, of: tasks.map(\.name), at: "preference")
        }
        self.preference = shares
        self.inputs = inputs
        let owners = architecture.featureOwners(tasks)
        if architecture.keepsSharedFeatures { try tasks.checkNames(not: GraphBuilder.sharedOwner) }
        let widths = try EmbeddingPlan(embedded, tables: tables, start: 0, owners: owners)
        self.embedded = embedded
        self.tables = tables
        self.scenarios = scenarios
        self.tasks = tasks
        self.ensemble = ensemble
        guard inputs <= SizeLimit.columns, widths.width <= SizeLimit.columns - inputs else {
            throw InputError(
                .shape, at: "features", found: "\(inputs) numbers and \(widths.width) columns of vectors",
                expected: "at most \(SizeLimit.columns) columns together")
        }
        func build(_ placement: [Int]?) throws(InputError) -> (GraphBuilder, [GraphValue]) {
            var builder = GraphBuilder(
                inputs: inputs, embedding: widths, tasks: tasks, scenarios: scenarios, members: ensemble,
                placement: placement)
            try builder.buildFeatures(widths, owners: owners) {
                (builder, name) throws(InputError) in
                var index = 0
                for layer in featureLayers {
                    guard !(layer is PiecewiseLinear) else {
                        // Numbers that become fields move no layer's name.
                        try layer.build(&builder, name: "numbers" + name.dropFirst("features".count))
                        continue
                    }
                    try layer.build(&builder, name: "\(name).\(index)")
                    index += 1
                }
                guard let shares else { return }
                builder.appendPreference(shares, name: "preference" + name.dropFirst("features".count))
            }
            builder.beginMembers(owners: owners)
            let logits = try builder.withWideParts(architecture.build(&builder))
            precondition(
                logits.count == tasks.count
                    && zip(logits, tasks).allSatisfy { $0.width == $1.outputs && !$0.isFeatures },
                "logits of widths \(logits.map(\.width)) for \(tasks.count) tasks")
            let values = builder.contrasted(logits)
            return (builder, values)
        }
        let (draft, values) = try build(nil)
        try draft.checkSize()
        try draft.checkTeachers()
        let draftPlan = try Self.plan(draft, values, inputs, ParameterLayout(), widths)
        try draft.checkMembers(draftPlan)
        var layout = ParameterLayout()
        let placement = Self.placement(draft, draftPlan, tasks, &layout)
        var (builder, logits) = try build(placement)
        let start = (layout.denseCount + 15) / 16 * 16
        let embedding = try EmbeddingPlan(embedded, tables: tables, start: start, owners: owners)
        layout.count = embedding.isEmpty ? layout.denseCount : start + embedding.elementCount
        layout.segments =
            builder.segments.sorted { $0.offset < $1.offset }
            + zip(embedding.namedTables, embedding.tables).map { table, place in
                ParameterSegment(
                    name: "embeddings.\(table.name).weight", offset: place.parameters,
                    shape: [table.rows, table.dimension], isTransposed: false)
            }
        try Self.check(layout, builder.penalties)
        builder.undecayed += layout.segments.filter { !decayed.contains($0) }.map {
            $0.offset..<$0.offset + $0.count
        }
        try builder.structures.check(layout)
        plan = try Self.plan(builder, logits, inputs, layout, embedding)
    }

    private static func plan(
        _ builder: GraphBuilder, _ logits: [GraphValue], _ inputs: Int, _ layout: ParameterLayout,
        _ embedding: EmbeddingPlan
    ) throws(InputError) -> ModelPlan {
        ModelPlan(
            inputs: inputs, inputWidth: inputs + embedding.width, scenarios: builder.scenarios,
            nodes: builder.nodes, logits: logits,
            events: EventChain(parents: builder.eventParents, nodes: builder.nodes, logits: logits),
            lists: builder.lists, widths: builder.widths,
            isTrained: builder.isTrained, joints: builder.joints, penalties: builder.penalties,
            structures: builder.structures, gateRecords: builder.gateRecords,
            beginnings: builder.beginnings, undecayed: builder.undecayed, factors: builder.factors,
            owned: builder.owned, usesScenarios: builder.usesScenarios, preferences: builder.preferences,
            ranks: builder.tasks.contains { $0.ranking != nil },
            contexts: builder.contexts, reweighs: builder.tasks.contains { $0.f1 != nil },
            forwardElementsPerRow: builder.forwardElements,
            gradientStrides: builder.gradientStrides,
            transposedCount: builder.transposedCount,
            scratchCount: builder.scratchCount, normWidth: builder.normWidth, gathered: builder.gathered,
            layout: layout, embedding: embedding, alignedSequences: builder.alignments,
            members: builder.members.map {
                MemberPlan(
                    count: $0, start: builder.memberStart, nodes: builder.nodes, lists: builder.lists)
            })
    }

    /// Shared parameters first, then those of one task, then what no optimiser changes.
    private static func placement(
        _ builder: GraphBuilder, _ plan: ModelPlan, _ tasks: [LearningTask], _ layout: inout ParameterLayout
    ) -> [Int] {
        let groups = builder.groups
        // Tasks that train a range of its parameters: a node's blocks may each be one task's.
        var tasksOfRange: [Int: Int] = [:]
        for task in tasks.indices {
            let starts = Set(Program(plan, tasks: tasks, task: task).parameters.map(\.start))
            for start in starts { tasksOfRange[start, default: 0] += 1 }
        }
        let readers = groups.map { group in
            tasksOfRange.filter { group.offset..<group.offset + group.count ~= $0.key }.values.max() ?? 0
        }
        var placement = [Int](repeating: 0, count: groups.count)
        func place(_ isOne: (Int) -> Bool) {
            for index in groups.indices where isOne(index) {
                placement[index] = layout.denseCount
                layout.denseCount += groups[index].count
            }
        }
        place { groups[$0].isTrained && readers[$0] > 1 }
        layout.sharedCount = layout.denseCount
        place { groups[$0].isTrained && readers[$0] <= 1 }
        place { !groups[$0].isTrained }
        return placement
    }

    private static func check(
        inputs: Int, hasEmbedded: Bool, tasks: [LearningTask]
    ) throws(InputError) {
        guard inputs > 0 || (inputs == 0 && hasEmbedded) else {
            throw InputError(.shape, at: "inputs", found: "\(inputs)", expected: "at least 1")
        }
        guard !tasks.isEmpty else {
            throw InputError(.empty, at: "tasks", found: "none", expected: "at least one")
        }
        var names = Set<String>()
        for task in tasks {
            let place = "task \"\(task.name)\""
            guard !task.name.isEmpty, names.insert(task.name).inserted else {
                throw InputError(
                    .name, at: place, found: task.name.isEmpty ? "no name" : "the name twice",
                    expected: "names that differ")
            }
            guard task.weight >= 0, task.weight.isFinite else {
                throw InputError(
                    .value, at: place, found: "weight \(task.weight)", expected: "a finite weight, 0 or above"
                )
            }
            guard task.negativeRate > 0, task.negativeRate <= 1,
                task.negativeRate == 1 || task.kind == .binary
            else {
                throw InputError(
                    .value, at: place, found: "negative rate \(task.negativeRate)",
                    expected: "a share above 0 and up to 1, of a binary task")
            }
            try task.tower.check(at: "\(place), tower")
            try LossCheck(task, place).check()
        }
    }

    /// Tasks that exist in some scenarios only: every task in one, every scenario with one.
    private static func check(_ tasks: [LearningTask], scenarios: Int) throws(InputError) {
        for task in tasks {
            guard let own = task.scenarios else { continue }
            let place = "task \"\(task.name)\", scenarios"
            guard !own.isEmpty else {
                throw InputError(.empty, at: place, found: "none", expected: "at least one")
            }
            for scenario in own where !(0..<scenarios ~= scenario) {
                throw InputError(
                    .value, at: place, found: "\(scenario)", expected: "0 to \(scenarios - 1)")
            }
            guard Set(own).count == own.count else {
                throw InputError(.value, at: place, found: "\(own)", expected: "scenarios that differ")
            }
        }
        guard tasks.allSatisfy({ $0.scenarios != nil }) else { return }
        let reached = Set(tasks.flatMap { $0.scenarios ?? [] })
        for scenario in 0..<scenarios where !reached.contains(scenario) {
            throw InputError(
                .empty, at: "scenario \(scenario)", found: "no task that exists in it",
                expected: "at least one")
        }
    }

    private static func check(
        _ layout: ParameterLayout, _ penalties: [ParameterPenalty]
    ) throws(InputError) {
        var names = Set<String>()
        for segment in layout.segments {
            precondition(names.insert(segment.name).inserted, "two parameters \"\(segment.name)\"")
        }
        for penalty in penalties {
            var shapes: [[Int]] = []
            for name in penalty.names { shapes.append(try layout.segment(name).shape) }
            precondition(shapes.allSatisfy { $0 == shapes[0] }, "a distance between shapes \(shapes)")
        }
    }
}

/// Which parameters weight decay applies to.
public enum DecayedParameters: Sendable, Equatable {
    /// All of the layers'.
    case all
    /// Matrices alone: no biases, and no gains and shifts of a normalisation.
    case weights
    /// All but those whose names begin so.
    case allBut([String])

    func contains(_ segment: ParameterSegment) -> Bool {
        switch self {
        case .all: true
        case .weights: segment.shape.count > 1
        case .allBut(let prefixes): !prefixes.contains { segment.name.hasPrefix($0) }
        }
    }
}
