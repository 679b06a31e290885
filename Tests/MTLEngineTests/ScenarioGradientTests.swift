import MTLEngine
import Testing

/// Architectures that know scenarios against central differences, in Double.
@Suite struct ScenarioGradientTests {
    /// Every architecture with small odd sizes; PEPNet takes embedded features and so is not among them.
    static let architectures: [(name: String, architecture: any Architecture)] = [
        ("towers", ScenarioTowers(trunk: [.dense(7, .tanh)])),
        (
            "star",
            STAR(
                layers: [.dense(7, .tanh), .dense(5, .gelu)], scenarioWidth: 3, auxiliary: [.dense(4, .tanh)])
        ),
        (
            "sarnet",
            SARNet(shared: 2, own: 1, layers: [.dense(6, .tanh), .dense(5, .gelu)], gate: [.dense(3, .tanh)])
        ),
        ("m3oe", M3oE(starWidth: 0, shared: 2, layers: [.dense(5, .tanh)])),
        (
            "apg",
            APG(layers: [.dense(6, .tanh), .dense(5, .gelu)], rank: 3, condition: .both, scenarioWidth: 2)
        ),
        (
            "hamur",
            HAMUR(
                trunk: [.dense(6, .tanh), .dense(5, .gelu)], rank: 3, adapterWidth: 4,
                hyper: [.dense(4, .tanh)])
        ),
        ("adaptdhm", AdaptDHM(layers: [.dense(6, .tanh), .dense(5, .gelu)], clusters: 3)),
    ]
    static let pepnet = PEPNet(personal: ["user"], scenarioWidth: 3, gateWidth: 4)

    private let computes = [
        ComputeOptions(), ComputeOptions(threads: 2), ComputeOptions(threads: 1, backend: .openBLAS),
    ]

    private func check(
        _ architecture: some Architecture, tasks: [LearningTask] = GraphGradientTests.tasks,
        scenarios: Int = 3, rows: [Int] = [1, 37], embedded: [Bool] = [false, true],
        computes: [ComputeOptions]? = nil, skips: (String) -> Bool = { _ in false }
    ) throws {
        for isEmbedded in embedded {
            let model = try MultiTaskModel(
                inputs: 6, embedded: isEmbedded ? GraphGradientTests.embedded : [],
                tables: isEmbedded ? GraphGradientTests.tables : [], scenarios: scenarios,
                architecture: architecture, tasks: tasks)
            for compute in computes ?? (isEmbedded ? self.computes : [ComputeOptions()]) {
                for count in compute.threads > 1 ? [70] : rows {
                    let error = try GradientCheck.relativeError(
                        of: model, rows: count, missing: 0.3, compute: compute, gathered: isEmbedded,
                        weighted: count == 37, skips: skips)
                    #expect(error < GradientCheck.tolerance, "\(count) rows, \(compute), \(isEmbedded)")
                }
            }
        }
    }

    @Test(arguments: architectures.indices)
    func gradients(index: Int) throws {
        let (name, architecture) = Self.architectures[index]
        func check(_ architecture: some Architecture) throws {
            // A norm over a scenario's single row has no slope but noise. No gradient goes into what APG's z looks at.
            try self.check(architecture, rows: ["star", "hamur"].contains(name) ? [37] : [1, 37]) {
                // Centres choose, and have no gradient.
                name == "apg" && $0.hasPrefix("embeddings.") || $0 == "routing.centres"
            }
        }
        try check(architecture)
    }

    /// The gates look at features through a stop: what lies behind it is compared with PyTorch.
    @Test func pepnet() throws {
        try check(Self.pepnet, embedded: [true]) { name in
            ["embeddings.", "epnet.", "domain."].contains { name.hasPrefix($0) }
        }
        try check(
            PEPNet(domain: ["history"], personal: ["user"], scenarioWidth: 0, gamma: 3), rows: [17],
            embedded: [true], computes: [ComputeOptions()]
        ) { $0.hasPrefix("embeddings.") || $0.hasPrefix("epnet.") }
    }

    /// Scenarios without rows, and options at their ends.
    @Test func ends() throws {
        func check(_ architecture: some Architecture, scenarios: Int = 40) throws {
            try self.check(
                architecture, scenarios: scenarios, rows: [5], embedded: [false],
                computes: [ComputeOptions()])
        }
        try check(ScenarioTowers(trunk: []))
        try check(STAR(layers: [.dense(5, .tanh)], normalizes: false, auxiliary: []))
        try check(STAR(layers: [.dense(5, .tanh)], normalizes: false, scenarioWidth: 0))
        try check(SARNet(shared: 0, own: 2, layers: [.dense(4, .tanh)]))
        try check(SARNet(shared: 2, own: 0, layers: [.dense(4, .tanh)]))
        try check(APG(layers: [.dense(4, .tanh)], rank: 2, generator: [.dense(3, .tanh)]))
        try check(APG(layers: [.dense(4, .tanh)], rank: 1, condition: .features), scenarios: 1)
        // The star layer's ReLU has a kink: few rows.
        try check(M3oE(starWidth: 9, shared: 1, layers: [.dense(5, .tanh)]), scenarios: 2)
    }

    /// Tasks that exist in some scenarios only.
    @Test func tasksOfSomeScenarios() throws {
        var tasks = GraphGradientTests.tasks
        tasks[1] = tasks[1].only(inScenarios: [2, 0])
        tasks[2] = tasks[2].only(inScenarios: [1])
        try check(ScenarioTowers(trunk: [.dense(5, .tanh)]), tasks: tasks, rows: [37])
        try check(
            STAR(layers: [.dense(5, .tanh)], auxiliary: [.dense(4, .tanh)]), tasks: tasks, rows: [37],
            embedded: [false])
    }
}
