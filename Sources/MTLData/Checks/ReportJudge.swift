/// Turns the tables of a report into findings.
struct ReportJudge {
    private let schema: Schema
    private let testRows: Int
    private var list: [Finding] = []
    /// Labels whose condition no row meets: nothing more is to be said of them.
    private var unmet = Set<Int>()

    init(schema: Schema, testRows: Int) {
        self.schema = schema
        self.testRows = testRows
    }

    /// The worst first, otherwise in the order of the checks.
    var findings: [Finding] {
        Finding.Severity.allCases.flatMap { severity in list.filter { $0.severity == severity } }
    }

    mutating func add(
        _ severity: Finding.Severity, _ check: Finding.Check, _ place: String, _ found: String,
        _ advice: String
    ) {
        list.append(Finding(severity: severity, check: check, place: place, found: found, advice: advice))
    }

    mutating func judgeConditions(_ parts: [LabelCounts]) {
        for (index, label) in schema.labels.enumerated() {
            guard let when = label.when else { continue }
            let place = "label \"\(label.name)\", when"
            let met = parts.reduce(0) { $0 + $1.conditionsMet[index] }
            if met == 0 {
                unmet.insert(index)
                add(
                    .problem, .labelClasses, place, "\"\(when)\" holds in no row",
                    "Compare the column with a value that it has")
            } else if met == parts.reduce(0, { $0 + $1.rows }) {
                add(
                    .note, .labelClasses, place, "\"\(when)\" holds in all rows",
                    "See whether it says what is meant")
            }
        }
    }

    mutating func judge(parts: [DataReport.Group], unknownClasses: [[Int]]) {
        let constant = constantLabels(parts)
        for place in constant.keys.sorted() {
            add(
                .problem, .labelClasses, "label \"\(schema.labels[place].name)\"",
                "\(constant[place] == 1 ? "only yes" : "only no") in all rows",
                "Leave it out, or get rows of the other class: no split finds any")
        }
        for (index, part) in parts.enumerated() where part.name != "\(Part.dropped)" {
            guard part.rows > 0 else {
                add(
                    part.name == "\(Part.training)"
                        ? .problem : part.name == "\(Part.test)" ? .warning : .note,
                    .emptyPart, "part \(part.name)", "no row", "Change the split's shares or cuts")
                continue
            }
            for (place, label) in part.labels.enumerated()
            where constant[place] == nil && !unmet.contains(place) {
                judge(label, of: part.name, schema.labels[place].kind, unknownClasses[index][place])
            }
        }
    }

    /// Binary labels of one class in all parts, and which it is.
    private func constantLabels(_ parts: [DataReport.Group]) -> [Int: Double] {
        var constant: [Int: Double] = [:]
        for (place, label) in schema.labels.enumerated() where label.kind == .binary {
            let labelled = parts.map { $0.labels[place] }.filter { $0.labelled > 0 }
            let means = Set(labelled.compactMap(\.mean))
            if let mean = means.first, means.count == 1, mean == 0 || mean == 1 { constant[place] = mean }
        }
        return constant
    }

    private mutating func judge(
        _ label: DataReport.LabelRow, of part: String, _ kind: Label.Kind, _ unknown: Int
    ) {
        let place = "label \"\(label.label)\", part \(part)"
        let advice = "Split by another rule or seed, or enlarge the part"
        let severity: Finding.Severity = part == "\(Part.validation)" ? .warning : .problem
        if label.labelled == 0 {
            add(severity, .labelClasses, place, "no row has the label", advice)
        } else if kind == .binary, label.classes == 1 {
            add(severity, .labelClasses, place, "only \(label.mean == 1 ? "yes" : "no")", advice)
        } else if kind == .multiclass, label.classes ?? 0 < 2 {
            add(severity, .labelClasses, place, "\(label.classes ?? 0) of the known classes", advice)
        }
        if unknown > 0 {
            add(
                .problem, .labelClasses, place,
                "\(Wording.count(unknown, "row")) of classes that no training row has",
                "Leave such rows out, join classes, or split by stratified")
        }
    }

    mutating func judge(_ features: [DataReport.FeatureRow], _ sampled: [Int]) {
        for (index, feature) in features.enumerated() {
            let place = "feature \"\(feature.name)\""
            if feature.isConstant {
                add(.warning, .constantFeature, place, "one value in all training rows", "Leave it out")
            }
            for label in schema.labels {
                let ways = [
                    ("", feature.areasUnderROC), ("whether it is missing ", feature.missingAreasUnderROC),
                ]
                for (what, areas) in ways {
                    guard let area = areas[label.name], SingleFeature.isLeak(area) else { continue }
                    add(
                        .problem, .leak, place,
                        "\(what)alone it tells label \"\(label.name)\": AUC \(Wording.fixed(area, 4))",
                        "Leave it out, unless it is known before the label is")
                }
            }
            if let share = feature.unseenShare, share > 0.01 {
                add(
                    share > 0.2 ? .problem : .warning, .unseenValues, place,
                    "\(Wording.percent(share)) of test values are in no training row",
                    schema.features[index].hashBuckets == nil
                        ? "Hash it, raise minimum_count, or leave it out"
                        : "They share buckets with other values: see whether coarser ones tell as much")
            }
            for (part, drift) in [(Part.validation, feature.validationDrift), (.test, feature.testDrift)] {
                let bins = feature.distinct.map { min($0.count, Drift.categories) + 1 } ?? Drift.bins
                let chance = Drift.expected(bins: bins, sampled[0], sampled[Int(part.rawValue)])
                // Few rows differ by chance: a difference of four times that is not chance.
                guard let drift, drift > max(0.2, 4 * chance) else { continue }
                let feature = schema.features[index]
                // What was compared is the time, whose hours and weekdays later rows have alike.
                if feature.kind == .timestamp, feature.parts.allSatisfy(\.recursWeekly) { continue }
                add(
                    .warning, .drift, place,
                    "\(part) rows differ from training: population stability index \(Wording.fixed(drift, 3))",
                    feature.kind == .timestamp
                        ? "Leave out parts of the time that only grow"
                        : "See whether it changes with time, and leave it out if so")
            }
        }
    }

    mutating func judge(scenarios: [DataReport.Group]) {
        for scenario in scenarios {
            let place = "scenario \(Wording.quoted(scenario.name))"
            if scenario.trainingRows == 0 {
                add(
                    .warning, .scenarios, place, "\(Wording.count(scenario.rows, "row")), none in training",
                    "Do not judge by it, or split by stratified")
                continue
            }
            for (label, kind) in zip(scenario.labels, schema.labels.map(\.kind)) {
                if label.labelled == 0 {
                    add(
                        .warning, .scenarios, place, "no row has label \"\(label.label)\"",
                        "Leave the label to the other scenarios, or join scenarios")
                } else if kind != .regression, label.classes == 1 {
                    let what = label.mean.map { $0 == 1 ? "only yes" : "only no" } ?? "one class"
                    add(
                        .warning, .scenarios, place,
                        "\(what) of label \"\(label.label)\" in \(Wording.count(label.labelled, "row"))",
                        "Join it with another scenario")
                }
            }
        }
    }

    mutating func judge(_ duplicates: DataReport.Duplicates, trainingRows: Int) {
        guard testRows > 0, duplicates.testRows > 0 else { return }
        let share = Double(duplicates.testRows) / Double(testRows)
        let rows = trainingRows + testRows
        let sampled = duplicates.isExact ? "" : " (estimated from a sample of rows)"
        // Few features of few values repeat without being copies.
        let isUsual = 2 * duplicates.distinctRows < rows
        guard share > 0.001 else { return }
        add(
            isUsual ? .note : .warning, .duplicateRows, "parts training and test",
            "\(Wording.count(duplicates.testRows)) test rows (\(Wording.percent(share))) have the features of a training row,"
                + " \(Wording.count(duplicates.pairs, "pair"))\(sampled)",
            isUsual
                ? "Rows repeat in general: features have few values"
                : "Remove copies, or split by a group that keeps them together")
    }
}
