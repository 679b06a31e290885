import ArgumentParser
import MTLEngine
import Terminal

struct ScenariosCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scenarios",
        abstract:
            "Which ways to share help the smallest scenario: AUC of each, on simulated scenarios of unequal size.",
        discussion: """
            Every method learns from the same rows and is judged by 20,000 fresh rows of each scenario. "single" learns a \
            scenario from its own rows alone, "pooled" from all rows without knowing the scenario, "pooled + id" with the \
            scenario as a feature. Bayes is the AUC of the true probabilities.
            """)

    @Option(help: "Rows of each scenario to learn from.")
    var rows = CommaList([60_000, 20_000, 8_000, 3_000, 1_000, 400])

    @Option(help: "Seeds: of the rows, parameters and order.")
    var seeds = CommaList<UInt64>([1, 2, 3, 4, 5])

    @Option(help: "The most epochs.")
    var epochs = 30

    @OptionGroup var compute: ComputeArguments

    func validate() throws {
        try requirePositive(rows.values, option: "rows")
        try requirePositive([epochs], option: "epochs")
    }

    private struct Method {
        let name: String
        let architecture: any Architecture
        var knowsScenario = true
        var tower: [HiddenLayer] = [.relu(16)]
    }

    private func methods() -> [Method] {
        [
            Method(
                name: "pooled", architecture: SharedBottom(trunk: [.relu(64), .relu(32)]),
                knowsScenario: false
            ),
            Method(name: "pooled + id", architecture: SharedBottom(trunk: [.relu(64), .relu(32)])),
            Method(name: "MMoE + id", architecture: MMoE(experts: 4, layers: [.relu(64), .relu(32)])),
            Method(name: "scenario towers", architecture: ScenarioTowers(trunk: [.relu(64), .relu(32)])),
            Method(name: "STAR", architecture: STAR(layers: [.relu(64), .relu(32)])),
            Method(
                name: "PEPNet", architecture: PEPNet(personal: ["scenario"]), tower: [.relu(64), .relu(32)]),
            Method(name: "SAR-Net", architecture: SARNet(layers: [.relu(64), .relu(32)])),
            Method(name: "M3oE", architecture: M3oE(layers: [.relu(64), .relu(32)])),
            Method(name: "AdaptDHM", architecture: AdaptDHM(layers: [.relu(64), .relu(32)])),
            Method(name: "HAMUR", architecture: HAMUR(trunk: [.relu(64), .relu(32)])),
            Method(name: "APG", architecture: APG(layers: [.relu(64), .relu(32)])),
        ]
    }

    func run() throws {
        var names = ["Bayes", "single"]
        // Per method and scenario the AUC of every seed, click then purchase.
        var results: [String: [[[Double]]]] = [:]
        for seed in seeds.values {
            let market = try ScenarioSimulator(seed: seed, scenarios: rows.values.count)
            let training = try market.log(rows: rows.values, stream: 1).dataset
            let watch = try market.log(rows: rows.values.map { max(100, $0 / 5) }, stream: 2).dataset
            let tests = try rows.values.indices.map { scenario in
                var counts = rows.values.map { _ in 0 }
                counts[scenario] = 20_000
                return try market.log(rows: counts, stream: 3)
            }
            func note(_ name: String, _ scores: [[Double]]) { results[name, default: []].append(scores) }
            note(
                "Bayes", try tests.map { test in try scores(test) { task in test.chances.map { $0[task] } } })
            note("single", try single(market, tests, seed: seed))
            for method in methods() {
                if !names.contains(method.name) { names.append(method.name) }
                let trainer = try fit(method, training, watch, seed: seed)
                note(
                    method.name,
                    try tests.map { test in
                        let predictions = try trainer.predict(test.dataset)
                        return try scores(test) { task in
                            try predictions.values(ScenarioSimulator.tasks[task].name).map { Double($0) }
                        }
                    })
            }
        }
        let header = ["method"] + rows.values.map { "\($0) rows" }
        for (task, plan) in ScenarioSimulator.tasks.enumerated() {
            try say("\nAUC of \(plan.name), mean and standard deviation of \(seeds.values.count) seeds:\n")
            try printTable(
                header,
                names.map { name in
                    [name]
                        + rows.values.indices.map { scenario in
                            Self.text((results[name] ?? []).map { $0[scenario][task] })
                        }
                })
        }
    }

    /// Trained on its own rows alone.
    private func single(_ market: ScenarioSimulator, _ tests: [ScenarioLog], seed: UInt64) throws
        -> [[Double]]
    {
        try rows.values.indices.map { scenario in
            func alone(_ count: Int, _ stream: UInt64) throws -> Dataset<Float> {
                var counts = rows.values.map { _ in 0 }
                counts[scenario] = count
                return try market.log(rows: counts, stream: stream).dataset
            }
            let own = rows.values[scenario]
            let trainer = try fit(
                Method(
                    name: "", architecture: SharedBottom(trunk: [.relu(64), .relu(32)]), knowsScenario: false),
                alone(own, 1), alone(max(100, own / 5), 2), seed: seed)
            let test = tests[scenario]
            let predictions = try trainer.predict(test.dataset)
            return try scores(test) { task in
                try predictions.values(ScenarioSimulator.tasks[task].name).map { Double($0) }
            }
        }
    }

    private func fit(
        _ method: Method, _ training: Dataset<Float>, _ watch: Dataset<Float>, seed: UInt64
    ) throws -> Trainer<Float> {
        let tasks = ScenarioSimulator.tasks.map {
            LearningTask($0.name, kind: $0.kind, tower: method.tower)
        }
        let model = try MultiTaskModel(
            inputs: ScenarioSimulator.featureCount,
            embedded: method.knowsScenario ? [.single("scenario")] : [],
            tables: method.knowsScenario
                ? [EmbeddingTable("scenario", rows: rows.values.count, dimension: 8)] : [],
            scenarios: rows.values.count, architecture: method.architecture, tasks: tasks)
        let trainer = try Trainer<Float>(
            model, optimizer: .adam(learningRate: 2e-3), batchSize: 512, seed: seed, compute: compute.options)
        _ = try trainer.fit(
            training, validation: watch, until: StoppingRule(epochs: epochs, patience: 3))
        return trainer
    }

    private func scores(_ test: ScenarioLog, _ predictions: (Int) throws -> [Double]) throws -> [Double] {
        try ScenarioSimulator.tasks.indices.map { task in
            let labels = try test.dataset.labels(ScenarioSimulator.tasks[task].name).map { Double($0) }
            return Metrics.areaUnderROC(scores: try predictions(task), labels: labels) ?? .nan
        }
    }

    private static func text(_ values: [Double]) -> String {
        "\(mean(values).decimals(4)) ± \(deviation(values).decimals(4))"
    }
}
