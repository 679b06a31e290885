import MTLData
import MTLEngine

/// What a comparison found, as programs read it.
struct ComparisonResult: Encodable {
    /// A model, or what was trained with several seeds.
    struct Side: Encodable {
        let name: String
        var parameters: Int?
        /// Of the steps, and epochs; means over the seeds.
        var seconds: Double?
        var epochs: Double?
    }

    struct Bounds: Encodable {
        let lower: Double
        let upper: Double

        init?(_ interval: ConfidenceInterval?) {
            guard let interval else { return nil }
            (lower, upper) = (interval.lower, interval.upper)
        }
    }

    /// A difference from the first side.
    struct Difference: Encodable {
        let mean: Double
        /// 95 %, of all that is known to vary.
        let interval: Bounds?
        let ofSeeds: Bounds?
        let ofRows: Bounds?
        let verdict: String
        /// Whether it is more than seeds and rows differ by.
        var isTold: Bool { verdict != ComparisonSentence.sharing.word(.unclear) }
        /// As a table has it.
        let text: String
        /// DeLong's test, of two models' areas over rows that are drawn each by itself.
        var delongP: Double?

        init(_ found: ModelComparison.Difference, _ wording: ComparisonSentence) {
            mean = found.mean
            (interval, ofSeeds, ofRows) = (Bounds(found.interval), Bounds(found.seeds), Bounds(found.rows))
            verdict = wording.word(found.verdict)
            text = ComparisonSentence.change(found)
        }
    }

    struct Measure: Encodable {
        let task: String
        let metric: String
        /// Nil for all rows.
        let scenario: String?
        let isPrimary: Bool
        let higherIsBetter: Bool
        /// By side.
        let values: [String: Double]
        /// By side but the first.
        var differences: [String: Difference]
    }

    /// What each task gains with one other, instead of alone.
    struct Transfer: Encodable {
        struct Gain: Encodable {
            let task: String
            let with: String
            let metric: String
            let relative: Double
            let difference: Difference
        }

        let tasks: [String]
        let gains: [Gain]
        let groups: [[String]]
        /// What the pairs took.
        let sides: [Side]

        init(_ found: TaskTransfer, _ sides: [Side]) {
            tasks = found.tasks
            gains = found.gains.map {
                Gain(
                    task: $0.task, with: $0.partner, metric: $0.metric, relative: $0.relative,
                    difference: Difference($0.difference, .sharing))
            }
            groups = found.grouping.groups.map { $0.map { found.tasks[$0] } }
            self.sides = sides
        }
    }

    var event = "result"
    var folder: String?
    var seeds: [UInt64]?
    let sides: [Side]
    var measures: [Measure]
    /// Δm by side but the first.
    let relative: [String: Difference]
    /// What is drawn for an interval of rows, and how often.
    let drawn: String
    let resamples: Int
    let sentences: [String]
    var transfer: Transfer?
    var notes: [String] = []

    init(
        _ comparison: ModelComparison, _ sides: [Side], wording: ComparisonSentence, _ rows: ComparedRows,
        resamples: Int, sentences: [String]
    ) {
        self.sides = sides
        self.resamples = resamples
        self.sentences = sentences
        drawn = rows.hasGroups ? "groups" : "rows"
        let others = sides.dropFirst().map(\.name)
        func named(_ differences: [ModelComparison.Difference]) -> [String: Difference] {
            Dictionary(zip(others, differences.map { Difference($0, wording) })) { first, _ in first }
        }
        measures = comparison.rows.map { row in
            Measure(
                task: row.measure.name, metric: row.measure.metric, scenario: row.measure.scenario,
                isPrimary: row.measure.isPrimary, higherIsBetter: row.measure.higherIsBetter,
                values: Dictionary(zip(sides.map(\.name), row.values)) { first, _ in first },
                differences: named(row.differences))
        }
        relative = named(comparison.relative)
    }
}
