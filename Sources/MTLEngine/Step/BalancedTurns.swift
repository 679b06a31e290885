/// Which turns of a schedule a method weighs, and how.
package struct BalancedTurns {
    /// Per turn where the gradients of its tasks meet; nil for one that is not split, because the method does not look at gradients
    /// or the turn trains nothing that its tasks share.
    let frontiers: [TaskFrontier?]
    /// Per turn the first of its coordinates among those of all frontiers.
    let starts: [Int]
    /// Columns of all frontiers.
    let width: Int
    /// The most columns of one.
    var largestWidth: Int { frontiers.reduce(0) { max($0, $1?.width ?? 0) } }
    /// The parameters up to the end of those of which each task's gradient is kept; 0 for gradients at the representation.
    let keptCount: Int

    /// - Throws: `InputError` for a turn in which the method has no meaning.
    init(
        _ balancing: Balancing, _ plan: ModelPlan, tasks: [LearningTask], turns: [TurnSpec], place: String
    ) throws(InputError) {
        guard balancing.needs.areOfGradients else {
            if balancing.comparesBatchLosses {
                for turn in turns where turn.tasks.count < 2 {
                    throw Self.refusal(balancing, turn, tasks, place, "weighs the losses of a batch")
                }
            }
            frontiers = turns.map { _ in nil }
            starts = turns.map { _ in 0 }
            width = 0
            keptCount = 0
            return
        }
        let shared = turns.count > 1 || !turns[0].isPlain ? SharedParameters(plan, tasks) : nil
        var found: [TaskFrontier?] = []
        for turn in turns {
            guard let shared else {
                found.append(TaskFrontier(plan, turn: turn))
                continue
            }
            func trains(_ segment: Int) -> Bool { turn.rates.isEmpty || turn.rates[segment] > 0 }
            let readers = shared.tasks.indices.filter(trains).map { shared.tasks[$0] }
            if readers.contains(where: { $0.intersection(turn.tasks).count > 1 }) {
                found.append(TaskFrontier(plan, turn: turn))
            } else if readers.contains(where: { $0.count > 1 && !$0.isDisjoint(with: turn.tasks) }) {
                throw Self.refusal(balancing, turn, tasks, place, "weighs the gradients of what tasks share")
            } else {
                found.append(nil)
            }
        }
        try Self.checkOrder(balancing, zip(turns, found).filter { $0.1 != nil }.map(\.0), tasks, place)
        for (turn, frontier) in zip(turns, found) {
            try frontier?.check(plan, tasks: tasks, turn: turn, place: place)
        }
        keptCount = try Self.keptCount(balancing, plan, tasks, zip(turns, found), place)
        var first = 0
        starts = found.map { frontier in
            defer { first += frontier?.width ?? 0 }
            return first
        }
        frontiers = found
        width = first
    }

    private static func keptCount(
        _ balancing: Balancing, _ plan: ModelPlan, _ tasks: [LearningTask],
        _ turns: Zip2Sequence<[TurnSpec], [TaskFrontier?]>, _ place: String
    ) throws(InputError) -> Int {
        guard balancing.gradients != .representation else { return 0 }
        var count = 0
        for case (let turn, let frontier?) in turns {
            let ranges = frontier.parameters(plan, tasks: tasks, turn: turn)
            // Weights of no products would be 0, and tables would learn nothing.
            if ranges.isEmpty, balancing.gradients == .layers {
                throw InputError(
                    .value, at: "\(place), gradients", found: "layers beside tasks that share tables alone",
                    expected: "parameters, or representation")
            }
            count = ranges.reduce(count) { max($0, $1.start + $1.count) }
        }
        return count
    }

    private static func refusal(
        _ balancing: Balancing, _ turn: TurnSpec, _ tasks: [LearningTask], _ place: String, _ what: String
    ) -> InputError {
        let names = turn.tasks.map { tasks[$0].name }.joined(separator: ", ")
        let others = Balancing.Kind.allCases.map { Balancing.usual($0) }.filter {
            $0.kind != .fixed && $0.isServed && !$0.comparesBatchLosses && !$0.needs.areOfGradients
        }.map(\.kind.rawValue).joined(separator: ", ")
        return InputError(
            .value, at: place,
            found: "\(balancing.kind.rawValue), which \(what), beside a turn of \(names) alone",
            expected: "turns of two tasks at least, schedule: joint, or one of \(others)")
    }

    /// What a method carries from one turn to the next has to be of the same tasks.
    private static func checkOrder(
        _ balancing: Balancing, _ weighed: [TurnSpec], _ tasks: [LearningTask], _ place: String
    ) throws(InputError) {
        guard let first = weighed.first else {
            throw InputError(
                .value, at: place,
                found: "\(balancing.kind.rawValue) beside turns that train nothing that tasks share",
                expected: "turns that do, or a method that weighs losses: uw, dwa and others")
        }
        if case .nashMTL(let every, _) = balancing.method, every > 1,
            weighed.contains(where: { $0.tasks != first.tasks })
        {
            throw InputError(
                .value, at: "\(place), every", found: "\(every) beside turns of other tasks",
                expected: "1: the weights of one turn are no other's")
        }
        guard balancing.hasMain else { return }
        let main = tasks.firstIndex { $0.name == balancing.main } ?? 0
        if let turn = weighed.first(where: { !$0.tasks.contains(main) }) {
            let names = turn.tasks.map { tasks[$0].name }.joined(separator: ", ")
            throw InputError(
                .value, at: place,
                found:
                    "\(balancing.kind.rawValue) with main task \"\(tasks[main].name)\" beside a turn of \(names)",
                expected: "a schedule whose turns have the main task, or a method without one")
        }
    }
}
