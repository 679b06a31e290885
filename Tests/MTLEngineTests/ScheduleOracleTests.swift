import MTLEngine
import MTLTestSupport
import Testing

/// Turns of every schedule against a plain text of them, with tables, row weights and missing labels, in every way of computing.
@Suite struct ScheduleOracleTests {
    struct Setting: CustomTestStringConvertible, Sendable {
        let name: String
        let schedule: Schedule
        var rates = LayerRates()
        let turn: @Sendable (_ place: Int) -> StepOracle.Turn

        var testDescription: String { name }
    }

    /// a and d are of one level, below b, c and e.
    private static let levels = [["a", "d"], ["b", "e", "c"]]
    private static let places = [[0, 3], [1, 2, 4]]

    @Sendable private static func isShared(_ name: String) -> Bool { !name.hasPrefix("heads.") }

    static let settings: [Setting] = [
        Setting(name: "heads", schedule: .alternating(.batch, trains: .heads)) { place in
            StepOracle.Turn(tasks: [place], optimizer: place, rate: { isShared($0) ? 0 : 1 })
        },
        Setting(
            name: "blocks", schedule: .alternating(.batch, trains: .blocks),
            rates: LayerRates(["embeddings.*": 0.5])
        ) { place in
            StepOracle.Turn(
                tasks: [0, 1, 2, 3, 4], optimizer: place,
                rate: { isShared($0) == (place == 0) ? $0.hasPrefix("embeddings.") ? 0.5 : 1 : 0 })
        },
        Setting(
            name: "rates", schedule: .alternating(.batch),
            rates: LayerRates([
                "trunk.0.weight": 0, "trunk.1.*": 0.3, "heads.*.bias": 2, "embeddings.item.*": 0,
            ])
        ) { place in
            StepOracle.Turn(
                tasks: [place], optimizer: place,
                rate: { name in
                    if name == "trunk.0.weight" || name.hasPrefix("embeddings.item.") { return 0 }
                    if name.hasPrefix("trunk.1.") { return 0.3 }
                    return name.hasPrefix("heads.") && name.hasSuffix(".bias") ? 2 : 1
                })
        },
        Setting(
            name: "hierarchy",
            schedule: .hierarchical(
                Hierarchy(levels: levels, turns: .steps(2), regularization: 0.4, rates: [1, 0.5]))
        ) { place in
            StepOracle.Turn(
                tasks: places[place], optimizer: place, rate: { _ in [1, 0.5][place] },
                anchor: [0, 0.4][place], isHeld: { place == 1 && isShared($0) })
        },
    ]

    private static let trunk: [HiddenLayer] = [.relu(17), .dense(9, .gelu)]

    private func rows(_ count: Int) -> [StepOracle.Row] {
        var generator = SeededGenerator(seed: 32)
        return (0..<count).map { row in
            StepOracle.Row(
                dense: (0..<4).map { _ in generator.normal() },
                ids: [
                    [generator.below(9)], [generator.below(90)],
                    (0..<generator.below(4)).map { _ in generator.below(7) }, [generator.below(9)],
                ],
                labels: StepOracleTests.tasks.enumerated().map { index, task in
                    if (row + index) % 4 == 1 { return .nan }
                    return switch task.kind {
                    case .binary: Double(generator.below(2))
                    case .multiclass(let classes): Double(generator.below(classes))
                    default: generator.normal()
                    }
                }, weight: Double(row % 3) / 2 + 0.25)
        }
    }

    @Test(arguments: settings, [40, 300])
    func turnsAreTheirPlainText(setting: Setting, batch: Int) throws {
        let model = try MultiTaskModel(
            inputs: 4, embedded: StepOracleTests.embedded, tables: StepOracleTests.tables, trunk: Self.trunk,
            tasks: StepOracleTests.tasks)
        let all = rows(2 * batch)
        let data = try Dataset<Double>(
            featureNames: (0..<4).map { "x\($0)" }, features: all.flatMap(\.dense),
            ids: [
                IDColumn("user", ids: all.map { Int32($0.ids[0][0]) }),
                IDColumn("item", ids: all.map { Int32($0.ids[1][0]) }),
                IDColumn("tags", bags: all.map { $0.ids[2].map { Int32($0) } }),
                IDColumn("friend", ids: all.map { Int32($0.ids[3][0]) }),
            ],
            labels: model.tasks.enumerated().map { index, task in (task.name, all.map { $0.labels[index] }) },
            weights: all.map(\.weight))
        for compute in ComputeOptions.various {
            let trainer = try Trainer<Double>(
                model, optimizer: .adamW(learningRate: 1e-2, weightDecay: 0.1), schedule: setting.schedule,
                layerRates: setting.rates, batchSize: batch, seed: 4, compute: compute)
            var oracle = try StepOracle(trainer, trunk: Self.trunk, learningRate: 1e-2, decay: 0.1)
            let source = try BatchSource(data, for: model)
            let step = trainer.trainingStep
            // Two batches in each turn, two rounds.
            for number in 0..<4 * trainer.schedulePlan.groups.count {
                let turn = number / 2 % trainer.schedulePlan.groups.count
                let own = setting.turn(turn)
                let range = number % 2 * batch..<(number % 2 + 1) * batch
                let expected = oracle.step(Array(all[range]), own)
                #expect(step.step(source.batch(start: range.lowerBound, rows: batch), turn: turn))
                let place = "\(setting.name), step \(number), \(compute)"
                expectClose(
                    own.tasks.map { step.losses[$0] }, expected, relative: 1e-9, absolute: 1e-9,
                    "losses of \(place)")
                expectClose([step.penalties], [oracle.penalty], relative: 1e-9, absolute: 1e-12, place)
            }
            for segment in model.layout.segments {
                expectClose(
                    try trainer.parameter(segment.name), oracle[segment.name]?.values ?? [], relative: 1e-8,
                    absolute: 1e-8, "\(segment.name), \(compute)")
            }
        }
    }
}
