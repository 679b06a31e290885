import ArgumentParser
import MTLEngine
import Terminal

/// Times steps that touch so many rows of tables of several sizes: the time must follow the rows touched, not the table.
struct EmbeddingsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "embeddings", abstract: "Times sparse updates of embedding tables of several sizes.")

    @Option(help: "Rows of the tables, with commas.")
    var tables = CommaList([1_000_000, 4_000_000, 16_000_000])

    @Option(help: "Different rows that a step touches, with commas.")
    var touched = CommaList([10_000, 100_000, 1_000_000])

    @Option(help: "The length of a row.")
    var dimension = 16

    @Option(help: "Rounds; sizes take turns within each.")
    var rounds = 7

    @OptionGroup var compute: ComputeArguments

    private static let idsPerRow = 16

    func validate() throws {
        try requirePositive(tables.values, option: "tables")
        try requirePositive(touched.values, option: "touched")
        try requirePositive([dimension], option: "dimension")
        try requirePositive([rounds], option: "rounds")
    }

    func run() throws {
        try say(
            "Steps of Adam on tables of \(dimension) columns, \(compute.threads) threads; median of \(rounds) rounds.\n"
        )
        var cells = touched.values.map { ["\($0)"] }
        for rows in tables.values {
            let times = try measure(tableRows: rows)
            for (index, seconds) in times.enumerated() {
                cells[index].append(
                    "\((seconds * 1000).decimals(2)) ms (\((seconds / Double(touched.values[index]) * 1e9).decimals(0)) ns a row)"
                )
            }
        }
        try printTable(["rows touched"] + tables.values.map { "table of \($0)" }, cells)
    }

    private func measure(tableRows: Int) throws -> [Double] {
        let idsPerRow = Self.idsPerRow
        let most = (touched.values.max() ?? 1) / idsPerRow + 1
        let model = try MultiTaskModel(
            inputs: 0, embedded: [.bag("ids", pooling: .sum, maximumCount: idsPerRow)],
            tables: [EmbeddingTable("ids", rows: tableRows, dimension: dimension)], trunk: [.relu(16)],
            tasks: [.binary("click")])
        let trainer = try Trainer<Float>(model, batchSize: most, compute: compute.options)
        var draw = SeededGenerator(seed: 1)
        var data: [Dataset<Float>] = []
        for count in touched.values {
            // Different rows, spread over the whole table, in random order.
            var ids = (0..<min(count, tableRows)).map { Int32($0 * tableRows / min(count, tableRows)) }
            draw.shuffle(&ids)
            let bags = stride(from: 0, to: ids.count, by: idsPerRow).map {
                Array(ids[$0..<min($0 + idsPerRow, ids.count)])
            }
            data.append(
                try Dataset(
                    featureNames: [], features: [], ids: [IDColumn("ids", bags: bags)],
                    labels: [("click", bags.indices.map { Float($0 % 2) })]))
        }
        let clock = ContinuousClock()
        var times = [[Double]](repeating: [], count: data.count)
        for round in 0...rounds {
            for (index, dataset) in data.enumerated() {
                let begin = clock.now
                try trainer.step(dataset, rows: 0..<dataset.rowCount)
                let seconds = clock.now.seconds(since: begin)
                // The first round brings the memory in.
                if round > 0 { times[index].append(seconds) }
            }
        }
        return times.map { median($0) }
    }
}
