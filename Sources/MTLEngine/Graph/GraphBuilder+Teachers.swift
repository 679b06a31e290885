extension GraphBuilder {
    /// Losses over several labels know what happened only by labels as they are.
    func checkTeachers() throws(InputError) {
        for case .counterfactual(let loss) in joints {
            guard
                let task = tasks.indices.first(where: {
                    [loss.outcome, loss.observed].contains($0) && tasks[$0].teacher != nil
                })
            else { continue }
            throw InputError(
                .value, at: "task \"\(tasks[task].name)\", teacher",
                found: "an architecture with a counterfactual loss",
                expected: "one of them: that loss is of labels as they are")
        }
    }
}
