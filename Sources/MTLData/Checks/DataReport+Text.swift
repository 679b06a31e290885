extension DataReport {
    /// The report to read: findings first, then the tables.
    public var text: String {
        var lines: [String] = []
        let counts = Finding.Severity.allCases.map { severity in
            Wording.count(findings.count { $0.severity == severity }, severity.rawValue)
        }
        lines.append("Findings: \(counts.joined(separator: ", "))")
        lines += findings.map { "  \($0)" }
        lines.append("")
        let labels = parts.first?.labels.map(\.label) ?? []
        let heads = labels.flatMap { [$0, "missing"] }
        lines += Self.table([["part", "rows"] + heads] + parts.map { Self.row($0) })
        if !scenarios.isEmpty {
            lines.append("")
            lines += Self.table([["scenario", "rows"] + heads] + scenarios.map { Self.row($0) })
        }
        lines.append("")
        let names = labels.filter { label in features.contains { $0.areasUnderROC[label] != nil } }
        let head = ["feature", "missing", "values"] + names.map { "\($0) AUC" } + ["unseen", "drift"]
        lines += Self.table(
            [head]
                + features.map { feature in
                    [
                        feature.name, Wording.percent(feature.missingShare),
                        feature.distinct?.description ?? "-",
                    ]
                        + names.map { Self.fixed(feature.areasUnderROC[$0]) }
                        + [
                            feature.unseenShare.map { Wording.percent($0) } ?? "-",
                            Self.fixed(feature.testDrift),
                        ]
                })
        lines.append("")
        lines.append(
            "Areas and drift (training against test) are of \(Wording.count(sampledRows, "row"));"
                + " \(duplicates.isExact ? "" : "about ")\(Wording.count(duplicates.distinctRows)) different rows."
        )
        return lines.joined(separator: "\n") + "\n"
    }

    private static func row(_ group: Group) -> [String] {
        [group.name, Wording.count(group.rows)]
            + group.labels.flatMap { label in
                let value =
                    label.mean.map { label.classes == nil ? Wording.number($0) : Wording.percent($0) }
                    ?? label.classes.map { "\($0) classes" } ?? "-"
                return [value, Wording.percent(label.missingShare)]
            }
    }

    private static func fixed(_ value: Double?) -> String { value.map { Wording.fixed($0, 4) } ?? "-" }

    /// Names on the left, numbers on the right.
    private static func table(_ rows: [[String]]) -> [String] {
        let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = row.enumerated().map { column, cell in
                let gap = String(repeating: " ", count: widths[column] - cell.count)
                return column == 0 ? cell + gap : gap + cell
            }
            return cells.joined(separator: "  ")
        }
    }
}
