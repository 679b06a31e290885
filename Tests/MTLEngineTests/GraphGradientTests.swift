import MTLEngine
import Testing

/// An architecture that a test writes in place.
struct Probe: Architecture {
    let body: @Sendable (inout GraphBuilder) -> [GraphValue]

    init(_ body: @escaping @Sendable (inout GraphBuilder) -> [GraphValue]) { self.body = body }

    func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] { body(&graph) }
}

/// Every node and every architecture against central differences, in Double.
@Suite struct GraphGradientTests {
    static let tables = [
        EmbeddingTable("user", rows: 9, dimension: 3), EmbeddingTable("item", rows: 7, dimension: 5),
    ]
    static let embedded: [EmbeddedFeature] = [
        .single("user"), .bag("history", table: "item", pooling: .mean, maximumCount: 4),
    ]
    static let tasks: [LearningTask] = [
        .binary("a", weight: 0.7, tower: [.dense(5, .tanh)]), .regression("b", weight: 1.3),
        .multiclass("c", classes: 3, weight: 0.4, tower: [.dense(5, .gelu)]),
        .regression("d", huberDelta: 0.5, weight: 0.9, tower: [.dense(5, .tanh)]),
    ]
    static let computes =
        InstructionSet.allCases.filter(\.isAvailable).map {
            ComputeOptions(threads: 1, backend: .kernels, instructions: $0)
        } + [ComputeOptions(threads: 2), ComputeOptions(threads: 1, backend: .openBLAS)]

    func check(
        _ architecture: some Architecture, tasks: [LearningTask] = tasks, scenarios: Int = 1,
        inputs: Int = 6, rows: [Int] = [1, 37], computes: [ComputeOptions] = computes,
        tolerance: Double = GradientCheck.tolerance,
        _ place: SourceLocation = #_sourceLocation
    ) throws {
        for isEmbedded in [false, true] {
            let model = try MultiTaskModel(
                inputs: inputs, embedded: isEmbedded ? Self.embedded : [],
                tables: isEmbedded ? Self.tables : [], scenarios: scenarios, architecture: architecture,
                tasks: tasks)
            for (number, compute) in computes.enumerated() where isEmbedded || number == 0 {
                // The smallest batch once; one of several shards and tiles with two threads.
                let last = rows[rows.count - 1]
                let some = number == 0 ? rows : compute.threads > 1 && isEmbedded ? [150] : [last]
                for count in some {
                    let error = try GradientCheck.relativeError(
                        of: model, rows: count, missing: 0.3, compute: compute,
                        gathered: number % 2 == 1, weighted: count == 37 && number == 0)
                    #expect(
                        error < tolerance, "\(count) rows, \(compute), embedded \(isEmbedded)",
                        sourceLocation: place)
                }
            }
        }
    }

    @Test func hardSharing() throws {
        try check(SharedBottom(trunk: [.dense(9, .tanh), .dense(7, .gelu)]))
        try check(SharedBottom(trunk: []))
        // A ReLU's kink may lie within a difference's step: few rows.
        try check(
            SharedBottom(trunk: [.relu(9), .dense(10, .sigmoid), .relu(11)]), computes: [ComputeOptions()])
    }

    @Test func mixtures() throws {
        try check(
            MMoE(
                experts: 3, layers: [.dense(9, .tanh), .dense(6, .gelu)], gate: [.dense(4, .tanh)],
                temperature: 2))
        try check(MMoE(experts: 9, layers: [.dense(5, .gelu)]))
        try check(MMoE(experts: 2, layers: [.dense(7, .tanh)], gating: .shared))
    }

    @Test func progressiveExtraction() throws {
        try check(PLE.cgc(own: 2, shared: 1, layers: [.dense(6, .tanh)]))
        try check(
            PLE(levels: [
                PLE.Level(own: 1, shared: 2, layers: [.dense(7, .tanh), .relu(5)]),
                PLE.Level(own: 2, shared: 0, layers: [.dense(5, .gelu)]),
                PLE.Level(own: 0, shared: 2, layers: [.dense(4, .tanh)]),
            ]), rows: [37], computes: [ComputeOptions(threads: 2)])
    }

    @Test func crossStitch() throws { try check(CrossStitch(layers: [.dense(6, .tanh), .dense(9, .gelu)])) }

    /// Elementwise nodes, joins, views, stopped edges and features in every place.
    @Test func elementwiseNodes() throws {
        try check(
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
        try check(
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
        try check(
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
        try check(
            Probe { graph in
                let h = graph.batchNorm(
                    graph.dense(graph.features, units: 9, activation: .tanh, name: "h"), isPartitioned: true,
                    name: "norm")
                let all = graph.batchNorm(h, name: "all")
                return graph.heads([h, all, h, graph.concatenate([h, all])])
            }, scenarios: 4, rows: [37])
    }

    @Test func scenarioNodes() throws {
        try check(
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
        try check(
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
        try check(
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
