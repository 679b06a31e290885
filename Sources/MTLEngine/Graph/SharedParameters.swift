/// Which tasks train a model's parameters, and how high these lie.
package struct SharedParameters: Sendable {
    /// Per segment of the layout the tasks whose loss reaches it.
    package let tasks: [Set<Int>]
    /// Per segment how many layers there are up to it, its own counted; 0 for tables.
    package let depths: [Int]

    package init(_ plan: ModelPlan, _ learned: [LearningTask]) {
        let layout = plan.layout
        var tasks = [Set<Int>](repeating: [], count: layout.segments.count)
        for task in learned.indices {
            let program = Program(plan, tasks: learned, task: task)
            for range in program.parameters {
                for index in Self.segments(of: range, layout) { tasks[index].insert(task) }
            }
            for (table, isReached) in zip(plan.embedding.tables, program.reachedTables) where isReached {
                if let index = layout.segmentIndex(at: table.parameters) { tasks[index].insert(task) }
            }
        }
        self.tasks = tasks
        depths = Self.depths(plan, layout)
    }

    private static func segments(of range: ParameterRange, _ layout: ParameterLayout) -> Range<Int> {
        guard let first = layout.segmentIndex(at: range.start) else { return 0..<0 }
        var end = first
        while end < layout.segments.count, layout.segments[end].offset < range.start + range.count {
            end += 1
        }
        return first..<end
    }

    /// A product makes the next layer; a normalisation's gains are of the layer whose sums it takes.
    private static func depths(_ plan: ModelPlan, _ layout: ParameterLayout) -> [Int] {
        var depths = [Int](repeating: 0, count: layout.segments.count)
        var height = plan.widths.map { _ in 0 }
        for node in plan.nodes {
            let operation = node.operation
            let ranges = operation.parameters(plan.lists)
            let below = operation.inputs(plan.lists).map { height[$0.storage] }.max() ?? 0
            let own = ranges.isEmpty ? below : max(1, below + (operation.multiplyAdds > 0 ? 1 : 0))
            let output = operation.output.storage
            height[output] = max(height[output], own)
            for index in ranges.flatMap({ Self.segments(of: $0, layout) }) {
                depths[index] = max(depths[index], own)
            }
        }
        return depths
    }

    package func isShared(_ segment: Int) -> Bool { tasks[segment].count > 1 }
}
