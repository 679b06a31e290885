// Counts the allocations of 100 training steps after the first; prints a line per case: its name and the count.
// With --add-one every step makes one allocation more, so that whoever reads the counts can see that they count.
import MTLEngine
import MallocCounter

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

let addsOne = CommandLine.arguments.contains("--add-one")

let tower: [HiddenLayer] = [.dense(16, .gelu)]
let tasks: [LearningTask] = [
    .binary("click"), .binary("purchase", tower: tower),
    .regression("spend", huberDelta: 1, tower: tower),
    .multiclass("tag", classes: 4),
]

/// Nodes of every kind.
struct Everything: Architecture {
    func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        let normed = graph.batchNorm(graph.features, isPartitioned: true, name: "partitioned")
        let star = graph.scenarioDense(
            normed, units: 24, activation: .relu, sharesFactor: true, name: "star")
        let own = graph.scenarioDense(star, units: 16, activation: .gelu, name: "own")
        let dropped = graph.dropout(graph.batchNorm(own, name: "norm"), rate: 0.2)
        let experts = graph.stack(dropped, [.relu(12)], names: ["e.0", "e.1", "e.2"])
        let gates = graph.gates(dropped, [], experts: 3, names: graph.tasks.map { "gates.\($0.name)" })
        let mixed = graph.mixture(experts: experts, width: 12, gates: gates)
        let stitched = graph.crossStitch(mixed, blocks: 4, name: "stitch")
        let steady = graph.layerNorm(stitched, names: graph.tasks.map { "ln.\($0.name)" })
        graph.penalize(.squared("star.shared.weight", weight: 1e-3))
        return graph.heads(graph.affine(steady, perScenario: true, name: "affine").blocks(4))
    }
}

func probe(
    _ model: MultiTaskModel, schedule: Schedule, optimizer: Optimizer, compute: ComputeOptions, gathered: Bool
) throws -> Int {
    var generator = SeededGenerator(seed: 3)
    let rows = 512
    let dataset = try Dataset<Float>(
        featureNames: (0..<20).map { "x\($0)" },
        features: (0..<rows * 20).map { _ in Float(generator.uniform()) },
        labels: model.tasks.map { task in
            (task.name, (0..<rows).map { row in row % 7 == 3 && gathered ? .nan : Float(row % 2) })
        }, scenarios: (0..<Int32(rows)).map { $0 % 3 })
    let trainer = try Trainer<Float>(
        model, optimizer: optimizer, schedule: schedule, batchSize: 128, compute: compute)
    let source = try BatchSource(dataset, for: model)
    let order = (0..<Int32(rows)).reversed().map { $0 }
    return order.withUnsafeBufferPointer { indices in
        func step(_ number: Int) {
            trainer.step(
                source.batch(gathered ? indices.baseAddress : nil, start: number % 4 * 128, rows: 128))
        }
        step(0)
        malloc_counter_start()
        for number in 1...100 {
            step(number)
            if addsOne { malloc_counter_allocate() }
        }
        return malloc_counter_stop()
    }
}

guard malloc_counter_works() != 0 else {
    print("nothing is counted on this platform")
    exit(0)
}
let models: [(String, MultiTaskModel)] = [
    ("shared", try MultiTaskModel(inputs: 20, trunk: [.relu(64), .dense(32, .tanh)], tasks: tasks)),
    (
        "mmoe",
        try MultiTaskModel(inputs: 20, architecture: MMoE(experts: 4, layers: [.relu(32)]), tasks: tasks)
    ),
    // Updates after every step.
    (
        "covariance",
        try MultiTaskModel(
            inputs: 20,
            architecture: SoftSharing(layers: [.dense(12, .tanh)], distance: .covariance, updateEvery: 1),
            tasks: tasks)
    ),
    (
        "trace",
        try MultiTaskModel(
            inputs: 20, architecture: TraceNormSharing(layers: [.dense(12, .tanh)], updateEvery: 1),
            tasks: tasks)
    ),
    (
        "structure",
        try MultiTaskModel(
            inputs: 20, architecture: AlternatingStructure(layers: [.dense(12, .tanh)], updateEvery: 1),
            tasks: tasks)
    ),
    (
        "routing",
        try MultiTaskModel(
            inputs: 20, architecture: SNR(levels: [SNR.Level(networks: 3, layers: [.dense(12, .tanh)])]),
            tasks: tasks)
    ),
    (
        "selection",
        try MultiTaskModel(
            inputs: 20, architecture: DSelectK(experts: 5, layers: [.dense(12, .tanh)], perExample: true),
            tasks: tasks)
    ),
    ("graph", try MultiTaskModel(inputs: 20, scenarios: 3, architecture: Everything(), tasks: tasks)),
]
for (modelName, model) in models {
    for (name, schedule) in [("joint", Schedule.joint), ("alternating", .alternating(.batch))] {
        for (optimizerName, optimizer) in [("adam", Optimizer.adam()), ("sgd", .sgd(momentum: 0.9))] {
            for threads in [1, 2] {
                for backend in [MatrixBackend.kernels, .openBLAS] {
                    for gathered in [false, true] {
                        let count = try probe(
                            model, schedule: schedule, optimizer: optimizer,
                            compute: ComputeOptions(threads: threads, backend: backend), gathered: gathered)
                        print(
                            "\(modelName),\(name),\(optimizerName),threads=\(threads),\(backend),gathered=\(gathered)",
                            count)
                    }
                }
            }
        }
    }
}
