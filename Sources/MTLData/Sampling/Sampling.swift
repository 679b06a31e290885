package import MTLEngine

/// Which of the training rows and labels are learned from. Other parts are never sampled.
///
/// A row without any label left is dropped. What is drawn depends on the seed and the row's place in its source alone.
///
/// The labels of a funnel (`esmm`, `escm2`, `aitm`, `resflow`) stay together: where the first one is 0, the later ones go and stay with
/// it, and where it is 1 none goes. Drawn label by label, labels 0 of a purchase would be rare among clicks too, and what the model
/// takes for the probability of a purchase after a click would be none. Where the first label is missing, nobody knows whether the row
/// would have been drawn, and the later ones go.
public struct Sampling: Sendable, Equatable, Codable {
    /// Per binary task the share of the labels 0 that are kept; the model corrects its probabilities for it. Of a funnel's tasks the
    /// first alone may have one.
    public var negatives: [String: Double] = [:]
    /// Per task the share of all its labels that are kept.
    public var tasks: [String: Double] = [:]
    /// Per scenario the share of its rows that are kept.
    public var scenarios: [String: Double] = [:]
    /// What the draws depend on.
    public var seed: UInt64 = 1

    /// All rows and labels.
    public init() {}

    private enum CodingKeys: String, CodingKey, CaseIterable { case negatives, tasks, scenarios, seed }

    /// Reads settings; those that are left out keep their defaults.
    ///
    /// - Throws: `InputError` for a setting of an unknown name, `DecodingError` for one that is missing or of a wrong type.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(CodingKeys.self)
        try values.read(.negatives, &negatives)
        try values.read(.tasks, &tasks)
        try values.read(.scenarios, &scenarios)
        try values.read(.seed, &seed)
    }

    var isAll: Bool { negatives.isEmpty && tasks.isEmpty && scenarios.isEmpty }

    /// Per later task of a funnel the first one, where rows are sampled by that.
    ///
    /// - Parameter parents: per later task the one before it.
    func sampledFirsts(_ parents: [String: String]) -> [String: String] {
        var firsts: [String: String] = [:]
        for later in parents.keys {
            // A circle is refused with the model.
            let first = EventChain.before(later) { parents[$0] }.last
            if let first, negatives[first] ?? 1 < 1 { firsts[later] = first }
        }
        return firsts
    }

    /// - Parameter parents: per later task of a funnel the one before it.
    /// - Throws: `InputError` that names the share.
    package func check(_ schema: Schema, parents: [String: String]) throws(InputError) {
        try check(schema)
        for label in schema.labels where label.teacher != nil {
            let sampled = sampledFirsts(parents)[label.name] ?? label.name
            guard negatives[sampled] ?? 1 < 1 else { continue }
            throw InputError(
                .value, at: "sampling, negatives, \"\(sampled)\"",
                found: "a share beside the teacher of \"\(label.name)\"",
                expected: "all rows: the teacher's probabilities are of rows as they come")
        }
        for (name, share) in negatives.sorted(by: { $0.key < $1.key }) where share < 1 {
            guard let first = EventChain.before(name, parent: { parents[$0] }).last else { continue }
            throw InputError(
                .value, at: "sampling, negatives, \"\(name)\"",
                found: "\(share) of a later event of the funnel",
                expected:
                    "a share of \"\(first)\" alone: rows without it are left out with all labels of the funnel"
            )
        }
    }

    func check(_ schema: Schema) throws(InputError) {
        for (group, shares) in [("negatives", negatives), ("tasks", tasks), ("scenarios", scenarios)] {
            for (name, share) in shares.sorted(by: { $0.key < $1.key }) {
                let place = "sampling, \(group), \"\(name)\""
                guard share > 0, share <= 1 else {
                    throw InputError(
                        .value, at: place, found: "\(share)", expected: "a share above 0, up to 1")
                }
                guard group != "scenarios" else {
                    guard schema.scenario != nil else {
                        throw InputError(
                            .name, at: place, found: "no scenario",
                            expected: "a column as the schema's scenario")
                    }
                    continue
                }
                guard let label = schema.labels.first(where: { $0.name == name }) else {
                    throw InputError(
                        .name, at: place, found: "no label of that name",
                        expected: "one of \(schema.labels.map(\.name).joined(separator: ", "))")
                }
                guard group != "negatives" || label.kind == .binary else {
                    throw InputError(
                        .value, at: place, found: "a \(label.kind.rawValue) label", expected: "a binary one")
                }
            }
        }
    }
}

/// Sampling made ready for the rows of one source.
package struct Sampler {
    private let seed: SeededGenerator
    /// Per label the share of its labels 0, and of all.
    private let shares: [(negatives: Double, all: Double)]
    /// Per label that of the first event of its funnel, where rows are sampled by it.
    private let firsts: [Int?]
    private let hasFirsts: Bool
    /// Per scenario id its share.
    private let scenarioShares: [Double]?

    /// - Parameter parents: per later task of a funnel the one before it.
    /// - Throws: `InputError` for a scenario that the training rows do not have.
    package init(
        _ sampling: Sampling, _ preprocessor: Preprocessor, parents: [String: String] = [:]
    ) throws(InputError) {
        let labels = preprocessor.schema.labels
        try sampling.check(preprocessor.schema, parents: parents)
        seed = SeededGenerator(seed: sampling.seed)
        shares = labels.map {
            (sampling.negatives[$0.name] ?? 1, sampling.tasks[$0.name] ?? 1)
        }
        let named = sampling.sampledFirsts(parents)
        firsts = labels.map { label in labels.firstIndex { $0.name == named[label.name] } }
        hasFirsts = firsts.contains { $0 != nil }
        guard let scenarios = preprocessor.scenarios, !sampling.scenarios.isEmpty else {
            scenarioShares = nil
            return
        }
        var byID = [Double](repeating: 1, count: scenarios.size)
        for (name, share) in sampling.scenarios {
            var text = name
            let id = text.withUTF8 { Int(scenarios.id($0)) }
            guard id >= Vocabulary.reserved else {
                throw InputError(
                    .name, at: "sampling, scenarios, \"\(name)\"", found: "no training row of it",
                    expected: "a scenario of the training rows")
            }
            byID[id] = share
        }
        scenarioShares = byID
    }

    /// Takes labels out of a block, and returns the rows that are left.
    package func sample(
        _ parsed: inout ParsedBlock, _ plan: ColumnPlan, _ preprocessor: Preprocessor, rows: [Int]
    ) -> [Int] {
        rows.filter { row in
            var draws = seed.split(UInt64(parsed.block.record(row)))
            if let scenarioShares, let column = plan.scenario, let scenarios = preprocessor.scenarios {
                let scenario = scenarios.idOrMissing(parsed.block.value(row, column))
                if draws.uniform() >= scenarioShares[Int(scenario)] { return false }
            }
            if hasFirsts { dropLaterLabels(of: row, &parsed, draws) }
            var isLabelled = false
            for (label, share) in shares.enumerated() where !parsed.labels[label].isEmpty {
                let value = parsed.labels[label][row]
                // Every label has its draws, whatever the others say.
                let (first, second) = (draws.uniform(), draws.uniform())
                if parsed.lacks(label, row) { continue }
                if first >= share.all || (value == 0 && second >= share.negatives) {
                    parsed.dropLabel(label, of: row)
                } else {
                    isLabelled = true
                }
            }
            return isLabelled
        }
    }

    /// Takes the later labels of funnels out of a row that is not drawn by the first one, or that nobody knows to be.
    private func dropLaterLabels(of row: Int, _ parsed: inout ParsedBlock, _ draws: SeededGenerator) {
        for (label, first) in firsts.enumerated() {
            guard let first, !parsed.labels[label].isEmpty else { continue }
            let value = parsed.labels[first].isEmpty ? .nan : parsed.labels[first][row]
            if value.isNaN || value == 0 && !isDrawn(first, parsed, draws) {
                parsed.dropLabel(label, of: row)
            }
        }
    }

    /// What a label's own draws will say of it.
    private func isDrawn(_ label: Int, _ parsed: ParsedBlock, _ draws: SeededGenerator) -> Bool {
        var draws = draws
        var drawn = 0.0
        for before in 0...label where !parsed.labels[before].isEmpty {
            (_, drawn) = (draws.uniform(), draws.uniform())
        }
        return drawn < shares[label].negatives
    }
}
