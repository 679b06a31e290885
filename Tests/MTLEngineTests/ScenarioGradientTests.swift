import MTLEngine
import MTLTestSupport
import Testing

/// Architectures that know scenarios against central differences, in Double.
@Suite struct ScenarioGradientTests {
    private let computes = [
        ComputeOptions(), ComputeOptions(threads: 2), ComputeOptions(threads: 1, backend: .openBLAS),
    ]

    private func check(
        _ architecture: some Architecture, tasks: [LearningTask] = GradientCheck.tasks,
        scenarios: Int = 3, rows: [Int] = [1, 37], embedded: [Bool] = [false, true],
        computes: [ComputeOptions]? = nil, skips: (String) -> Bool = { _ in false }
    ) throws {
        for isEmbedded in embedded {
            let model = try MultiTaskModel(
                inputs: 6, embedded: isEmbedded ? SmallProblem.embedded : [],
                tables: isEmbedded ? SmallProblem.tables : [], scenarios: scenarios,
                architecture: architecture, tasks: tasks)
            for compute in computes ?? (isEmbedded ? self.computes : [ComputeOptions()]) {
                for count in compute.threads > 1 ? [70] : rows {
                    try GradientCheck.expectAgreement(
                        of: model, rows: count, compute: compute, gathered: isEmbedded,
                        weighted: count == 37, skips: skips, "embedded \(isEmbedded)")
                }
            }
        }
    }

    @Test(arguments: ScenarioArchitectures.all.indices)
    func gradients(index: Int) throws {
        let (name, architecture) = ScenarioArchitectures.all[index]
        func check(_ architecture: some Architecture) throws {
            // A norm over a scenario's single row has no slope but noise.
            try self.check(architecture, rows: ["star", "hamur"].contains(name) ? [37] : [1, 37]) {
                // Centres choose, and have no gradient; M3oE's gates look at the features through a stop.
                $0 == "routing.centres" || name == "m3oe" && $0.hasPrefix("embeddings.")
                    || name == "m3oe star"
                        && ["embeddings.", "star.", "embedding.", "skip."].contains(where: $0.hasPrefix)
            }
        }
        try check(architecture)
    }

    /// The gates look at features through a stop: what lies behind it is compared with PyTorch.
    @Test func pepnet() throws {
        try check(ScenarioArchitectures.pepnet, embedded: [true]) { name in
            ["embeddings.", "epnet.", "domain."].contains { name.hasPrefix($0) }
        }
        try check(
            PEPNet(domain: ["history"], personal: ["user"], scenarioWidth: 0, gamma: 3), rows: [17],
            embedded: [true], computes: [ComputeOptions()]
        ) { $0.hasPrefix("embeddings.") || $0.hasPrefix("epnet.") }
    }

    /// Scenarios without rows, and options at their ends.
    @Test func ends() throws {
        func check(_ architecture: some Architecture, scenarios: Int = 40, rows: Int = 5) throws {
            try self.check(
                architecture, scenarios: scenarios, rows: [rows], embedded: [false],
                computes: [ComputeOptions()])
        }
        try check(ScenarioTowers(trunk: []))
        try check(STAR(layers: [.dense(5, .tanh)], normalizes: false, auxiliary: []))
        try check(STAR(layers: [.dense(5, .tanh)], normalizes: false, scenarioWidth: 0))
        try check(SARNet(shared: 0, own: 2, layers: [.dense(4, .tanh)]))
        try check(SARNet(shared: 2, own: 0, layers: [.dense(4, .tanh)]))
        try check(
            APG(
                layers: [.dense(4, .tanh)], rank: 2, condition: .groupWise, generator: [.dense(3, .tanh)],
                generatesBias: false))
        try check(APG(layers: [.dense(4, .tanh)], rank: 1), scenarios: 1)
        try check(HiNet(layers: [.dense(4, .tanh)]), scenarios: 1)
        try check(
            HiNet(
                shared: 1, own: 1, layers: [.dense(4, .tanh)],
                tasks: PLE.Level(own: 2, shared: 0, layers: [.dense(3, .tanh)])))
        try check(
            M2M(experts: 1, layers: [.dense(3, .tanh)], taskWidth: 1, scenarioWidth: 1, towerDepth: 0))
        // More than a layer reads or writes.
        try check(APG(layers: [.dense(4, .tanh), .dense(3, .tanh)], rank: 9))
        try check(
            HAMUR(
                trunk: [.dense(6, .tanh), .dense(5, .tanh)], rank: 2, adapterWidth: 3, hyper: [],
                adapters: 2), scenarios: 3, rows: 37)
        try check(
            M3oE(starWidth: 0, shared: 1, layers: [.dense(5, .tanh)], gate: [.dense(3, .tanh)]), scenarios: 1)
    }

    /// Tasks that exist in some scenarios only.
    @Test func tasksOfSomeScenarios() throws {
        var tasks = GradientCheck.tasks
        tasks[1] = tasks[1].only(inScenarios: [2, 0])
        tasks[2] = tasks[2].only(inScenarios: [1])
        try check(ScenarioTowers(trunk: [.dense(5, .tanh)]), tasks: tasks, rows: [37])
        try check(
            STAR(layers: [.dense(5, .tanh)], auxiliary: [.dense(4, .tanh)]), tasks: tasks, rows: [37],
            embedded: [false])
    }
}
