import ArgumentParser
import MTLData
import MTLEngine
import Terminal

/// Reads a file into typed columns, again and again: what Benchmarks/peers/reading.py times.
struct ReadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "read", abstract: "Times the reading of a CSV or TSV file into typed columns.")

    @Argument(help: "The file.")
    var file: String

    @Option(help: "Workers.")
    var threads = defaultThreads

    @Option(help: "How often.")
    var repeats = 3

    func validate() throws {
        try requirePositive([threads], option: "threads")
        try requirePositive([repeats], option: "repeats")
    }

    func run() throws {
        let clock = ContinuousClock()
        for _ in 0..<repeats {
            let begin = clock.now
            let table = try TypedTable(TableReader(path: file, options: ReadingOptions(threads: threads)))
            let seconds = clock.now.seconds(since: begin)
            try say(
                "{\"seconds\": \(seconds), \"rows\": \(table.rowCount), \"columns\": \(table.names.count)}")
        }
    }
}
