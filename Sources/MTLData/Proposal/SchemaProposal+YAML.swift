extension SchemaProposal {
    /// An experiment file: the schema, the split and a model to begin with, a comment per line saying what was found.
    /// Columns that are left out stand in it as comments with the reason.
    ///
    /// - Parameter name: what the file calls the data; the source's path by default.
    public func yaml(source name: String? = nil) -> String {
        yaml(data: DataSettings(source: name ?? source))
    }

    /// The same, with all that is to be said of the data.
    public func yaml(data: DataSettings) -> String {
        var lines: [Line] = [
            Line("# What the rows say of their columns, and a model to begin with. Change what is wrong."),
            Line("data:"),
            Line(
                "  source: \(YAMLText.scalar(data.source))",
                "\(Wording.count(rows, "row")), \(Wording.count(columns.count, "column"))"),
        ]
        if let test = data.test { lines.append(Line("  test: \(YAMLText.scalar(test))")) }
        for note in notes { lines.append(Line("  # \(note)")) }
        addFormat(data.format, &lines)
        if let columns = data.columns {
            lines.append(Line("  columns: [\(columns.map { YAMLText.scalar($0) }.joined(separator: ", "))]"))
        }
        lines.append(Line("schema:"))
        addRoles(&lines)
        addFeatures(&lines)
        addLabels(&lines)
        let by = split.by.rawValue
        lines += [
            Line(
                "split: {by: \(by), validation: \(split.validation), test: \(split.test), seed: \(split.seed)}",
                schema.time == nil || split.by == .time
                    ? nil : "by: time, to judge on the latest rows")
        ]
        addModel(&lines)
        // Comments below each other, but not behind lines much longer than others.
        let widths = lines.filter { $0.comment != nil }.map(\.text.count).filter { $0 <= 72 }
        let width = widths.max() ?? 0
        return lines.map { line in
            guard let comment = line.comment else { return line.text + "\n" }
            let gap = String(repeating: " ", count: max(0, width - line.text.count))
            return "\(line.text)\(gap)  # \(comment)\n"
        }.joined()
    }

    /// What was best over public tables (docs/defaults.md). An ensemble costs time that only few rows leave.
    private func addModel(_ lines: inout [Line]) {
        let isSmall = rows < 100_000
        lines += [Line("model:"), Line("  trunk: [128, 64]"), Line("  dropout: 0.15")]
        if isSmall {
            lines.append(
                Line("  ensemble: 8", "networks in one, whose predictions are averaged; 1 is faster"))
        }
        lines += [
            Line("training:"), Line("  epochs: \(isSmall ? 40 : 20)"), Line("  patience: \(isSmall ? 5 : 3)"),
            Line("  batch: \(rows >= 1_000_000 ? 1024 : rows >= 100_000 ? 512 : rows >= 10_000 ? 256 : 64)"),
            Line("  optimizer: adam"), Line("  learning_rate: 0.002"), Line("  seeds: [1]"),
        ]
    }

    private struct Line {
        let text: String
        let comment: String?

        init(_ text: String, _ comment: String? = nil) {
            self.text = text
            self.comment = comment
        }
    }

    /// Settings of the text; what was found is said where it is not said of the column.
    private func addFormat(_ format: TableFormat, _ lines: inout [Line]) {
        for (setting, value) in YAMLText.pairs(format) {
            let reason = reading?.reasons.first { $0.setting == setting }?.reason
            lines.append(Line("  \(setting): \(value)", reason))
        }
        guard !format.cells.isEmpty else { return }
        lines.append(Line("  cells:"))
        for column in columns {
            guard let cell = format.cells[column.profile.name] else { continue }
            let reason = reading?.columnReasons[column.profile.name]?.joined(separator: "; ")
            lines.append(
                Line(
                    "    \(YAMLText.scalar(column.profile.name)): \(YAMLText.mapping(YAMLText.pairs(cell)))",
                    reason))
        }
    }

    private func addRoles(_ lines: inout [Line]) {
        let others = scenarioCandidates.filter { $0 != schema.scenario }.prefix(3).map { Wording.quoted($0) }
        if let scenario = schema.scenario {
            let more = others.isEmpty ? nil : "or \(others.joined(separator: ", "))"
            lines.append(
                Line("  scenario: \(YAMLText.scalar(scenario))", Self.joined([counted(scenario), more])))
        } else if let first = scenarioCandidates.first {
            let more = others.dropFirst()
            lines.append(
                Line(
                    "  # scenario: \(YAMLText.scalar(first))",
                    "if its values are markets, pages or channels"
                        + (more.isEmpty ? "" : "; or \(more.joined(separator: ", "))")))
        }
        if let group = schema.group {
            lines.append(Line("  group: \(YAMLText.scalar(group))", counted(group)))
        }
        if let time = schema.time { lines.append(Line("  time: \(YAMLText.scalar(time))")) }
    }

    private func counted(_ name: String) -> String? {
        columns.first { $0.profile.name == name }.map { "\($0.profile.distinct) values" }
    }

    private func addFeatures(_ lines: inout [Line]) {
        lines.append(Line(schema.features.isEmpty ? "  features: []" : "  features:"))
        for column in columns {
            guard let feature = column.feature else { continue }
            let text = YAMLText.mapping(YAMLText.pairs(feature))
            if column.isUsed {
                lines.append(Line("    - \(text)", Self.joined([column.summary] + column.reasons)))
            } else {
                let reasons = column.reasons.prefix(1).map { "left out: \($0)" } + column.reasons.dropFirst()
                lines.append(Line("    # - \(text)", Self.joined(reasons + [column.summary])))
            }
        }
    }

    private func addLabels(_ lines: inout [Line]) {
        lines.append(
            schema.labels.isEmpty
                ? Line("  labels: []", "none found by its name: what is to be predicted?") : Line("  labels:")
        )
        for label in schema.labels {
            guard let column = columns.first(where: { $0.profile.name == label.name }) else { continue }
            lines.append(
                Line(
                    "    - \(YAMLText.mapping(YAMLText.pairs(label)))",
                    Self.joined([column.summary] + column.reasons)))
        }
    }

    private static func joined(_ parts: [String?]) -> String? {
        let parts = parts.compactMap { $0 }.filter { !$0.isEmpty }
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }
}

extension SchemaProposal {
    /// What was proposed, in a few lines: features and labels, and every column with something suspicious.
    public var summary: String {
        var lines = [
            "\(Wording.count(rows, "row")), \(Wording.count(columns.count, "column")): "
                + "\(Wording.count(schema.features.count, "feature")); "
                + "to predict: \(schema.labels.isEmpty ? "nothing yet" : schema.labels.map(\.name).joined(separator: ", "))."
        ]
        for column in columns where !column.marks.isEmpty {
            let name = Wording.quoted(column.profile.name)
            lines.append(
                "\(name)\(column.isUsed ? "" : " is left out"): \(column.reasons.joined(separator: "; "))")
        }
        return lines.joined(separator: "\n")
    }
}

extension SchemaProposal.Column {
    /// What was found, in a few words: "numeric, 3.1 % missing, 18 … 90".
    public var summary: String {
        var parts: [String] = []
        if let positiveShare {
            parts.append("\(Wording.percent(positiveShare)) yes")
        } else if label?.kind == .multiclass {
            parts.append("\(profile.distinct) classes")
        } else if let feature, [.tags, .sequence].contains(feature.kind) {
            parts.append("\(Wording.count(valueCount ?? 0)) values, up to \(mostValues ?? 0) in a cell")
        } else if feature?.kind == .categorical {
            parts.append("\(profile.distinct) value\(profile.distinct.count == 1 ? "" : "s")")
        } else if feature?.kind == .timestamp {
            parts.append("\(profile.distinct) times")
        }
        if profile.missing > 0 { parts.append("\(Wording.percent(profile.missingShare)) missing") }
        let isNumber = feature?.kind == .numeric || label?.kind == .regression
        if isNumber, let least = profile.least, let greatest = profile.greatest, let mean = profile.mean {
            parts.append(
                "\(Wording.number(least)) … \(Wording.number(greatest)), mean \(Wording.number(mean))")
        } else if positiveShare == nil, feature?.kind == .categorical || label?.kind == .multiclass,
            let first = profile.frequent.first, first.rows > 1
        {
            let share = Double(first.rows) / Double(max(1, profile.rows))
            parts.append("most often \(Wording.quoted(first.value)) \(Wording.percent(share))")
        }
        return parts.joined(separator: ", ")
    }
}
