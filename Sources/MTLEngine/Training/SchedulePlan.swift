/// A schedule made ready for a model: the turns that it knows.
package struct SchedulePlan: Sendable {
    package let schedule: Schedule
    package let turns: [TurnSpec]
    /// Per group (a task, a block or a level) its turns, from the one that freezes most to the one that freezes least.
    package let groups: [Range<Int>]

    /// The epochs that a round takes where a turn is an epoch; else 1.
    package var epochsPerRound: Int { schedule.turns == .epoch ? groups.count : 1 }
    /// Whether turns are drawn in proportion to labelled rows, which must then be counted.
    package var drawsByLabels: Bool {
        if case .alternating(_, .proportional, _) = schedule { true } else { false }
    }
    /// Whether some turn holds parameters to what they were: a copy of them all.
    package var isAnchored: Bool { turns.contains { $0.anchor != nil } }
    /// The most groups that one parameter is trained in: so often optimisers remember it.
    package var stateSets: Int {
        let segments = turns.map(\.rates.count).max() ?? 0
        let sets = (0..<max(1, segments)).map { segment in
            groups.count { turns[$0].contains { $0.rates.isEmpty || $0.rates[segment] > 0 } }
        }
        return sets.max() ?? 1
    }

    /// - Throws: `InputError` that names what of the schedule, or of the rates, makes no sense for the model.
    package init(_ schedule: Schedule, rates: LayerRates = LayerRates(), model: MultiTaskModel)
        throws(InputError)
    {
        self.schedule = schedule
        try schedule.check(tasks: model.tasks.map(\.name))
        let factors = try rates.rates(model.layout)
        var specs: [[TurnSpec]]
        switch schedule {
        case .joint: specs = [[TurnSpec(tasks: Array(model.tasks.indices), rates: factors)]]
        case .alternating(_, _, let trains):
            specs = try Self.alternating(trains, factors, model).map { [$0] }
        case .hierarchical(let hierarchy):
            specs = try hierarchy.turns(of: model, factors)
        }
        if !model.plan.penalties.isEmpty || !model.plan.structures.isEmpty {
            // While another group still thaws, a turn has another share of a term (`TurnShares`): it is one by itself.
            let most = specs.map(\.count).max() ?? 1
            specs = specs.map { group in
                group + (group.count..<most).flatMap { _ in group.suffix(1) }
            }
        }
        turns = specs.flatMap { $0 }
        var start = 0
        groups = specs.map { group in
            defer { start += group.count }
            return start..<start + group.count
        }
        try check(model)
    }

    private static func alternating(
        _ trains: Schedule.TrainedParts, _ factors: [Double], _ model: MultiTaskModel
    ) throws(InputError) -> [TurnSpec] {
        let all = Array(model.tasks.indices)
        guard trains != .all else { return all.map { TurnSpec(tasks: [$0], rates: factors, group: $0) } }
        let shared = SharedParameters(model.plan, model.tasks)
        func rates(_ isTrained: (Int) -> Bool) -> [Double] {
            model.layout.segments.indices.map { isTrained($0) ? factors.isEmpty ? 1 : factors[$0] : 0 }
        }
        if trains == .heads {
            return all.map { task in
                TurnSpec(tasks: [task], rates: rates { shared.tasks[$0] == [task] }, group: task)
            }
        }
        for isShared in [true, false] {
            let has = model.layout.segments.indices.contains {
                shared.isShared($0) == isShared && !shared.tasks[$0].isEmpty
            }
            guard has else {
                let what = isShared ? "nothing that tasks share" : "nothing that is one task's own"
                throw InputError(
                    .value, at: "schedule, trains", found: "blocks, and \(what)",
                    expected: "an architecture with both")
            }
        }
        return [
            TurnSpec(tasks: all, rates: rates(shared.isShared), group: 0),
            TurnSpec(tasks: all, rates: rates { !shared.isShared($0) }, group: 1),
        ]
    }

    /// Every turn must train something, and every loss be in a turn.
    private func check(_ model: MultiTaskModel) throws(InputError) {
        let reached =
            turns.contains { !$0.rates.isEmpty } ? SharedParameters(model.plan, model.tasks).tasks : []
        for turn in turns where !turn.rates.isEmpty {
            let trains = reached.indices.contains {
                turn.rates[$0] > 0 && !reached[$0].isDisjoint(with: turn.tasks)
            }
            guard trains else {
                let names = turn.tasks.map { model.tasks[$0].name }.joined(separator: ", ")
                throw InputError(
                    .value, at: "schedule",
                    found: "a turn of \(names) in which all that it reaches is frozen",
                    expected: "parameters that it trains")
            }
        }
        for joint in model.plan.joints {
            let tasks = joint.tasks(model.plan.logits)
            guard !turns.contains(where: { tasks.isSubset(of: $0.tasks) }) else { continue }
            let names = tasks.sorted().map { model.tasks[$0].name }.joined(separator: " and ")
            throw InputError(
                .value, at: "schedule", found: "a loss over \(names), whose turns differ",
                expected: "a turn that has both, or the architecture without that loss")
        }
    }
}

extension Hierarchy {
    /// Per level its turns, from the one that freezes most.
    fileprivate func turns(
        of model: MultiTaskModel, _ factors: [Double]
    ) throws(InputError) -> [[TurnSpec]] {
        let names = model.tasks.map(\.name)
        let tasks = levels.map { level in level.compactMap { names.firstIndex(of: $0) }.sorted() }
        let shared = SharedParameters(model.plan, model.tasks)
        let segments = model.layout.segments.indices
        var lower = Set<Int>()
        var isBound = false
        var result: [[TurnSpec]] = []
        for (level, own) in tasks.enumerated() {
            let reached = segments.map { !shared.tasks[$0].isDisjoint(with: own) }
            var anchor: TurnSpec.Anchor?
            if regularization > 0, level > 0 {
                let holds = segments.map { reached[$0] && !shared.tasks[$0].isDisjoint(with: lower) }
                isBound = isBound || holds.contains(true)
                anchor = TurnSpec.Anchor(weight: regularization, holds: holds)
            }
            lower.formUnion(own)
            // The heights of what thaws, the highest first.
            let heights =
                unfreezeEvery == nil
                ? []
                : Set(segments.filter { reached[$0] && shared.isShared($0) }.map { shared.depths[$0] })
                    .sorted(by: >)
            if unfreezeEvery != nil, heights.isEmpty {
                throw InputError(
                    .value, at: "schedule, levels, \(level), unfreezing",
                    found: "a level that shares no layer", expected: "layers that thaw")
            }
            result.append(
                (0...heights.count).map { stage in
                    let frozen = Set(heights.dropFirst(stage))
                    let rate = rates.isEmpty ? 1 : rates[level]
                    let isPlain = heights.isEmpty && rate == 1 && factors.isEmpty
                    return TurnSpec(
                        tasks: own,
                        rates: isPlain
                            ? []
                            : segments.map { segment in
                                shared.isShared(segment) && frozen.contains(shared.depths[segment])
                                    ? 0 : rate * (factors.isEmpty ? 1 : factors[segment])
                            }, anchor: anchor, group: level)
                })
        }
        guard regularization == 0 || isBound else {
            throw InputError(
                .value, at: "schedule, regularization", found: "levels that share nothing with lower ones",
                expected: "shared parameters to hold")
        }
        return result
    }
}
