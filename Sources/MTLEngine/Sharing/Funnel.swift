/// Which event must come before a task's event (a click before a purchase): per task its parents.
///
/// Tasks are given by their places in `GraphBuilder.tasks`.
public struct Funnel: Sendable {
    /// Per task its parents; empty for a task that needs no other.
    public let parents: [[Int]]
    /// The tasks with a parent, parents first.
    public let order: [Int]

    /// The only parent of a task of `order`, of funnels of one parent per task.
    public func parent(_ task: Int) -> Int { parents[task][0] }
}

extension GraphBuilder {
    /// The funnel of binary tasks that have one parent each.
    ///
    /// - Parameter parents: per later task the name of the task whose event comes before; at least one.
    /// - Throws: `InputError` for an unknown or non-binary task, or one that is its own ancestor.
    public func funnel(_ parents: [String: String]) throws(InputError) -> Funnel {
        try funnel(parents.mapValues { [$0] }, isBinary: true)
    }

    /// The funnel of tasks that may have several parents.
    ///
    /// - Parameters:
    ///   - parents: per later task the names of the tasks whose events come before; at least one.
    ///   - isBinary: whether all of them have to be binary tasks.
    /// - Throws: `InputError` for an unknown task, one of another kind, or one that is its own ancestor.
    public func funnel(_ parents: [String: [String]], isBinary: Bool) throws(InputError) -> Funnel {
        guard !parents.isEmpty else {
            throw InputError(
                .empty, at: "funnel", found: "no task that follows another", expected: "at least one")
        }
        var places = [[Int]](repeating: [], count: tasks.count)
        for (name, before) in parents.sorted(by: { $0.key < $1.key }) {
            let task = try member(name, of: name, isBinary: isBinary)
            guard !before.isEmpty, Set(before).count == before.count else {
                throw InputError(
                    .name, at: "funnel, \(name)",
                    found: before.isEmpty ? "no earlier task" : "an earlier task twice",
                    expected: "earlier tasks that differ")
            }
            for earlier in before {
                places[task].append(try member(earlier, of: name, isBinary: isBinary))
            }
        }
        // Parents first: tasks that are left in the end wait for themselves or for such a task.
        var order: [Int] = []
        var isPlaced = places.map(\.isEmpty)
        var left = tasks.indices.filter { !isPlaced[$0] }
        while !left.isEmpty {
            let ready = left.filter { places[$0].allSatisfy { isPlaced[$0] } }
            guard !ready.isEmpty else { break }
            for task in ready { isPlaced[task] = true }
            order += ready
            left.removeAll { isPlaced[$0] }
        }
        for task in left where isAncestor(task, places) {
            throw InputError(
                .value, at: "funnel, \(tasks[task].name)", found: "a task that follows itself",
                expected: "no cycle")
        }
        return Funnel(parents: places, order: order)
    }

    private func isAncestor(_ task: Int, _ parents: [[Int]]) -> Bool {
        var seen = Set<Int>()
        var open = parents[task]
        while let next = open.popLast() {
            if next == task { return true }
            if seen.insert(next).inserted { open += parents[next] }
        }
        return false
    }

    private func member(_ name: String, of place: String, isBinary: Bool) throws(InputError) -> Int {
        guard let index = tasks.firstIndex(where: { $0.name == name }) else {
            throw InputError(
                .name, at: "funnel, \(place)", found: "no task \"\(name)\"",
                expected: "one of \(tasks.map(\.name).joined(separator: ", "))")
        }
        guard !isBinary || tasks[index].kind == .binary else {
            throw InputError(
                .value, at: "funnel, \(place)", found: "\"\(name)\", which is not a binary task",
                expected: "binary tasks")
        }
        return index
    }

    /// Checks that a task and its parent were sampled alike, and that no class of theirs weighs more than another: only then later
    /// probabilities, corrected for sampling, stay below earlier ones, and products of them are probabilities.
    ///
    /// - Throws: `InputError` that names the task whose negative rate differs from its parent's, or whose loss is reweighted.
    public func checkRates(_ funnel: Funnel) throws(InputError) {
        for task in funnel.order {
            for one in [task, funnel.parent(task)] where tasks[one].isReweighted {
                throw InputError(
                    .value, at: "funnel, \(tasks[one].name)",
                    found: tasks[one].focusing > 0 ? "a focal loss" : "class weights",
                    expected: "the plain log loss: products and orders are of probabilities")
            }
            let earlier = tasks[funnel.parent(task)]
            guard tasks[task].negativeRate == earlier.negativeRate else {
                throw InputError(
                    .value, at: "funnel, \(tasks[task].name)",
                    found: "negative rate \(tasks[task].negativeRate)",
                    expected: "\(earlier.negativeRate) as of \"\(earlier.name)\"")
            }
        }
    }
}
