import MTLEngine
import MTLTestSupport
import Testing

/// What schedules mean: who is trained when, and what is refused.
@Suite struct ScheduleTests {
    private static let trunk: [HiddenLayer] = [.dense(7, .tanh), .dense(5, .gelu)]

    private func model(
        _ architecture: some Architecture = SharedBottom(trunk: trunk),
        tasks: [LearningTask] = SmallProblem.tasks,
        embedded: Bool = true
    ) throws -> MultiTaskModel {
        try MultiTaskModel(
            inputs: 6, embedded: embedded ? SmallProblem.embedded : [],
            tables: embedded ? SmallProblem.tables : [], architecture: architecture, tasks: tasks)
    }

    /// The parameters that a turn changes, by name.
    private func changed(
        _ schedule: Schedule, turn: Int, rates: LayerRates = LayerRates(),
        optimizer: Optimizer = .adamW(learningRate: 0.1, weightDecay: 0.1), threads: Int = 2
    ) throws -> Set<String> {
        let trainer = try Trainer<Double>(
            model(), optimizer: optimizer, schedule: schedule, layerRates: rates, batchSize: 60,
            compute: ComputeOptions(threads: threads))
        let before = trainer.parameters
        let data = try SmallProblem.data(Double.self, rows: 60, embedded: true)
        let source = try BatchSource(data, for: trainer.model)
        trainer.trainingStep.step(source.batch(start: 0, rows: 60), turn: turn)
        let after = trainer.parameters
        return Set(
            trainer.model.layout.segments.filter { segment in
                (segment.offset..<segment.offset + segment.count).contains { before[$0] != after[$0] }
            }.map(\.name))
    }

    private func names(_ isIn: (String) -> Bool) throws -> Set<String> {
        Set(try model().layout.segments.map(\.name).filter(isIn))
    }

    // MARK: What a turn trains

    @Test func headsAlone() throws {
        let own = try names { $0.hasPrefix("heads.b.") }
        #expect(try changed(.alternating(.batch, trains: .heads), turn: 1) == own)
    }

    @Test func blocksAreTheSharedLayersAndTheHeads() throws {
        let schedule = Schedule.alternating(.batch, trains: .blocks)
        #expect(try changed(schedule, turn: 0) == names { !$0.hasPrefix("heads.") })
        #expect(try changed(schedule, turn: 1) == names { $0.hasPrefix("heads.") })
    }

    @Test func whatThaws() throws {
        let schedule = Schedule.hierarchical(Hierarchy(levels: [["b"], ["c", "a"]], unfreezeEvery: 1))
        // Per level: the heads, the upper layer too, the lower one, the tables.
        let stages: [[String]] = [[], ["trunk.1."], ["trunk.0."], ["embeddings."]]
        for (level, heads) in [["heads.b."], ["heads.a.", "heads.c."]].enumerated() {
            var prefixes = heads
            for (stage, more) in stages.enumerated() {
                prefixes += more
                let expected = try names { name in prefixes.contains { name.hasPrefix($0) } }
                #expect(try changed(schedule, turn: 4 * level + stage) == expected, "\(level), \(stage)")
            }
        }
    }

    @Test func aRateOfZeroFreezes() throws {
        let rates = LayerRates(["trunk.0.weight": 0, "heads.*.bias": 0, "embeddings.item.*": 0])
        let rest = try names {
            $0 != "trunk.0.weight" && !($0.hasPrefix("heads.") && $0.hasSuffix("bias"))
                && $0 != "embeddings.item.weight"
        }
        for schedule in [Schedule.joint, .alternating(.steps(2), trains: .blocks)] {
            let turns = schedule == .joint ? 1 : 2
            let all = try (0..<turns).map { try changed(schedule, turn: $0, rates: rates) }
            #expect(all.reduce([]) { $0.union($1) } == rest, "\(schedule)")
        }
    }

    /// Every segment alone, frozen, of every architecture: the others are stepped as they were.
    @Test func anySegmentCanBeFrozen() throws {
        let model = try MultiTaskModel(
            inputs: 6, embedded: SmallProblem.embedded, tables: SmallProblem.tables, scenarios: 3,
            architecture: Everything(), tasks: SmallProblem.tasks)
        let data = try SmallProblem.data(Double.self, rows: 60, scenarios: 3, embedded: true)
        func step(_ rates: LayerRates) throws -> [Double] {
            let trainer = try Trainer<Double>(
                model, optimizer: .sgd(learningRate: 0.1), layerRates: rates, batchSize: 60)
            try trainer.step(data, rows: 0..<60)
            return trainer.parameters
        }
        let (start, all) = (try Trainer<Double>(model, batchSize: 60).parameters, try step(LayerRates()))
        for segment in model.layout.segments where segment.isTrained {
            let some = try step(LayerRates([segment.name: 0]))
            let own = segment.offset..<segment.offset + segment.count
            #expect(own.allSatisfy { some[$0] == start[$0] }, "\(segment.name)")
            let others = all.indices.filter { !own.contains($0) }
            expectClose(
                others.map { some[$0] }, others.map { all[$0] }, absolute: 1e-12, "without \(segment.name)")
        }
    }

    @Test func gradientsDoNotDescendIntoWhatIsFrozen() throws {
        let model = try model()
        let plan = try SchedulePlan(.alternating(.batch, trains: .heads), model: model)
        let program = Program(model.plan, tasks: model.tasks, turn: plan.turns[0])
        #expect(!program.reachesFeatures)
        // The tower and the logits; the trunk has no backward pass.
        #expect(program.backward.joined().count == 2)
        #expect(program.parameters.allSatisfy { $0.start >= model.layout.sharedCount })
        let tables = try SchedulePlan(.joint, rates: LayerRates(["embeddings.*": 0]), model: model)
        #expect(!Program(model.plan, tasks: model.tasks, turn: tables.turns[0]).reachesFeatures)
    }

    @Test func sgdStepsFollowTheRates() throws {
        let model = try model()
        let data = try SmallProblem.data(Double.self, rows: 60, embedded: true)
        func moves(_ rates: LayerRates) throws -> [Double] {
            let trainer = try Trainer<Double>(
                model, optimizer: .sgd(learningRate: 0.1), layerRates: rates, batchSize: 60)
            let before = trainer.parameters
            try trainer.step(data, rows: 0..<60)
            return zip(trainer.parameters, before).map { $0 - $1 }
        }
        let factors = ["trunk.0.*": 0.5, "heads.a.*": 2, "embeddings.user.*": 0.25]
        let (plain, rated) = (try moves(LayerRates()), try moves(LayerRates(factors)))
        for segment in model.layout.segments {
            let factor = factors.first { LayerRates.matches(segment.name, $0.key) }?.value ?? 1
            let own = segment.offset..<segment.offset + segment.count
            expectClose(
                own.map { rated[$0] }, own.map { factor * plain[$0] }, relative: 1e-9, absolute: 1e-15,
                segment.name)
        }
    }

    // MARK: Anchors

    /// δ‖θ - θ′‖² and its gradient, away from θ′; tables too, of the rows that the batch touches.
    @Test(arguments: [1, 3]) func anchorsMatchCentralDifferences(threads: Int) throws {
        let model = try model()
        let trainer = try Trainer<Double>(
            model,
            schedule: .hierarchical(Hierarchy(levels: [["b"], ["a", "c"]], regularization: 0.7)),
            batchSize: 60, compute: ComputeOptions(threads: threads))
        let data = try SmallProblem.data(Double.self, rows: 60, embedded: true)
        let source = try BatchSource(data, for: model)
        let step = trainer.trainingStep
        func loss() -> Double {
            step.step(source.batch(start: 0, rows: 60), turn: 1, updates: false)
            return step.penalties + 0.7 * step.losses[0] + 0.4 * step.losses[2]
        }
        let start = trainer.parameters
        _ = loss()
        #expect(step.penalties == 0 && step.counters.latestGroup == 1)
        #expect(Array(step.anchor.buffer) == start)
        var generator = SeededGenerator(seed: 8)
        let point = start.map { $0 + 0.1 * generator.normal() }
        trainer.parameters = point
        _ = loss()
        #expect(step.penalties > 0)
        #expect(Array(step.anchor.buffer) == start)
        var analytic = [Double](repeating: 0, count: point.count)
        for segment in model.layout.segments {
            try analytic.withUnsafeMutableBufferPointer { buffer in
                let base = try #require(buffer.baseAddress)
                try model.layout.write(step.gradient(segment), to: segment, of: base)
            }
        }
        // Every row of the tables is in the batch.
        let error = GradientCheck.relativeError(of: analytic, at: point) { parameters in
            trainer.parameters = parameters
            return loss()
        }
        #expect(error < GradientCheck.tolerance)
        // A turn of the lower level begins, and then one of this: θ′ is what it finds.
        trainer.parameters = point
        step.step(source.batch(start: 0, rows: 60), turn: 0, updates: false)
        _ = loss()
        #expect(step.penalties == 0)
    }

    /// A step that takes up where another left off goes on as it would have.
    @Test func aTurnIsTakenUpInItsMiddle() throws {
        func trainer() throws -> Trainer<Double> {
            try Trainer(
                model(), optimizer: .sgd(learningRate: 0.1),
                schedule: .hierarchical(
                    Hierarchy(levels: [["b"], ["a", "c"]], regularization: 3, unfreezeEvery: 1)),
                batchSize: 20)
        }
        let source = try BatchSource(
            SmallProblem.data(Double.self, rows: 120, embedded: true), for: model())
        let (whole, first, second) = (try trainer(), try trainer(), try trainer())
        func train(_ trainer: Trainer<Double>, _ steps: Range<Int>) {
            for step in steps {
                // Two steps of the lower level, four of the upper one, thawed.
                trainer.trainingStep.step(
                    source.batch(start: step * 20, rows: 20), turn: step < 2 ? 3 : 6)
            }
        }
        train(whole, 0..<6)
        train(first, 0..<4)
        let memories = [("parameters", first.store.parameters.buffer)] + first.trainingStep.memories
        second.restore(first.trainingStep.counters, nil) { name, target in
            for memory in memories where memory.0 == name { _ = target.update(fromContentsOf: memory.1) }
        }
        train(second, 4..<6)
        #expect(second.parameters == whole.parameters)
        #expect(second.trainingStep.counters == whole.trainingStep.counters)
        #expect(second.trainingStep.penalties > 0)
    }

    @Test func anAnchorCountsForTheNormOfTheGradient() throws {
        func moved(_ clipping: GradientClipping) throws -> [Double] {
            let trainer = try Trainer<Double>(
                model(embedded: false), optimizer: .sgd(learningRate: 1),
                schedule: .hierarchical(Hierarchy(levels: [["b"], ["a", "c"]], regularization: 50)),
                batchSize: 60, clipping: clipping)
            let source = try BatchSource(SmallProblem.data(Double.self, rows: 60), for: trainer.model)
            let batch = source.batch(start: 0, rows: 60)
            trainer.trainingStep.step(batch, turn: 1, updates: false)
            let start = trainer.parameters.map { $0 + 0.3 }
            trainer.parameters = start
            trainer.trainingStep.step(batch, turn: 1)
            return zip(trainer.parameters, start).map { $0 - $1 }
        }
        let (free, clipped) = (try moved(.none), try moved(.norm(0.5)))
        let length = distance(free, free.map { _ in 0 })
        #expect(length > 10)
        expectClose(clipped, free.map { $0 * 0.5 / length }, relative: 1e-6, absolute: 1e-9)
    }

    // MARK: Memory

    /// What is trained in no turn of a group is not remembered for it.
    @Test func optimizersRememberWhatTheyTrain() throws {
        func sets(_ schedule: Schedule, _ rates: LayerRates = LayerRates()) throws -> Int {
            try SchedulePlan(schedule, rates: rates, model: model()).stateSets
        }
        #expect(try sets(.joint) == 1)
        #expect(try sets(.alternating(.batch)) == 3)
        #expect(try sets(.alternating(.batch, trains: .heads)) == 1)
        #expect(try sets(.alternating(.batch, trains: .blocks)) == 1)
        #expect(try sets(.alternating(.epoch), LayerRates(["trunk.0.*": 0.5])) == 3)
        let levels = [["b"], ["a", "c"]]
        #expect(try sets(.hierarchical(Hierarchy(levels: levels, unfreezeEvery: 1))) == 2)
    }

    // MARK: Refusals

    private func refusal(
        _ schedule: Schedule, rates: LayerRates = LayerRates(), tasks: [LearningTask] = SmallProblem.tasks,
        _ architecture: some Architecture = SharedBottom(trunk: trunk)
    ) -> String {
        failure {
            _ = try SchedulePlan(
                schedule, rates: rates, model: model(architecture, tasks: tasks, embedded: false))
        }?.description ?? "no error"
    }

    @Test func whatMakesNoSenseIsRefused() throws {
        let one = [SmallProblem.tasks[0]]
        #expect(
            refusal(.alternating(.batch), tasks: one)
                == "schedule, alternating: found 1 task, expected at least 2 that take turns")
        #expect(refusal(.alternating(.steps(0))).hasPrefix("schedule, steps per turn: found 0"))
        #expect(
            refusal(.hierarchical(Hierarchy(levels: [["a"], ["b", "c"]], turns: .steps(-1))))
                .hasPrefix("schedule, steps per turn: found -1"))
        #expect(
            refusal(.alternating(.epoch, order: .proportional(exponent: 1.5)))
                .hasPrefix("schedule, order, exponent: found 1.5, expected 0 to 1"))
        #expect(
            refusal(.alternating(.epoch, order: .proportional(exponent: 1, annealedTo: -0.1)))
                .hasPrefix("schedule, order, annealed to: found -0.1"))
        #expect(
            refusal(.alternating(.epoch, order: .proportional(exponent: .nan)))
                .hasPrefix("schedule, order, exponent: found nan"))
        #expect(
            refusal(.alternating(.batch, order: .proportional(exponent: 1)))
                .hasPrefix("schedule, order: found proportional, with every task's turn in each batch"))
        #expect(
            refusal(.alternating(.epoch, order: .proportional(exponent: 1), trains: .blocks))
                .hasPrefix("schedule, order: found proportional, with blocks"))
        #expect(
            refusal(.alternating(.batch, trains: .blocks), SharedBottom(trunk: []))
                .hasPrefix("schedule, trains: found blocks, and nothing that tasks share"))
        #expect(
            refusal(.alternating(.batch), AITM(parents: ["c": "a"], layers: [.relu(4)]))
                .hasPrefix("schedule: found a loss over a and c, whose turns differ"))
        #expect(
            refusal(
                .hierarchical(Hierarchy(levels: [["b"], ["a", "c"]])),
                AITM(parents: ["c": "a"], layers: [.relu(4)])) == "no error")
        #expect(
            refusal(.joint, rates: LayerRates(["*": 0]))
                .hasPrefix("schedule: found a turn of a, b, c in which all that it reaches is frozen"))
        #expect(
            refusal(.alternating(.batch, trains: .heads), rates: LayerRates(["heads.b.*": 0]))
                .hasPrefix("schedule: found a turn of b in which"))
    }

    @Test func aHierarchyHasEveryTaskOnce() throws {
        func refused(_ hierarchy: Hierarchy) -> String { refusal(.hierarchical(hierarchy)) }
        #expect(
            refused(Hierarchy(levels: [["a"], ["b", "a", "c"]]))
                == "schedule, levels, 1: found \"a\" again, expected every task in one level")
        #expect(
            refused(Hierarchy(levels: [["a"], ["b"]]))
                == "schedule, levels: found no level of \"c\", expected every task in one level")
        #expect(
            refused(Hierarchy(levels: [["a"], ["d", "b", "c"]]))
                == "schedule, levels, 1: found \"d\", which is no task, expected some of a, b, c")
        #expect(
            refused(Hierarchy(levels: [["a", "b", "c"], []])).hasPrefix("schedule, levels, 1: found no task"))
        #expect(refused(Hierarchy(levels: [["a", "b", "c"]])).hasPrefix("schedule, levels: found 1"))
        let levels = [["a"], ["b", "c"]]
        #expect(refused(Hierarchy(levels: levels, rates: [1])).hasPrefix("schedule, level rates: found 1"))
        #expect(
            refused(Hierarchy(levels: levels, rates: [1, 0])).hasPrefix("schedule, level rates, 1: found 0.0")
        )
        #expect(
            refused(Hierarchy(levels: levels, regularization: -1)).hasPrefix(
                "schedule, regularization: found -1"))
        #expect(
            refused(Hierarchy(levels: levels, turns: .batch, regularization: 1))
                .hasPrefix("schedule, regularization: found turns of one step"))
        #expect(
            refusal(
                .hierarchical(Hierarchy(levels: levels, regularization: 1)), SharedBottom(trunk: [])
            ).hasPrefix("schedule, regularization: found levels that share nothing"))
        #expect(
            refused(Hierarchy(levels: levels, unfreezeEvery: 0)).hasPrefix(
                "schedule, unfreezing: found every 0"))
        #expect(
            refusal(.hierarchical(Hierarchy(levels: levels, unfreezeEvery: 1)), SharedBottom(trunk: []))
                .hasPrefix("schedule, levels, 0, unfreezing: found a level that shares no layer"))
    }

    @Test func headsAreOnLayersThatThereAre() throws {
        func refused(_ attached: [String: Int], _ trunk: [HiddenLayer] = Self.trunk) -> String {
            SmallProblem.refusal(SharedBottom(trunk: trunk, attached: attached))
        }
        #expect(refused(["a": 1, "b": 2]) == "no error")
        for layer in [0, 3, -1, .max] {
            #expect(refused(["a": layer]) == "attach, a: found layer \(layer), expected 1 to 2")
        }
        #expect(refused(["d": 1]) == "attach, d: found no task of that name, expected some of a, b, c")
        #expect(refused(["a": 1], []) == "attach, a: found layer 1, expected no layer, as there is none")
        #expect(
            refused(["a": 1, "b": 1, "c": 1])
                == "attach: found no task above layer 1, expected a task on layer 2, the highest")
    }

    @Test func patternsMatchNamesOnce() throws {
        func refused(_ rates: [String: Double]) -> String { refusal(.joint, rates: LayerRates(rates)) }
        #expect(
            refused(["tronk.*": 1]).hasPrefix(
                "layer rates, \"tronk.*\": found a pattern that matches no parameter, expected some of trunk.0.weight"
            ))
        #expect(
            refused(["trunk.*": 0.5, "trunk.0.weight": 1])
                == "layer rates, \"trunk.0.weight\": found trunk.0.weight, which \"trunk.*\" matches too, "
                + "expected one pattern for a parameter")
        #expect(refused(["*": -1]).hasPrefix("layer rates, \"*\": found -1.0"))
        #expect(refused(["*": .infinity]).hasPrefix("layer rates, \"*\": found inf"))
        for (name, pattern, isMatch) in [
            ("trunk.0.weight", "trunk.0.*", true), ("trunk.10.weight", "trunk.1.*", false),
            ("trunk.10.weight", "trunk.1*", true), ("heads.a.0.bias", "heads.*.bias", true),
            ("heads.a.0.bias", "*", true), ("heads.a.0.bias", "", false), ("aab", "*ab", true),
            ("aab", "a*a*b", true), ("ab", "a*b*", true), ("ab", "a**c", false),
        ] {
            #expect(LayerRates.matches(name, pattern) == isMatch, "\(name), \(pattern)")
        }
    }
}
