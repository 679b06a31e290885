/// What a model is made of: its layers in the order in which they run, with shapes, parameters and arithmetic.
public struct ModelSummary: Sendable {
    /// One layer, or several of equal shape that run side by side (experts, gates, towers).
    public struct Layer: Sendable, Equatable {
        /// The name of its parameters, "experts.{0…7}.0"; its kind where it has none.
        public let name: String
        /// "dense", "mixture", "embedding", …
        public let kind: String
        /// How many layers it is.
        public let blocks: Int
        /// Columns that a block reads; rows of an embedding table.
        public let inputs: Int
        /// Columns that a block writes.
        public let outputs: Int
        /// The number of parameters of all blocks.
        public let parameters: Int
        /// Floating-point operations of its forward products for one row, all blocks and all members of a packed ensemble; a
        /// multiplication and an addition are two.
        public let operations: Int
        /// The tasks whose prediction depends on it.
        public let tasks: [String]
    }

    /// Tables first, then the layers from the features up.
    public let layers: [Layer]
    /// The length of the parameter vector that is trained, without what fills it up.
    public let parameters: Int
    /// Floating-point operations of a forward pass's products for one row.
    public let operations: Int

    /// The parameters that one member of a packed ensemble has of its own; 0 for a model that is none.
    package static func memberParameters(_ model: MultiTaskModel) -> Int {
        model.plan.nodes.reduce(0) { count, node in
            guard case .member(let member) = node else { return count }
            return member.parameters(model.plan.lists).reduce(0) { $0 + $1.count } / member.members + count
        }
    }

    /// Lists the layers of a model.
    public init(_ model: MultiTaskModel) {
        let plan = model.plan
        let reach = TaskReach(plan, model.tasks)
        let names = ParameterNames(plan.layout)
        var layers = plan.embedding.tables.indices.map { index in
            let table = plan.embedding.namedTables[index]
            return Layer(
                name: "embeddings.\(table.name)", kind: "embedding", blocks: 1, inputs: table.rows,
                outputs: table.dimension, parameters: table.rows * table.dimension, operations: 0,
                tasks: reach.readers(plan.embedding, table: index, inputs: plan.inputs))
        }
        for (ordinal, node) in plan.nodes.enumerated() {
            let operation = node.operation
            let parameters = operation.parameters
            let blocks = operation.output.width / max(1, operation.blockWidth)
            let isBlocked = !parameters.isEmpty && blocks > 1
            let first = isBlocked ? operation.part(0..<1) : operation
            layers.append(
                Layer(
                    name: names.title(parameters) ?? operation.kind, kind: operation.kind,
                    blocks: isBlocked ? blocks : 1,
                    inputs: first.inputs(plan.lists).reduce(0) { $0 + $1.width },
                    outputs: isBlocked ? operation.blockWidth : operation.output.width,
                    parameters: names.count(parameters),
                    operations: 2 * operation.multiplyAdds * plan.times(ordinal),
                    tasks: reach.tasks(operation.output)))
        }
        self.layers = layers
        parameters = model.layout.segments.filter(\.isTrained).reduce(0) { $0 + $1.count }
        operations = layers.reduce(0) { $0 + $1.operations }
    }
}

extension NodeOperation {
    /// "scenario dense" of a ScenarioDenseNode.
    var kind: String {
        if let member = self as? MemberNode { return member.operation.kind }
        var words = ""
        for character in "\(Self.self)".replacing("Node", with: "") {
            if character.isUppercase && !words.isEmpty { words += " " }
            words += character.lowercased()
        }
        return words
    }
}

/// Which tasks' predictions depend on a value.
struct TaskReach {
    private let names: [String]
    /// Per task the columns of each storage that its pass writes, and those of the features that it reads.
    private let written: [[Set<Int>]]
    private let features: [Set<Int>]

    init(_ plan: ModelPlan, _ tasks: [LearningTask]) {
        names = tasks.map(\.name)
        let passes = tasks.indices.map { Array(Program(plan, tasks: tasks, task: $0).forward.joined()) }
        written = passes.map { pass in
            var columns = plan.widths.map { _ in Set<Int>() }
            for entry in pass {
                let output = entry.node.operation.output
                columns[output.storage].formUnion(output.range)
            }
            return columns
        }
        features = passes.map { pass in
            pass.reduce(into: Set<Int>()) { columns, entry in
                for input in entry.node.operation.inputs(plan.lists) where input.storage == 0 {
                    columns.formUnion(input.range)
                }
            }
        }
    }

    /// The tasks whose prediction depends on a table.
    func readers(_ embedding: EmbeddingPlan, table: Int, inputs: Int) -> [String] {
        names.indices.filter { task in
            embedding.readers[table].contains { reader in
                let field = embedding.fields[reader]
                return !features[task].isDisjoint(
                    with: inputs + field.column..<inputs + field.column + field.columns)
            }
        }.map { names[$0] }
    }

    func tasks(_ value: GraphValue) -> [String] {
        names.indices.filter { !written[$0][value.storage].isDisjoint(with: value.range) }.map { names[$0] }
    }
}

/// The layers' names behind ranges of the parameter vector.
struct ParameterNames {
    private let segments: [ParameterSegment]

    init(_ layout: ParameterLayout) { segments = layout.segments }

    private func segments(_ parameters: [ParameterRange]) -> [ParameterSegment] {
        segments.filter { segment in
            parameters.contains {
                $0.start < segment.offset + segment.count && segment.offset < $0.start + $0.count
            }
        }
    }

    func count(_ parameters: [ParameterRange]) -> Int {
        segments(parameters).filter(\.isTrained).reduce(0) { $0 + $1.count }
    }

    /// The names without ".weight" and ".bias", folded into one.
    func title(_ parameters: [ParameterRange]) -> String? {
        var layers: [[Substring]] = []
        for segment in segments(parameters) {
            let parts = segment.name.split(separator: ".").dropLast()
            if !layers.contains(Array(parts)) { layers.append(Array(parts)) }
        }
        guard let first = layers.first else { return nil }
        guard layers.allSatisfy({ $0.count == first.count }) else {
            return "\(first.joined(separator: ".")) …"
        }
        return first.indices.map { place in
            var values: [Substring] = []
            for layer in layers where !values.contains(layer[place]) { values.append(layer[place]) }
            if values.count == 1 { return String(values[0]) }
            let numbers = values.compactMap { Int($0) }
            let isRun =
                numbers.count == values.count && numbers == Array(numbers[0]..<numbers[0] + numbers.count)
            return isRun || values.count > 4
                ? "{\(values[0])…\(values[values.count - 1])}" : "{\(values.joined(separator: ","))}"
        }.joined(separator: ".")
    }
}
