/// Hard parameter sharing: layers that every task shares, then a head per task.
///
/// h = σ(W x + b) through the trunk; yᵢ = Vᵢ h + cᵢ per task, behind the task's own tower if it has one
/// (Caruana, *Multitask Learning*, Machine Learning 28, 1997). Heads of equal shape lie side by side and run
/// as one batched product. A model is a plan: it holds no numbers, and any number of trainers may use it.
public struct SharedBottom: Sendable {
    /// The number of dense features.
    public let inputs: Int
    /// The features that are looked up in tables.
    public let embedded: [EmbeddedFeature]
    /// The tables of the embedded features.
    public let tables: [EmbeddingTable]
    /// The shared layers, from the features up.
    public let trunk: [HiddenLayer]
    /// The tasks, in the order of losses and turns.
    public let tasks: [LearningTask]
    /// The flat vector of parameters.
    public let layout: ParameterLayout

    /// Heads of equal shape.
    package struct HeadGroup: Sendable {
        package let tasks: [Int]
        package let layers: Range<Int>
    }

    /// What the first layers read: the dense features, then the embedded ones.
    package var inputWidth: Int { inputs + embedding.width }
    package let embedding: EmbeddingPlan
    /// The gradient in the embedded features.
    package let embeddedGradient: WorkspaceSlot
    package let layers: [Dense]
    package let trunkLayers: Range<Int>
    package let groups: [HeadGroup]
    /// Per task its group and its block there.
    package let seats: [(group: Int, block: Int)]
    /// Elements of workspace per row: activations alone, and with the gradients that training needs.
    package let forwardElementsPerRow: Int
    package let trainingElementsPerRow: Int
    package let transposedCount: Int

    /// A model of dense and embedded features, shared layers and tasks.
    ///
    /// - Parameters:
    ///   - inputs: the number of dense features; at least 1, or 0 where there are embedded ones.
    ///   - embedded: the features that are looked up in `tables`.
    ///   - trunk: the shared layers; none is allowed: then the heads read the features.
    ///   - tasks: at least one, with names that differ.
    /// - Throws: `InputError` that names the layer or task and what was expected of it.
    public init(
        inputs: Int, embedded: [EmbeddedFeature] = [], tables: [EmbeddingTable] = [], trunk: [HiddenLayer],
        tasks: [LearningTask]
    ) throws(InputError) {
        try Self.check(inputs: inputs, hasEmbedded: !embedded.isEmpty, trunk: trunk, tasks: tasks)
        for (place, layers) in [("trunk", trunk)] + tasks.map({ ("task \"\($0.name)\", tower", $0.tower) }) {
            for (index, layer) in layers.enumerated() where !layer.isPlain {
                throw InputError(
                    .value, at: "\(place), layer \(index)", found: "normalisation or dropout",
                    expected: "neither, or HardSharing in a MultiTaskModel")
            }
        }
        self.inputs = inputs
        self.embedded = embedded
        self.tables = tables
        self.trunk = trunk
        self.tasks = tasks

        for task in tasks where task.scenarios != nil {
            throw InputError(
                .value, at: "task \"\(task.name)\", scenarios", found: "\(task.scenarios ?? [])",
                expected: "none: only a MultiTaskModel knows scenarios")
        }
        let embeddedWidth = try EmbeddingPlan(embedded, tables: tables, start: 0).width
        for feature in embedded where feature.pooling == .positions {
            throw InputError(
                .value, at: "embedded feature \"\(feature.name)\"", found: "a sequence that no layer reads",
                expected: "a pooled feature, or a model with feature layers")
        }
        var layers: [Dense] = []
        var source = Dense.Source.features
        var width = inputs + embeddedWidth
        for layer in trunk {
            layers.append(
                Dense(
                    source: source, blocks: 1, inputs: width, outputs: layer.units, inputIsShared: true,
                    activation: layer.activation, order: .inputMajor))
            source = .layer(layers.count - 1)
            width = layer.units
        }
        trunkLayers = 0..<layers.count

        var groups: [HeadGroup] = []
        var seats = [(group: Int, block: Int)](repeating: (0, 0), count: tasks.count)
        for (first, task) in tasks.enumerated() {
            let members = tasks.indices.filter {
                tasks[$0].tower == task.tower && tasks[$0].kind.outputs == task.kind.outputs
            }
            guard members[0] == first else { continue }
            for (block, member) in members.enumerated() { seats[member] = (groups.count, block) }
            let start = layers.count
            var (headSource, headWidth) = (source, width)
            for layer in task.tower {
                layers.append(
                    Dense(
                        source: headSource, blocks: members.count, inputs: headWidth, outputs: layer.units,
                        inputIsShared: layers.count == start, activation: layer.activation, order: .inputMajor
                    ))
                headSource = .layer(layers.count - 1)
                headWidth = layer.units
            }
            layers.append(
                Dense(
                    source: headSource, blocks: members.count, inputs: headWidth, outputs: task.kind.outputs,
                    inputIsShared: layers.count == start, activation: .identity, order: .outputMajor))
            groups.append(HeadGroup(tasks: members, layers: start..<layers.count))
        }
        self.groups = groups
        self.seats = seats

        var layout = ParameterLayout()
        var transposedCount = 0
        for index in layers.indices {
            layers[index].weight = layout.count
            layers[index].bias = layout.count + layers[index].weightCount
            layout.count = layers[index].bias + layers[index].biasCount
            if index < trunkLayers.upperBound { layout.sharedCount = layout.count }
            let descends = layers[index].source != .features || embeddedWidth > 0
            if descends && layers[index].order == .inputMajor {
                layers[index].transposed = transposedCount
                transposedCount += layers[index].biasCount * layers[index].transposedStride
            }
        }
        self.transposedCount = transposedCount
        layout.denseCount = layout.count
        // A table's rows begin on a cache line where their length allows it.
        let embedding = try EmbeddingPlan(embedded, tables: tables, start: (layout.count + 15) / 16 * 16)
        if !embedding.isEmpty { layout.count = (layout.count + 15) / 16 * 16 + embedding.elementCount }
        self.embedding = embedding

        var perRow = 0
        func slot(_ columns: Int) -> WorkspaceSlot {
            let slot = WorkspaceSlot(offsetPerRow: perRow, stride: workspaceStride(columns: columns))
            perRow += slot.stride
            return slot
        }
        for index in layers.indices {
            layers[index].output = slot(layers[index].width)
            if layers[index].activation.savesInput { layers[index].saved = slot(layers[index].width) }
        }
        forwardElementsPerRow = perRow
        for index in layers.indices { layers[index].gradient = slot(layers[index].width) }
        embeddedGradient = slot(embeddedWidth)
        trainingElementsPerRow = perRow
        self.layers = layers

        layout.segments =
            Self.segments(layers: layers, trunk: trunkLayers, groups: groups, tasks: tasks)
            + zip(tables, embedding.tables).map { table, place in
                ParameterSegment(
                    name: "embeddings.\(table.name).weight", offset: place.parameters,
                    shape: [table.rows, table.dimension], isTransposed: false)
            }
        self.layout = layout
    }

    private static func segments(
        layers: [Dense], trunk: Range<Int>, groups: [HeadGroup], tasks: [LearningTask]
    ) -> [ParameterSegment] {
        var segments: [ParameterSegment] = []
        func add(_ layer: Dense, block: Int, name: String) {
            segments.append(
                ParameterSegment(
                    name: name + ".weight", offset: layer.weight + block * layer.inputs * layer.outputs,
                    shape: [layer.outputs, layer.inputs], isTransposed: layer.order == .inputMajor))
            segments.append(
                ParameterSegment(
                    name: name + ".bias", offset: layer.bias + block * layer.outputs, shape: [layer.outputs],
                    isTransposed: false))
        }
        for index in trunk { add(layers[index], block: 0, name: "trunk.\(index)") }
        for group in groups {
            for (depth, index) in group.layers.enumerated() {
                for (block, task) in group.tasks.enumerated() {
                    add(layers[index], block: block, name: "heads.\(tasks[task].name).\(depth)")
                }
            }
        }
        return segments.sorted { $0.offset < $1.offset }
    }

    package static func check(
        inputs: Int, hasEmbedded: Bool, trunk: [HiddenLayer], tasks: [LearningTask]
    ) throws(InputError) {
        guard inputs > 0 || (inputs == 0 && hasEmbedded) else {
            throw InputError(.shape, at: "inputs", found: "\(inputs)", expected: "at least 1")
        }
        guard !tasks.isEmpty else {
            throw InputError(.empty, at: "tasks", found: "none", expected: "at least one")
        }
        try trunk.check(at: "trunk")
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
            switch task.kind {
            case .multiclass(let classes) where classes < 2:
                throw InputError(.value, at: place, found: "\(classes) classes", expected: "at least 2")
            case .huber(let delta) where !(delta > 0 && delta.isFinite):
                throw InputError(
                    .value, at: place, found: "delta \(delta)", expected: "a finite delta above 0")
            default: break
            }
        }
    }
}
