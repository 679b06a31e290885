import ArgumentParser
import MTLEngine
import Terminal

struct WorldsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worlds",
        abstract: "Which ways of sharing help where: AUC of each, on simulated worlds of known truth.",
        discussion: """
            A small task: both tasks read nearly the same function, the second has labels for one row of twenty (its AUC is shown; elsewhere \
            the mean of both tasks). Scenarios conflict: they read the same units, of which half change their sign from \
            scenario to scenario. Tasks conflict: each reads units of its own, more than a trunk has, and the second has a fourth of \
            the labels. Nothing shared: tasks read other features, scenarios other functions. Every method learns from the same rows \
            and is judged by 20,000 fresh ones. Bayes is the AUC of the true probabilities; behind each AUC stands the mean difference \
            from separate networks, seed by seed, and its standard error.
            """)

    @Option(help: "Rows to learn from.")
    var rows = 20_000

    @Option(help: "Seeds: of the world, rows, parameters and order.")
    var seeds = CommaList<UInt64>([1, 2, 3, 4, 5])

    @Option(help: "The most epochs.")
    var epochs = 40

    @Option(help: "Only methods whose name holds this, beside the first.")
    var only = ""

    @OptionGroup var compute: ComputeArguments

    func validate() throws {
        try requirePositive([rows], option: "rows")
        try requirePositive([epochs], option: "epochs")
    }

    private struct Method {
        let name: String
        let architecture: any Architecture
        var features: [any FeatureLayer] = []
        var tower: [HiddenLayer] = [.relu(16)]
    }

    private static var methods: [Method] {
        let layers: [HiddenLayer] = [.relu(32), .relu(32)]
        let parents = ["second": "first"]
        let all: [(String, any Architecture)] = [
            ("separate", SeparateNetworks(layers: layers)), ("shared bottom", SharedBottom(trunk: layers)),
            ("OMoE", MMoE(experts: 4, layers: layers, gating: .shared)),
            ("MMoE", MMoE(experts: 4, layers: layers)), ("CGC", PLE.cgc(own: 1, shared: 2, layers: layers)),
            (
                "PLE",
                PLE(
                    levels: [PLE.Level](
                        repeating: PLE.Level(own: 1, shared: 2, layers: [.relu(32)]), count: 2))
            ), ("DSelect-k", DSelectK(experts: 4, layers: layers)),
            (
                "SNR",
                SNR(
                    levels: [SNR.Level](
                        repeating: SNR.Level(networks: 4, layers: [.relu(32)]), count: 2))
            ), ("cross-stitch", CrossStitch(layers: layers)), ("sluice", Sluice(layers: layers)),
            ("NDDR", NDDR(layers: layers)), ("MTAN", MTAN(layers: layers)),
            ("soft, mean", SoftSharing(layers: layers)),
            ("soft, covariance", SoftSharing(layers: layers, distance: .covariance)),
            ("low rank", LowRankSharing(layers: layers)),
            ("trace norm", TraceNormSharing(layers: layers, weight: 1e-4)),
            ("alternating structure", AlternatingStructure(layers: layers)),
            ("AITM", AITM(parents: parents, layers: layers, calibration: 0)),
            ("DBMTL", DBMTL(parents: ["second": ["first"]], trunk: [.relu(32)], layers: [.relu(32)])),
            ("ResFlow", ResFlow(parents: parents, layers: layers)),
            ("scenario towers", ScenarioTowers(trunk: layers)), ("STAR", STAR(layers: layers)),
            ("SAR-Net", SARNet(layers: layers)), ("M3oE", M3oE(layers: layers)),
            ("AdaptDHM", AdaptDHM(layers: layers)), ("HAMUR", HAMUR(trunk: layers)),
            ("APG", APG(layers: layers)),
        ]
        return all.map { Method(name: $0.0, architecture: $0.1) } + [
            Method(name: "PEPNet", architecture: PEPNet(personal: ["scenario"]), tower: layers),
            Method(
                name: "cross layers", architecture: SharedBottom(trunk: layers),
                features: [CrossLayers(count: 2, appends: true)]),
        ]
    }

    func run() throws {
        let methods = Self.methods.enumerated().filter { $0 == 0 || only.isEmpty || $1.name.contains(only) }
            .map(\.1)
        var table = (["Bayes"] + methods.map(\.name)).map { [$0] }
        for world in SharingSimulator.World.allCases {
            var scores = methods.map { _ in [Double]() }
            var best: [Double] = []
            for seed in seeds.values {
                let simulator = SharingSimulator(world, seed: seed)
                let training = try simulator.log(rows: rows, stream: 1).dataset
                let watch = try simulator.log(rows: max(100, rows / 5), stream: 2).dataset
                let test = try simulator.log(rows: 20_000, stream: 3, hidesLabels: false)
                best.append(
                    try score(world, test) { index in test.chances.map { $0[index] } })
                for (index, method) in methods.enumerated() {
                    let trainer = try fit(method, training, watch, seed: seed)
                    let predictions = try trainer.predict(test.dataset)
                    scores[index].append(
                        try score(world, test) {
                            try predictions.values(SharingSimulator.tasks[$0].name).map { Double($0) }
                        })
                }
            }
            table[0] += [mean(best).decimals(4), ""]
            for (index, own) in scores.enumerated() {
                let differences = zip(own, scores[0]).map { $0 - $1 }
                let error = deviation(differences) / Double(own.count).squareRoot()
                let gain = "\(mean(differences).decimals(4)) ± \(error.decimals(4))"
                table[index + 1] += [mean(own).decimals(4), index == 0 ? "" : gain]
            }
        }
        try printTable(
            ["method"] + SharingSimulator.World.allCases.flatMap { [$0.rawValue, "- separate"] }, table)
    }

    private func fit(
        _ method: Method, _ training: Dataset<Float>, _ watch: Dataset<Float>, seed: UInt64
    ) throws -> Trainer<Float> {
        let tasks = SharingSimulator.tasks.map { LearningTask($0.name, kind: $0.kind, tower: method.tower) }
        let model = try MultiTaskModel(
            inputs: SharingSimulator.featureCount, embedded: [.single("scenario")],
            tables: [EmbeddingTable("scenario", rows: SharingSimulator.scenarios, dimension: 8)],
            scenarios: SharingSimulator.scenarios, featureLayers: method.features,
            architecture: method.architecture, tasks: tasks)
        let trainer = try Trainer<Float>(
            model, optimizer: .adam(learningRate: 2e-3), batchSize: 256, averaging: 0.99, seed: seed,
            compute: compute.options)
        _ = try trainer.fit(training, validation: watch, until: StoppingRule(epochs: epochs, patience: 4))
        return trainer
    }

    /// The second task's AUC where it is the small one, the mean of both elsewhere.
    private func score(
        _ world: SharingSimulator.World, _ test: ScenarioLog, _ predictions: (Int) throws -> [Double]
    ) throws -> Double {
        let tasks = world == .smallTask ? [1] : [0, 1]
        return mean(
            try tasks.map { task in
                let labels = try test.dataset.labels(SharingSimulator.tasks[task].name).map { Double($0) }
                return Metrics.areaUnderROC(scores: try predictions(task), labels: labels) ?? .nan
            })
    }
}
