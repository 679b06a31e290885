import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// Rows of a funnel are left out by its first event, with all of its labels.
@Suite struct FunnelSamplingTests {
    private static let rows = 12_000
    private static let parents = ["cart": "click", "buy": "cart"]
    /// A later event comes before the first one among the labels; every fifth click is unknown, and tag is no part of the funnel.
    private static let schema = Schema(
        features: [Feature("x", .numeric)],
        labels: ["buy", "tag", "click", "cart"].map { Label($0, .binary) })
    private static func click(_ row: Int) -> Double { row % 5 == 4 ? .nan : row % 4 == 0 ? 1 : 0 }
    private static func labels(_ row: Int) -> [Double] {
        [row % 24 == 0 ? 1 : 0, row % 2 == 0 ? 1 : 0, click(row), row % 12 == 0 ? 1 : 0]
    }

    private func sample(
        _ sampling: Sampling, parents: [String: String] = Self.parents, schema: Schema = Self.schema
    ) throws -> [Int: [Double]] {
        let source = try table(
            text("x,buy,tag,click,cart", rows: Self.rows) { row in
                "\(row)," + Self.labels(row).map { $0.isNaN ? "" : "\(Int($0))" }.joined(separator: ",")
            }, threads: 1, blockBytes: 1 << 16)
        return try sampled(source, schema, sampling, parents: parents)
    }

    @Test func labelsOfAFunnelStayTogether() throws {
        var sampling = Sampling()
        sampling.negatives = ["click": 0.2]
        let found = try sample(sampling)
        var (kept, all) = (0, 0)
        for row in 0..<Self.rows {
            let (was, labels) = (Self.labels(row), try #require(found[row]))
            let funnel = [labels[0], labels[2], labels[3]]
            #expect(labels[1] == was[1], "tag, which no funnel has")
            switch was[2] {
            case 1: #expect(funnel == [was[0], 1, was[3]])
            case 0:
                all += 1
                if funnel.allSatisfy({ !$0.isNaN }) {
                    kept += 1
                } else {
                    #expect(funnel.allSatisfy { $0.isNaN }, "\(row)")
                }
            default: #expect(funnel.allSatisfy { $0.isNaN }, "nobody knows whether row \(row) was clicked")
            }
        }
        #expect(isShare(kept, of: all, 0.2))
        // Rows are those that the click alone draws.
        let alone = try sample(sampling, parents: [:])
        #expect(found.allSatisfy { row, labels in labels[2].isNaN == alone[row]?[2].isNaN })
    }

    /// Rows of the funnel alone are left out as a whole.
    @Test func rowsWithoutAnyLabelAreLeftOut() throws {
        var schema = Self.schema
        schema.labels.removeAll { $0.name == "tag" }
        var sampling = Sampling()
        sampling.negatives = ["click": 0.2]
        let found = try sample(sampling, schema: schema)
        let negatives = (0..<Self.rows).filter { Self.click($0) == 0 }
        #expect(negatives.count { found[$0] != nil } < negatives.count / 4)
        #expect((0..<Self.rows).allSatisfy { Self.click($0) != 1 || found[$0] != nil })
    }

    /// A share of a task's labels is drawn beside the funnel's, whatever they are.
    @Test func sharesOfTasksAreDrawnByThemselves() throws {
        var sampling = Sampling()
        sampling.negatives = ["click": 0.2]
        sampling.tasks = ["click": 0.5]
        let found = try sample(sampling)
        let clicked = (0..<Self.rows).filter { Self.click($0) == 1 }
        let known = clicked.count { found[$0]?[2] == 1 }
        #expect(abs(Double(known) / Double(clicked.count) - 0.5) < 0.05)
        #expect(clicked.allSatisfy { found[$0]?[0] == Self.labels($0)[0] })
    }

    private func experiment(
        _ files: FieldCase, _ type: SharingType, _ change: (inout Experiment) -> Void
    ) throws -> Experiment {
        var experiment = try files.experiment(["{name: x, type: numeric}"])
        experiment.schema.labels = ["click", "cart", "buy"].map { Label($0, .binary) }
        experiment.model.sharing = SharingSettings(
            type, ["parents": ["cart": "click", "buy": "cart"], "layers": [4]])
        change(&experiment)
        return experiment
    }

    private static let types: [SharingType] = [.esmm, .escm2, .aitm, .resflow]

    @Test(arguments: types) func sharesOfLaterEventsAreRefused(type: SharingType) throws {
        let files = try FieldCase()
        func error(_ change: (inout Experiment) -> Void) throws -> InputError? {
            let experiment = try experiment(files, type, change)
            return failure { try experiment.check() }
        }
        for name in ["cart", "buy"] {
            let found = try error { $0.sampling.negatives = [name: 0.5] }
            #expect(found?.place == "sampling, negatives, \"\(name)\"")
            #expect(found?.expected.contains("\"click\" alone") == true)
        }
        #expect(try error { $0.sampling.negatives = ["click": 0.5] } == nil)
        #expect(try error { $0.sampling.negatives = ["click": 0.5, "buy": 1] } == nil)
        // Elsewhere every label is sampled by itself.
        let plain = try experiment(files, .sharedBottom) {
            $0.model.sharing = nil
            $0.sampling.negatives = ["buy": 0.5]
        }
        try plain.check()
    }

    @Test(arguments: types) func conditionsOnLaterEventsAreRefused(type: SharingType) throws {
        let files = try FieldCase()
        let conditional = try experiment(files, type) { $0.schema.labels[2].when = "click = 1" }
        let error = failure { try conditional.check() }
        #expect(error?.place == "label \"buy\", when")
        #expect(error?.expected == "no condition, and 0 where \"cart\" did not happen")
        try experiment(files, type) { $0.schema.labels[0].when = "x > 0" }.check()
    }

    @Test func laterLabelsOfAnotherSourceAreRefused() throws {
        let files = try FieldCase()
        let error = try experiment(files, .aitm) {
            $0.sampling.negatives = ["click": 0.5]
            $0.data.taskSources = [TaskSource(source: "buys.csv", labels: ["buy"])]
        }
        #expect(failure { try error.check() }?.place == "sampling, negatives, \"click\"")
    }

    /// Where nobody knows the first label, rows would lose the later ones too.
    @Test func rowsWithoutAFirstLabelByTheSettingsAreRefused() throws {
        let files = try FieldCase()
        func found(_ share: Double, _ change: (inout Experiment) -> Void) throws -> String? {
            let experiment = try experiment(files, .esmm) {
                $0.sampling.negatives = ["click": share]
                $0.schema.scenario = "s"
                change(&$0)
            }
            let error = failure { try experiment.check() }
            #expect(error == nil || error?.place == "sampling, negatives, \"click\"")
            return error?.found
        }
        let conditional = { (experiment: inout Experiment) in experiment.schema.labels[0].when = "x > 0" }
        #expect(try found(0.5, conditional) == "a label with when: \"x > 0\"")
        #expect(try found(1, conditional) == nil)
        let missing = "\"buy\" in scenarios that \"click\" does not have"
        for own in [["de", "it"], nil] as [[String]?] {
            let fewer = { (experiment: inout Experiment) in
                experiment.model.taskScenarios = ["click": ["de", "fr"], "cart": ["de"]]
                experiment.model.taskScenarios["buy"] = own
            }
            #expect(try found(0.5, fewer) == missing)
            #expect(try found(1, fewer) == nil)
        }
        #expect(
            try found(0.5) {
                $0.model.taskScenarios = ["click": ["de", "fr"], "cart": ["de"], "buy": ["fr"]]
            } == nil)
        #expect(try found(0.5) { $0.model.taskScenarios = ["buy": ["fr"]] } == nil)
    }

    /// The same rows are prepared anew for another funnel, and only where rows are sampled by it.
    @Test func preparedRowsAreThoseOfTheFunnel() throws {
        let files = try FieldCase()
        try files.write(
            text("x,click,cart,buy", rows: 600) { row in
                "\(row % 50),\(row % 4 == 0 ? 1 : 0),\(row % 8 == 0 ? 1 : 0),\(row % 16 == 0 ? 1 : 0)"
            })
        func rows(_ type: SharingType?, _ share: Double) throws -> (rows: Int, wasThere: Bool) {
            let experiment = try experiment(files, type ?? .esmm) {
                if type == nil { $0.model.sharing = nil }
                $0.sampling.negatives = ["click": share]
                $0.split = Split(.random, validation: 0, test: 0)
            }
            let data = try experiment.prepare(in: files.folder.file("prepared"))
            return (data.training.rowCount, data.wasCached)
        }
        let (alone, funnel) = (try rows(nil, 0.2), try rows(.esmm, 0.2))
        #expect(alone.rows == 600 && !funnel.wasThere && funnel.rows < 350 && funnel.rows > 150)
        #expect(try rows(.resflow, 0.2).wasThere)
        _ = try rows(nil, 1)
        #expect(try rows(.esmm, 1).wasThere)
    }
}
