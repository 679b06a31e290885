import ArgumentParser
import MTLData
import MTLEngine
import Terminal

extension ExplainCommand {
    private struct Part: Encodable {
        let features: [String]
        /// What the row's cells say; null where one is missing.
        let cells: [String?]
        let amount, margin: Double
    }

    private struct Item: Encodable {
        let row: Int
        let task: String
        let prediction: Double
        let `class`: String?
        let scale: ItemisedPrediction.Scale
        let value, base: Double
        let parts: [Part]
    }

    private struct Items: Encodable {
        let model: String
        let rows, draws: Int
        let predictions: [Item]
    }

    /// Takes the predictions of single rows apart.
    func itemise(_ bundle: ModelBundle) throws {
        let looked = try bundle.look(
            at: labelled.open(data, of: bundle), labels: [], badRows: labelled.policy(), limit: rows,
            cells: Set(row.map { $0 - 1 }), compute: threads.compute)
        if let missing = row.first(where: { $0 > looked.count }) {
            throw InputError(
                .value, at: "--row", found: "\(missing)",
                expected: "1 to \(looked.count), the rows of \(data)")
        }
        for text in looked.report.notes { note("\(data): \(text)") }
        let items = try row.flatMap { number in
            let cells = looked.cells[number - 1] ?? []
            return try bundle.itemised(
                number - 1, of: looked, draws: draws, seed: seed, compute: threads.compute
            ).map { Self.item($0, cells, of: bundle) }
        }
        if json {
            return try printJSON(Items(model: model, rows: looked.count, draws: draws, predictions: items))
        }
        for (index, item) in items.enumerated() {
            try say((index == 0 ? "" : "\n") + Self.headline(item) + "\n")
            try printTable(
                ["feature", "value", "adds", "±"],
                item.parts.sorted { $0.amount.magnitude > $1.amount.magnitude }.map { part in
                    [
                        part.features.joined(separator: ", "),
                        part.cells.map { $0.map(Self.short) ?? "-" }.joined(separator: ", "),
                        Self.signed(part.amount), part.margin.decimals(4),
                    ]
                })
        }
    }

    private static func item(
        _ found: ItemisedPrediction, _ cells: [String?], of bundle: ModelBundle
    ) -> Item {
        let features = bundle.preprocessor.schema.features.map(\.name)
        return Item(
            row: found.row + 1, task: found.task, prediction: found.prediction,
            class: found.classIndex.flatMap { index in
                bundle.model.tasks.firstIndex { $0.name == found.task }.map {
                    bundle.preprocessor.className(index, of: $0)
                }
            }, scale: found.scale,
            value: found.value, base: found.base,
            parts: found.parts.map { part in
                Part(
                    features: part.features,
                    cells: part.features.map { name in
                        features.firstIndex(of: name).flatMap { $0 < cells.count ? cells[$0] : nil }
                    }, amount: part.amount, margin: part.margin)
            })
    }

    private static func headline(_ item: Item) -> String {
        let name = item.class.map { "\(item.task) \($0)" } ?? item.task
        let unit =
            switch item.scale {
            case .logit: "the logit is "
            case .logProbability: "its logarithm is "
            case .label: "that is "
            }
        return
            "Row \(item.row), \(name): \(item.prediction.decimals(4)); \(unit)\(item.value.decimals(4)), the mean of other rows "
            + "\(item.base.decimals(4)), the difference \(signed(item.value - item.base))"
    }

    private static func signed(_ value: Double) -> String {
        (value < 0 ? "-" : "+") + value.magnitude.decimals(4)
    }

    private static func short(_ text: String) -> String {
        text.count > 24 ? "\(text.prefix(23))…" : text
    }
}
