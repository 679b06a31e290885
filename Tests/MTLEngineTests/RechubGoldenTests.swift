import MTLEngine
import MTLTestSupport
import Testing

/// Architectures against torch-rechub's own models: logits, losses and every gradient by name.
@Suite struct RechubGoldenTests {
    private static let names = ["shared_bottom", "mmoe", "ple", "aitm", "esmm"]

    private func architecture(_ name: String) -> any Architecture {
        let layers: [HiddenLayer] = [.relu(6), .relu(5)]
        switch name {
        case "shared_bottom": return SharedBottom(trunk: layers)
        case "mmoe": return MMoE(experts: 3, layers: layers)
        case "ple":
            let level = PLE.Level(own: 2, shared: 1, layers: [.relu(5)])
            return PLE(levels: [level, level])
        case "aitm":
            return AITM(parents: ["cart": "click", "buy": "cart"], layers: layers, calibration: 0)
        default: return ESMM(parents: ["buy": "click"])
        }
    }

    @Test(arguments: names) func matchesRechub(name: String) throws {
        let tasks = (name == "esmm" ? ["click", "buy"] : ["click", "cart", "buy"]).map {
            LearningTask.binary($0, tower: [.relu(4)])
        }
        try Golden("rechub_" + name).checkFirstBatch(
            MultiTaskModel(inputs: 7, architecture: architecture(name), tasks: tasks))
    }
}
