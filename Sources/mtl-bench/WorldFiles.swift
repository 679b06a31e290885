import MTLData
import MTLEngine

/// A simulated world's rows as files, with an experiment that trains on them: what `mtl compare` can be held to.
struct WorldFiles {
    let world: SharingSimulator.World
    let folder: String
    let rows: Int
    let seed: UInt64

    /// Rows to judge by, all of which have both labels.
    private var testRows: Int { min(20_000, 4 * max(1, min(rows, 5_000))) }

    private var name: String { world.rawValue.replacing("a ", with: "").replacing(" ", with: "_") }
    private func path(_ end: String) -> String { "\(folder)/\(name)\(end)" }
    private var files: (rows: String, test: String) { (path(".csv"), path("-test.csv")) }

    /// Writes them.
    ///
    /// - Returns: the experiment's path.
    /// - Throws: `InputError` that names the file.
    func write() throws(InputError) -> String {
        let simulator = SharingSimulator(world, seed: seed)
        try write(simulator.log(rows: rows, stream: 1).dataset, to: files.rows)
        try write(
            simulator.log(rows: testRows, stream: 3, hidesLabels: false).dataset, to: files.test)
        try TextOutput.write(experiment, to: path(".yaml"))
        return path(".yaml")
    }

    private func write(_ dataset: Dataset<Float>, to path: String) throws(InputError) {
        let output = try TextOutput(path)
        let (width, tasks) = (SharingSimulator.featureCount, SharingSimulator.tasks.map(\.name))
        let names = (0..<width).map { "x\($0)" }
        try output.write((["scenario"] + names + tasks).joined(separator: ",") + "\n")
        var labels: [[Float]] = []
        for task in tasks { labels.append(try dataset.labels(task)) }
        for row in 0..<dataset.rowCount {
            var line = "s\(dataset.scenarios.map { $0.base[row] } ?? 0)"
            for column in 0..<width { line += ",\(dataset.features.base[row * width + column])" }
            for own in labels { line += own[row].isNaN ? "," : ",\(Int(own[row]))" }
            try output.write(line + "\n")
        }
        try output.finish()
    }

    private var experiment: String {
        let names = (0..<SharingSimulator.featureCount).map { "    - {name: x\($0), type: numeric}" }
        return """
            data: {source: \(YAMLText.scalar(files.rows)), test: \(YAMLText.scalar(files.test))}
            schema:
              scenario: scenario
              features:
                - {name: scenario, type: categorical, dimension: 8}
            \(names.joined(separator: "\n"))
              labels:
            \(SharingSimulator.tasks.map { "    - {name: \($0.name), type: binary}" }.joined(separator: "\n"))
            split: {validation: 0.2}
            model: {trunk: [32, 32], tower: [16]}
            training: {epochs: 40, patience: 4, batch: 256, learning_rate: 0.002, averaging: 0.99}

            """
    }
}
