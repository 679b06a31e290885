/// A model as a picture: a box per layer, expert, gate and tower, coloured by the tasks that it reaches, and what reads what.
public struct ModelDrawing: Sendable {
    package struct Box: Sendable {
        package let name: String
        let detail: String
        package let tasks: [Int]
        package let sources: [Int]
        /// The longest way from the features.
        let depth: Int
    }

    package let boxes: [Box]
    let tasks: [String]

    /// More blocks than this are one box.
    private static let drawnBlocks = 12

    /// The picture of a model.
    public init(_ model: MultiTaskModel) {
        let plan = model.plan
        let reach = TaskReach(plan, model.tasks)
        let names = ParameterNames(plan.layout)
        let places = Dictionary(
            model.tasks.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        var boxes = [
            Box(
                name: "features", detail: "\(plan.inputWidth)", tasks: Array(model.tasks.indices),
                sources: [],
                depth: 0)
        ]
        // Per storage and column the boxes that it comes from.
        var origins = plan.widths.map { [Set<Int>](repeating: [], count: $0) }
        origins[0] = origins[0].map { _ in [0] }

        func sources(_ operation: any NodeOperation) -> Set<Int> {
            operation.inputs(plan.lists).reduce(into: Set<Int>()) { all, value in
                for column in value.range { all.formUnion(origins[value.storage][column]) }
            }
        }
        for node in plan.nodes {
            let operation = node.operation
            let blocks = operation.output.width / max(1, operation.blockWidth)
            let isSplit = blocks > 1 && (operation.parameters.isEmpty || blocks <= Self.drawnBlocks)
            let parts = isSplit ? (0..<blocks).map { operation.part($0..<$0 + 1) } : [operation]
            for part in parts {
                let output = part.output
                let from = sources(part)
                var result = from
                if !part.parameters.isEmpty || part is MixtureNode {
                    let count = isSplit || blocks == 1 || part.parameters.isEmpty ? "" : "\(blocks) × "
                    let width = count.isEmpty ? output.width : part.blockWidth
                    boxes.append(
                        Box(
                            name: names.title(part.parameters) ?? "Σ", detail: "\(count)\(width)",
                            tasks: reach.tasks(output).compactMap { places[$0] }, sources: from.sorted(),
                            depth: 1 + (from.map { boxes[$0].depth }.max() ?? 0)))
                    result = [boxes.count - 1]
                }
                // A value that several nodes add to comes from all of them.
                for column in output.range {
                    if part is LinearNode {
                        origins[output.storage][column].formUnion(result)
                    } else {
                        origins[output.storage][column] = result
                    }
                }
            }
        }
        let last = 1 + (boxes.map(\.depth).max() ?? 0)
        for (task, logits) in plan.logits.enumerated() {
            let from = logits.range.reduce(into: Set<Int>()) { $0.formUnion(origins[logits.storage][$1]) }
            boxes.append(
                Box(
                    name: model.tasks[task].name, detail: "task", tasks: [task], sources: from.sorted(),
                    depth: last))
        }
        self.boxes = boxes
        tasks = model.tasks.map(\.name)
    }

    // MARK: SVG

    private static let colours = [
        "#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb", "#e69f00",
    ]

    /// The picture in SVG: from the features on the left to the tasks on the right.
    public var svg: String {
        let (width, height, gapX, gapY, margin) = (170, 34, 50, 12, 20)
        let columns = Dictionary(grouping: boxes.indices, by: { boxes[$0].depth })
        let most = columns.values.map(\.count).max() ?? 1
        let total = (
            2 * margin + columns.count * width + (columns.count - 1) * gapX,
            2 * margin + most * (height + gapY)
        )
        var places = [(x: Int, y: Int)](repeating: (0, 0), count: boxes.count)
        for (rank, depth) in columns.keys.sorted().enumerated() {
            let column = columns[depth] ?? []
            // Boxes stand at the mean height of what they read, so that lines cross little.
            let order = column.sorted { mean($0, places) < mean($1, places) }
            let top = margin + (most - column.count) * (height + gapY) / 2
            for (row, box) in order.enumerated() {
                places[box] = (margin + rank * (width + gapX), top + row * (height + gapY))
            }
        }
        var lines = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(total.0)\" height=\"\(total.1)\" "
                + "font-family=\"sans-serif\" font-size=\"11\">",
            "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
        ]
        for (index, box) in boxes.enumerated() {
            for source in box.sources {
                let (x1, y1) = (places[source].x + width, places[source].y + height / 2)
                let (x2, y2) = (places[index].x, places[index].y + height / 2)
                let middle = (x1 + x2) / 2
                lines.append(
                    "<path d=\"M\(x1) \(y1) C\(middle) \(y1) \(middle) \(y2) \(x2) \(y2)\" fill=\"none\" "
                        + "stroke=\"\(colour(box.tasks))\" stroke-opacity=\"0.6\"/>")
            }
        }
        for (index, box) in boxes.enumerated() {
            let (x, y) = places[index]
            lines.append(
                "<rect x=\"\(x)\" y=\"\(y)\" width=\"\(width)\" height=\"\(height)\" rx=\"4\" fill=\"#f7f7f7\" "
                    + "stroke=\"#888\"/>")
            for (place, task) in box.tasks.enumerated() {
                lines.append(
                    "<rect x=\"\(x + 4 + place * 9)\" y=\"\(y + height - 9)\" width=\"7\" height=\"5\" "
                        + "fill=\"\(Self.colours[task % Self.colours.count])\"/>")
            }
            lines.append("<text x=\"\(x + 5)\" y=\"\(y + 14)\">\(Self.shortened(box.name))</text>")
            lines.append(
                "<text x=\"\(x + width - 5)\" y=\"\(y + height - 5)\" text-anchor=\"end\" fill=\"#666\">"
                    + "\(Self.escaped(box.detail))</text>")
        }
        return (lines + ["</svg>", ""]).joined(separator: "\n")
    }

    private func mean(_ box: Int, _ places: [(x: Int, y: Int)]) -> Double {
        let sources = boxes[box].sources
        guard !sources.isEmpty else { return 0 }
        return Double(sources.reduce(0) { $0 + places[$1].y }) / Double(sources.count)
    }

    private func colour(_ reached: [Int]) -> String {
        reached.count == 1 ? Self.colours[reached[0] % Self.colours.count] : "#888"
    }

    private static func shortened(_ name: String) -> String {
        escaped(name.count <= 24 ? name : "…\(name.suffix(23))")
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
