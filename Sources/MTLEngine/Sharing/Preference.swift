/// What a model is asked for whose tasks do not all want the same: a share of each task.
package enum Preference {
    /// Per task its share, all together 1.
    ///
    /// - Parameters:
    ///   - named: numbers of 0 or above by the name of the task, of any sum, 0 where a task is not named; empty for equal shares.
    ///   - tasks: the names of all tasks.
    ///   - place: what errors are about.
    /// - Throws: `InputError` for a name that is no task's, a number below 0, or only zeros.
    package static func shares(
        _ named: [String: Double], of tasks: [String], at place: String
    ) throws(InputError) -> [Double] {
        for (name, share) in named.sorted(by: { $0.key < $1.key }) {
            guard tasks.contains(name) else {
                throw InputError(
                    .name, at: place, found: "\"\(name)\", which is no task",
                    expected: "one of \(tasks.joined(separator: ", "))")
            }
            try require(share, atLeast: 0, "\(place), \(name)")
        }
        guard !named.isEmpty else { return tasks.map { _ in 1 / Double(tasks.count) } }
        let largest = named.values.max() ?? 0
        guard largest > 0 else {
            throw InputError(.value, at: place, found: "0 for every task", expected: "one above 0")
        }
        // Numbers whose sum is beyond what a number holds have shares, too.
        let sum = tasks.reduce(0) { $0 + (named[$1] ?? 0) / largest }
        return tasks.map { (named[$0] ?? 0) / largest / sum }
    }
}

extension MultiTaskModel {
    /// Per task its share, all together 1.
    ///
    /// - Throws: `InputError` for a model that reads no preference, and for numbers that are none.
    package func shares(of preference: [String: Double]) throws(InputError) -> [Double] {
        guard self.preference != nil else {
            throw InputError(
                .value, at: "preference", found: "a model that reads none",
                expected: "one that was built with a preference, and trained by cosmos")
        }
        return try Preference.shares(preference, of: tasks.map(\.name), at: "preference")
    }
}
