import MTLEngine
import MTLTestSupport
import Testing

/// Whose turn a batch is, by its place in training alone.
@Suite struct TurnSequenceTests {
    private let model: MultiTaskModel

    init() throws {
        model = try MultiTaskModel(
            inputs: 6, trunk: [.relu(5), .relu(4)], tasks: SmallProblem.tasks)
    }

    private static let batches = 7

    private func sequence(
        _ schedule: Schedule, seed: UInt64 = 1, labelled: [Int]? = nil, epochs: Int = 10
    ) throws -> TurnSequence {
        try TurnSequence(
            SchedulePlan(schedule, model: model), seed: seed, labelledRows: labelled, epochs: epochs)
    }

    private func turns(_ sequence: TurnSequence, step: Int) -> [Int] {
        var result: [Int] = []
        sequence.forEachTurn(
            epoch: step / Self.batches + 1, batch: step % Self.batches, step: step
        ) { result.append($0) }
        return result
    }

    private func all(_ sequence: TurnSequence, _ steps: Int = 70) -> [[Int]] {
        (0..<steps).map { turns(sequence, step: $0) }
    }

    @Test func roundRobinGoesByBatchesStepsAndEpochs() throws {
        #expect(try all(sequence(.joint)) == Array(repeating: [0], count: 70))
        #expect(try all(sequence(.alternating(.batch))) == Array(repeating: [0, 1, 2], count: 70))
        #expect(try all(sequence(.alternating(.steps(4)))) == (0..<70).map { [$0 / 4 % 3] })
        #expect(try all(sequence(.alternating(.epoch))) == (0..<70).map { [$0 / 7 % 3] })
        #expect(
            try all(sequence(.alternating(.batch, trains: .blocks))) == Array(repeating: [0, 1], count: 70))
        let levels = Hierarchy(levels: [["b"], ["a", "c"]])
        #expect(try all(sequence(.hierarchical(levels))) == (0..<70).map { [$0 / 7 % 2] })
    }

    @Test func aShuffledRoundHasEveryTaskOnce() throws {
        for (length, span) in [(Schedule.Turns.steps(2), 2), (.epoch, 7)] {
            let found = try all(sequence(.alternating(length, order: .shuffled)), 3 * 7 * 20).map { $0[0] }
            var orders = Set<[Int]>()
            for round in stride(from: 0, to: found.count, by: 3 * span) {
                let order = (0..<3).map { found[round + $0 * span] }
                #expect(order.sorted() == [0, 1, 2])
                orders.insert(order)
                for place in 0..<3 * span { #expect(found[round + place] == order[place / span]) }
            }
            #expect(orders.count == 6)
        }
        let batches = try all(sequence(.alternating(.batch, order: .shuffled)))
        #expect(batches.allSatisfy { $0.sorted() == [0, 1, 2] })
        #expect(Set(batches).count == 6)
    }

    /// A loop that begins in the middle, or asks twice, gets what the first one did.
    @Test func theOrderIsAFunctionOfThePlace() throws {
        for schedule in [
            Schedule.alternating(.batch, order: .shuffled), .alternating(.steps(3), order: .shuffled),
            .alternating(.steps(3), order: .proportional(exponent: 0.5)),
            .alternating(.epoch, order: .proportional(exponent: 0.5)),
        ] {
            let labelled = [10, 20, 30]
            let straight = try all(sequence(schedule, labelled: labelled))
            let again = try sequence(schedule, labelled: labelled)
            for step in (0..<70).reversed() { #expect(turns(again, step: step) == straight[step]) }
            #expect(try all(sequence(schedule, seed: 2, labelled: labelled)) != straight)
        }
    }

    @Test func turnsAreDrawnInProportionToLabelledRows() throws {
        let labelled = [100, 400, 0]
        func share(_ schedule: Schedule, epochs: ClosedRange<Int>) throws -> Double {
            let sequence = try sequence(schedule, labelled: labelled, epochs: 10)
            var counts = [0.0, 0, 0]
            for epoch in epochs {
                for batch in 0..<4000 {
                    sequence.forEachTurn(epoch: epoch, batch: batch, step: batch) { counts[$0] += 1 }
                }
            }
            #expect(counts[2] == 0)
            return counts[1] / (counts[0] + counts[1])
        }
        // 400ᵃ / (100ᵃ + 400ᵃ) = 4ᵃ / (1 + 4ᵃ), within four standard deviations of 4000 draws.
        let even = Schedule.alternating(.steps(1), order: .proportional(exponent: 0))
        #expect(abs(try share(even, epochs: 1...1) - 0.5) < 0.032)
        let annealed = Schedule.alternating(.steps(1), order: .proportional(exponent: 1, annealedTo: 0.2))
        for epoch in [1, 4, 10] {
            let power = 1 - 0.8 * Double(epoch - 1) / 9
            let odds = power == 1 ? 4 : power > 0.5 ? 2.7638 : 1.3195
            #expect(abs(try share(annealed, epochs: epoch...epoch) - odds / (1 + odds)) < 0.032, "\(epoch)")
        }
        // A turn is of one task, and the first of an epoch begins with it.
        let long = try all(
            sequence(.alternating(.steps(3), order: .proportional(exponent: 0)), labelled: [1, 1, 1]))
        for epoch in 0..<10 {
            for place in [0, 3] {
                let first = epoch * 7 + place
                #expect(long[first] == long[first + 1] && long[first] == long[first + 2])
            }
        }
    }

    @Test func labelledRowsMustBeKnown() throws {
        let schedule = Schedule.alternating(.epoch, order: .proportional(exponent: 1))
        for labelled in [nil, [0, 0, 0]] {
            let error = failure { _ = try sequence(schedule, labelled: labelled) }
            #expect(error?.place == "schedule, order")
            #expect(error?.found == "no labelled rows to draw turns by")
        }
    }

    @Test func layersThawByTheLevelsOwnEpochs() throws {
        let levels = [["b"], ["a", "c"]]
        // Per level three turns: the heads, the upper layer too, the lower one too.
        let own = try all(sequence(.hierarchical(Hierarchy(levels: levels, unfreezeEvery: 2))), 84)
        for step in 0..<84 {
            let (level, epoch) = (step / 7 % 2, step / 14)
            #expect(own[step] == [3 * level + min(2, epoch / 2)], "\(step)")
        }
        let batch = try all(
            sequence(.hierarchical(Hierarchy(levels: levels, turns: .batch, unfreezeEvery: 3))))
        for step in 0..<70 {
            let stage = min(2, step / 7 / 3)
            #expect(batch[step] == [stage, 3 + stage], "\(step)")
        }
    }

    @Test(arguments: [
        Schedule.alternating(.batch, order: .shuffled, trains: .heads),
        .alternating(.steps(2), trains: .blocks),
        .alternating(.epoch, order: .proportional(exponent: 1, annealedTo: 0.2)),
        .hierarchical(Hierarchy(levels: [["b"], ["a", "c"]], regularization: 0.01, rates: [1, 0.5])),
        .hierarchical(Hierarchy(levels: [["b"], ["a", "c"]], turns: .batch, unfreezeEvery: 2)),
    ])
    func everyScheduleLearns(schedule: Schedule) throws {
        let data = try SmallProblem.data(Float.self, rows: 300)
        let trainer = try Trainer<Float>(
            model, optimizer: .adam(learningRate: 1e-2), schedule: schedule, batchSize: 32, seed: 5)
        let before = try trainer.losses(data)
        let report = try trainer.fit(data, validation: data, until: StoppingRule(epochs: 16, patience: nil))
        #expect(report.epochs.count == 16)
        for (loss, start) in zip(try trainer.losses(data), before) { #expect(loss < start) }
    }
}
