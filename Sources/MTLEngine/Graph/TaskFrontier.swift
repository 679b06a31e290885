/// Where the way back of single tasks meets: what is above belongs to one task, what is below to several.
///
/// The gradient of each task at the frontier is what methods that weigh gradients by their products ask for: of those of the
/// shared parameters they know as much as the representation says (Sener & Koltun, arXiv 1810.04650, section 3.3).
package struct TaskFrontier: Sendable {
    /// Per storage and column whether several tasks depend on it. Features are everybody's.
    package let shared: [[Bool]]
    /// What is shared and read by nodes of one task, or is its logits: no column twice.
    package let values: [GraphValue]
    /// Whether no two tasks depend on anything in common that is learned.
    package let isEmpty: Bool
    /// Columns of all values.
    package var width: Int { values.reduce(0) { $0 + $1.width } }

    /// - Parameter turn: the tasks that share.
    package init(_ plan: ModelPlan, turn: TurnSpec) {
        var readers = plan.widths.map { [Set<Int>](repeating: [], count: $0) }
        for task in turn.tasks {
            for part in Program.alive(plan, roots: [plan.logits[task]]) {
                let output = part.operation.output
                for column in output.range { readers[output.storage][column].insert(task) }
                for input in part.operation.inputs(plan.lists) where input.isFeatures && !input.isStopped {
                    for column in input.differentiable.range { readers[0][column].insert(task) }
                }
            }
        }
        var shared = readers.map { $0.map { $0.count > 1 } }
        isEmpty = !shared.contains { $0.contains(true) }
        shared[0] = shared[0].map { _ in true }
        self.shared = shared

        var isMet = plan.widths.map { [Bool](repeating: false, count: $0) }
        var places: [Int: GraphValue] = [:]
        func meet(_ value: GraphValue) {
            let target = value.differentiable
            guard !value.isStopped, plan.isTrained[value.storage] else { return }
            for column in target.range where shared[value.storage][column] {
                isMet[value.storage][column] = true
                places[value.storage] = value
            }
        }
        let own = shared.map { $0.map { !$0 } }
        for task in turn.tasks {
            meet(plan.logits[task])
            for part in Program.alive(plan, roots: [plan.logits[task]], allowed: own) {
                for input in part.operation.inputs(plan.lists) { meet(input) }
            }
        }
        values = isMet.indices.flatMap { storage -> [GraphValue] in
            guard let place = places[storage] else { return [] }
            return Program.runs(isMet[storage]).map {
                GraphValue(
                    width: $0.count, storage: storage, column: $0.lowerBound,
                    offsetPerRow: place.offsetPerRow, stride: place.stride, gradientStart: 0, isStopped: false
                )
            }
        }
    }

    /// The layers' parameters that several tasks share and the turn trains.
    package func parameters(
        _ plan: ModelPlan, tasks: [LearningTask], turn: TurnSpec
    ) -> [ParameterRange] {
        Program(plan, tasks: tasks, turn: turn, reach: .shared(self)).parameters
    }

    /// What a model of several tasks has to be for its gradients to be weighed.
    ///
    /// - Throws: `InputError` where nothing is shared, a loss is between the tasks, or what belongs to one task normalises over the
    ///   batch.
    package func check(
        _ plan: ModelPlan, tasks: [LearningTask], turn: TurnSpec, place: String
    ) throws(InputError) {
        func refuse(_ found: String, _ expected: String) throws(InputError) {
            throw InputError(.value, at: place, found: found, expected: expected)
        }
        if isEmpty || values.isEmpty {
            try refuse("tasks that share nothing", "layers or tables that several tasks share")
        }
        if !plan.joints.isEmpty {
            try refuse(
                "a loss between tasks, or on gates", "a method that weighs losses: uw, dwa, famo and others")
        }
        let own = shared.map { $0.map { !$0 } }
        for task in turn.tasks {
            let parts = Program.alive(plan, roots: [plan.logits[task]], allowed: own)
            if parts.contains(where: { Node($0.operation).beginsStage }) {
                try refuse(
                    "layers of one task that normalise over the batch",
                    "none there, layer normalisation, or a method that weighs losses")
            }
        }
        func stages(_ reach: Program.Reach) -> Int {
            Program(plan, tasks: tasks, turn: turn, reach: reach).forward.count
        }
        if stages(.shared(self)) != stages(.cut) {
            try refuse(
                "shared layers that look at the whole batch and get no gradient",
                "a method that weighs losses: uw, dwa, famo and others")
        }
    }
}
