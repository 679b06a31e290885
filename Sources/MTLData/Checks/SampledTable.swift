/// The sampled rows, column by column.
struct SampledTable {
    private let schema: Schema
    private let rows: [ReportRow]
    private let training: [Int]
    private let folds: [Int]
    /// Per binary label its name and the values of the training rows.
    private let labels: [(name: String, values: [Double])]
    /// Sampled rows by the number of the part.
    let partRows: [Int]

    init(_ rows: [ReportRow], schema: Schema) {
        self.schema = schema
        self.rows = rows
        let training = rows.indices.filter { rows[$0].part == .training }
        self.training = training
        folds = training.map { Preprocessor.fold(rows[$0].record) }
        labels = schema.labels.indices.filter { schema.labels[$0].kind == .binary }.map { label in
            (schema.labels[label].name, training.map { rows[$0].labels[label] })
        }
        partRows = Part.allCases.map { part in rows.count { $0.part == part } }
    }

    func feature(_ index: Int, _ counts: ReportCounts) -> DataReport.FeatureRow {
        let feature = schema.features[index]
        var result = DataReport.FeatureRow(name: feature.name)
        let trainingRows = counts.parts[0].rows
        result.missingShare = trainingRows > 0 ? Double(counts.missing[index]) / Double(trainingRows) : 0
        result.isConstant =
            trainingRows > 0 && counts.extremes[index].least == counts.extremes[index].greatest
        let hasNumbers = feature.kind == .numeric || feature.kind == .timestamp
        if hasNumbers {
            let scores = training.map { Double(bitPattern: rows[$0].cells[index]) }
            result.areasUnderROC = areas(scores)
            if counts.missing[index] > 0 && counts.missing[index] < trainingRows {
                result.missingAreasUnderROC = areas(scores.map { $0.isNaN ? 1 : 0 })
            }
        } else {
            let values = SingleFeature.Values(training.lazy.map { self.values($0, index) })
            for label in labels {
                let scores = SingleFeature.rates(values, labels: label.values, folds: folds)
                result.areasUnderROC[label.name] = SingleFeature.areaUnderROC(
                    scores: scores, order: SingleFeature.order(scores), labels: label.values)
            }
            let tally = counts.values[index]
            result.distinct = Cardinality(count: tally.distinct, isExact: !tally.isPartial)
            var (unseen, all) = (0, 0)
            tally.forEach { training, _, test in
                all += test
                if training == 0 { unseen += test }
            }
            if all > 0 { result.unseenShare = Double(unseen) / Double(all) }
        }
        let drift =
            hasNumbers ? Drift(numbers: numbers(.training, index)) : Drift(values: bags(.training, index))
        func drifted(_ part: Part) -> Double? {
            hasNumbers ? drift.index(numbers: numbers(part, index)) : drift.index(values: bags(part, index))
        }
        result.validationDrift = drifted(.validation)
        result.testDrift = drifted(.test)
        return result
    }

    private func areas(_ scores: [Double]) -> [String: Double] {
        let order = SingleFeature.order(scores)
        var areas: [String: Double] = [:]
        for label in labels {
            areas[label.name] = SingleFeature.areaUnderROC(scores: scores, order: order, labels: label.values)
        }
        return areas
    }

    /// A row's values; of a missing one 0.
    private func values(_ row: Int, _ index: Int) -> [UInt64] {
        let kind = schema.features[index].kind
        guard kind == .tags || kind == .sequence else { return [rows[row].cells[index]] }
        return rows[row].bags[index].isEmpty ? [0] : rows[row].bags[index]
    }

    private func bags(_ part: Part, _ index: Int) -> [UInt64] {
        rows.indices.filter { rows[$0].part == part }.flatMap { values($0, index) }
    }

    private func numbers(_ part: Part, _ index: Int) -> [Double] {
        rows.filter { $0.part == part }.map { Double(bitPattern: $0.cells[index]) }
    }
}
