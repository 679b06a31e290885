import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// What a tuning draws, and what it refuses to.
@Suite struct SearchSpaceTests {
    private func space(_ texts: [String: OptionValue]) throws -> SearchSpace { try SearchSpace(texts) }

    private func number(_ value: OptionValue?) -> Double? {
        guard case .scalar(let text)? = value else { return nil }
        return Double(text)
    }

    @Test func drawsStayWithinTheirBoundsAndFillThem() throws {
        let space = try space([
            "training.learning_rate": ["log": [0.0001, 0.1]], "model.dropout": ["uniform": [0.2, 0.5]],
            "training.batch": ["log_integer": [10, 1000]], "training.patience": ["integer": [3, 6]],
            "model.trunk": [[64], [128, 64], []],
        ])
        let draws = (0..<2000).map { space.draw(seed: 7, number: $0) }
        func values(_ path: String) -> [Double] { draws.compactMap { number($0[path]) } }
        for (path, least, most) in [
            ("training.learning_rate", 0.0001, 0.1), ("model.dropout", 0.2, 0.5),
            ("training.batch", 10.0, 1000.0), ("training.patience", 3, 6),
        ] {
            let all = values(path)
            #expect(all.count == 2000 && all.allSatisfy { $0 >= least && $0 <= most }, "\(path)")
        }
        // Each third of the logarithms, each whole number, each list: as often as any other, five standard errors allowed.
        func isShare(_ count: Int, _ share: Double) -> Bool {
            abs(Double(count) - 2000 * share) < 5 * (2000 * share * (1 - share)).squareRoot()
        }
        for bound in [0.001, 0.01] {
            #expect(
                isShare(values("training.learning_rate").count { $0 < bound }, log10(bound / 0.0001) / 3))
        }
        #expect(isShare(values("training.batch").count { $0 < 100 }, log(99.5 / 9.5) / log(1000.5 / 9.5)))
        #expect(isShare(values("model.dropout").count { $0 < 0.3 }, 1.0 / 3))
        for patience in [3.0, 4, 5, 6] {
            #expect(isShare(values("training.patience").count { $0 == patience }, 0.25))
        }
        for trunk in [[64], [128, 64], []] as [OptionValue] {
            #expect(isShare(draws.count { $0["model.trunk"] == trunk }, 1.0 / 3))
        }
        // Short enough for a table.
        for case .scalar(let text)? in draws.map({ $0["training.learning_rate"] }) {
            #expect(text.count <= 10)
        }
    }

    @Test func theSeedDecidesAndNothingElse() throws {
        let rate: OptionValue = ["log": [0.0001, 0.1]]
        let one = try space(["training.learning_rate": rate])
        let more = try space([
            "training.learning_rate": rate, "model.dropout": [0, 0.1], "training.batch": [8, 16],
        ])
        for number in 0..<50 {
            let path = "training.learning_rate"
            let drawn = one.draw(seed: 3, number: number)[path]
            #expect(more.draw(seed: 3, number: number)[path] == drawn)
            #expect(one.draw(seed: 4, number: number)[path] != drawn)
            #expect(one.draw(seed: 3, number: number + 1)[path] != drawn)
        }
    }

    @Test func gridsHoldEveryCombinationOnce() throws {
        let space = try space(["model.dropout": [0, 0.1], "training.batch": [8, 16, 32]])
        #expect(space.gridCount == 6)
        let all = try (0..<6).map { try space.grid($0) }
        #expect(
            Set(all.map { "\(number($0["model.dropout"]) ?? -1) \(number($0["training.batch"]) ?? -1)" })
                .count == 6)
        #expect(all[1] == ["model.dropout": 0, "training.batch": 16])
        #expect(try self.space(["model.dropout": ["uniform": [0, 1]]]).gridCount == nil)
    }

    static let wrong: [(path: String, value: OptionValue, found: String)] = [
        ("model.dropout", 0.1, "\"0.1\""), ("model.dropout", [], "an empty list"),
        ("model.dropout", [0.1, 0.2, 0.1], "twice"),
        ("model.dropout", ["uniform": [0.5, 0.1]], "[0.5, 0.1]"),
        ("model.dropout", ["uniform": [0.5]], "two bounds"),
        ("model.dropout", ["uniform": ["nan", 1]], "nan"),
        ("model.dropout", ["normal": [0, 1]], "normal"),
        ("model.dropout", ["log": [0, 1]], "logarithm of 0"),
        ("training.batch", ["integer": [1, 2.5]], "2.5"),
        ("training.batch", ["log_integer": [0, 5]], "logarithm"),
        ("training.batch", ["integer": [1, 5], "log": true], "integer, log"),
        ("training.seeds", [[1], [2]], "no setting of a model"),
        ("training.watch.metric", ["AUC"], "compared by"),
        ("data.source", ["a.csv", "b.csv"], "prepared by"), ("split.validation", [0.1, 0.2], "prepared by"),
        ("sampling.negatives", [[:]], "prepared by"), ("schema.labels.click.when", ["a = 1"], "prepared by"),
        ("schema.features.age.buckets", [4, 8], "prepared by"), ("schema.scenario", ["a"], "prepared by"),
        ("modle.dropout", [0, 0.1], "no part"), ("model", [[:]], "as a whole"),
    ]

    @Test(arguments: wrong.indices)
    func whatCannotBeSearchedIsNamed(_ index: Int) throws {
        let (path, value, found) = Self.wrong[index]
        let error = try #require(failure { () throws(InputError) in _ = try SearchSpace([path: value]) })
        #expect(error.place == "space.\(path)" && error.found.contains(found), "\(error)")
    }

    @Test func searchesInsideOfEachOtherAreRefused() {
        let inner = failure { () throws(InputError) in
            _ = try SearchSpace(["model.sharing": [["type": "mmoe"]], "model.sharing.experts": [2, 4]])
        }
        #expect(inner?.place == "space.model.sharing.experts")
        let both = failure { () throws(InputError) in
            _ = try SearchSpace(["model.sharing": [["type": "mmoe"]], "model.trunk": [[8]]])
        }
        #expect(both?.place == "space.model.trunk")
        #expect(failure { () throws(InputError) in _ = try SearchSpace([:]) }?.place == "space")
    }
}
