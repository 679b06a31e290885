// Counts the allocations of training steps after the first. Prints a line per case: its name, the allocations, and those
// that a BLAS library made inside itself and that do not count.
// With --add-one every step makes one allocation more, so that whoever reads the counts can see that they count; then one case
// of each model will do.
import MTLEngine
import MallocCounter

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

let addsOne = CommandLine.arguments.contains("--add-one")
let steps = 16
let batch = 128

func dataset(for model: MultiTaskModel, rows: Int, isGathered: Bool) throws -> Dataset<Float> {
    var generator = SeededGenerator(seed: 3)
    var columns: [IDColumn<Float>] = []
    for feature in model.embedded {
        let count = model.tables.first { $0.name == feature.table }?.rows ?? 1
        if feature.pooling == .single {
            columns.append(
                try IDColumn(feature.name, ids: (0..<rows).map { _ in Int32(generator.below(count)) }))
        } else {
            let bags = (0..<rows).map { row in
                (0..<row % (feature.maximumCount + 1)).map { _ in Int32(generator.below(count)) }
            }
            let weights = bags.map { $0.map { 0.5 + Float($0 % 3) } }
            columns.append(
                try IDColumn(feature.name, bags: bags, weights: feature.pooling == .sum ? weights : nil))
        }
    }
    return try Dataset(
        featureNames: (0..<model.inputs).map { "x\($0)" },
        features: (0..<rows * model.inputs).map { _ in Float(generator.uniform()) }, ids: columns,
        labels: model.tasks.map { task in
            (task.name, (0..<rows).map { row in row % 7 == 3 && isGathered ? .nan : Float(row % 2) })
        }, scenarios: (0..<Int32(rows)).map { $0 % 3 }, groups: (0..<Int32(rows)).map { $0 / 5 })
}

struct Rules {
    var name: String
    var optimizer: Optimizer
    var tableOptimizer: Optimizer?
    var averaging: Double?
}

func probe(
    _ model: MultiTaskModel, schedule: Schedule, rules: Rules, balancing: Balancing = .fixed,
    compute: ComputeOptions, gathered: Bool
) throws -> (own: Int, ofBLAS: Int) {
    let rows = 4 * batch
    let trainer = try Trainer<Float>(
        model, optimizer: rules.optimizer, tableOptimizer: rules.tableOptimizer, schedule: schedule,
        layerRates: schedule == .joint || schedule == .alternating(.batch)
            ? LayerRates() : LayerRates(["heads.*": 0.5]), batchSize: batch, averaging: rules.averaging,
        balancing: balancing, compute: compute)
    let sequence = try TurnSequence(
        trainer.schedulePlan, seed: 0, labelledRows: model.tasks.map { _ in rows }, epochs: 1 + steps / 4)
    let source = try BatchSource(dataset(for: model, rows: rows, isGathered: gathered), for: model)
    let order = (0..<Int32(rows)).reversed().map { $0 }
    return order.withUnsafeBufferPointer { indices in
        func step(_ number: Int) {
            trainer.trainingStep.rateFactor = 1 / Double(1 + number)
            let rows = source.batch(
                gathered ? indices.baseAddress : nil, start: number % 4 * batch, rows: batch)
            sequence.forEachTurn(epoch: 1 + number / 4, batch: number % 4, step: number) {
                trainer.trainingStep.step(rows, turn: $0)
            }
        }
        step(0)
        // Half of them with a task that has stopped.
        if gathered, model.tasks.count > 1 {
            trainer.trainingStep.stop([0])
            sequence.rest([0])
        }
        malloc_counter_start()
        for number in 1...steps {
            step(number)
            if addsOne { malloc_counter_allocate() }
        }
        let own = malloc_counter_stop()
        return (own, malloc_counter_of_blas())
    }
}

guard malloc_counter_works() != 0 else {
    print("nothing is counted here")
    exit(0)
}
for (modelName, model) in try models() {
    // No momentum with tables.
    let hasTables = !model.tables.isEmpty
    let second =
        hasTables
        ? Rules(name: "adagrad", optimizer: .adagrad()) : Rules(name: "sgd", optimizer: .sgd(momentum: 0.9))
    let own = Rules(
        name: "averaged", optimizer: .adam(),
        tableOptimizer: hasTables ? .rowAdagrad().withRowDecay(1e-3) : nil, averaging: 0.99)
    var schedules = [("joint", Schedule.joint), ("alternating", .alternating(.batch))]
    // What a turn trains is no matter of the architecture: some models will do.
    if ["shared", "graph", "embedded-shared"].contains(modelName) {
        schedules += [
            ("blocks", .alternating(.batch, order: .shuffled, trains: .blocks)),
            ("proportional", .alternating(.steps(1), order: .proportional(exponent: 1, annealedTo: 0))),
            (
                "hierarchical",
                .hierarchical(
                    Hierarchy(
                        levels: [["click"], model.tasks.map(\.name).filter { $0 != "click" }],
                        turns: .steps(2),
                        regularization: 0.1, unfreezeEvery: 2, rates: [1, 0.5]))
            ),
        ]
    }
    for (name, schedule) in schedules {
        for rules in [Rules(name: "adam", optimizer: .adam()), second, own] {
            for threads in [1, 2] {
                for backend in [MatrixBackend.kernels, .openBLAS] {
                    for gathered in [false, true] {
                        if addsOne,
                            name != "joint" || rules.name != "adam" || threads > 1 || gathered
                                || backend == .openBLAS
                        {
                            continue
                        }
                        let count = try probe(
                            model, schedule: schedule, rules: rules,
                            compute: ComputeOptions(threads: threads, backend: backend), gathered: gathered)
                        print(
                            "\(modelName),\(name),\(rules.name),threads=\(threads),\(backend),gathered=\(gathered)",
                            count.own, count.ofBLAS)
                    }
                }
            }
        }
    }
}

// Methods of every kind: known before the batch, by its losses, by those after the step, by gradients; with what names tasks.
let methods: [Balancing] = [
    .decay(tasks: ["click": 0.9]), .uncertainty(), .gls, .famo(), .pcGrad, .caGrad().smoothed(), .upGrad,
    .metaBalance(main: "purchase"), .gradNorm(), .excessMTL(), .priorities(tasks: ["click": 0.1]),
    .autoScale(window: 3), .mgda().withGradients(of: .parameters),
]
for (modelName, model) in try models() where ["mmoe", "graph"].contains(modelName) {
    for balancing in methods where modelName == "mmoe" || !balancing.needs.areOfGradients {
        for threads in [1, 2] {
            for gathered in [false, true] {
                let count = try probe(
                    model, schedule: .joint, rules: Rules(name: "adam", optimizer: .adam()),
                    balancing: balancing, compute: ComputeOptions(threads: threads), gathered: gathered)
                print(
                    "\(modelName),\(balancing.kind.rawValue),threads=\(threads),gathered=\(gathered)",
                    count.own,
                    count.ofBLAS)
            }
        }
    }
    guard modelName == "mmoe" else { continue }
    // While tasks take turns, or blocks of parameters.
    for (balancing, schedule) in [
        (Balancing.uncertainty(), Schedule.alternating(.batch)), (.rlw, .alternating(.batch)),
        (.caGrad().fixed(after: 1), .alternating(.batch, trains: .blocks)),
        (.upGrad.withGradients(of: .layers), .alternating(.batch, trains: .blocks)),
        (.excessMTL(), .alternating(.batch, trains: .blocks)),
    ] {
        for gathered in [false, true] {
            let count = try probe(
                model, schedule: schedule, rules: Rules(name: "adam", optimizer: .adam()),
                balancing: balancing, compute: ComputeOptions(threads: 2), gathered: gathered)
            print(
                "\(modelName),\(balancing.kind.rawValue)-in-turns,gathered=\(gathered)", count.own,
                count.ofBLAS)
        }
    }
}
// Gradients of the parameters themselves, of layers and tables.
for (modelName, model) in try models() where modelName == "embedded-shared" {
    for gathered in [false, true] {
        let count = try probe(
            model, schedule: .joint, rules: Rules(name: "adam", optimizer: .adam()),
            balancing: .upGrad.withGradients(of: .parameters), compute: ComputeOptions(threads: 2),
            gathered: gathered)
        print("\(modelName),upgrad-of-parameters,gathered=\(gathered)", count.own, count.ofBLAS)
    }
}
// A preference for every step, of a model that reads it.
let dial = try MultiTaskModel(
    inputs: 20, architecture: SharedBottom(trunk: [.relu(16)]),
    tasks: [.binary("click"), .binary("purchase")],
    preference: [:])
for gathered in [false, true] {
    let count = try probe(
        dial, schedule: .joint, rules: Rules(name: "adam", optimizer: .adam()),
        balancing: .cosmos(alpha: 0.5),
        compute: ComputeOptions(threads: 2), gathered: gathered)
    print("dial,cosmos,gathered=\(gathered)", count.own, count.ofBLAS)
}
