/// Which rows a schedule's turns learn from, where tasks have sources of their own.
///
/// A turn takes its batches from the rows of its tasks' sources: those of one alone where its tasks have it in common, else
/// the rows of several, mixed. Turns of the same sources share a stream of batches.
package struct TurnSources: Sendable, Equatable {
    /// Per stream its sources, in ascending order.
    package let streams: [[Int]]
    /// Per group of the schedule (a task, a block or a level) its stream.
    package let groups: [Int]

    /// One source of all tasks.
    package static let one = TurnSources(streams: [[0]], groups: [])

    private init(streams: [[Int]], groups: [Int]) {
        self.streams = streams
        self.groups = groups
    }

    /// - Parameters:
    ///   - tasks: the tasks' names.
    ///   - sources: per task its source, counted from 0.
    package init(_ schedule: Schedule, tasks: [String], sources: [Int]) {
        let all = Set(sources)
        // What is optimised in one step, or by the same batch, is learned from the same rows.
        let own: [Set<Int>] =
            switch schedule {
            case .joint, .alternating(.batch, _, _), .alternating(_, _, .blocks): []
            case .alternating: sources.map { [$0] }
            case .hierarchical(let hierarchy):
                hierarchy.turns == .batch
                    ? []
                    : hierarchy.levels.map { level in
                        Set(tasks.indices.filter { level.contains(tasks[$0]) }.map { sources[$0] })
                    }
            }
        var streams: [[Int]] = []
        groups = own.map { found in
            let sorted = found.sorted()
            if let known = streams.firstIndex(of: sorted) { return known }
            streams.append(sorted)
            return streams.count - 1
        }
        self.streams = streams.isEmpty ? [all.sorted()] : streams
    }

    /// The stream that a group takes its batches from.
    package func stream(ofGroup group: Int) -> Int { groups.isEmpty ? 0 : groups[group] }

    /// Whether some turn takes rows of a source mixed with those of others.
    package func mixes(_ source: Int) -> Bool {
        streams.contains { $0.count > 1 && $0.contains(source) }
    }
}
