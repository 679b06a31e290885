import MTLData
import MTLEngine
import Terminal

/// Says what goes on in a comparison, in one of three ways.
final class ComparisonReporter {
    private let style: TrainingReporter.Style
    private let plan: ComparisonPlan
    private let folder: String
    private var over = 0
    /// What could not be said: it ends the command once all is over.
    private var failure: (any Error)?

    init(_ style: TrainingReporter.Style, _ plan: ComparisonPlan, _ folder: String) {
        self.style = style
        self.plan = plan
        self.folder = folder
    }

    private var runs: Int { plan.variants.count * plan.seeds.count }

    private func line(_ text: String) {
        guard style == .lines else { return }
        do throws(InputError) { try say(text) } catch { failure = failure ?? error }
    }

    private func object(_ value: some Encodable) {
        guard style == .objects else { return }
        do { try printJSON(value) } catch { failure = failure ?? error }
    }

    // MARK: Along the way

    /// - Parameter open: the runs that are not over yet.
    func began(open: Int) {
        over = runs - open
        let layers = plan.twinLayers.map(String.init).joined(separator: ", ")
        let pairs = plan.variants.count { $0.pair != nil }
        let others =
            plan.variants.dropFirst().filter { $0.pair == nil }.map(\.name)
            + (pairs > 0 ? ["\(pairs) pairs of tasks"] : [])
        line(
            "\(others.joined(separator: ", ")) beside single-task twins of layers \(layers.isEmpty ? "none" : layers): \(runs) runs of a seed each"
                + (over > 0 ? "; \(over) of them are over" : ""))
        for text in plan.notes { line(text) }
        object(Prepared(runs: runs, over: over))
    }

    private struct Prepared: Encodable {
        var event = "prepared"
        let runs: Int
        let over: Int
    }

    func took(_ variant: String, _ seed: UInt64, _ cost: RunCost) {
        over += 1
        line(
            "\(variant), seed \(seed): \(cost.epochs) epochs, \(cost.seconds.decimals(1)) s (\(over) of \(runs) are over)"
        )
        object(Run(variant: variant, seed: seed, epochs: cost.epochs, seconds: cost.seconds))
    }

    private struct Run: Encodable {
        var event = "run"
        let variant: String
        let seed: UInt64
        let epochs: Int
        let seconds: Double
    }

    func interrupted(_ signal: String) {
        Terminal.note(
            "Interrupted (\(signal)). The comparison is in \(folder): the same command goes on with it.")
        object(Interrupted(folder: folder, signal: signal))
    }

    private struct Interrupted: Encodable {
        var event = "interrupted"
        let folder: String
        let signal: String
    }

    // MARK: At the end

    func finished(_ result: ComparisonResult) throws {
        if style == .lines {
            try say()
            try Self.show(result)
            try say()
            try printTable(
                ["trained", "parameters", "epochs", "seconds"],
                (result.sides + (result.transfer?.sides ?? [])).map { side in
                    [
                        side.name, side.parameters.map(String.init) ?? "-",
                        side.epochs?.decimals(1) ?? "-", side.seconds?.decimals(2) ?? "-",
                    ]
                })
            try say(
                "\nIntervals are of 95 %, of \(plan.seeds.count) seeds and of the test \(result.drawn) (drawn \(result.resamples) times) together. "
                    + "What they hold 0 in can't be told.")
            for text in result.notes where !plan.notes.contains(text) { try say(text) }
            try say("")
            if let transfer = result.transfer {
                try Self.show(transfer)
                try say()
            }
            for sentence in result.sentences { try say(sentence) }
        }
        object(result)
        if let failure { throw failure }
    }

    /// A row per measure: what each has, and how far the others are from the first.
    ///
    /// - Throws: `InputError` where standard output cannot be written.
    static func show(_ result: ComparisonResult) throws(InputError) {
        let others = result.sides.dropFirst().map(\.name)
        let hasDelong = result.measures.contains { $0.differences.contains { $0.value.delongP != nil } }
        func cells(_ measure: ComparisonResult.Measure) -> [String] {
            var row = [measure.metric, text(measure.values[result.sides[0].name])]
            for name in others {
                let difference = measure.differences[name]
                row += [
                    text(measure.values[name]), difference?.text ?? "-", difference?.verdict ?? "-",
                ]
                if hasDelong { row.append(difference?.delongP?.decimals(4) ?? "-") }
            }
            return row
        }
        let columns =
            ["metric", result.sides[0].name]
            + others.flatMap { [$0, "difference", ""] + (hasDelong ? ["DeLong's p"] : []) }
        var rows = result.measures.filter { $0.scenario == nil }.map { [$0.task] + cells($0) }
        var mean = ["all", "Δm, %", "-"]
        for name in others {
            let difference = result.relative[name]
            mean += ["-", difference.map(percent) ?? "-", difference?.verdict ?? "-"]
            if hasDelong { mean.append("-") }
        }
        rows.append(mean)
        try printTable(["task"] + columns, rows)
        let primary = Set(result.measures.filter(\.isPrimary).map { [$0.task, $0.metric] })
        let own = result.measures.filter { primary.contains([$0.task, $0.metric]) }.compactMap { measure in
            measure.scenario.map { [measure.task, $0] + cells(measure) }
        }
        guard !own.isEmpty else { return }
        try say()
        try printTable(["task", "scenario"] + columns, own)
    }

    /// A row per task, with what it gains by each other one.
    private static func show(_ transfer: ComparisonResult.Transfer) throws(InputError) {
        try say(
            "What a task (row) gains trained with one other (column) instead of alone; * where it is told:\n")
        try printTable(
            ["task", "metric"] + transfer.tasks,
            transfer.tasks.map { task in
                let own = transfer.gains.filter { $0.task == task }
                return [task, own.first?.metric ?? "-"]
                    + transfer.tasks.map { other in
                        guard let gain = own.first(where: { $0.with == other }) else { return "-" }
                        return gain.difference.text + (gain.difference.isTold ? " *" : "")
                    }
            })
        try say("\nGroups whose pairs gain most, relative to the twins:")
        for group in transfer.groups { try say("  \(group.joined(separator: ", "))") }
    }

    private static func text(_ value: Double?) -> String { value?.decimals(4) ?? "-" }

    private static func percent(_ difference: ComparisonResult.Difference) -> String {
        let sign = difference.mean < 0 ? "-" : "+"
        let mean = "\(sign)\((100 * difference.mean.magnitude).decimals(2))"
        guard let bounds = difference.interval else { return mean }
        return "\(mean) ± \((50 * (bounds.upper - bounds.lower)).decimals(2))"
    }
}
