/// Which tasks' events need another's first, as the architecture said by `GraphBuilder.funnel(_:)`.
package struct EventChain: Sendable {
    /// Per task the task whose event comes before; nil for one that follows none.
    package let parents: [Int?]
    /// Tasks whose logit is that of a product: their parent's probability, times their own once it has happened.
    package let products: Set<Int>

    /// - Parameters:
    ///   - parents: per task the one before it.
    ///   - nodes: the graph's, among which are the products.
    ///   - logits: per task.
    init(parents: [Int?], nodes: [Node], logits: [GraphValue]) {
        self.parents = parents
        products = Set(
            parents.indices.filter { task in
                guard let parent = parents[task] else { return false }
                return nodes.contains { node in
                    guard case .logitProduct(let node) = node else { return false }
                    return node.z == logits[task] && node.a == logits[parent]
                }
            })
    }

    /// The tasks whose events come before a task's, the nearest first.
    package func before(_ task: Int) -> [Int] { Self.before(task) { parents[$0] } }

    /// The events before one, the nearest first; of a circle each once.
    ///
    /// - Parameter parent: the event right before another.
    package static func before<Event: Equatable>(_ event: Event, parent: (Event) -> Event?) -> [Event] {
        var chain: [Event] = []
        var next = parent(event)
        while let earlier = next, earlier != event, !chain.contains(earlier) {
            chain.append(earlier)
            next = parent(earlier)
        }
        return chain
    }

    /// The first event on the way to a task's: its own where it follows none.
    package func root(_ task: Int) -> Int { before(task).last ?? task }
}
