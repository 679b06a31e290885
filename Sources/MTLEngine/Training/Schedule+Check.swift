extension Schedule {
    /// Refuses what makes no sense whatever the model, before there is one.
    ///
    /// - Parameter tasks: the tasks' names.
    /// - Throws: `InputError` that names the option.
    package func check(tasks: [String]) throws(InputError) {
        if case .steps(let count) = turns, count < 1 {
            throw InputError(
                .value, at: "schedule, steps per turn", found: "\(count)", expected: "at least 1")
        }
        switch self {
        case .joint: return
        case .hierarchical(let hierarchy): try hierarchy.check(tasks: tasks)
        case .alternating(let turns, let order, let trains):
            if trains != .blocks, tasks.count < 2 {
                throw InputError(
                    .value, at: "schedule, alternating", found: "1 task",
                    expected: "at least 2 that take turns")
            }
            guard case .proportional(let exponent, let last) = order else { return }
            for (name, value) in [("exponent", exponent), ("annealed to", last ?? exponent)] {
                guard value >= 0, value <= 1 else {
                    throw InputError(
                        .value, at: "schedule, order, \(name)", found: "\(value)", expected: "0 to 1")
                }
            }
            guard turns != .batch, trains != .blocks else {
                let what = turns == .batch ? "every task's turn in each batch" : "blocks"
                throw InputError(
                    .value, at: "schedule, order", found: "proportional, with \(what)",
                    expected: "turns of some steps or of an epoch, one task's each")
            }
        }
    }
}

extension Hierarchy {
    fileprivate func check(tasks: [String]) throws(InputError) {
        var seen = Set<String>()
        for (level, names) in levels.enumerated() {
            let place = "schedule, levels, \(level)"
            guard !names.isEmpty else {
                throw InputError(.empty, at: place, found: "no task", expected: "at least one")
            }
            for name in names {
                guard tasks.contains(name) else {
                    throw InputError(
                        .name, at: place, found: "\"\(name)\", which is no task",
                        expected: "some of \(tasks.joined(separator: ", "))")
                }
                guard seen.insert(name).inserted else {
                    throw InputError(
                        .name, at: place, found: "\"\(name)\" again", expected: "every task in one level")
                }
            }
        }
        if let missing = tasks.first(where: { !seen.contains($0) }) {
            throw InputError(
                .name, at: "schedule, levels", found: "no level of \"\(missing)\"",
                expected: "every task in one level")
        }
        try checkOptions()
    }

    private func checkOptions() throws(InputError) {
        guard levels.count > 1 || (unfreezeEvery != nil && regularization == 0) else {
            throw InputError(
                .value, at: "schedule, levels", found: "\(levels.count)",
                expected: "at least 2, or one whose layers thaw")
        }
        guard rates.isEmpty || rates.count == levels.count else {
            throw InputError(
                .shape, at: "schedule, level rates", found: "\(rates.count)",
                expected: "\(levels.count), one per level")
        }
        for (level, rate) in rates.enumerated() where !(rate > 0 && rate.isFinite) {
            throw InputError(
                .value, at: "schedule, level rates, \(level)", found: "\(rate)", expected: "above 0, finite")
        }
        guard regularization >= 0, regularization.isFinite else {
            throw InputError(
                .value, at: "schedule, regularization", found: "\(regularization)",
                expected: "0 or above, finite")
        }
        guard regularization == 0 || (turns != .batch && turns != .steps(1)) else {
            throw InputError(
                .value, at: "schedule, regularization",
                found: "turns of one step, in which nothing can drift yet",
                expected: "turns of several steps or of an epoch")
        }
        if let unfreezeEvery, unfreezeEvery < 1 {
            throw InputError(
                .value, at: "schedule, unfreezing", found: "every \(unfreezeEvery) epochs",
                expected: "at least 1")
        }
    }
}
