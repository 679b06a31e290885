import ArgumentParser
import MTLData
import Terminal

struct NeighboursCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "neighbours",
        abstract: "Which values of a feature a model takes for like one of them.",
        discussion: """
            The values whose embeddings point nearest to where that of one value does, by the cosine of the angle: the products that a shop's \
            visits make alike, or the countries. A model may make values alike that it has hardly seen: look at the rows.
            """)

    @Argument(help: "A model written by mtl train.")
    var model: String

    @Argument(
        help: "A categorical feature, tags or a sequence, that the model has an embedding of for each value.")
    var feature: String

    @Argument(help: "One of its values.")
    var value: String

    @Option(help: "The most values that are told.")
    var count = 10

    @Flag(help: "Writes one object instead of a table.")
    var json = false

    private struct Neighbour: Encodable {
        let value: String
        let rows: Int
        let cosine: Double
    }

    private struct Neighbours: Encodable {
        let model, feature, value: String
        let neighbours: [Neighbour]
    }

    func validate() throws {
        guard count > 0 else { throw ValidationError("--count: found \(count), expected 1 or more") }
    }

    func run() throws {
        let found = try ModelBundle(contentsOf: model).neighbours(of: value, in: feature, count: count)
        if json {
            return try printJSON(
                Neighbours(
                    model: model, feature: feature, value: value,
                    neighbours: found.map { Neighbour(value: $0.value, rows: $0.rows, cosine: $0.cosine) }))
        }
        try printTable(
            [feature, "training rows", "cosine"],
            found.map { [$0.value, "\($0.rows)", $0.cosine.decimals(4)] })
    }
}
