import MTLEngine
import MTLTestSupport
import Testing

/// Architectures that know scenarios against PyTorch in float64: logits, losses, every gradient by name, and after six
/// steps of SGD every parameter, every moving statistic and the answers.
@Suite struct ScenarioGoldenTests {
    static let layers: [HiddenLayer] = [.dense(6, .tanh), .dense(5, .tanh)]
    static func apg(_ condition: APG.Condition, fields: [String] = []) -> APG {
        APG(
            layers: layers, rank: 3, condition: condition, fields: fields, scenarioWidth: 2,
            generator: [.dense(4, .tanh)])
    }
    static let architectures: [(name: String, architecture: any Architecture)] = [
        ("towers", ScenarioTowers(trunk: [.dense(6, .tanh)])),
        ("star", STAR(layers: layers, scenarioWidth: 3, auxiliary: [.dense(4, .tanh)])),
        (
            "star_shared",
            STAR(layers: layers, scenarioWidth: 3, auxiliary: [.dense(4, .tanh)], starsHeads: false)
        ),
        ("pepnet", PEPNet(personal: ["user"], scenarioWidth: 2, gateWidth: 4)),
        ("sarnet", SARNet(shared: 2, own: 1, layers: layers)),
        ("m3oe", M3oE(starWidth: 8, shared: 2, layers: [.dense(5, .tanh)])),
        ("apg", apg(.mixWise)), ("apg_embedded", apg(.groupWise, fields: ["user"])),
        ("apg_self", apg(.selfWise)),
        ("hamur", HAMUR(trunk: layers, rank: 3, adapterWidth: 4, hyper: [.dense(4, .tanh)])),
        ("adaptdhm", AdaptDHM(layers: layers, clusters: 3, momentum: 0.9)),
    ]

    @Test(arguments: architectures.indices)
    func matchesPyTorch(index: Int) throws {
        let (name, architecture) = Self.architectures[index]
        func make(_ architecture: some Architecture) throws -> MultiTaskModel {
            let isEmbedded = ["pepnet", "apg_embedded"].contains(name)
            return try MultiTaskModel(
                inputs: 7, embedded: isEmbedded ? [.single("user"), .single("item")] : [],
                tables: isEmbedded
                    ? [
                        EmbeddingTable("user", rows: 9, dimension: 3),
                        EmbeddingTable("item", rows: 7, dimension: 2),
                    ] : [], scenarios: 3, architecture: architecture, tasks: GoldenRuns.tasks)
        }
        let model = try make(architecture)
        let golden = try Golden("scenario_" + name)
        // A norm's prediction is not the batch's, and centres move before rows are dealt out.
        let run = Golden.Run(
            .sgd(learningRate: 0.1), batch: GoldenRuns.rows, steps: 6,
            comparesLogits: !["star", "star_shared", "hamur", "adaptdhm"].contains(name),
            computes: [ComputeOptions(), ComputeOptions(threads: 2)])
        try golden.check(model, Double.self, Golden.Tolerance(relative: 1e-11, absolute: 3e-12), run)
        try golden.check(model, Float.self, Golden.Tolerance(relative: 3e-5, absolute: 9e-6), run)
    }
}
