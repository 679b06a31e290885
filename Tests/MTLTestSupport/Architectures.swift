package import MTLEngine

/// An architecture that a test writes in place.
package struct Probe: Architecture {
    private let body: @Sendable (inout GraphBuilder) -> [GraphValue]

    package init(_ body: @escaping @Sendable (inout GraphBuilder) -> [GraphValue]) { self.body = body }

    package func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] { body(&graph) }
}

/// Nodes of every kind: scenarios, norms over the batch, over scenarios and over blocks, dropout, experts, gates,
/// stitches and a penalty.
package struct Everything: Architecture {
    package init() {}

    package func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        let tasks = graph.tasks.map(\.name)
        let normed = graph.batchNorm(graph.features, isPartitioned: true, name: "partitioned")
        let star = graph.scenarioDense(
            normed, units: 24, activation: .relu, sharesFactor: true, name: "star")
        let own = graph.scenarioDense(star, units: 16, activation: .gelu, name: "own")
        let dropped = graph.dropout(graph.batchNorm(own, name: "norm"), rate: 0.2)
        let experts = graph.stack(dropped, [.relu(12)], names: ["e.0", "e.1", "e.2"])
        let gates = graph.gates(dropped, [], experts: 3, names: tasks.map { "gates.\($0)" })
        let mixed = graph.mixture(experts: experts, width: 12, gates: gates)
        let stitched = graph.crossStitch(mixed, blocks: tasks.count, name: "stitch")
        let steady = graph.layerNorm(stitched, names: tasks.map { "ln.\($0)" })
        graph.penalize(.squared("star.shared.weight", weight: 1e-3))
        return graph.heads(graph.affine(steady, perScenario: true, name: "affine").blocks(tasks.count))
    }
}
