import MTLEngine
import MTLTestSupport

/// Models of three tasks whose gradients are weighed: where tasks part, and what they share, differs.
enum BalancedModels {
    static let layers: [HiddenLayer] = [.dense(7, .tanh), .relu(5)]
    static let all: [(name: String, architecture: any Architecture & Sendable, scenarios: Int)] = [
        ("shared", SharedBottom(trunk: layers), 1),
        ("levels", SharedBottom(trunk: layers, attached: ["a": 1]), 1),
        ("features", SharedBottom(trunk: []), 1),
        ("norms", SharedBottom(trunk: [.dense(7, .tanh, normalization: .batch), .relu(5)]), 1),
        ("mmoe", MMoE(experts: 3, layers: layers, gate: [.dense(4, .tanh)]), 1),
        (
            "ple",
            PLE(
                levels: [PLE.Level](
                    repeating: PLE.Level(own: 1, shared: 2, layers: [.dense(5, .tanh)]), count: 2)), 1
        ),
        ("esmm", ESMM(parents: ["c": "a"], trunk: layers), 1),
        ("resflow", ResFlow(parents: ["c": "a"], layers: layers), 1),
        ("stitch", CrossStitch(layers: [.dense(5, .tanh), .dense(5, .tanh)]), 1),
        ("clusters", AdaptDHM(layers: [.dense(7, .tanh)]), 1),
        ("star", STAR(layers: [.dense(7, .tanh)]), 3), ("pepnet", PEPNet(personal: ["user"]), 3),
    ]

    static func trainer<Scalar: BLASScalar>(
        _: Scalar.Type, _ number: Int, _ balancing: Balancing, optimizer: Optimizer = .adam(),
        batch: Int = 150, compute: ComputeOptions = ComputeOptions(),
        tasks: [LearningTask] = SmallProblem.tasks
    ) throws -> Trainer<Scalar> {
        let entry = all[number]
        let model = try MultiTaskModel(
            inputs: 6, embedded: SmallProblem.embedded, tables: SmallProblem.tables,
            scenarios: entry.scenarios, architecture: entry.architecture, tasks: tasks)
        return try Trainer(
            model, optimizer: optimizer, batchSize: batch, balancing: balancing, seed: 4, compute: compute)
    }

    static func rows<Scalar: BLASScalar>(
        _: Scalar.Type, _ number: Int, count: Int = 150
    ) throws -> Dataset<Scalar> {
        try SmallProblem.data(Scalar.self, rows: count, scenarios: all[number].scenarios, embedded: true)
    }

    static func gradients(_ trainer: Trainer<Double>) throws -> [String: [Double]] {
        var found: [String: [Double]] = [:]
        for segment in trainer.model.layout.segments where segment.isTrained {
            found[segment.name] = try trainer.gradient(segment.name)
        }
        return found
    }

    /// The tasks, of which only one weighs anything.
    static func alone(_ task: Int) -> [LearningTask] {
        SmallProblem.tasks.enumerated().map { index, own in
            LearningTask(
                own.name, kind: own.kind, weight: index == task ? own.weight : 0, tower: own.tower)
        }
    }

    /// Per task its own gradient of every segment, by a step of a model whose other tasks weigh nothing.
    static func gradientsAlone(_ number: Int, _ rows: Dataset<Double>) throws -> [[String: [Double]]] {
        try (0..<3).map { task in
            let trainer = try trainer(Double.self, number, .fixed, tasks: alone(task))
            try trainer.step(rows, rows: 0..<150)
            return try gradients(trainer)
        }
    }

    /// Whether several tasks reach a segment: tables, and layers that more than one task alone gives a gradient.
    static func isShared(_ name: String, _ alone: [[String: [Double]]]) -> Bool {
        if name.hasPrefix("embeddings.") { return true }
        // Each row of the last stitch is one task's.
        if name == "stitches.1.weight" { return false }
        return alone.count { $0[name]?.contains { $0 != 0 } == true } > 1
    }
}
