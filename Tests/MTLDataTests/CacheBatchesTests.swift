import MTLData
import MTLEngine
import MTLTestSupport
import Testing

@Suite struct CacheBatchesTests {
    /// What a batch says of its rows, one text a row.
    private func rows(_ batch: BatchView<Float>, _ model: MultiTaskModel) -> [String] {
        (0..<batch.rows).map { row in
            var text = ""
            for column in 0..<batch.features.columns {
                text += "\(batch.features.base[row * batch.features.stride + column]) "
            }
            for field in model.embedded.indices {
                let ids = batch.ids[field]
                let range = ids.offsets.map { Int($0[row])..<Int($0[row + 1]) } ?? row..<row + 1
                for place in range {
                    text += "\(ids.ids[place])"
                    if let weights = ids.weights { text += ":\(weights[place])" }
                    text += " "
                }
                text += "| "
            }
            for task in model.tasks.indices {
                text += "\(batch.labels[row * batch.labelStride + batch.labelColumns[task]]) "
                if let weights = batch.labelWeights { text += "x\(weights[row * batch.labelStride]) " }
            }
            return text
        }
    }

    /// The batches of a pass, counted from 1, that follow the first `used`.
    private func pass(
        _ batches: CacheBatches, _ number: Int, _ model: MultiTaskModel, after used: Int = 0
    ) throws -> [[String]] {
        let count = batches.batchCount
        try batches.begin(after: (number - 1) * count + used)
        return try (used..<count).map { _ in rows(try batches.next(), model) }
    }

    private func batches(
        _ data: PreparedData, _ model: MultiTaskModel, size: Int = 100, seed: UInt64 = 3
    ) throws -> CacheBatches {
        try CacheBatches(
            data.training, features: model.embedded, tasks: model.tasks.map(\.name), batchSize: size,
            seed: seed)
    }

    @Test func everyRowComesOnceAPassInAnOrderOfTheSeed() throws {
        let folder = try TemporaryFolder()
        let data = try PreparedShop.prepared(rows: 30_000, in: folder)
        let model = try PreparedShop.model(data)
        // More rows than a block of the file has, so that blocks are mixed too.
        #expect(data.training.rowCount > 2 * 8192)
        let stream = try batches(data, model)
        let first = try pass(stream, 1, model)
        let second = try pass(stream, 2, model)
        #expect(first.map(\.count).dropLast().allSatisfy { $0 == 100 })
        #expect(first.flatMap { $0 }.count == data.training.rowCount)
        #expect(first.flatMap { $0 }.sorted() == second.flatMap { $0 }.sorted())
        #expect(first != second)
        #expect(try pass(batches(data, model), 2, model) == second)
        #expect(try pass(batches(data, model, seed: 4), 1, model) != first)
        // The same rows as the sequential reading gives.
        var listed: [String] = []
        for block in data.training.blocks.indices {
            let source = try BatchSource(data.training.dataset(block), for: model)
            listed += rows(source.batch(start: 0, rows: source.dataset.rowCount), model)
        }
        func withoutWeights(_ text: String) -> String {
            text.split(separator: " ").filter { !$0.hasPrefix("x") }.joined(separator: " ")
        }
        #expect(listed.map(withoutWeights).sorted() == first.flatMap { $0 }.map(withoutWeights).sorted())
    }

    @Test func aRunGoesOnWhereAnotherStopped() throws {
        let folder = try TemporaryFolder()
        let data = try PreparedShop.prepared(rows: 20_000, in: folder)
        let model = try PreparedShop.model(data)
        let whole = try pass(batches(data, model), 2, model)
        #expect(try pass(batches(data, model), 2, model, after: 57) == Array(whole[57...]))
    }

    @Test func aPassMayBeLeftEarly() throws {
        let folder = try TemporaryFolder()
        let data = try PreparedShop.prepared(rows: 20_000, in: folder)
        let model = try PreparedShop.model(data)
        let stream = try batches(data, model)
        let whole = try pass(batches(data, model), 2, model)
        try stream.begin(after: 0)
        for _ in 0..<3 { _ = try stream.next() }
        #expect(try pass(stream, 2, model) == whole)
        try stream.begin(after: 3 * stream.batchCount)
    }

    /// A stream goes on with its next pass by itself.
    @Test func passesFollowEachOther() throws {
        let folder = try TemporaryFolder()
        let data = try PreparedShop.prepared(rows: 3_000, in: folder)
        let model = try PreparedShop.model(data)
        let (stream, other) = (try batches(data, model, size: 700), try batches(data, model, size: 700))
        let count = stream.batchCount
        let three = try (0..<3 * count).map { _ in rows(try stream.next(), model) }
        #expect(try three == (1...3).flatMap { try pass(other, $0, model) })
    }

    @Test func trainingHasTheSameBitsForAnyThreads() throws {
        var all: [[UInt32]] = []
        for threads in [1, 2, 3] {
            let folder = try TemporaryFolder()
            let data = try PreparedShop.prepared(rows: 12_000, in: folder, threads: threads)
            let trainer = try Trainer<Float>(
                PreparedShop.model(data), batchSize: 128, seed: 5, compute: ComputeOptions(threads: threads))
            try trainer.fit(data.training, validation: data.validation, until: StoppingRule(epochs: 2))
            all.append(trainer.parameters.map(\.bitPattern))
        }
        #expect(all[1] == all[0])
        #expect(all[2] == all[0])
    }

    @Test func aCacheTrainsAsItsRowsInMemoryWould() throws {
        let folder = try TemporaryFolder()
        let data = try PreparedShop.prepared(rows: 6_000, in: folder)
        let model = try PreparedShop.model(data)
        let trainer = try Trainer<Float>(model, batchSize: 128, seed: 5)
        let report = try trainer.fit(
            data.training, validation: data.validation, until: StoppingRule(epochs: 8))
        let losses = report.epochs.map(\.watchedLoss)
        #expect((losses.min() ?? 0) < 0.98 * losses[0])
        let test = try #require(data.test)
        let evaluation = try trainer.evaluate(test)
        #expect(evaluation[0].task == "click")
        #expect(try #require(evaluation[0].areaUnderROC) > 0.7)
        // The losses of the rows one by one, in memory.
        var sums = [0.0, 0.0]
        var counts = [0.0, 0.0]
        for block in test.blocks.indices {
            let dataset = try test.dataset(block)
            for (index, loss) in try trainer.losses(dataset).enumerated() {
                let labels = try dataset.labels(model.tasks[index].name)
                let width = dataset.labelNames.count
                let place = try dataset.labelColumn(model.tasks[index].name)
                let weight = labels.indices.filter { !labels[$0].isNaN }.reduce(0.0) { sum, row in
                    sum + Double(dataset.labelWeights.map { $0.base[row * width + place] } ?? 1)
                }
                sums[index] += loss * weight
                counts[index] += weight
            }
        }
        for (index, loss) in try trainer.losses(test).enumerated() {
            #expect(abs(loss - sums[index] / counts[index]) < 1e-6 * loss)
        }
    }

    @Test func anotherModelIsRefused() throws {
        let folder = try TemporaryFolder()
        let data = try PreparedShop.prepared(rows: 500, in: folder)
        let model = try MultiTaskModel(inputs: 3, trunk: [.relu(4)], tasks: [.binary("click")])
        let trainer = try Trainer<Float>(model)
        #expect(throws: InputError.self) { try trainer.fit(data.training) }
    }
}
