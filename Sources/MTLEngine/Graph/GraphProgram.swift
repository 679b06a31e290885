/// A plan made ready for all tasks (joint) or one (a turn): which nodes run, in which order, and who writes which
/// gradient first.
///
/// What a task's logits do not depend on rests, down to the blocks of a node. Batch norms cut the order into stages:
/// all rows finish a stage before the next begins.
package struct GraphProgram: Sendable {
    /// A task's loss.
    package struct Seat: Sendable {
        package let task: Int
        package let kind: LearningTask.Kind
        package let weight: Double
        package let logits: GraphValue
    }

    /// Per stage its nodes, in the order in which they run.
    package private(set) var forward: [[GraphNode]]
    package private(set) var backward: [[GraphNode]]
    /// Per stage the norms that begin the next one.
    package private(set) var norms: [[BatchNormNode]]
    /// Those of them that a gradient comes back to.
    package private(set) var gathers: [[BatchNormNode]]
    package let seats: [Seat]
    package let joints: [JointLoss]
    /// Logits of joint losses that are no task's: their gradient begins with 0.
    package private(set) var zeros: [GraphValue] = []
    package private(set) var parameters: [GraphParameter] = []
    package private(set) var lists: [Int32]
    /// Whether a gradient comes down to the embedded features.
    package private(set) var reachesFeatures = false

    private let widths: [Int]
    private let isTrained: [Bool]
    /// Per storage and column whether its gradient has been written, and by which node of `order`.
    private var writers: [[Int]]
    private var order: [(stage: Int, node: GraphNode)] = []
    private static var unwritten: Int { -2 }
    private static var unknown: Int { -1 }

    /// - Parameter task: the task of a turn, or nil for all.
    package init(_ plan: GraphPlan, tasks: [LearningTask], task: Int? = nil) {
        seats = (task.map { [$0] } ?? Array(tasks.indices)).map {
            Seat(task: $0, kind: tasks[$0].kind, weight: tasks[$0].weight, logits: plan.logits[$0])
        }
        // A loss over several tasks' logits has no turn.
        joints = plan.joints.filter { task == nil || $0.task == task }
        lists = plan.lists
        widths = plan.widths
        isTrained = plan.isTrained
        writers = plan.widths.map { [Int](repeating: Self.unwritten, count: $0) }

        let alive = Self.alive(plan, roots: seats.map(\.logits) + joints.flatMap(\.reads))
        let stages = Self.stages(alive, lists: plan.lists, storages: plan.widths.count)
        let count = (stages.max() ?? 0) + 1
        forward = Array(repeating: [], count: count)
        backward = forward
        norms = Array(repeating: [], count: count)
        gathers = norms
        for (node, stage) in zip(alive, stages) {
            forward[stage].append(GraphNode(node))
            if let norm = node as? BatchNormNode { norms[stage - 1].append(norm) }
        }
        for seat in seats { mark(seat.logits, by: Self.unknown) }
        for value in joints.flatMap(\.values) where isWritten(value).contains(false) {
            zeros.append(value)
            mark(value, by: Self.unknown)
        }
        for stage in (0..<count).reversed() {
            for norm in norms[stage] { descend(norm, stage: stage) }
            for (node, its) in zip(alive, stages).reversed() where its == stage && !(node is BatchNormNode) {
                descend(node, stage: stage)
            }
        }
        finishFeatures(plan)
        for (stage, node) in order {
            backward[stage].append(node)
            if case .batchNorm(let norm) = node { gathers[stage].append(norm) }
        }
    }

    /// The parts of nodes that some root depends on, in the plan's order.
    private static func alive(_ plan: GraphPlan, roots: [GraphValue]) -> [any GraphOperation] {
        var needed = plan.widths.map { [Bool](repeating: false, count: $0) }
        func need(_ value: GraphValue) { for column in value.range { needed[value.storage][column] = true } }
        for root in roots { need(root) }
        var result: [any GraphOperation] = []
        for node in plan.nodes.reversed() {
            let operation = node.operation
            let (output, width) = (operation.output, operation.blockWidth)
            let blocks = (0..<output.width / width).map { block in
                (0..<width).contains { needed[output.storage][output.column + block * width + $0] }
            }
            var parts: [any GraphOperation] = []
            for run in runs(blocks) { parts.append(operation.part(run)) }
            for part in parts.reversed() {
                for input in part.inputs(plan.lists) { need(input) }
                result.append(part)
            }
        }
        return result.reversed()
    }

    /// Neighbouring true elements.
    private static func runs(_ flags: [Bool]) -> [Range<Int>] {
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

    private static func stages(_ nodes: [any GraphOperation], lists: [Int32], storages: Int) -> [Int] {
        var stage = [Int](repeating: 0, count: storages)
        return nodes.map { node in
            var own = node.inputs(lists).map { stage[$0.storage] }.max() ?? 0
            if node is BatchNormNode { own += 1 }
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

    /// Zeros where nobody has written, so that all of a value's gradient is there.
    private mutating func complete(_ value: GraphValue, stage: Int) {
        for run in Self.runs(isWritten(value).map { !$0 }) {
            order.append((stage, .zero(value.columns(run))))
            mark(value.columns(run), by: Self.unknown)
        }
    }

    private mutating func descend(_ operation: any GraphOperation, stage: Int) {
        var node = operation
        guard isWritten(node.output).contains(true) else { return }
        // A norm's sums are taken at the end of the stage above.
        complete(node.output, stage: node is BatchNormNode ? stage + 1 : stage)
        if var dense = node as? DenseNode, dense.layer.activation == .relu, gate(dense) {
            dense.isGated = true
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
        let trained = node.parameters(lists)
        let isTraining = !trained.isEmpty
        guard isTraining || !written.isEmpty else { return }
        for value in written { mark(value, by: order.count) }
        parameters += trained
        order.append((stage, GraphNode(node)))
    }

    /// Lets the dense node that was the last to write the gradient of a ReLU's output apply the ReLU's derivative.
    private mutating func gate(_ node: DenseNode) -> Bool {
        let output = node.output
        let last = writers[output.storage][output.column]
        guard last >= 0, output.range.allSatisfy({ writers[output.storage][$0] == last }),
            case .dense(var writer) = order[last].node,
            writer.input.storage == output.storage, writer.input.differentiable.range == output.range
        else { return false }
        writer.gatesInput = true
        order[last].node = .dense(writer)
        return true
    }

    private mutating func finishFeatures(_ plan: GraphPlan) {
        guard plan.inputWidth > plan.inputs else { return }
        let embedded = GraphValue(
            width: plan.inputWidth, storage: 0, column: 0, offsetPerRow: 0, stride: 0,
            gradientStart: plan.inputs, isStopped: false
        ).differentiable
        reachesFeatures = isWritten(embedded).contains(true)
        if reachesFeatures { complete(embedded, stage: 0) }
    }
}
