/// Builds a model's graph: every call adds a node and returns what it writes.
///
/// A value is a matrix `[rows, width]`. Blocks of equal shape (a task's tower, an expert, a gate each) lie side by side in
/// one value and run as one node. Widths that do not fit trap: they are the architecture's mistake, not its user's.
public struct GraphBuilder {
    /// The tasks, in the order in which `build` returns their logits.
    public let tasks: [LearningTask]
    /// The number of scenarios; 1 where the model knows none.
    public let scenarios: Int
    /// The dense features, then the embedded ones, or what the model's feature layers made of them; where the architecture keeps
    /// shared features beside the tasks' own, those.
    public internal(set) var features: GraphValue
    /// The same per task, in the order of `tasks`: all alike, unless the architecture separates features.
    public internal(set) var taskFeatures: [GraphValue] = []
    /// The dense features alone.
    public let denseFeatures: GraphValue
    /// Per task the place of the one whose event comes before, as `funnel(_:)` was told; nil for others.
    package internal(set) var eventParents: [Int?]
    /// What the features consist of, while feature layers are built.
    var parts: [FeaturePart] = []
    var sequences: [SequenceFeature] = []
    /// The task whose own features are being built; nil for those of all.
    var featureTask: Int?
    var wideParts: [WidePart] = []
    /// Per task the two logits that a loss within groups reads (JRC); nil for others.
    var contexts: [GraphValue?] = []
    /// Sequences that some layer reads position by position beside each other.
    var alignments: [[String]] = []

    var nodes: [Node] = []
    var lists: [Int32] = []
    var joints: [JointLoss] = []
    var penalties: [ParameterPenalty] = []
    var structures: [ParameterStructure] = []
    var gateRecords: [GateRecord] = []
    var segments: [ParameterSegment] = []
    var beginnings: [ModelPlan.Beginning] = []
    /// Parameters that no weight decay applies to, whatever the model decays.
    var undecayed: [Range<Int>] = []
    /// Scenarios' and clusters' own factors of shared weights, which begin at 1 and decay towards it.
    var factors: [Range<Int>] = []
    var owned: [(range: Range<Int>, scenario: Int)] = []
    var usesScenarios = false
    /// Where the preference lies, once for each set of features.
    var preferences: [Int] = []
    /// Members of a packed ensemble; nil without.
    let members: Int?
    /// The first node that every member runs for itself.
    var memberStart = 0
    /// How the features are divided among the members' scalings: those of every task, or of all.
    var sections: [FeatureSections] = []
    var forwardElements = 0
    /// The widths of all storages, and their gradients' elements per row.
    var widths: [Int]
    var gradientStrides: [Int]
    var transposedCount = 0
    var scratchCount = 0
    var normWidth = 0
    var dropouts: UInt64 = 0
    var parameterCount = 0
    /// Which storages may have a gradient: some parameter lies behind them.
    var isTrained: [Bool]
    let gathered: WorkspaceSlot

    /// A group of parameters that stays together, as it was asked for.
    struct Group {
        let offset: Int
        let count: Int
        let isTrained: Bool
    }
    var groups: [Group] = []
    /// Where the groups lie, once it is known which are shared.
    private let placement: [Int]?
    /// The features as they are looked up.
    let lookedUp: GraphValue

    init(
        inputs: Int, embedding: EmbeddingPlan, tasks: [LearningTask], scenarios: Int, members: Int? = nil,
        placement: [Int]?
    ) {
        self.members = members
        self.tasks = tasks
        eventParents = tasks.map { _ in nil }
        self.scenarios = scenarios
        // What a task says of a row depends on the scenario, where it does not exist in all.
        usesScenarios = tasks.contains { $0.scenarios != nil }
        self.placement = placement
        let width = inputs + embedding.width
        let stride = workspaceStride(columns: width)
        gathered = WorkspaceSlot(offsetPerRow: 0, stride: stride)
        forwardElements = stride
        widths = [width]
        gradientStrides = [0]
        isTrained = [embedding.width > 0]
        let all = GraphValue(
            width: width, storage: 0, column: 0, offsetPerRow: 0, stride: stride,
            gradientStart: inputs, isStopped: false)
        lookedUp = all
        features = all.columns(0..<inputs + embedding.pooledWidth)
        denseFeatures = all.columns(0..<inputs)
    }

    // MARK: Storage

    /// Room for a value `[rows, width]` that several nodes write parts of, by their `into`.
    public mutating func reserve(_ width: Int) -> GraphValue {
        precondition(width > 0, "a value of \(width) columns")
        let value = GraphValue(
            width: width, storage: widths.count, column: 0, offsetPerRow: forwardElements,
            stride: workspaceStride(columns: width), gradientStart: 0, isStopped: false)
        widths.append(width)
        gradientStrides.append(value.stride)
        isTrained.append(false)
        forwardElements = Self.sum(forwardElements, value.stride)
        return value
    }

    /// Columns without a gradient, for what a backward pass needs.
    mutating func reserveSaved(_ width: Int) -> GraphValue {
        let value = GraphValue(
            width: width, storage: widths.count, column: 0, offsetPerRow: forwardElements,
            stride: workspaceStride(columns: width), gradientStart: 0, isStopped: true)
        widths.append(width)
        gradientStrides.append(0)
        isTrained.append(false)
        forwardElements = Self.sum(forwardElements, value.stride)
        return value
    }

    func needsGradient(_ value: GraphValue) -> Bool {
        !value.isStopped && isTrained[value.storage] && value.gradientStart < value.width
    }

    /// The target of a node: `into`, or a new value.
    mutating func target(_ into: GraphValue?, _ width: Int) -> GraphValue {
        guard let into else { return reserve(width) }
        precondition(into.width == width && !into.isFeatures, "\(width) columns into \(into.width)")
        return into
    }

    /// Marks what a node writes as trained, if the node has parameters or one of its inputs is.
    mutating func note(_ output: GraphValue, hasParameters: Bool = false, from inputs: [GraphValue]) {
        if hasParameters || inputs.contains(where: { needsGradient($0) }) { isTrained[output.storage] = true }
    }

    /// A copy of columns of the features; other values as they are. Nodes that cannot read the features where they lie make
    /// such a copy each; one made before serves several.
    public mutating func inWorkspace(_ value: GraphValue) -> GraphValue {
        value.isFeatures ? scale(value, by: 1) : value
    }

    /// Sizes stay below what overflows; a model of that many is refused before anything is asked for.
    static func sum(_ first: Int, _ second: Int) -> Int { min(first + second, SizeLimit.sum) }

    /// Refuses what no address space holds, before anything is asked for.
    ///
    /// - Throws: `InputError` that names the largest parameter.
    func checkSize() throws(InputError) {
        guard max(parameterCount, forwardElements, scratchCount, transposedCount) >= SizeLimit.elements else {
            return
        }
        let largest = segments.max { $0.count < $1.count }
        throw InputError(
            .shape, at: largest.map { "parameter \"\($0.name)\"" } ?? "model",
            found: largest.map { $0.shape.map(String.init).joined(separator: " x ") }
                ?? "too many parameters",
            expected: "a model small enough to fit in memory")
    }

    // MARK: Parameters

    /// Room for parameters that stay together.
    mutating func place(_ count: Int, isTrained: Bool = true) -> Int {
        let offset = placement?[groups.count] ?? parameterCount
        groups.append(Group(offset: offset, count: count, isTrained: isTrained))
        parameterCount = Self.sum(parameterCount, count)
        return offset
    }

    mutating func name(
        _ name: String, _ offset: Int, _ shape: [Int], isTransposed: Bool = false, isTrained: Bool = true
    ) {
        segments.append(
            ParameterSegment(
                name: name, offset: offset, shape: shape, isTransposed: isTransposed, isTrained: isTrained))
    }

    /// A vector parameter that begins with one value everywhere.
    mutating func vector(
        _ title: String, _ offset: Int, _ count: Int, beginsAt value: Double, isTrained: Bool = true,
        scenario: Int? = nil
    ) {
        name(title, offset, [count], isTrained: isTrained)
        beginnings.append(.constant(offset..<offset + count, value))
        if let scenario { owned.append((offset..<offset + count, scenario)) }
    }

    /// Adds weight · mean over the rows of max(σ(later) - σ(earlier), 0) to the loss, of two logits `[rows, 1]`: an event
    /// that needs another is no more likely (AITM's calibrator, arXiv 2105.08489).
    ///
    /// - Parameters:
    ///   - later: the logit of the event that needs it, `[rows, 1]`.
    ///   - earlier: the logit of the event that comes first, `[rows, 1]`.
    ///   - weight: the factor of the term.
    ///   - events: the tasks of the two logits, as places in `tasks`: rows where one of them does not exist have no
    ///     order.
    public mutating func penalizeOrder(
        later: GraphValue, earlier: GraphValue, weight: Double, events: [Int] = []
    ) {
        precondition(later.width == 1 && earlier.width == 1, "an order is between single logits")
        let limited = events.map { tasks[$0] }.filter { $0.scenarios != nil }
        var place: Int?
        if !limited.isEmpty {
            place = lists.count
            lists += (0..<scenarios).map { scenario in
                limited.allSatisfy { $0.exists(in: scenario) } ? 1 : 0
            }
        }
        joints.append(.order(later: later, earlier: earlier, weight: weight, scenarios: place))
    }

    /// Adds entropy · Σ H(r) and reach · Σ (1 / Σ r) over a task's selectors r to the loss, means over its rows: a selector is
    /// to select one expert, and one that there is; see `DSelectK`.
    ///
    /// - Parameters:
    ///   - selectors: `[rows, selectors · experts]`, from `bitSelectors`.
    ///   - experts: the number of experts.
    ///   - entropy: the factor of the selectors' entropy; 0 for none.
    ///   - reach: the factor of 1 / Σ r; 0 for none.
    ///   - task: the place in `tasks` of the task whose rows count.
    public mutating func penalizeSelectors(
        _ selectors: GraphValue, experts: Int, entropy: Double, reach: Double, task: Int
    ) {
        precondition(selectors.width % experts == 0, "\(selectors.width) columns for \(experts) experts")
        guard entropy > 0 || reach > 0 else { return }
        joints.append(
            .selection(selectors: selectors, count: experts, entropy: entropy, reach: reach, task: task))
    }

    /// Adds a penalty on named parameters to the loss.
    public mutating func penalize(_ penalty: ParameterPenalty) { penalties.append(penalty) }
}
