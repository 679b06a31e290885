import MTLEngine
import MTLTestSupport
import Testing

/// Every node and every architecture against central differences, in Double.
@Suite struct GraphGradientTests {
    @Test func hardSharing() throws {
        try GradientCheck.check(SharedBottom(trunk: [.dense(9, .tanh), .dense(7, .gelu)]))
        try GradientCheck.check(SharedBottom(trunk: []))
        // Heads on both layers, of tasks that would lie side by side.
        try GradientCheck.check(
            SharedBottom(trunk: [.dense(9, .tanh), .dense(7, .gelu)], attached: ["a": 1, "b": 1, "c": 2]))
        try GradientCheck.check(
            SharedBottom(trunk: [.dense(8, .tanh), .dense(8, .gelu)], attached: ["d": 1]))
        // A ReLU's kink may lie within a difference's step: few rows.
        try GradientCheck.check(
            SharedBottom(trunk: [.relu(9), .dense(10, .sigmoid), .relu(11)]), computes: [ComputeOptions()])
    }

    @Test func mixtures() throws {
        try GradientCheck.check(
            MMoE(
                experts: 3, layers: [.dense(9, .tanh), .dense(6, .gelu)], gate: [.dense(4, .tanh)],
                temperature: 2))
        try GradientCheck.check(MMoE(experts: 9, layers: [.dense(5, .gelu)]))
        try GradientCheck.check(MMoE(experts: 2, layers: [.dense(7, .tanh)], gating: .shared))
    }

    @Test func progressiveExtraction() throws {
        try GradientCheck.check(PLE.cgc(own: 2, shared: 1, layers: [.dense(6, .tanh)]))
        try GradientCheck.check(
            PLE(levels: [
                PLE.Level(own: 1, shared: 2, layers: [.dense(7, .tanh), .relu(5)]),
                PLE.Level(own: 2, shared: 0, layers: [.dense(5, .gelu)]),
                PLE.Level(own: 0, shared: 2, layers: [.dense(4, .tanh)]),
            ]), rows: [37], computes: [ComputeOptions(threads: 2)])
    }

    @Test func crossStitch() throws {
        try GradientCheck.check(CrossStitch(layers: [.dense(6, .tanh), .dense(9, .gelu)]))
    }

    /// Elementwise nodes, joins, views, stopped edges and features in every place.
    @Test func elementwiseNodes() throws {
        try GradientCheck.check(
            Probe { graph in
                let x = graph.features
                let h = graph.dense(x, units: 12, activation: .tanh, name: "h")
                let k = graph.dense(x, units: 12, activation: .relu, name: "k")
                let product = graph.multiply(h, k)
                let gate = graph.softmaxBlocks(
                    graph.dense(h, units: 4, activation: .identity, name: "gate"), blocks: 2, temperature: 0.5
                )
                let gated = graph.multiply(k, gate)
                let dots = graph.dot(h, gated, blocks: 3)
                let sum = graph.add([product, gated, k, h], factors: [0.5, -2, 3, 1])
                let squared = graph.multiply(h, h)
                let acted = graph.activation(graph.scale(sum, by: 0.3), .gelu)
                let sigmoid = graph.activation(x, .sigmoid)
                let own = graph.multiply(x, graph.dense(h, units: 1, activation: .sigmoid, name: "one"))
                let all = graph.concatenate([
                    dots, squared.columns(3..<8), acted, sigmoid, own, x, h.columns(0..<2), h.columns(2..<5),
                ])
                return graph.heads([
                    all, acted, graph.concatenate(sum.blocks(2)), graph.affine(all, name: "affine"),
                ])
            })
    }

    @Test func layerNorm() throws {
        try GradientCheck.check(
            Probe { graph in
                let h = graph.dense(graph.features, units: 14, activation: .tanh, name: "h")
                let normed = graph.layerNorm(h, names: ["norms.0", "norms.1"])
                let whole = graph.layerNorm(graph.features, names: ["features"])
                let blocks = normed.blocks(2)
                return graph.heads([blocks[0], blocks[1], normed, graph.concatenate([whole, h])])
            })
    }

    /// Sums over the batch: several norms of one stage, one behind another, and a branch around them.
    @Test func batchNorm() throws {
        try GradientCheck.check(
            Probe { graph in
                let h = graph.dense(graph.features, units: 9, activation: .tanh, name: "h")
                let first = graph.batchNorm(h, name: "norms.0")
                let beside = graph.batchNorm(graph.features, name: "norms.1")
                let next = graph.dense(first, units: 8, activation: .relu, name: "next")
                let second = graph.batchNorm(next, name: "norms.2")
                return graph.heads([second, graph.concatenate([beside, h, second]), first, next])
            }, rows: [37])
    }

    @Test func partitionedBatchNorm() throws {
        try GradientCheck.check(
            Probe { graph in
                let h = graph.batchNorm(
                    graph.dense(graph.features, units: 9, activation: .tanh, name: "h"), isPartitioned: true,
                    name: "norm")
                let all = graph.batchNorm(h, name: "all")
                return graph.heads([h, all, h, graph.concatenate([h, all])])
            }, scenarios: 4, rows: [37])
    }

    @Test func scenarioNodes() throws {
        try GradientCheck.check(
            Probe { graph in
                let star = graph.scenarioDense(
                    graph.features, units: 9, activation: .tanh, sharesFactor: true, name: "star")
                let own = graph.scenarioDense(star, units: 8, activation: .gelu, name: "own")
                let relu = graph.scenarioDense(
                    own, units: 5, activation: .relu, sharesFactor: true, name: "relu")
                let wide = graph.dense(star, units: 12, activation: .tanh, name: "wide")
                let chosen = graph.scenarioSelect(wide)
                let moved = graph.affine(own, perScenario: true, name: "moved")
                return graph.heads([relu, moved, graph.concatenate([chosen, moved]), chosen])
            }, scenarios: 3)
    }

    @Test func dropout() throws {
        try GradientCheck.check(
            Probe { graph in
                let h = graph.dropout(
                    graph.dense(graph.features, units: 11, activation: .tanh, name: "h"), rate: 0.3)
                let x = graph.dropout(graph.features, rate: 0.5)
                return graph.heads([h, graph.concatenate([h, x]), h, x])
            }, scenarios: 1)
    }

    @Test func funnelAndPenalties() throws {
        let tasks: [LearningTask] = [
            .binary("click"), .binary("buy", weight: 2), .binary("cart", weight: 0.5),
        ]
        try GradientCheck.check(
            Probe { graph in
                let h = graph.stack(graph.features, [.dense(6, .tanh)], names: ["t.0", "t.1", "t.2"])
                let z = graph.dense(
                    h, units: 1, activation: .identity, names: ["l.0", "l.1", "l.2"], inputIsShared: false)
                let logits = z.blocks(3)
                let cart = graph.logitProduct(logits[0], logits[1])
                let buy = graph.logitProduct(cart, logits[2])
                graph.penalize(.distance("t.0.0.weight", "t.1.0.weight", weight: 0.1))
                graph.penalize(.squared("t.2.0.bias", weight: 0.3))
                graph.penalizeOrder(later: logits[2], earlier: logits[0], weight: 0.6)
                return [logits[0], buy, cart]
            }, tasks: tasks)
    }
}
