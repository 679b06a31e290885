import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// What is read where tasks have files of their own, and which part its rows are in.
@Suite struct TaskSourceTests {
    private let shop: SourceCase

    init() throws { shop = try SourceCase() }

    // MARK: What is read

    @Test func aRowHasTheLabelsOfItsSourceAlone() throws {
        let data = try shop.files.prepared(shop.experiment())
        let rows = try shop.labelled(data.training)
        #expect(Set(rows) == [[true, false, true], [false, true, false]])
        #expect(data.preprocessor.trainingRows == rows.count)
        let parts = [data.training, data.validation, data.test].compactMap { $0 }
        let all = try parts.flatMap { try shop.labelled($0) }
        #expect(all.count { $0[0] } == 400 && all.count { $0[1] } == 150)
        // What is fitted is fitted on the rows of both: a country that one file alone has, and the mean of all prices.
        #expect(data.training.layout.singles.map(\.tableRows) == [2 + 4])
        let price = try #require(data.preprocessor.denseNames.firstIndex(of: "price"))
        let prices = try shop.datasets(data.training).flatMap { dataset in
            (0..<dataset.rowCount).map { Double(dataset.features(row: $0)[price]) }
        }
        let mean: Double = prices.reduce(0, +) / Double(prices.count)
        #expect(abs(mean) < 1e-5)
        let notes = try shop.experiment().readingNotes(data)
        #expect(
            notes == [
                "\(shop.files.folder.file("churn.csv")): column \"click\" is not read as label \"click\", which has rows of another source"
            ])
    }

    @Test func batchesOfASourceHaveItsRowsAndItsSize() throws {
        let experiment = try shop.experiment()
        let data = try shop.files.prepared(experiment)
        let model = try experiment.model.model(data.preprocessor)
        let own = try shop.labelled(data.training).count { $0[1] }
        for (source, size) in [(0, 64), (1, 20)] {
            let batches = try CacheBatches(
                data.training, features: model.embedded, tasks: model.tasks.map(\.name), sources: [source],
                batchSize: size, seed: 1, stream: source)
            let rows = source == 1 ? own : data.training.rowCount - own
            #expect(batches.batchCount == (rows + size - 1) / size)
            var seen = 0
            for number in 1...batches.batchCount {
                let batch = try batches.next()
                #expect(number == batches.batchCount || batch.rows == size)
                seen += batch.rows
                for row in 0..<batch.rows {
                    let labels = (0..<3).map { task in
                        !batch.labels[row * batch.labelStride + batch.labelColumns[task]].isNaN
                    }
                    #expect(labels == (source == 1 ? [false, true, false] : [true, false, true]))
                }
            }
            #expect(seen == rows)
        }
    }

    /// Whatever threads read the files, the rows are prepared and learned to the same bits.
    @Test func threadsChangeNothing() throws {
        var found: [[UInt32]] = []
        for threads in [1, 2, 3] {
            let experiment = try shop.experiment()
            let data = try experiment.prepare(
                in: shop.files.folder.file("prepared \(threads)"), threads: threads)
            let run = try TrainingRun(experiment, data, compute: ComputeOptions(threads: threads))
            found.append(run.parameters.map(\.bitPattern))
        }
        #expect(found[1] == found[0] && found[2] == found[0])
    }

    /// Weights that one source's label has are 1 for those of another.
    @Test func weightsOfALabelAreThoseOfItsSource() throws {
        var experiment = try shop.experiment()
        experiment.schema.labels[2].weight = 1
        experiment.schema.labels[2].weightColumn = "price"
        let data = try shop.files.prepared(experiment)
        let blocks = try shop.datasets(data.training)
        #expect(blocks.count == 2)
        for (source, dataset) in blocks.enumerated() {
            let weights = try #require(dataset.labelWeights)
            let all = Set((0..<dataset.rowCount).map { weights.base[$0 * 3 + 2] })
            #expect(source == 0 ? all.count > 20 : all == [1])
        }
        _ = try TrainingRun(experiment, data)
    }

    @Test func aModelIsJudgedByTheLabelsOfAFile() throws {
        var experiment = try shop.experiment()
        experiment.training.epochs = 1
        let model = try shop.files.model(experiment)
        let path = try shop.files.write(
            SourceCase.churn(Array(0..<50)).replacing("maybe", with: "0"), as: "july.csv")
        let judged = try model.judge(model.open(path), labels: ["churn"]).evaluations
        #expect(judged.map(\.task) == ["churn"] && judged[0].labelledRows == 50)
        #expect(failure { _ = try model.judge(model.open(path)) }?.description.contains("spend") == true)
        let unknown = failure { _ = try model.judge(model.open(path), labels: ["tag"]) }
        #expect(unknown?.place == "label \"tag\"")
    }

    // MARK: Splits

    @Test func groupsAreTogetherInAllSources() throws {
        let data = try shop.files.prepared(
            shop.experiment(roles: "group: user", split: "{by: group, validation: 0.2, test: 0.2}"))
        let format = data.preprocessor.format
        var parts: [String: Set<Part>] = [:]
        var sources: [String: Set<String>] = [:]
        let experiment = try shop.experiment(
            roles: "group: user", split: "{by: group, validation: 0.2, test: 0.2}")
        let source = try experiment.openRows(format: format)
        let splitter = try Splitter(experiment.split, source, experiment.schema)
        let plans = try ColumnPlans(experiment.schema, of: source, withLabels: true)
        try source.read { (block, _) throws(InputError) in
            let parsed = ParsedBlock(block, plans[block], classes: [nil, nil, nil])
            guard let column = block.columns.firstIndex(of: "user") else { return }
            for row in parsed.rows {
                let user = block.string(row, column)
                parts[user, default: []].insert(splitter.part(parsed, row))
                sources[user, default: []].insert(block.columns[0])
            }
        }
        #expect(parts.count == 40 && sources.values.allSatisfy { $0.count == 2 })
        #expect(parts.values.allSatisfy { $0.count == 1 })
        #expect(Set(parts.values.flatMap { $0 }) == [.training, .validation, .test])
        // Users without a group column are no rows to keep together.
        try shop.files.write(
            "churn,country,at,price\n1,DE,1600000000,3\n0,FR,1600000000,4\n", as: "churn.csv")
        let refused = shop.files.refusal(experiment)
        #expect(refused?.place.contains("churn.csv") == true && refused?.description.contains("user") == true)
    }

    /// The cuts in time are those of all rows together: nothing is learned of a time that is judged, in whichever file.
    @Test func cutsInTimeAreTheSameForAllSources() throws {
        let experiment = try shop.experiment(
            roles: "time: at", split: "{by: time, validation: 0.2, test: 0.2}")
        let source = try experiment.openRows()
        let splitter = try Splitter(experiment.split, source, experiment.schema)
        let plans = try ColumnPlans(experiment.schema, of: source, withLabels: true)
        var times: [Part: ClosedRange<Int>] = [:]
        var sources: [Part: Set<String>] = [:]
        try source.read { (block, _) throws(InputError) in
            let parsed = ParsedBlock(block, plans[block], classes: [nil, nil, nil])
            guard let column = block.columns.firstIndex(of: "at") else { return }
            for row in parsed.rows {
                let (part, time) = (splitter.part(parsed, row), Int(block.string(row, column)) ?? 0)
                let known = times[part] ?? time...time
                times[part] = min(known.lowerBound, time)...max(known.upperBound, time)
                sources[part, default: []].insert(block.columns[0])
            }
        }
        let (training, validation, test) = (
            try #require(times[.training]), try #require(times[.validation]), try #require(times[.test])
        )
        #expect(
            training.upperBound < validation.lowerBound && validation.upperBound < test.lowerBound)
        #expect(sources[.training]?.count == 2)
    }

    @Test func recordsAreCountedThroughAllSources() throws {
        let source = try shop.experiment().openRows()
        var records: [Int] = []
        var blocks: [Int] = []
        try source.read { (block, _) throws(InputError) in
            blocks.append(block.index)
            records += (0..<block.rowCount).map { block.record($0) }
        }
        #expect(records == Array(0..<550) && blocks == Array(0..<blocks.count))
    }
}
