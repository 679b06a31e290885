import MTLEngine
import MTLTestSupport
import Testing

/// Architectures and nodes against PyTorch in float64: logits, losses, every gradient by name, and after six steps of
/// Adam every parameter, every moving statistic and the answers.
@Suite struct GraphGoldenTests {
    static let names = [
        "mmoe", "ple", "cross_stitch", "star", "batch_norm", "layer_norm", "funnel", "prelu", "dice",
    ]

    func model(_ name: String) throws -> MultiTaskModel {
        func make(_ architecture: some Architecture) throws -> MultiTaskModel {
            try MultiTaskModel(inputs: 7, scenarios: 3, architecture: architecture, tasks: GoldenRuns.tasks)
        }
        func layer(_ units: Int) -> HiddenLayer { .dense(units, .tanh) }
        switch name {
        case "mmoe":
            return try make(
                MMoE(experts: 3, layers: [layer(6), layer(5)], gate: [layer(4)], temperature: 2))
        case "ple":
            return try make(
                PLE(levels: [
                    PLE.Level(own: 2, shared: 1, layers: [layer(5)]),
                    PLE.Level(own: 1, shared: 2, layers: [layer(4)]),
                ]))
        case "cross_stitch": return try make(CrossStitch(layers: [layer(6), layer(5)]))
        case "star":
            return try make(
                Probe { graph in
                    var h = graph.batchNorm(graph.features, isPartitioned: true, name: "norm")
                    for (depth, units) in [6, 5].enumerated() {
                        h = graph.scenarioDense(
                            h, units: units, activation: .tanh, sharesFactor: true, name: "star.\(depth)")
                    }
                    h = graph.scenarioDense(h, units: 5, activation: .tanh, name: "own")
                    return graph.heads([h, h, h])
                })
        case "batch_norm":
            return try make(
                Probe { graph in
                    var h = graph.features
                    for (depth, units) in [6, 5].enumerated() {
                        h = graph.dense(h, units: units, activation: .tanh, name: "trunk.\(depth)")
                        h = graph.batchNorm(h, name: "norms.\(depth)")
                    }
                    return graph.heads([h, h, h])
                })
        case "layer_norm":
            return try make(
                Probe { graph in
                    let h = graph.dense(graph.features, units: 6, activation: .identity, name: "trunk.0")
                    let normed = graph.activation(graph.layerNorm(h, names: ["norms.0"]), .gelu)
                    return graph.heads([normed, normed, normed])
                })
        case "prelu": return try make(SharedBottom(trunk: [.dense(6, .prelu), .dense(5, .prelu)]))
        case "dice": return try make(SharedBottom(trunk: [.dense(6, .dice), .dense(5, .dice)]))
        default:
            return try make(
                Probe { graph in
                    let logits = graph.stack(
                        graph.features, [.dense(5, .tanh), .dense(1, .identity)],
                        names: ["towers.click", "towers.conversion", "towers.spend"]
                    ).blocks(3)
                    return [logits[0], logits[2], graph.logitProduct(logits[0], logits[1])]
                })
        }
    }

    @Test(arguments: names)
    func matchesPyTorch(name: String) throws {
        try Golden("graph_" + name).checkAdam(
            model(name), comparesLogits: !["star", "batch_norm", "dice"].contains(name))
    }
}
