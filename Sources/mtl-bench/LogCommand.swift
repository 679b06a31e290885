import ArgumentParser
import Foundation
import MTLData
import MTLEngine
import Terminal

/// Writes a large log to try reading, preparing and training on.
struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Writes a generated shop log of any length as CSV, and its experiment beside it.",
        discussion: """
            25 columns: three ids of 1 M, 200 k and 50 k values, a time, six categories, twelve numbers, three labels \
            (click, purchase where clicked, spend where purchased). Labels follow the ids' hidden tastes. Lines depend on \
            their number and the seed alone.
            """)

    @Argument(help: "The file to write; the experiment goes beside it as .yaml.")
    var file: String

    @Option(help: "Rows.")
    var rows = 20_000_000

    @Option(help: "What the lines depend on, with their number.")
    var seed: UInt64 = 1

    @Option(help: "Worker threads.")
    var threads = defaultThreads

    /// Far more than any disk holds, and few enough to count with.
    private static let mostRows = 1 << 40

    func validate() throws {
        try requirePositive([rows], option: "rows")
        try requirePositive([threads], option: "threads")
        guard rows <= Self.mostRows else {
            throw ValidationError("--rows: found \(rows), expected at most \(Self.mostRows)")
        }
    }

    func run() throws {
        let experiment = file + ".yaml"
        try FilesInUse().check(output: experiment, "the experiment")
        let output = try TextOutput(file)
        try output.write(GeneratedLog.columns.joined(separator: ",") + "\n")
        let log = GeneratedLog(seed: seed)
        let pool = try WorkerPool(count: threads)
        let blockRows = 50_000
        let blocks = (rows + blockRows - 1) / blockRows
        for first in stride(from: 0, to: blocks, by: threads) {
            let parts = (0..<min(threads, blocks - first)).map { _ in TextPart() }
            pool.run { worker in
                guard worker < parts.count else { return }
                let start = (first + worker) * blockRows
                parts[worker].bytes = log.text(start..<min(start + blockRows, rows))
            }
            for part in parts { try output.write(part.bytes) }
        }
        try output.finish()
        try TextOutput.write(GeneratedLog.experiment(file), to: experiment)
        try tell("\(file): \(rows) rows; mtl train \(experiment) trains on it.", beside: file)
    }
}

private final class TextPart: @unchecked Sendable {
    var bytes: [UInt8] = []
}

/// Lines of a log with hidden tastes of users, items and shops.
struct GeneratedLog: Sendable {
    static let columns =
        [
            "user_id", "item_id", "shop_id", "time", "country", "channel", "device", "page", "category",
            "brand",
        ] + (1...12).map { "number_\($0)" } + ["click", "purchase", "spend"]

    let seed: UInt64

    static func experiment(_ file: String) -> String {
        let categories = ["country", "channel", "device", "page", "category", "brand"]
        return """
            data: {source: \(YAMLText.scalar(file))}
            schema:
              scenario: country
              time: time
              features:
                - {name: user_id, type: categorical, dimension: 16}
                - {name: item_id, type: categorical, dimension: 16}
                - {name: shop_id, type: categorical, dimension: 16}
                - {name: time, type: timestamp}
            \(categories.map { "    - {name: \($0), type: categorical, dimension: 8}" }.joined(separator: "\n"))
            \((1...12).map { "    - {name: number_\($0), type: numeric}" }.joined(separator: "\n"))
              labels:
                - {name: click, type: binary}
                - {name: purchase, type: binary, when: click = 1}
                - {name: spend, type: regression, huber_delta: 1, weight: 0.2}
            split: {validation: 0.01, test: 0.01}
            model: {trunk: [64, 32]}
            training: {epochs: 1, batch: 4096}

            """
    }

    /// A number of an id that nobody sees, about -1 ... 1.
    private static func taste(_ id: Int, _ salt: UInt64) -> Double {
        var hash = UInt64(id) &* 0x9E37_79B9_7F4A_7C15 ^ salt &* 0xD134_2543_DE82_EF95
        hash = (hash ^ (hash >> 29)) &* 0xBF58_476D_1CE4_E5B9
        return Double(Int64(bitPattern: hash ^ (hash >> 32))) * 0x1p-63
    }

    func text(_ rows: Range<Int>) -> [UInt8] {
        var writer = LineWriter()
        for row in rows {
            var draw = SeededGenerator(seed: seed).split(UInt64(row))
            // Ids by the square of a draw: some are seen often.
            func id(_ count: Int) -> Int {
                let u = draw.uniform()
                return Int(u * u * Double(count))
            }
            let (user, item, shop) = (id(1_000_000), id(200_000), id(50_000))
            let (country, category, brand) = (draw.below(12), draw.below(200), id(3_000))
            let score =
                1.5 * Self.taste(user, 1) + 1.5 * Self.taste(item, 2) + Self.taste(shop, 3)
                + 0.5 * Self.taste(category, 4) + 0.3 * Self.taste(country, 5)
            writer.add("u", user)
            writer.add("i", item)
            writer.add("s", shop)
            writer.add("", 1_700_000_000 + row / 4)
            writer.add("country_", country)
            writer.add("channel_", draw.below(5))
            writer.add("device_", draw.below(4))
            writer.add("page_", draw.below(20))
            writer.add("category_", category)
            writer.add("brand_", brand)
            var first = 0.0
            for number in 0..<12 {
                let value = draw.normal()
                if number == 0 { first = value }
                if number > 8 && draw.below(50) == 0 { writer.addNothing() } else { writer.add(value * 10) }
            }
            let clicks = draw.uniform() < 1 / (1 + exp(-(score + 0.5 * first - 1)))
            let buys = clicks && draw.uniform() < 1 / (1 + exp(-(Self.taste(user, 6) + Self.taste(item, 7))))
            writer.add("", clicks ? 1 : 0)
            writer.add("", buys ? 1 : 0)
            if buys {
                writer.add(exp(0.5 * Self.taste(item, 8)) + 0.1 * draw.normal())
            } else {
                writer.addNothing()
            }
            writer.endLine()
        }
        return writer.bytes
    }
}

/// Cells written as bytes.
private struct LineWriter {
    private(set) var bytes: [UInt8] = []

    mutating func add(_ prefix: StaticString, _ value: Int) {
        bytes.append(
            contentsOf: UnsafeBufferPointer(start: prefix.utf8Start, count: prefix.utf8CodeUnitCount))
        addDigits(value)
        bytes.append(UInt8(ascii: ","))
    }

    /// With four decimals.
    mutating func add(_ value: Double) {
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        let scaled = Int((value.magnitude * 10_000).rounded())
        addDigits(scaled / 10_000)
        bytes.append(UInt8(ascii: "."))
        var unit = 1000
        while unit > 0 {
            bytes.append(UInt8(ascii: "0") + UInt8(scaled / unit % 10))
            unit /= 10
        }
        bytes.append(UInt8(ascii: ","))
    }

    mutating func addNothing() { bytes.append(UInt8(ascii: ",")) }

    mutating func endLine() { bytes[bytes.count - 1] = UInt8(ascii: "\n") }

    private mutating func addDigits(_ value: Int) {
        var unit = 1
        while value / unit >= 10 { unit *= 10 }
        while unit > 0 {
            bytes.append(UInt8(ascii: "0") + UInt8(value / unit % 10))
            unit /= 10
        }
    }
}
