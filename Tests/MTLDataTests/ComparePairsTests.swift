import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// `mtl compare --pairs`: which tasks belong together, on rows whose truth is planted.
@Suite struct ComparePairsTests {
    private struct Transfer: Decodable {
        struct Difference: Decodable { let verdict: String }
        struct Gain: Decodable {
            let task, with, metric: String
            let relative: Double
            let difference: Difference
        }
        struct Side: Decodable { let name: String }
        struct Result: Decodable {
            let sides: [Side]
            let transfer: Transfer
        }
        let tasks: [String]
        let gains: [Gain]
        let groups: [[String]]
        let sides: [Side]
    }

    /// The second task is the first with few labels; the third reads other features.
    private static func shop() throws -> SmallShop {
        let files = try SmallShop(rows: 40)
        var generator = SeededGenerator(seed: 4)
        func text(_ count: Int, known: Double) -> String {
            var lines =
                ((0..<12).map { "x\($0)" } + ["first", "second", "third"]).joined(separator: ",") + "\n"
            for _ in 0..<count {
                let x = (0..<12).map { _ in generator.normal() }
                func label(_ part: Range<Int>) -> String {
                    generator.uniform() < 1 / (1 + exp(-0.7 * x[part].reduce(0, +))) ? "1" : "0"
                }
                let labels = [label(0..<6), label(0..<6), label(6..<12)]
                let second = generator.uniform() < known ? labels[1] : ""
                lines +=
                    (x.map { "\(Float($0))" } + [labels[0], second, labels[2]]).joined(separator: ",") + "\n"
            }
            return lines
        }
        _ = try files.write(text(1500, known: 0.06), "rows.csv")
        _ = try files.write(text(3000, known: 1), "test.csv")
        _ = try files.write(
            """
            data: {source: rows.csv, test: test.csv}
            schema:
              features:
            \((0..<12).map { "    - {name: x\($0), type: numeric}" }.joined(separator: "\n"))
              labels:
                - {name: first, type: binary}
                - {name: second, type: binary}
                - {name: third, type: binary}
            split: {validation: 0.2}
            model: {trunk: [4]}
            training: {epochs: 12, patience: 3, batch: 64, learning_rate: 0.02, averaging: 0.9}

            """, "shop.yaml")
        return files
    }

    @Test func aSmallTaskBelongsToTheLargeOneLikeIt() throws {
        let shop = try Self.shop()
        let arguments = ["compare", "shop.yaml", "--pairs", "--seeds", "1,2,3", "--resamples", "100"]
        let found = try Command.run("mtl", arguments, in: shop.path)
        #expect(found.status == 0, "\(found.errors)")
        #expect(found.output.contains("first and second, seed 2"), "\(found.output)")
        #expect(found.output.contains("  first, second\n  third"), "\(found.output)")
        #expect(found.output.split(separator: "\n").last?.hasPrefix("Sharing") ?? false)
        let again = try Command.run("mtl", arguments + ["--json"], in: shop.path)
        let last = try #require(again.output.split(separator: "\n").last)
        // Every run was over: only the result is said again.
        #expect(!again.output.contains("\"event\":\"run\""), "\(again.output)")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let result = try decoder.decode(Transfer.Result.self, from: Data(last.utf8))
        #expect(result.sides.map(\.name) == ["separate", "joint"])
        let transfer = result.transfer
        #expect(transfer.tasks == ["first", "second", "third"] && transfer.gains.count == 6)
        #expect(transfer.sides.map(\.name) == ["first and second", "first and third", "second and third"])
        #expect(transfer.groups == [["first", "second"], ["third"]])
        func gain(_ task: String, _ other: String) -> Double {
            transfer.gains.first { $0.task == task && $0.with == other }?.relative ?? .nan
        }
        #expect(gain("second", "first") > 0.02, "\(last)")
        #expect(gain("second", "first") > gain("second", "third"), "\(last)")
    }

    @Test func pairsWeighTheOthersNothing() throws {
        let schema = Schema(
            features: [Feature("age", .numeric)],
            labels: ["click", "buy", "return"].map { Label($0, .binary) })
        var base = Experiment(data: DataSettings(source: "visits.csv"), schema: schema)
        base.training.schedule = ScheduleSettings(.alternating)
        base.training.watch = WatchSettings(task: "return", metric: "AUC")
        let plan = try ComparisonPlan(base, seeds: [1, 2], pairs: true)
        #expect(
            plan.variants.map(\.name) == ["separate", "alternating", "pair-1-2", "pair-1-3", "pair-2-3"])
        #expect(
            plan.variants.map(\.pair) == [
                nil, nil, ["click", "buy"], ["click", "return"], ["buy", "return"],
            ])
        let pairs = plan.variants.suffix(3).map { $0.experiments[0] }
        #expect(pairs.map { $0.schema.labels.map(\.weight) } == [[1, 1, 0], [1, 0, 1], [0, 1, 1]])
        #expect(pairs.allSatisfy { $0.training.schedule == ScheduleSettings(.joint) })
        #expect(pairs.map(\.training.watch) == [nil, base.training.watch, base.training.watch])
        #expect(plan.notes.contains { $0.hasPrefix("pairs are trained jointly") })
        // What all tasks are watched by would look at one that learns nothing.
        base.training.watch = WatchSettings(task: nil, metric: "AUC")
        let all = try ComparisonPlan(base, seeds: [1, 2], pairs: true)
        #expect(all.variants[2].experiments[0].training.watch == nil)
        base.schema.labels.removeLast()
        #expect(throws: InputError.self) { try ComparisonPlan(base, seeds: [1, 2], pairs: true) }
    }
}
