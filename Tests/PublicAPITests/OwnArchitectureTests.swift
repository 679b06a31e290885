import MTLEngine
import Testing

// This target has no `package` access: it compiles with what a user's package sees.

/// An architecture of a user's: a low-rank part per task beside a shared one, a gate over fixed and own maps, and tasks that
/// are kept close. It uses what built-in ones are made of.
private struct OwnArchitecture: Architecture {
    var units: Int
    var rank: Int

    func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try [HiddenLayer.relu(units)].check(at: "units", allowsNone: false)
        let names = graph.headOrder.map { graph.tasks[$0].name }
        let layer = HiddenLayer.dense(units, .tanh, normalization: .layer)
        let down = graph.fixedMap(graph.features, blocks: 1, units: rank, name: "maps")
        let own = graph.dense(
            down, units: units, activation: .identity, names: names.map { "own.\($0)" }, inputIsShared: true,
            initial: .zero)
        let shared = graph.dense(
            graph.features, units: units, activation: .identity, name: "shared",
            initial: .uniform(bound: 0.1))
        let sum = graph.reserve(own.width)
        for (target, part) in zip(sum.blocks(names.count), own.blocks(names.count)) {
            graph.accumulate(shared, into: target, isFirst: true)
            graph.accumulate(part, into: target, isFirst: false)
        }
        let hidden = graph.finished(sum, layer, names: names.map { "own.\($0)" })
        let networks = graph.networks(graph.features, [.relu(units)])
        graph.couple(
            [graph.tasks.map { "networks.\($0.name).0.weight" }], .mean, weight: 1e-2)
        let scale = graph.parameter(1, bound: 0.5, name: "scale")
        var inputs: [GraphValue] = []
        for (value, network) in zip(graph.inTaskOrder(hidden.blocks(names.count)), networks) {
            inputs.append(graph.add([graph.multiply(value, scale), network]))
        }
        let funnel = try graph.funnel(["purchase": "click"])
        try graph.checkLosses(funnel)
        var logits = graph.heads(inputs)
        for task in funnel.order {
            logits[task] = graph.logitProduct(logits[funnel.parent(task)], logits[task])
        }
        return logits
    }
}

@Suite struct OwnArchitectureTests {
    @Test func aUsersArchitectureTrains() throws {
        var generator = SeededGenerator(seed: 3)
        let (rows, width) = (256, 6)
        let features = (0..<rows * width).map { _ in Float(generator.normal()) }
        let clicks: [Float] = (0..<rows).map { features[$0 * width] > 0 ? 1 : 0 }
        let purchases: [Float] = (0..<rows).map { clicks[$0] * (features[$0 * width + 1] > 0 ? 1 : 0) }
        let data = try Dataset(
            featureNames: (0..<width).map { "x\($0)" }, features: features,
            labels: [("click", clicks), ("purchase", purchases)])
        let model = try MultiTaskModel(
            inputs: width, architecture: OwnArchitecture(units: 8, rank: 3),
            tasks: [.binary("click"), .binary("purchase")])
        let trainer = try Trainer<Float>(model, optimizer: .adam(learningRate: 1e-2), batchSize: 64)
        #expect(try trainer.parameter("own.click.weight").allSatisfy { $0 == 0 })
        #expect(try trainer.parameter("shared.weight").allSatisfy { abs($0) <= 0.1 && $0 != 0 })
        let map = try trainer.parameter("maps.weight")
        let before = try trainer.losses(data)
        try trainer.fit(data, until: StoppingRule(epochs: 20, patience: nil))
        let after = try trainer.losses(data)
        #expect(after[0] < before[0] / 2 && after[1] < before[1] / 2, "\(before) to \(after)")
        #expect(try trainer.parameter("maps.weight") == map)
        #expect(try trainer.parameter("own.click.weight").contains { $0 != 0 })
    }
}
