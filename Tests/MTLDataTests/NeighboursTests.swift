import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// `mtl neighbours`: values whose embeddings are alike.
@Suite struct NeighboursTests {
    private let files: FieldCase

    init() throws {
        files = try FieldCase()
        var random = SeededGenerator(seed: 1)
        // Products of two shelves: those of one are clicked, those of the other not.
        try files.write(
            visits("product,tags,age,click", rows: 2000) { _ in
                let product = Int.random(in: 0..<10, using: &random)
                let isClicked = random.uniform() < (product % 2 == 0 ? 0.9 : 0.1)
                return ["p\(product)", "t\(product % 3)", "\(product)", isClicked ? "1" : "0"]
            })
        try files.write(
            """
            data: {source: visits.csv}
            schema:
              features:
                - {name: product, type: categorical, dimension: 2}
                - {name: tags, type: tags}
                - {name: age, type: numeric}
                - {name: code, column: product, type: categorical, hash_buckets: 50}
              labels: [{name: click, type: binary}]
            split: {by: random, validation: 0.2}
            model: {trunk: [8]}
            training: {epochs: 20, batch: 64, learning_rate: 0.02, seeds: [1, 2], keep: all}

            """, as: "visits.yaml")
        let trained = try Command.run(
            "mtl", ["train", "visits.yaml", "--model", "model.safetensors"], in: files.folder.path)
        try #require(trained.status == 0, "\(trained.errors)")
    }

    private func run(_ arguments: String...) throws -> Command {
        try Command.run("mtl", ["neighbours", "model.safetensors"] + arguments, in: files.folder.path)
    }

    @Test func valuesOfOneShelfAreAlike() throws {
        struct Told: Decodable {
            struct One: Decodable {
                let value: String
                let rows: Int
                let cosine: Double
            }
            let neighbours: [One]
        }
        let result = try run("product", "p4", "--json", "--count", "20")
        #expect(result.status == 0, "\(result.errors)")
        let told = try JSONDecoder().decode(Told.self, from: Data(result.output.utf8)).neighbours
        #expect(told.count == 9 && Set(told.map(\.value)).count == 9)
        #expect(Set(told.prefix(4).map(\.value)) == ["p0", "p2", "p6", "p8"], "\(result.output)")
        #expect(zip(told, told.dropFirst()).allSatisfy { $0.cosine >= $1.cosine })
        #expect(told.allSatisfy { $0.rows > 100 && abs($0.cosine) <= 1.000001 })
        let table = try run("tags", "t1", "--count", "1").output
        #expect(table.split(separator: "\n").count == 3, "\(table)")
    }

    @Test func refusals() throws {
        for (arguments, words) in [
            (
                ["price", "x"],
                "feature \"price\": found no feature of that name, expected one of product, tags"
            ),
            (["age", "3"], "one without an embedding for each value"),
            (["code", "p1"], "one without an embedding for each value"),
            (["product", "p77"], "found \"p77\""),
        ] {
            let result = try run(arguments[0], arguments[1])
            #expect(result.status == 1 && result.errors.contains(words), "\(arguments): \(result.errors)")
        }
        #expect(try run("product", "p1", "--count", "0").status == 64)
    }
}
