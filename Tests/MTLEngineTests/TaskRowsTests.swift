import MTLEngine
import MTLTestSupport
import Testing

/// Training where tasks have rows of their own.
@Suite struct TaskRowsTests {
    private static let counts = [50, 23]
    private static let sizes = [8, 5]
    private static let names = [["a", "c"], ["b"]]

    /// Rows of two sources: those of tasks a and c, then those of task b.
    private func rows(_ source: Int, of some: [Int]? = nil) throws -> Dataset<Double> {
        let first = source == 0 ? 0 : Self.counts[0]
        return try SmallProblem.data(
            Double.self, rows: 73, embedded: true,
            of: (some ?? Array(0..<Self.counts[source])).map { $0 + first },
            labelled: { row, task in (row + task) % 5 != 0 && (task == 1) == (row >= Self.counts[0]) })
    }

    private func sets() throws -> [TaskRows<Double>] {
        try (0..<2).map { try TaskRows(rows($0), tasks: Self.names[$0], batchSize: Self.sizes[$0]) }
    }

    private func trainer(
        _ schedule: Schedule, batchSize: Int = 8, threads: Int = 1
    ) throws -> Trainer<Double> {
        try Trainer(
            MultiTaskModel(
                inputs: 6, embedded: SmallProblem.embedded, tables: SmallProblem.tables,
                trunk: [.dense(7, .tanh)], tasks: SmallProblem.tasks),
            optimizer: .adam(learningRate: 0.01), schedule: schedule, batchSize: batchSize, seed: 4,
            compute: ComputeOptions(threads: threads))
    }

    /// The rows of every batch of a source's passes, drawn as `ShuffledBatches` says: from the seed, the stream and the pass.
    private func batches(_ source: Int, passes: Int) -> [[Int]] {
        (1...passes).flatMap { pass in
            var order = Array(0..<Self.counts[source])
            var generator = SeededGenerator(seed: 4).split(1 << 32 + UInt64(source)).split(UInt64(pass))
            generator.shuffle(&order)
            return stride(from: 0, to: order.count, by: Self.sizes[source]).map {
                Array(order[$0..<min(order.count, $0 + Self.sizes[source])])
            }
        }
    }

    /// Tasks in turns, each turn's batch made by hand of the rows that are next in its source: 7 + 5 batches an epoch.
    @Test(arguments: [1, 2, 3])
    func turnsTakeTheBatchesOfTheirOwnRows(_ threads: Int) throws {
        let fitted = try trainer(.alternating(.steps(2)), threads: threads)
        let report = try fitted.fit(sets(), until: StoppingRule(epochs: 1, steps: 12, patience: nil))
        let stepped = try trainer(.alternating(.steps(2)))
        var left = [batches(0, passes: 3), batches(1, passes: 3)]
        var seen = [0, 0]
        let sources = try (0..<2).map {
            try BatchSource(rows($0), for: stepped.model, tasks: Set(Self.names[$0]))
        }
        for step in 0..<12 {
            let task = step / 2 % 3
            let source = task == 1 ? 1 : 0
            let batch = left[source].removeFirst().map { Int32($0) }
            seen[source] += batch.count
            batch.withUnsafeBufferPointer { indices in
                _ = stepped.trainingStep.step(
                    sources[source].batch(indices.baseAddress, start: 0, rows: batch.count), turn: task)
            }
        }
        withExtendedLifetime(sources) {}
        #expect(fitted.parameters == stepped.parameters)
        #expect(report.sources.map(\.tasks) == [["a", "c"], ["b"]])
        #expect(report.sources.map(\.rows) == seen && report.rowsSeen == seen[0] + seen[1])
        #expect(report.sources.map(\.passes) == [8.0 / 7, 4.0 / 5])
        #expect(report.epochs.map(\.steps) == [12])
    }

    /// The pass of a source goes on in the next epoch: after whole passes over both, every row was seen as often as any other.
    @Test func epochsEndInTheMiddleOfAPass() throws {
        let fitted = try trainer(.alternating(.steps(1)))
        // Of 36 steps 24 are of the first source and 12 of the second.
        let report = try fitted.fit(sets(), until: StoppingRule(epochs: 3, patience: nil))
        #expect(report.epochs.map(\.steps) == [12, 24, 36])
        #expect(report.sources.map(\.passes) == [24.0 / 7, 12.0 / 5])
        let expected = (0..<2).map { source in
            batches(source, passes: 4).prefix([24, 12][source]).reduce(0) { $0 + $1.count }
        }
        #expect(report.sources.map(\.rows) == expected)
    }

    /// A task's epoch is a pass over its own rows, however many the others have.
    @Test func anEpochOfATaskIsAPassOverItsRows() throws {
        let fitted = try trainer(.alternating(.epoch))
        var fractions: [Double] = []
        let report = try fitted.fit(sets(), until: StoppingRule(epochs: 6, patience: nil)) {
            fractions.append($0.fraction)
        }
        #expect(report.epochs.map(\.steps) == [7, 12, 19, 26, 31, 38])
        #expect(report.sources.map(\.passes) == [4, 2])
        #expect(report.sources.map(\.rows) == [4 * 50, 2 * 23])
        #expect(fractions.max() == 1)
    }

    /// Drawn by labelled rows: 40 of 50 each have the tasks of the first source, 19 of 23 that of the second.
    @Test func turnsAreDrawnByTheRowsOfTheirSources() throws {
        let fitted = try trainer(.alternating(.steps(1), order: .proportional(exponent: 1)))
        let report = try fitted.fit(sets(), until: StoppingRule(epochs: 200, patience: nil))
        let steps = report.sources.map(\.passes)
        let share = steps[1] * 5 / (steps[0] * 7 + steps[1] * 5)
        #expect(abs(share - 19.0 / 99) < 0.03)
    }

    /// One dataset with the rows of all tasks is the same code, and the same bits as ever.
    @Test func oneDatasetOfAllTasksIsAPlainFit() throws {
        for schedule in [Schedule.joint, .alternating(.batch), .alternating(.steps(2))] {
            let (plain, sets) = (try trainer(schedule), try trainer(schedule))
            let data = try SmallProblem.data(Double.self, rows: 40, embedded: true)
            try plain.fit(data, until: StoppingRule(epochs: 2))
            try sets.fit([TaskRows(data, tasks: ["a", "b", "c"])], until: StoppingRule(epochs: 2))
            #expect(plain.parameters == sets.parameters)
        }
    }

    private func losses(_ trainer: Trainer<Double>, _ source: Int) throws -> [Double] {
        trainer.inference.losses(
            try BatchSource(rows(source), for: trainer.model, tasks: Set(Self.names[source])))
    }

    @Test func labelsOfOtherTasksAreNotRead() throws {
        // Task a's labels are no labels of its kind in the rows of task b, or not there at all.
        func fitted(_ other: [Double]?) throws -> [Double] {
            let whole = try rows(1)
            var labels: [(name: String, values: [Double])] = [("b", try whole.labels("b"))]
            if let other { labels.insert(("a", other), at: 0) }
            let own = TaskRows(
                try Dataset<Double>(
                    featureNames: whole.featureNames, features: (0..<23).flatMap { whole.features(row: $0) },
                    ids: whole.idColumns, labels: labels), tasks: ["b"], batchSize: 5)
            let trainer = try trainer(.alternating(.steps(1)))
            let report = try trainer.fit(
                [sets()[0], own], validation: [own, sets()[0]], until: StoppingRule(epochs: 1, patience: nil))
            let watched = try #require(report.epochs[0].validationLosses)
            let (first, second) = (try losses(trainer, 0), try losses(trainer, 1))
            expectClose(watched, [first[0], second[1], first[2]], relative: 1e-12, absolute: 0, "losses")
            return trainer.parameters
        }
        let without = try fitted(nil)
        #expect(try fitted([Double](repeating: 7, count: 23)) == without)
    }

    @Test func metricsAreThoseOfEachTasksRows() throws {
        let fitted = try trainer(.alternating(.steps(1)))
        var rule = StoppingRule(epochs: 2, patience: nil)
        rule.watch = .metric("RMSE", task: "b")
        let report = try fitted.fit(sets(), validation: sets().reversed(), until: rule)
        let found = try #require(report.epochs[1].validationMetrics)
        #expect(found.map(\.task) == ["a", "b", "c"])
        let losses = try #require(report.epochs[1].validationLosses)
        // The loss of a regression is the mean of its squared errors.
        #expect(abs(try #require(found[1].rootMeanSquaredError) - losses[1].squareRoot()) < 1e-6)
        #expect(found.map(\.labelledRows) == [40, 19, 40])
    }

    @Test func whatMakesNoSenseIsNamed() throws {
        func refusal(
            _ schedule: Schedule = .alternating(.steps(1)),
            _ change: (inout [TaskRows<Double>]) throws -> Void
        ) -> String? {
            failure {
                var sets = try sets()
                try change(&sets)
                try trainer(schedule).fit(sets, until: StoppingRule(epochs: 1))
            }?.description
        }
        let levels = Schedule.hierarchical(Hierarchy(levels: [["a"], ["b", "c"]]))
        for schedule in [
            Schedule.joint, .alternating(.batch), .alternating(.steps(1), trains: .blocks), levels,
        ] {
            #expect(refusal(schedule) { _ in }?.hasPrefix("schedule: found a turn over 2 datasets") == true)
        }
        #expect(refusal(.hierarchical(Hierarchy(levels: [["b"], ["a", "c"]]))) { _ in } == nil)
        #expect(
            refusal { $0.removeLast() }
                == "training rows: found none of task \"b\", expected a dataset of every task")
        #expect(
            refusal { $0.append($0[1]) }
                == "training rows: found task \"b\" twice, expected every task in one dataset")
        #expect(
            refusal { $0.append(TaskRows($0[0].dataset, tasks: ["d"])) }?.contains("\"d\", which is no task")
                == true)
        #expect(
            refusal { $0.append(TaskRows($0[0].dataset, tasks: [])) }?.contains("a dataset of no task")
                == true)
        for size in [0, 9] {
            #expect(
                refusal { $0[1] = TaskRows($0[1].dataset, tasks: ["b"], batchSize: size) }
                    == "training rows of b, batch size: found \(size), expected 1 to 8, the trainer's")
        }
    }
}

/// Thirty alternating steps over two loaders of unequal lengths against PyTorch (make_source_goldens.py).
@Suite struct SourceGoldenTests {
    private func train<Scalar: BLASScalar>(
        _: Scalar.Type, _ tolerance: Golden.Tolerance, _ compute: ComputeOptions
    ) throws {
        let golden = try Golden("sources_alternating")
        let model = try MultiTaskModel(
            inputs: 9, trunk: [.dense(8, .tanh), .dense(6, .gelu)],
            tasks: [
                .binary("click", weight: 0.6), .binary("churn", weight: 0.5, tower: [.dense(5, .tanh)]),
                .regression("spend", weight: 0.4),
            ])
        let trainer = try Trainer<Scalar>(
            model, optimizer: .adam(learningRate: 1e-2), schedule: .alternating(.steps(1)), batchSize: 6,
            seed: 7, compute: compute)
        try golden.begin(trainer)
        let all = try golden.dataset(Scalar.self, for: model)
        func own(_ rows: Range<Int>, _ tasks: [String], batchSize: Int) throws -> TaskRows<Scalar> {
            let labels = try tasks.map { (name: $0, values: Array(try all.labels($0)[rows])) }
            let dataset = try Dataset(
                featureNames: all.featureNames, features: rows.flatMap { all.features(row: $0) },
                labels: labels)
            return TaskRows(dataset, tasks: tasks, batchSize: batchSize)
        }
        let report = try trainer.fit(
            [own(0..<94, ["click", "spend"], batchSize: 4), own(94..<127, ["churn"], batchSize: 6)],
            until: StoppingRule(epochs: 1))
        #expect(report.epochs.map(\.steps) == [30])
        expectClose(
            report.epochs[0].trainingLosses, try golden.tensors.values("epoch_losses"),
            relative: tolerance.relative, absolute: tolerance.absolute, "losses of \(Scalar.self), \(compute)"
        )
        try golden.checkEnd(trainer, tolerance.times(10))
    }

    @Test func matchesPyTorch() throws {
        for compute in ComputeOptions.various {
            try train(Double.self, Golden.Tolerance(relative: 1e-10, absolute: 1e-11), compute)
            try train(Float.self, Golden.Tolerance(relative: 1e-5, absolute: 5e-6), compute)
        }
    }
}
