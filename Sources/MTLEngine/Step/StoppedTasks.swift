/// What a step leaves alone because of tasks that have stopped: their losses, and the parameters that no other task trains.
///
/// Memory for all of it is planned once, so that a task can stop between two steps.
struct StoppedTasks {
    /// Per task whether it has stopped.
    let isStopped: UnsafeMutablePointer<Bool>
    /// Per table whether it stays as it is.
    let restsTable: UnsafeMutablePointer<Bool>
    /// Ranges of the layers' parameters that stay as they are, rising.
    let ranges: UnsafeMutablePointer<Range<Int>>
    /// How many of them there are.
    var rangeCount = 0

    /// The parts of a range that steps change.
    @inline(__always)
    func forEachPart(of range: Range<Int>, _ body: (Range<Int>) -> Void) {
        guard rangeCount > 0 else { return body(range) }
        var start = range.lowerBound
        for index in 0..<rangeCount {
            let rest = ranges[index]
            if rest.upperBound <= start { continue }
            if rest.lowerBound >= range.upperBound { break }
            if rest.lowerBound > start { body(start..<rest.lowerBound) }
            start = rest.upperBound
        }
        if start < range.upperBound { body(start..<range.upperBound) }
    }
}

/// The memory of `StoppedTasks`.
final class StoppedTasksMemory {
    private let plan: ModelPlan
    private let tasks: [LearningTask]
    private let isStopped: AlignedStorage<Bool>
    private let restsTable: AlignedStorage<Bool>
    private let ranges: UnsafeMutablePointer<Range<Int>>
    private(set) var view: StoppedTasks
    /// Per segment the tasks that train it; asked for with the first task that stops.
    private lazy var owners = SharedParameters(plan, tasks).tasks

    init(_ plan: ModelPlan, _ tasks: [LearningTask]) {
        self.plan = plan
        self.tasks = tasks
        isStopped = AlignedStorage(zeroed: tasks.count)
        restsTable = AlignedStorage(zeroed: plan.embedding.tables.count)
        ranges = .allocate(capacity: plan.layout.segments.count + 1)
        view = StoppedTasks(isStopped: isStopped.base, restsTable: restsTable.base, ranges: ranges)
    }

    deinit { ranges.deallocate() }

    /// Lets some tasks rest, and no others. Parameters that several tasks train rest once all of these do.
    func stop(_ stopped: Set<Int>) {
        for task in tasks.indices { isStopped.base[task] = stopped.contains(task) }
        restsTable.buffer.update(repeating: false)
        view.rangeCount = 0
        guard !stopped.isEmpty else { return }
        for (segment, own) in zip(plan.layout.segments, owners)
        where !own.isEmpty && own.isSubset(of: stopped) {
            if segment.offset < plan.layout.denseCount {
                ranges[view.rangeCount] = segment.offset..<segment.offset + segment.count
                view.rangeCount += 1
            } else if let table = plan.embedding.tables.firstIndex(where: { $0.parameters == segment.offset })
            {
                restsTable.base[table] = true
            }
        }
    }
}
