import MTLEngine
import Testing

/// The backward pass walked node by node: what lives at the same time must not share a place.
@Suite struct GradientLayoutTests {
    private func plan(_ architecture: some Architecture, scenarios: Int = 1) throws -> ModelPlan {
        let model = try MultiTaskModel(
            inputs: 7, scenarios: scenarios, architecture: architecture,
            tasks: [.binary("click"), .binary("buy"), .regression("spend")])
        return model.plan
    }

    /// Elements per row of each storage that some node writes.
    private func widths(_ plan: ModelPlan) -> [Int: Int] {
        plan.nodes.reduce(into: [:]) { $0[$1.operation.output.storage] = $1.operation.output.stride }
    }

    private func expectNoOverlap(_ plan: ModelPlan) {
        let widths = widths(plan)
        func range(_ storage: Int) -> Range<Int> {
            let start = plan.gradients.offsets[storage]
            return start..<start + (widths[storage] ?? 0)
        }
        var live = Set((plan.logits + plan.joints.flatMap(\.values)).map(\.storage))
        for (place, node) in plan.nodes.enumerated().reversed() {
            let output = node.operation.output.storage
            live.insert(output)
            live.formUnion(node.operation.inputs(plan.lists).map(\.storage).filter { widths[$0] != nil })
            let all = Array(live)
            for (index, one) in all.enumerated() {
                #expect(range(one).upperBound <= plan.gradients.elementsPerRow)
                for other in all[(index + 1)...] {
                    #expect(
                        !range(one).overlaps(range(other)), "storages \(one) and \(other) at node \(place)")
                }
            }
            let isFirst = !plan.nodes[..<place].contains { $0.operation.output.storage == output }
            if isFirst { live.remove(output) }
        }
    }

    @Test("Gradients that live at once lie apart, others share")
    func sharing() throws {
        let levels = [PLE.Level](
            repeating: PLE.Level(own: 1, shared: 2, layers: [.relu(16)]), count: 3)
        let deep = try plan(PLE(levels: levels))
        expectNoOverlap(deep)
        #expect(deep.gradients.elementsPerRow < widths(deep).values.reduce(0, +) * 2 / 3)
        expectNoOverlap(try plan(CrossStitch(layers: [.relu(16), .relu(16), .relu(8)])))
        expectNoOverlap(
            try plan(ESMM(parents: ["buy": "click"], trunk: [.relu(16)])))
        expectNoOverlap(try plan(HAMUR(trunk: [.relu(16), .relu(16)]), scenarios: 3))
    }

    @Test("Behind a batch norm all rows wait for each other: no gradient gives its place away")
    func stages() throws {
        let star = try plan(STAR(layers: [.relu(16), .relu(16)]), scenarios: 3)
        let all = widths(star).map { (plan: star.gradients.offsets[$0.key], width: $0.value) }
        for (index, one) in all.enumerated() {
            for other in all[(index + 1)...] {
                #expect(one.plan + one.width <= other.plan || other.plan + other.width <= one.plan)
            }
        }
    }
}
