import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// Laws of the architectures that know scenarios.
@Suite struct ScenarioLawTests {
    static let all: [(name: String, architecture: any Architecture)] =
        ScenarioArchitectures.all + [("pepnet", ScenarioArchitectures.pepnet)]

    private func model(
        _ architecture: any Architecture, scenarios: Int = 4, tasks: [LearningTask] = SmallProblem.tasks
    ) throws -> MultiTaskModel {
        func make(_ architecture: some Architecture) throws -> MultiTaskModel {
            try MultiTaskModel(
                inputs: 6, embedded: SmallProblem.embedded, tables: SmallProblem.tables,
                scenarios: scenarios, architecture: architecture, tasks: tasks)
        }
        return try make(architecture)
    }

    private func data<Scalar: BLASScalar>(
        _: Scalar.Type, rows: Int, scenarios: ((Int) -> Int)? = nil, of some: [Int]? = nil,
        labelled: (Int, Int) -> Bool = { ($0 + $1) % 5 != 0 }
    ) throws -> Dataset<Scalar> {
        try SmallProblem.data(
            Scalar.self, rows: rows, scenarios: 4, embedded: true, scenario: scenarios, of: some,
            labelled: labelled)
    }

    /// Whether a parameter is of scenario s alone.
    private func isOwn(_ name: String, _ s: Int, _ architecture: String) -> Bool {
        let parts = name.split(separator: ".")
        return switch architecture {
        case "towers": parts[0] == "heads" && parts[3] == "\(s)"
        case "star":
            parts[0] == "norm" && parts[1] == "\(s)" || parts[0] == "star" && parts[2] == "\(s)"
                || name == "auxiliary.scenarios.\(s)" || parts[0] == "heads" && parts[3] == "\(s)"
        case "sarnet":
            parts[0] == "transform" && parts[1] == "\(s)"
                || name.hasPrefix("experts.own.") && parts[4] == "\(s)"
        case "m3oe":
            ["heads", "gates"].contains(parts[0]) && (parts[3] == "norm" ? parts[4] : parts[3]) == "\(s)"
        case "m3oe star":
            ["heads", "gates"].contains(parts[0]) && (parts[3] == "norm" ? parts[4] : parts[3]) == "\(s)"
                || parts[0] == "star" && parts[1] == "\(s)"
        case "apg": name == "condition.scenarios.\(s)"
        case "adaptdhm": false
        case "hinet": name == "transfer.scenarios.\(s)"
        case "m2m": name == "scenario.scenarios.\(s)"
        case "adasparse": name == "domain.scenarios.\(s)"
        case "hamur":
            parts[0] == "trunk" && (parts[2] == "norm" ? parts[3] : parts[2]) == "\(s)"
                || parts[0] == "heads" && parts[3] == "\(s)"
        default: name == "domain.scenarios.\(s)"
        }
    }

    /// Rows of other scenarios do not touch a scenario's own parameters, and its rows give them the same gradient
    /// whatever stands beside them.
    @Test(arguments: all.indices.filter { all[$0].name != "adaptdhm" })
    func scenariosOwnParametersSeeTheirRowsOnly(index: Int) throws {
        let (name, architecture) = Self.all[index]
        let model = try model(architecture)
        let trainer = try Trainer<Double>(model, batchSize: 200, seed: 3)
        let own = model.layout.segments.map(\.name).filter {
            isOwn($0, 2, name) && !$0.contains("running") && !$0.contains("tracked")
        }
        #expect(own.count >= 1)
        try trainer.step(data(Double.self, rows: 200), rows: 0..<200)
        for parameter in own {
            #expect(try trainer.gradient(parameter).contains { $0 != 0 }, "\(parameter)")
        }
        let before = try own.map { try trainer.parameter($0) }
        let others = try data(Double.self, rows: 200, scenarios: { [0, 1, 3][$0 % 3] })
        try trainer.step(others, rows: 0..<200)
        for (parameter, old) in zip(own, before) {
            #expect(try trainer.gradient(parameter).allSatisfy { $0 == 0 }, "\(parameter)")
            #expect(try trainer.parameter(parameter) == old, "\(parameter)")
        }
        // Labels of scenario 2 alone: no gradient in another's own parameters. (Labelled rows of every task.) Rows of all
        // scenarios go through the shared norms of HAMUR's adapters, which tie what is below them to each other.
        let labelled = try data(
            Double.self, rows: 200, labelled: { row, _ in SmallProblem.scenario(row, of: 4) == 2 })
        try trainer.step(labelled, rows: 0..<200)
        for parameter in own.map({ $0.replacing(".2", with: ".0") })
        where isOwn(parameter, 0, name) && model.layout.segments.contains(where: { $0.name == parameter })
            && !(name == "hamur" && parameter.hasPrefix("trunk."))
        {
            #expect(try trainer.gradient(parameter).allSatisfy { $0 == 0 }, "\(parameter)")
        }
    }

    /// With the kernels, as OpenBLAS sums in an order that depends on the number of rows.
    @Test(arguments: all.indices)
    func aRowsPredictionDoesNotDependOnItsNeighbours(index: Int) throws {
        let trainer = try Trainer<Float>(
            try model(Self.all[index].architecture), batchSize: 200,
            compute: ComputeOptions(threads: 2, backend: .kernels))
        let rows = 600
        let data = try data(Float.self, rows: rows)
        try trainer.fit(data, until: StoppingRule(epochs: 2, patience: nil))
        let all = try SmallProblem.tasks.map { try trainer.predict(data).values($0.name) }
        #expect(all.allSatisfy { $0.allSatisfy { $0.isFinite } && Set($0).count > 100 })
        for some in [[0], [3], [127], [128], [599], [599, 3, 7, 200], Array(100..<171)] {
            let alone = try self.data(Float.self, rows: rows, of: some)
            let answers = try trainer.predict(alone)
            for (task, values) in zip(SmallProblem.tasks, all) {
                #expect(try answers.values(task.name) == some.map { values[$0] }, "\(some), \(task.name)")
            }
        }
    }

    @Test(arguments: all.indices)
    func sameBitsForAnyThreads(index: Int) throws {
        try expectSameBits(
            model(Self.all[index].architecture), data(Float.self, rows: 1500), threads: 1...3,
            clipping: .norm(1), until: StoppingRule(epochs: 2, steps: 7, patience: nil))
    }

    @Test(arguments: all.indices)
    func permutingTasksPermutesOutputs(index: Int) throws {
        let tasks = SmallProblem.tasks
        let order = [2, 0, 1]
        let architecture = Self.all[index].architecture
        // Adam would make steps of what is but the rounding of a gradient, as of biases in front of a norm.
        let optimizer = Optimizer.sgd(learningRate: 0.01)
        let first = try Trainer<Double>(
            try model(architecture), optimizer: optimizer, batchSize: 100, seed: 3)
        let other = try Trainer<Double>(
            try model(architecture, tasks: order.map { tasks[$0] }), optimizer: optimizer, batchSize: 100,
            seed: 3)
        let data = try data(Double.self, rows: 300)
        for step in 0..<3 {
            let rows = step * 100..<(step + 1) * 100
            let (a, b) = (try first.step(data, rows: rows), try other.step(data, rows: rows))
            expectClose(order.map { a[$0] }, b, absolute: 1e-11, "losses")
        }
        for task in tasks {
            expectClose(
                try first.predict(data).values(task.name), try other.predict(data).values(task.name),
                absolute: 1e-9)
        }
    }

    // MARK: The same functions

    private func expectSame(_ a: Trainer<Double>, _ b: Trainer<Double>, _ data: Dataset<Double>) throws {
        let (first, second) = (try a.predict(data), try b.predict(data))
        for task in SmallProblem.tasks {
            expectClose(try first.values(task.name), try second.values(task.name), absolute: 1e-12, task.name)
        }
        let rows = 0..<100
        expectClose(try a.step(data, rows: rows), try b.step(data, rows: rows), absolute: 1e-12, "losses")
    }

    @Test func starWithOneScenarioIsSharedBottom() throws {
        let layers: [HiddenLayer] = [.dense(8, .tanh), .dense(5, .gelu)]
        let star = try Trainer<Double>(
            model(STAR(layers: layers, normalizes: false, scenarioWidth: 0), scenarios: 1), batchSize: 100)
        let shared = try Trainer<Double>(
            model(SharedBottom(trunk: layers), scenarios: 1), batchSize: 100, seed: 9)
        try shared.copyParameters(from: star) { name in
            let parts = name.split(separator: ".")
            switch parts[0] {
            case "trunk": return "star.\(parts[1]).shared.\(parts[2])"
            case "heads": return "heads.\(parts[1]).\(parts[2]).shared.\(parts[3])"
            default: return name
            }
        }
        let data = try data(Double.self, rows: 300, scenarios: { _ in 0 })
        try expectSame(star, shared, data)
        // The factor's gradient is the layer's, for own factors are 1.
        expectClose(
            try star.gradient("star.0.shared.weight"), try shared.gradient("trunk.0.weight"), absolute: 1e-12)
    }

    /// Rows go to the centre that they point to most, and only its cluster's weights have a gradient.
    @Test func clustersSeeTheirRowsOnly() throws {
        let model = try MultiTaskModel(
            inputs: 6, architecture: AdaptDHM(layers: [.dense(5, .tanh)], clusters: 3, momentum: 0.75),
            tasks: SmallProblem.tasks)
        let trainer = try Trainer<Double>(model, batchSize: 200, seed: 3)
        let data = try SmallProblem.data(Double.self, rows: 200)
        let begun = try trainer.parameter("routing.centres")
        for cluster in 0..<3 {
            let squares = begun[cluster * 6..<(cluster + 1) * 6].reduce(0) { $0 + $1 * $1 }
            #expect(abs(squares - 1) < 1e-12)
        }
        // Left of 0 in the first feature, right of it, and as the first, which ties go to.
        var centres = [Double](repeating: 0, count: 18)
        (centres[0], centres[6], centres[12]) = (-1, 1, -1)
        func step(_ data: Dataset<Double>, updates: Bool = true) throws -> (of: [Bool], moved: [Double]) {
            try trainer.setParameter("routing.centres", to: centres)
            if updates {
                try trainer.step(data, rows: 0..<200)
            } else {
                try trainer.stepWithoutUpdate(data, rows: 0..<200)
            }
            let trained = try (0..<3).map { try trainer.gradient("star.0.\($0).weight").contains { $0 != 0 } }
            return (trained, try trainer.parameter("routing.centres"))
        }
        let still = try step(data, updates: false)
        #expect(still.of == [true, true, false] && still.moved == centres)
        #expect(try trainer.gradient("star.0.shared.weight").contains { $0 != 0 })
        // Labels of rows left of 0 alone train the first cluster alone.
        let left = try SmallProblem.data(
            Double.self, rows: 200, labelled: { row, _ in data.features(row: row)[0] < 0 })
        #expect(try step(left, updates: false).of == [true, false, false])
        // Every centre moves three times, by all rows.
        let moved = try step(data).moved
        var expected = centres
        for _ in 0..<3 {
            var sums = [Double](repeating: 0, count: 18)
            for row in 0..<200 {
                let x = data.features(row: row)
                let scores = (0..<3).map { c in (0..<6).reduce(0) { $0 + x[$1] * expected[c * 6 + $1] } }
                let total = scores.reduce(0) { $0 + exp($1) }
                for c in 0..<3 { for k in 0..<6 { sums[c * 6 + k] += exp(scores[c]) / total * x[k] } }
            }
            for c in 0..<3 {
                let next = (0..<6).map { 0.75 * expected[c * 6 + $0] + 0.25 * sums[c * 6 + $0] }
                let length = next.reduce(0) { $0 + $1 * $1 }.squareRoot()
                for k in 0..<6 { expected[c * 6 + k] = next[k] / length }
            }
        }
        expectClose(moved, expected, absolute: 1e-12, "centres")
    }

    @Test func towersOfOneScenarioAreSharedBottom() throws {
        let towers = try Trainer<Double>(
            model(ScenarioTowers(trunk: [.dense(8, .tanh)]), scenarios: 1), batchSize: 100)
        let shared = try Trainer<Double>(
            model(SharedBottom(trunk: [.dense(8, .tanh)]), scenarios: 1), batchSize: 100, seed: 9)
        try shared.copyParameters(from: towers) { name in
            guard name.hasPrefix("heads.") else { return name }
            let parts = name.split(separator: ".")
            return "\(parts[0]).\(parts[1]).\(parts[2]).0.\(parts[3])"
        }
        try expectSame(towers, shared, try data(Double.self, rows: 300, scenarios: { _ in 0 }))
    }

    /// A gate of zero weights is γ/2.
    @Test func pepnetWithGatesOfOneIsUngated() throws {
        let gated = try Trainer<Double>(model(ScenarioArchitectures.pepnet), batchSize: 100)
        let shared = try Trainer<Double>(model(SharedBottom(trunk: [])), batchSize: 100, seed: 9)
        for segment in gated.model.layout.segments
        where segment.name.contains("pnet.") && segment.name.contains(".1.") && segment.name.contains("net") {
            let parts = segment.name.split(separator: ".")
            // The second layer of a gate: epnet.1.weight, ppnet.TASK.l.1.weight.
            guard parts[parts.count - 2] == "1" else { continue }
            try gated.setParameter(segment.name, to: [Double](repeating: 0, count: segment.count))
        }
        try shared.copyParameters(from: gated)
        let data = try data(Double.self, rows: 300)
        let (first, second) = (try gated.predict(data), try shared.predict(data))
        for task in SmallProblem.tasks {
            expectClose(try first.values(task.name), try second.values(task.name), absolute: 1e-12, task.name)
        }
    }

    // MARK: Tasks that exist in some scenarios

    private var partial: [LearningTask] {
        [SmallProblem.tasks[0], SmallProblem.tasks[1].only(inScenarios: [3, 1]), SmallProblem.tasks[2]]
    }

    private func exists(_ row: Int, _ task: Int) -> Bool {
        task != 1 || [1, 3].contains(SmallProblem.scenario(row, of: 4))
    }

    @Test func aTaskSaysNothingWhereItDoesNotExist() throws {
        let architectures: [any Architecture] = [
            SharedBottom(trunk: [.relu(7)]), ScenarioTowers(trunk: [.relu(7)]), STAR(layers: [.relu(7)]),
        ]
        for architecture in architectures {
            let model = try model(architecture, tasks: partial)
            let trainer = try Trainer<Float>(model, batchSize: 100)
            let data = try data(Float.self, rows: 400, labelled: exists)
            try trainer.fit(data, until: StoppingRule(epochs: 2, patience: nil))
            let answers = try trainer.predict(data)
            for (task, learned) in partial.enumerated() {
                for (row, value) in try answers.values(learned.name).enumerated() {
                    #expect(value.isNaN != exists(row, task))
                }
            }
            // A label where the task does not exist.
            #expect(throws: InputError.self) {
                try trainer.step(self.data(Float.self, rows: 100, labelled: { _, _ in true }), rows: 0..<100)
            }
        }
    }

    @Test func noTowersWhereATaskDoesNotExist() throws {
        let names = try model(ScenarioTowers(trunk: []), tasks: partial).layout.segments.map(\.name)
        #expect(names.contains("heads.b.0.1.weight") && names.contains("heads.b.0.3.weight"))
        #expect(!names.contains("heads.b.0.0.weight") && !names.contains("heads.b.0.2.weight"))
        #expect(names.contains("heads.a.1.0.weight"))
    }

    @Test func wrongOptionsAreRefused() throws {
        func refused(
            _ architecture: any Architecture, tasks: [LearningTask] = SmallProblem.tasks, at place: String,
            _ source: SourceLocation = #_sourceLocation
        ) {
            let error = failure(source) { _ = try model(architecture, tasks: tasks) }
            #expect(
                error?.description.contains(place) == true, "expected an error at \(place)",
                sourceLocation: source)
        }
        let layers: [HiddenLayer] = [.relu(4)]
        let hard = SharedBottom(trunk: layers)
        let a = LearningTask.binary("a")
        let b = LearningTask.binary("b")
        refused(hard, tasks: [a.only(inScenarios: []), b], at: "task \"a\", scenarios")
        refused(hard, tasks: [a.only(inScenarios: [4]), b], at: "task \"a\", scenarios")
        refused(hard, tasks: [a.only(inScenarios: [-1]), b], at: "task \"a\", scenarios")
        refused(hard, tasks: [a.only(inScenarios: [1, 1]), b], at: "task \"a\", scenarios")
        refused(
            hard, tasks: [a.only(inScenarios: [0, 1]), b.only(inScenarios: [1, 3])], at: "scenario 2")
        #expect(throws: InputError.self) {
            try MultiTaskModel(inputs: 3, trunk: layers, tasks: [a.only(inScenarios: [1]), b])
        }
        refused(ScenarioTowers(trunk: [.relu(0)]), at: "trunk")
        refused(STAR(layers: []), at: "layers")
        refused(STAR(layers: layers, scenarioWidth: -1), at: "scenario width")
        refused(STAR(layers: layers, auxiliary: [.relu(0)]), at: "auxiliary")
        refused(PEPNet(personal: []), at: "personal")
        refused(PEPNet(personal: ["nobody"]), at: "personal")
        refused(PEPNet(personal: ["user", "user"]), at: "personal")
        refused(PEPNet(domain: ["nobody"], personal: ["user"]), at: "domain")
        refused(PEPNet(personal: ["user"], scenarioWidth: 0), at: "domain")
        refused(PEPNet(personal: ["user"], gateWidth: -1), at: "gate width")
        refused(PEPNet(personal: ["user"], gamma: 0), at: "gamma")
        refused(SARNet(shared: 0, own: 0, layers: layers), at: "experts")
        refused(SARNet(shared: -1, own: 2, layers: layers), at: "shared experts")
        refused(SARNet(layers: []), at: "experts")
        refused(M3oE(starWidth: -1, layers: layers), at: "star width")
        refused(M3oE(shared: 0, layers: layers), at: "shared experts")
        refused(APG(layers: layers, rank: 0), at: "rank")
        refused(APG(layers: layers, condition: .groupWise, scenarioWidth: -1), at: "scenario width")
        refused(APG(layers: layers, condition: .mixWise, scenarioWidth: 0), at: "fields")
        refused(APG(layers: layers, condition: .mixWise, fields: ["nobody"]), at: "fields")
        refused(APG(layers: layers, fields: ["user"]), at: "fields")
        refused(AdaSparse(layers: []), at: "layers")
        refused(AdaSparse(layers: layers, scenarioWidth: 0), at: "fields")
        refused(AdaSparse(layers: layers, scale: 0), at: "scale")
        refused(AdaSparse(layers: layers, scale: .infinity), at: "scale")
        refused(AdaSparse(layers: layers, scale: 1, threshold: 1), at: "threshold")
        refused(AdaSparse(layers: layers, threshold: -.ulpOfOne), at: "threshold")
        refused(AdaSparse(layers: layers, sharpness: 0), at: "sharpness")
        refused(AdaSparse(layers: layers, sharpness: 2, limit: 1), at: "limit")
        refused(AdaSparse(layers: layers, limit: .nan), at: "limit")
        refused(AdaSparse(layers: layers, steps: 0), at: "steps")
        refused(HiNet(shared: 0, layers: layers), at: "shared experts")
        refused(HiNet(own: 0, layers: layers), at: "own experts")
        refused(HiNet(own: 300, layers: layers), at: "own experts of all scenarios")
        refused(HiNet(layers: []), at: "experts")
        refused(HiNet(layers: layers, scenarioWidth: 0), at: "scenario width")
        refused(HiNet(layers: layers, tasks: PLE.Level(layers: [])), at: "tasks' experts")
        refused(HiNet(layers: layers, tasks: PLE.Level(own: -1, layers: layers)), at: "tasks' own experts")
        refused(
            HiNet(layers: layers), tasks: [a, .binary("shared")], at: "task \"shared\"")
        refused(M2M(experts: 0, layers: layers), at: "experts")
        refused(M2M(layers: []), at: "experts")
        refused(M2M(layers: [.dense(4, .relu, normalization: .layer)]), at: "experts, layer 0")
        refused(M2M(layers: layers, taskWidth: 0), at: "task width")
        refused(M2M(layers: layers, fields: ["nobody"]), at: "fields")
        refused(M2M(layers: layers, scenarioWidth: 0), at: "fields")
        refused(M2M(layers: layers, scenario: [.relu(0)]), at: "generator")
        refused(M2M(layers: layers, unitDepth: 0), at: "unit depth")
        refused(M2M(layers: layers, towerDepth: -1), at: "tower depth")
        refused(M2M(layers: [.relu(5000)]), at: "units of the last layer and task width")
        refused(AdaptDHM(layers: []), at: "layers")
        refused(AdaptDHM(layers: layers, clusters: 0), at: "clusters")
        refused(AdaptDHM(layers: layers, momentum: 1), at: "momentum")
        refused(HAMUR(trunk: []), at: "trunk")
        refused(HAMUR(trunk: layers, rank: 0), at: "rank")
        refused(HAMUR(trunk: layers, adapterWidth: 0), at: "adapter width")
        refused(HAMUR(trunk: layers, adapters: 0), at: "adapters")
        refused(HAMUR(trunk: layers, adapters: 2), at: "adapters")
    }
}
