package import MTLEngine

/// What treating the rows first that a model says are moved most by it gains.
package struct UpliftEvaluation: Sendable {
    package let task: String
    package let treated: Int
    package let untreated: Int
    /// The difference of the two rates over all rows.
    package let averageEffect: Double?
    package let qini: Double?
    package let areaUnderUplift: Double?
    /// The difference among the tenth, and three tenths, of the rows with the highest scores.
    package let atTenth: Double?
    package let atThreeTenths: Double?
}

extension ModelBundle {
    /// Judges every binary task's predictions as scores of whom to treat.
    ///
    /// Of a model that reads the treatment as a feature a row's score is what it predicts with it less what it predicts without it: the
    /// feature's value is that of the first row of each kind. Of any other model it is the prediction.
    /// - Parameters:
    ///   - rows: what `look` read with this model.
    ///   - treatment: the column, for messages and to find the feature.
    ///   - isTreated: `[rows]`; nil for one that is left out.
    /// - Returns: the evaluations, and whether scores are differences.
    /// - Throws: `InputError` where all rows are of one kind, there is no binary task with labels, or a cross reads the treatment.
    package func uplift(
        _ rows: LookedRows, treatment: String, isTreated: [Bool?], compute: ComputeOptions = ComputeOptions()
    ) throws(InputError) -> (evaluations: [UpliftEvaluation], areDifferences: Bool) {
        precondition(isTreated.count == rows.count, "\(isTreated.count) treatments of \(rows.count) rows")
        guard let treated = isTreated.firstIndex(of: true), let control = isTreated.firstIndex(of: false)
        else {
            throw InputError(
                .value, at: "column \"\(treatment)\"",
                found: isTreated.contains(true) ? "treated rows alone" : "no treated row",
                expected: "rows of both kinds")
        }
        let counted = isTreated.indices.filter { isTreated[$0] != nil }
        let judged = rows.judged.filter { model.tasks[$0].kind == .binary }
        guard !judged.isEmpty else {
            throw InputError(
                .value, at: "labels", found: "no binary one", expected: "a binary task with labels")
        }
        let features = preprocessor.schema.features.indices.filter {
            preprocessor.schema.features[$0].columns.contains(treatment)
        }
        // Half of a cross cannot take another row's value.
        if let cross = features.first(where: { preprocessor.schema.features[$0].kind == .cross }) {
            throw InputError(
                .value, at: "feature \"\(preprocessor.schema.features[cross].name)\"",
                found: "a cross with \"\(treatment)\", which cannot be set without the other column",
                expected: "a model that reads the treatment by itself")
        }
        var scores = judged.map { rows.predictions[$0].map(Double.init) }
        if !features.isEmpty {
            let predictor = try predictor(compute)
            var with: [[Double]] = []
            for donor in [treated, control] {
                var moved = rows.encoded
                let order = [Int](repeating: donor, count: rows.count)
                for feature in features { preprocessor.move(feature, of: &moved, from: rows.encoded, order) }
                let predicted = try predictor.predict(preprocessor.dataset(moved, hasLabels: true))
                for task in judged {
                    with.append(try predicted.values(model.tasks[task].name).map(Double.init))
                }
            }
            for place in judged.indices {
                scores[place] = zip(with[place], with[judged.count + place]).map { $0 - $1 }
            }
        }
        let found = zip(judged, scores).map { task, scores in
            let curve = UpliftCurve(
                scores: counted.map { scores[$0] }, labels: counted.map { Double(rows.labels[task][$0]) },
                isTreated: counted.map { isTreated[$0] ?? false })
            return UpliftEvaluation(
                task: model.tasks[task].name, treated: curve.treated, untreated: curve.untreated,
                averageEffect: curve.averageEffect, qini: curve.qini,
                areaUnderUplift: curve.areaUnderUplift, atTenth: curve.uplift(at: 0.1),
                atThreeTenths: curve.uplift(at: 0.3))
        }
        return (found, !features.isEmpty)
    }
}
