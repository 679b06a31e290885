import MTLEngine
import MTLTestSupport
import Testing

/// Packed ensembles of four members against PyTorch's text of them (make_ensemble_goldens.py): logits of the mean, losses and
/// every gradient of the first batch, and after thirty steps of Adam every parameter and the answers.
@Suite struct EnsembleGoldenTests {
    @Test(arguments: ["shared", "mmoe"]) func matchesPyTorch(name: String) throws {
        let layers: [HiddenLayer] = [.dense(6, .tanh), .dense(5, .tanh)]
        let architecture: any Architecture =
            name == "shared"
            ? SharedBottom(trunk: layers)
            : MMoE(experts: 3, layers: layers, gate: [.dense(4, .tanh)], temperature: 2)
        let model = try MultiTaskModel(
            inputs: 7, architecture: architecture, tasks: GoldenRuns.tasks, ensemble: 4)
        try Golden("ensemble_" + name).check(
            model,
            Golden.Run(
                .adam(learningRate: 1e-2), batch: GoldenRuns.rows, steps: 30, computes: ComputeOptions.various
            ))
    }
}
