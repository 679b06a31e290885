import ArgumentParser
import MTLEngine
import Terminal

struct WorldsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worlds",
        abstract:
            "Which ways of sharing, or of balancing, help where: AUC of each, on simulated worlds of known truth.",
        discussion: """
            A small task: both tasks read nearly the same function, the second has labels for one row of twenty (its AUC is shown; elsewhere \
            the mean of both tasks). Scenarios conflict: they read the same units, of which half change their sign from \
            scenario to scenario. Tasks conflict: each reads units of its own, more than a trunk has, and the second has a fourth of \
            the labels. Nothing shared: tasks read other features, scenarios other functions. Every method learns from the same rows \
            and is judged by 20,000 fresh ones. Bayes is the AUC of the true probabilities; behind each AUC stands the mean difference \
            from separate networks, seed by seed, and its standard error. With --balancing a shared bottom of 16 units, which is \
            too small for both tasks, is trained by every method that balances them; the difference is then from fixed weights that \
            were tuned: the second task's of 1/4, 1/2, 1, 2 and 4 whose model is best on the rows that training watches.
            """)

    @Option(help: "Rows to learn from.")
    var rows = 20_000

    @Option(help: "Seeds: of the world, rows, parameters and order.")
    var seeds = CommaList<UInt64>([1, 2, 3, 4, 5])

    @Option(help: "The most epochs.")
    var epochs = 40

    @Option(help: "Only methods whose name holds this, beside the first; with --write only such worlds.")
    var only = ""

    @Flag(help: "Methods that balance the tasks in the place of ways of sharing.")
    var balancing = false

    @Option(
        help:
            "A folder to write each world's rows to, with an experiment for mtl compare, of the first seed; nothing is trained then."
    )
    var write: String?

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
        var balancing = Balancing.fixed
        /// The second task's weights that are tried; the best one on the watched rows is kept.
        var weights = [1.0]
    }

    /// Separate networks of the same size, fixed weights, then what weighs tasks by their losses or gradients.
    private static var balancers: [Method] {
        let layers: [HiddenLayer] = [.relu(16)]
        let shared = SharedBottom(trunk: layers)
        // A dial needs a model that reads it.
        let kinds = Balancing.Kind.allCases.filter {
            ![.fixed, .cosmos].contains($0) && Balancing.usual($0).isServed
        }
        return [
            Method(name: "tuned weights", architecture: shared, weights: [0.25, 0.5, 1, 2, 4]),
            Method(name: "separate", architecture: SeparateNetworks(layers: layers)),
            Method(name: "equal weights", architecture: shared),
        ] + kinds.map { Method(name: $0.rawValue, architecture: shared, balancing: .usual($0)) }
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
            ("STEM", STEM(layers: layers)), ("HoME", HoME(layers: layers)), ("HiNet", HiNet(layers: layers)),
            ("M2M", M2M(layers: [.relu(32), .relu(16)])),
            ("DC2VR", DC2VR(parents: ["second": ["first"]], layers: layers)),
            ("AdaSparse", AdaSparse(layers: layers)),
        ]
        return all.map { Method(name: $0.0, architecture: $0.1) } + [
            Method(name: "PEPNet", architecture: PEPNet(personal: ["scenario"]), tower: layers),
            Method(
                name: "cross layers", architecture: SharedBottom(trunk: layers),
                features: [CrossLayers(count: 2, appends: true)]),
        ]
    }

    func run() throws {
        if let folder = write {
            for world in SharingSimulator.World.allCases
            where only.isEmpty || world.rawValue.contains(only) {
                try say(WorldFiles(world: world, folder: folder, rows: rows, seed: seeds.values[0]).write())
            }
            return
        }
        let methods = (balancing ? Self.balancers : Self.methods).enumerated().filter {
            $0 == 0 || only.isEmpty || $1.name.contains(only)
        }
        .map(\.1)
        var table = (["Bayes"] + methods.map(\.name)).map { [$0] }
        for world in SharingSimulator.World.allCases {
            var scores = methods.map { _ in [Double]() }
            var best: [Double] = []
            for seed in seeds.values {
                let simulator = SharingSimulator(world, seed: seed)
                let training = try simulator.log(rows: rows, stream: 1).dataset
                let watch = try simulator.log(rows: max(100, rows / 5), stream: 2)
                let test = try simulator.log(rows: 20_000, stream: 3, hidesLabels: false)
                best.append(
                    try score(world, test) { index in test.chances.map { $0[index] } })
                for (index, method) in methods.enumerated() {
                    let trainer = try chosen(method, world, training, watch, seed: seed)
                    scores[index].append(try score(world, test, of: trainer))
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
            ["method"] + SharingSimulator.World.allCases.flatMap { [$0.rawValue, "- \(methods[0].name)"] },
            table)
    }

    private func chosen(
        _ method: Method, _ world: SharingSimulator.World, _ training: Dataset<Float>, _ watch: ScenarioLog,
        seed: UInt64
    ) throws -> Trainer<Float> {
        var best: (score: Double, trainer: Trainer<Float>)?
        for weight in method.weights {
            let trainer = try fit(method, weight, training, watch.dataset, seed: seed)
            // Of one there is nothing to choose.
            guard method.weights.count > 1 else { return trainer }
            let score = try score(world, watch, of: trainer)
            if best == nil || score > best?.score ?? 0 { best = (score, trainer) }
        }
        guard let best else { throw ValidationError("no weight to try for \(method.name)") }
        return best.trainer
    }

    private func fit(
        _ method: Method, _ weight: Double, _ training: Dataset<Float>, _ watch: Dataset<Float>, seed: UInt64
    ) throws -> Trainer<Float> {
        let tasks = SharingSimulator.tasks.enumerated().map { index, task in
            LearningTask(task.name, kind: task.kind, weight: index == 1 ? weight : 1, tower: method.tower)
        }
        let model = try MultiTaskModel(
            inputs: SharingSimulator.featureCount, embedded: [.single("scenario")],
            tables: [EmbeddingTable("scenario", rows: SharingSimulator.scenarios, dimension: 8)],
            scenarios: SharingSimulator.scenarios, featureLayers: method.features,
            architecture: method.architecture, tasks: tasks)
        let trainer = try Trainer<Float>(
            model, optimizer: .adam(learningRate: 2e-3), batchSize: 256, averaging: 0.99,
            balancing: method.balancing, seed: seed,
            compute: compute.options)
        _ = try trainer.fit(training, validation: watch, until: StoppingRule(epochs: epochs, patience: 4))
        return trainer
    }

    private func score(
        _ world: SharingSimulator.World, _ log: ScenarioLog, of trainer: Trainer<Float>
    ) throws -> Double {
        let predictions = try trainer.predict(log.dataset)
        return try score(world, log) {
            try predictions.values(SharingSimulator.tasks[$0].name).map { Double($0) }
        }
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
