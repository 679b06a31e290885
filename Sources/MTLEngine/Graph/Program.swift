/// A plan made ready for a turn of all tasks (joint) or some: which nodes run, in which order, and who writes which
/// gradient first.
///
/// What a task's logits do not depend on rests, down to the blocks of a node. Batch norms and rounds of routing cut the order
/// into stages:
/// all rows finish a stage before the next begins.
package struct Program: Sendable {
    /// A task's loss.
    package struct TaskLoss: Sendable {
        package let task: Int
        package let kind: LearningTask.Kind
        package let weight: Double
        package let form: LossForm
        package let labelScale: LabelScale
        package let ranking: RankingLoss?
        /// The part of what is learned that a teacher predicted; 0 for none.
        package let teacherWeight: Double
        package let logits: GraphValue
        /// The logits of no and yes, where the ranking reads both.
        package let contexts: GraphValue?
        /// β of a loss for F1; nil for others.
        package let f1: Double?
    }

    /// A node and its place among the plan's nodes (-1 for zeros).
    package struct Entry: Sendable {
        package let ordinal: Int
        package var node: Node
    }

    /// Which of a turn's nodes a program runs.
    package enum Reach: Sendable {
        /// All that its losses depend on.
        case all
        /// The same, for a turn whose way back is cut at a frontier.
        case cut
        /// What its task shares with no other, down to the frontier, whose gradient it leaves complete.
        case own(TaskFrontier)
        /// What several tasks share, from the frontier down, whose gradient is there already.
        case shared(TaskFrontier)
    }

    /// Parameters that the program trains, and the dense node they belong to.
    package struct Trained: Sendable {
        package let ordinal: Int
        package let dense: DenseNode?
        package let ranges: [ParameterRange]
    }

    /// Per stage its nodes, in the order in which they run.
    package private(set) var forward: [[Entry]]
    package private(set) var backward: [[Entry]]
    /// Per stage the norms that begin the next one.
    package private(set) var norms: [[BatchNormNode]]
    /// Those of them that a gradient comes back to.
    package private(set) var gathers: [[BatchNormNode]]
    /// Per stage the rounds of routing that begin the next one.
    package private(set) var rounds: [[RoutingNode]]
    package let losses: [TaskLoss]
    /// Classes' weights, one task's after the other's, as the losses' forms say.
    package let classWeights: [Double]
    package let joints: [JointLoss]
    /// Logits of joint losses that are no task's: their gradient begins with 0.
    package private(set) var zeros: [GraphValue] = []
    /// What every member of a packed ensemble runs for itself.
    package private(set) var members: MemberPass?
    package private(set) var trained: [Trained] = []
    package private(set) var lists: [Int32]
    /// Per table whether a gradient comes down to a feature that reads it.
    package private(set) var reachedTables: [Bool]
    /// Whether a gradient comes down to the embedded features.
    package var reachesFeatures: Bool { reachedTables.contains(true) }

    /// The part of the last stage that every member runs for itself, forward and back.
    package struct MemberPass: Sendable {
        package let count: Int
        /// The first of the last stage's nodes that members run, up to its end.
        package let forward: Int
        /// How many of the last stage's nodes run backward for every member, from the first one.
        package fileprivate(set) var backward = 0
        /// The gradients that members add to: they begin with 0.
        package let shared: [GraphValue]
    }

    private let widths: [Int]
    /// Whether a gradient may come with its ReLU's derivative: where it is put together of several, it may not.
    private let fusesReLU: Bool
    private let rates: TurnRates
    private let isTrained: [Bool]
    /// Per storage and column whether its gradient has been written, and by which node of `order`.
    private var writers: [[Int]]
    private var sharedStorages = Set<Int>()
    private var hasEndedMembers = false
    private var order: [(stage: Int, entry: Entry)] = []
    private static var unwritten: Int { -2 }
    private static var unknown: Int { -1 }

    /// All parameters that the program trains, without those that the turn freezes.
    package var parameters: [ParameterRange] { trained.flatMap(\.ranges).flatMap(rates.trained) }

    /// - Parameter task: the task of a turn, or nil for all.
    package init(_ plan: ModelPlan, tasks: [LearningTask], task: Int? = nil) {
        self.init(plan, tasks: tasks, turn: TurnSpec(tasks: task.map { [$0] } ?? Array(tasks.indices)))
    }

    package init(_ plan: ModelPlan, tasks: [LearningTask], turn: TurnSpec, reach: Reach = .all) {
        // The loss is the mean of the members'.
        let share = 1 / Double(plan.members?.count ?? 1)
        var classWeights: [Double] = []
        losses = turn.tasks.map { index in
            let task = tasks[index]
            var form = LossForm()
            (form.smoothing, form.focusing) = (task.smoothing, task.focusing)
            if !task.classWeights.isEmpty { form.firstWeight = classWeights.count }
            classWeights += task.classWeights
            return TaskLoss(
                task: index, kind: task.kind, weight: share * task.weight, form: form,
                labelScale: task.labelScale, ranking: task.ranking, teacherWeight: task.teacher?.weight ?? 0,
                logits: plan.logits[index], contexts: plan.contexts[index], f1: task.f1)
        }
        self.classWeights = classWeights
        // A loss over several tasks' logits is in a turn of all of them.
        joints = plan.joints.filter { $0.tasks(plan.logits).isSubset(of: turn.tasks) }
            .map { plan.members == nil ? $0 : $0.scaled(by: share) }
        lists = plan.lists
        widths = plan.widths
        reachedTables = plan.embedding.tables.map { _ in false }
        rates = TurnRates(turn, plan.layout)
        writers = plan.widths.map { [Int](repeating: Self.unwritten, count: $0) }

        var frontier: [GraphValue] = []
        var allowed: [[Bool]]?
        let all = losses.map(\.logits) + joints.flatMap(\.reads)
        var roots = all
        // What has a gradient before the first node runs.
        var begun = losses.map(\.logits)
        switch reach {
        case .all: fusesReLU = true
        case .cut: fusesReLU = false
        case .own(let cut):
            fusesReLU = false
            frontier = cut.values
            allowed = cut.shared.map { $0.map { !$0 } }
        case .shared(let cut):
            fusesReLU = false
            (roots, begun) = (cut.values, cut.values)
            allowed = cut.shared
        }
        let alive = Self.alive(plan, roots: roots, allowed: allowed)
        isTrained = Self.trained(plan, allowed == nil ? alive : Self.alive(plan, roots: all), rates)
        var stages = Self.stages(alive.map(\.operation), lists: plan.lists, storages: plan.widths.count)
        let count = (stages.max() ?? 0) + 1
        let start = plan.members?.start ?? Int.max
        // Members run from one end of their part to the other.
        for (place, part) in alive.enumerated() where part.ordinal >= start { stages[place] = count - 1 }
        forward = Array(repeating: [], count: count)
        backward = forward
        norms = Array(repeating: [], count: count)
        gathers = norms
        rounds = Array(repeating: [], count: count)
        for (part, stage) in zip(alive, stages) {
            forward[stage].append(Entry(ordinal: part.ordinal, node: Node(part.operation)))
            if let norm = part.operation as? BatchNormNode { norms[stage - 1].append(norm) }
            if let round = part.operation as? RoutingNode, round.isRound { rounds[stage - 1].append(round) }
        }
        if let plan = plan.members {
            let below = forward[count - 1].prefix { $0.ordinal < start }.count
            members = MemberPass(
                count: plan.count, forward: below,
                shared: beginShared(alive.filter { $0.ordinal >= start }.map(\.operation), plan.shared))
        }
        for value in begun { mark(value, by: Self.unknown) }
        // Losses begin these gradients where they begin the logits'.
        for value in losses.compactMap(\.contexts) { mark(value, by: Self.unknown) }
        for value in joints.flatMap(\.values) where isWritten(value).contains(false) {
            zeros.append(value)
            mark(value, by: Self.unknown)
        }
        for stage in (0..<count).reversed() {
            // Members run in the last stage alone; what its norms need is for all of them.
            if stage < count - 1 { endMembers() }
            let norms = zip(alive, stages).filter { $0.0.operation is BatchNormNode && $0.1 == stage + 1 }
            for (part, _) in norms { descend(part, stage: stage) }
            for (part, its) in zip(alive, stages).reversed()
            where its == stage && !(part.operation is BatchNormNode) {
                if part.ordinal < start { endMembers() }
                descend(part, stage: stage)
            }
        }
        endMembers()
        if case .own = reach {
            for value in frontier { complete(value, stage: count - 1) }
        } else {
            finishFeatures(plan)
        }
        for (stage, entry) in order {
            backward[stage].append(entry)
            if case .batchNorm(let norm) = entry.node { gathers[stage].append(norm) }
        }
    }

    /// Marks the gradients that members add to as begun.
    private mutating func beginShared(
        _ operations: [any NodeOperation], _ shared: Set<Int>
    ) -> [GraphValue] {
        var values: [GraphValue] = []
        for operation in operations {
            for input in operation.inputs(lists) where shared.contains(input.storage) {
                let target = input.differentiable
                guard !input.isStopped, isTrained[input.storage], target.width > 0 else { continue }
                for run in Self.runs(isWritten(target).map { !$0 }) { values.append(target.columns(run)) }
                mark(target, by: Self.unknown)
                sharedStorages.insert(input.storage)
            }
        }
        return values
    }

    /// What comes now on the way back runs once for all members.
    private mutating func endMembers() {
        guard members != nil, !hasEndedMembers else { return }
        hasEndedMembers = true
        members?.backward = order.count
    }

    struct Part {
        let ordinal: Int
        let operation: any NodeOperation
    }

    /// Per storage whether anything behind it is trained in the turn: else no gradient goes there.
    private static func trained(_ plan: ModelPlan, _ alive: [Part], _ rates: TurnRates) -> [Bool] {
        guard rates.segments.contains(where: { $0.factor == 0 }) else { return plan.isTrained }
        var result = plan.widths.map { _ in false }
        result[0] =
            plan.isTrained[0] && plan.embedding.tables.contains { rates.factor(at: $0.parameters) > 0 }
        for part in alive where plan.isTrained[part.operation.output.storage] {
            let below = part.operation.inputs(plan.lists).contains {
                !$0.isStopped && result[$0.storage] && $0.gradientStart < $0.width
            }
            if below || part.operation.parameters(plan.lists).contains(where: rates.trains) {
                result[part.operation.output.storage] = true
            }
        }
        return result
    }

    /// The parts of nodes that some root depends on, in the plan's order.
    ///
    /// - Parameter allowed: per storage and column whether what writes it may be among them; nil for all.
    static func alive(_ plan: ModelPlan, roots: [GraphValue], allowed: [[Bool]]? = nil) -> [Part] {
        var needed = plan.widths.map { [Bool](repeating: false, count: $0) }
        func need(_ value: GraphValue) { for column in value.range { needed[value.storage][column] = true } }
        for root in roots { need(root) }
        var result: [Part] = []
        for (ordinal, node) in plan.nodes.enumerated().reversed() {
            let operation = node.operation
            let (output, width) = (operation.output, operation.blockWidth)
            let blocks = (0..<output.width / width).map { block in
                let columns = output.column + block * width..<output.column + (block + 1) * width
                return columns.contains { needed[output.storage][$0] }
                    && allowed.map { flags in columns.contains { flags[output.storage][$0] } } ?? true
            }
            var parts: [any NodeOperation] = []
            for run in runs(blocks) {
                if operation.partsAreSingle {
                    for block in run { parts.append(operation.part(block..<block + 1)) }
                } else {
                    parts.append(operation.part(run))
                }
            }
            for part in parts.reversed() {
                for input in part.inputs(plan.lists) { need(input) }
                result.append(Part(ordinal: ordinal, operation: part))
            }
        }
        return result.reversed()
    }

    /// Neighbouring true elements.
    static func runs(_ flags: [Bool]) -> [Range<Int>] {
        var result: [Range<Int>] = []
        for index in flags.indices where flags[index] {
            if let last = result.last, last.upperBound == index {
                result[result.count - 1] = last.lowerBound..<index + 1
            } else {
                result.append(index..<index + 1)
            }
        }
        return result
    }

    private static func stages(_ nodes: [any NodeOperation], lists: [Int32], storages: Int) -> [Int] {
        var stage = [Int](repeating: 0, count: storages)
        return nodes.map { node in
            var own = node.inputs(lists).map { stage[$0.storage] }.max() ?? 0
            if node is BatchNormNode || (node as? RoutingNode)?.isRound == true { own += 1 }
            stage[node.output.storage] = max(stage[node.output.storage], own)
            return own
        }
    }

    // MARK: Backward

    private mutating func mark(_ value: GraphValue, by writer: Int) {
        for column in value.range { writers[value.storage][column] = writer }
    }

    private func isWritten(_ value: GraphValue) -> [Bool] {
        value.range.map { writers[value.storage][$0] != Self.unwritten }
    }

    /// Zeros where no node has written, so that all of a value's gradient is there.
    private mutating func complete(_ value: GraphValue, stage: Int) {
        for run in Self.runs(isWritten(value).map { !$0 }) {
            order.append((stage, Entry(ordinal: -1, node: .zero(value.columns(run)))))
            mark(value.columns(run), by: Self.unknown)
        }
    }

    private mutating func descend(_ part: Part, stage: Int) {
        var node = part.operation
        guard isWritten(node.output).contains(true) else { return }
        // A norm's sums are taken at the end of the stage above.
        complete(node.output, stage: node is BatchNormNode ? stage + 1 : stage)
        if var dense = node as? DenseNode, dense.layer.activation == .relu, fusesReLU, fuseReLU(dense) {
            dense.reluIsFused = true
            node = dense
        }
        var written: [GraphValue] = []
        for (index, input) in node.inputs(lists).enumerated() {
            let target = input.differentiable
            guard !input.isStopped, isTrained[input.storage], target.width > 0 else {
                node.setGradient(.none, of: index, lists: &lists)
                continue
            }
            let flags = isWritten(target)
            let isNew = !flags.contains(true)
            if !isNew { complete(target, stage: stage) }
            node.setGradient(isNew ? .overwrite : .add, of: index, lists: &lists)
            mark(target, by: Self.unknown)
            written.append(target)
        }
        var ranges = node.parameters(lists)
        if !ranges.contains(where: rates.trains) { ranges = [] }
        guard !ranges.isEmpty || !written.isEmpty else { return }
        // A node of one member's pass is not the last to write what all add to.
        for value in written where hasEndedMembers || !sharedStorages.contains(value.storage) {
            mark(value, by: order.count)
        }
        if !ranges.isEmpty {
            trained.append(Trained(ordinal: part.ordinal, dense: node as? DenseNode, ranges: ranges))
        }
        order.append((stage, Entry(ordinal: part.ordinal, node: Node(node))))
    }

    /// Lets the dense node that was the last to write the gradient of a ReLU's output apply the ReLU's derivative.
    private mutating func fuseReLU(_ node: DenseNode) -> Bool {
        let output = node.output
        let last = writers[output.storage][output.column]
        guard last >= 0, output.range.allSatisfy({ writers[output.storage][$0] == last }),
            case .dense(var writer) = order[last].entry.node,
            writer.input.storage == output.storage, writer.input.differentiable.range == output.range
        else { return false }
        writer.fusesReLU = true
        order[last].entry.node = .dense(writer)
        return true
    }

    private mutating func finishFeatures(_ plan: ModelPlan) {
        guard plan.inputWidth > plan.inputs else { return }
        let embedded = GraphValue(
            width: plan.inputWidth, storage: 0, column: 0, offsetPerRow: 0, stride: 0,
            gradientStart: plan.inputs, isStopped: false
        ).differentiable
        for field in plan.embedding.fields {
            let columns = plan.inputs + field.column..<plan.inputs + field.column + field.columns
            if columns.contains(where: { writers[0][$0] != Self.unwritten }) {
                reachedTables[field.table] = true
            }
        }
        if reachesFeatures { complete(embedded, stage: 0) }
    }
}
