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
    /// The funnel of binary tasks that have one parent each, whose events happen only where the parents' did.
    ///
    /// Where rows without the first event were sampled, it alone has a negative rate, and the model corrects the
    /// probabilities of all later ones for it: see `LearningTask.negativeRate`.
    /// - Parameter parents: per later task the name of the task whose event comes before; at least one.
    /// - Throws: `InputError` for an unknown or non-binary task, one that is its own ancestor, a later one with a negative
    ///   rate, or a first one with such a rate that weighs nothing, has smoothed labels, or
    ///   is followed by a task with a teacher.
    public mutating func funnel(_ parents: [String: String]) throws(InputError) -> Funnel {
        let funnel = try funnel(parents.mapValues { [$0] }, isBinary: true)
        for task in funnel.order {
            let first = tasks[EventChain.before(task) { funnel.parents[$0].first }.last ?? task]
            guard tasks[task].negativeRate == 1 else {
                throw InputError(
                    .value, at: "funnel, \(tasks[task].name)",
                    found: "negative rate \(tasks[task].negativeRate)",
                    expected:
                        "one of \"\(first.name)\" alone, by which rows are sampled: labels 0 of a "
                        + "later event tell what follows the earlier one")
            }
            try checkSampled(first)
            guard first.negativeRate == 1 || tasks[task].teacher == nil else {
                throw InputError(
                    .value, at: "task \"\(tasks[task].name)\", teacher",
                    found: "negative rate \(first.negativeRate) of \"\(first.name)\", the first event",
                    expected: "all rows: the teacher's probabilities are of rows as they come")
            }
            eventParents[task] = funnel.parent(task)
        }
        return funnel
    }

    /// Later events are corrected by the probability of the first one, which has to be learned as it is.
    private func checkSampled(_ first: LearningTask) throws(InputError) {
        guard first.negativeRate < 1 else { return }
        let place = "funnel, \(first.name)"
        let rate = "negative rate \(first.negativeRate)"
        guard first.weight > 0 else {
            throw InputError(
                .value, at: place, found: "\(rate) of a task of weight 0",
                expected: "a weight above 0, or a rate of 1: later events are corrected by what it learns")
        }
        guard first.smoothing == 0 else {
            throw InputError(
                .value, at: place, found: "\(rate) and smoothing \(first.smoothing)",
                expected: "labels as they are, or a rate of 1: later events are corrected by its probability")
        }
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

    /// Checks that no class of a funnel's tasks weighs more than another: only then products of what is learned are
    /// probabilities, and later ones may be compared with earlier ones.
    ///
    /// - Throws: `InputError` that names the task whose loss is reweighted.
    public func checkLosses(_ funnel: Funnel) throws(InputError) {
        for task in funnel.order {
            for one in [task, funnel.parent(task)] {
                let task = tasks[one]
                guard task.isReweighted || task.f1 != nil || task.hasTwoLogits else { continue }
                let found =
                    if task.hasTwoLogits {
                        "a jrc ranking"
                    } else if task.f1 != nil {
                        "a loss for F1"
                    } else {
                        task.focusing > 0 ? "a focal loss" : "class weights"
                    }
                throw InputError(
                    .value, at: "funnel, \(task.name)", found: found,
                    expected: "the plain log loss: products and orders are of probabilities")
            }
        }
    }
}

/// An architecture whose tasks' events happen only where their parents' did, and are learned of all rows.
package protocol EventFunnel: Architecture {
    /// Per later task the task whose event comes before.
    var parents: [String: String] { get }
}

extension ESMM: EventFunnel {}
extension ESCM2: EventFunnel {}
extension AITM: EventFunnel {}
extension ResFlow: EventFunnel {}
