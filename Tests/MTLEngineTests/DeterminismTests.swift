import MTLEngine
import Testing

@Suite struct DeterminismTests {
    private func weights(
        threads: Int, backend: MatrixBackend, schedule: Schedule, batch: Int = 200, seed: UInt64 = 5,
        steps: Int = 100
    ) throws -> (parameters: [UInt32], losses: [Double]) {
        let model = try SharedBottom(
            inputs: 37, trunk: [.relu(64), .dense(48, .gelu)],
            tasks: [
                .binary("a"), .multiclass("b", classes: 5, tower: [.relu(16)]),
                .regression("c", huberDelta: 1),
                .binary("d", tower: [.relu(16)]),
            ])
        var generator = SeededGenerator(seed: 11)
        let rows = 2000
        let data = try Dataset<Float>(
            featureNames: (0..<37).map { "x\($0)" },
            features: (0..<rows * 37).map { _ in Float(generator.normal()) },
            labels: model.tasks.map { task in
                (task.name, (0..<rows).map { $0 % 5 == 0 ? .nan : Float($0 % 2) })
            })
        let trainer = try Trainer<Float>(
            model, schedule: schedule, batchSize: batch, seed: seed,
            compute: ComputeOptions(threads: threads, backend: backend))
        let report = try trainer.fit(data, until: StoppingRule(epochs: 100, steps: steps, patience: nil))
        return (trainer.parameters.map(\.bitPattern), report.epochs.flatMap(\.trainingLosses))
    }

    @Test(arguments: [MatrixBackend.kernels, .openBLAS], [Schedule.joint, .alternating(.batch)])
    func sameBitsForTheSameSeedAndAnyThreads(backend: MatrixBackend, schedule: Schedule) throws {
        let first = try weights(threads: 1, backend: backend, schedule: schedule)
        for threads in [1, 2, 3, 4] {
            let again = try weights(threads: threads, backend: backend, schedule: schedule)
            #expect(first.parameters == again.parameters, "\(threads) threads")
            #expect(first.losses == again.losses, "\(threads) threads")
        }
    }

    /// Batches too small to be halved, and batches of several chunks with a shorter last one.
    @Test(arguments: [30, 1900], [Schedule.joint, .alternating(.batch)])
    func sameBitsForAnyBatchSize(batch: Int, schedule: Schedule) throws {
        let first = try weights(threads: 1, backend: .kernels, schedule: schedule, batch: batch, steps: 20)
        for threads in [2, 3, 4] {
            let again = try weights(
                threads: threads, backend: .kernels, schedule: schedule, batch: batch, steps: 20)
            #expect(first.parameters == again.parameters, "\(threads) threads")
            #expect(first.losses == again.losses, "\(threads) threads")
        }
    }

    @Test func anotherSeedGivesOtherBits() throws {
        let first = try weights(threads: 1, backend: .kernels, schedule: .joint, steps: 2)
        let other = try weights(threads: 1, backend: .kernels, schedule: .joint, seed: 6, steps: 2)
        #expect(first.parameters != other.parameters)
    }

    /// Shards of another height or another place change no bit of a row's prediction.
    @Test func aRowsPredictionDoesNotDependOnItsNeighbours() throws {
        let model = try SharedBottom(inputs: 9, trunk: [.relu(33)], tasks: [.binary("a"), .binary("b")])
        var generator = SeededGenerator(seed: 2)
        let x = (0..<300 * 9).map { _ in Float(generator.normal()) }
        let names = (0..<9).map { "x\($0)" }
        let trainer = try Trainer<Float>(model, compute: ComputeOptions(threads: 2, backend: .kernels))
        let all = try trainer.predict(Dataset(featureNames: names, features: x, labels: [])).values("b")
        for row in [0, 7, 255, 256, 299] {
            let alone = try Dataset(
                featureNames: names, features: Array(x[row * 9..<(row + 1) * 9]), labels: [])
            #expect(try trainer.predict(alone).values("b") == [all[row]])
        }
    }
}
