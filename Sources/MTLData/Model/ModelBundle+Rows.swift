public import MTLEngine

extension ModelBundle {
    /// Predicts the rows of a source, which may lack the labels.
    ///
    /// - Parameters:
    ///   - source: raw rows, with the columns that the schema names.
    ///   - compute: how many threads, and which kernels.
    ///   - preference: what a model with a dial is asked for; nil for the model's own.
    ///   - consume: sees every block's predictions in the order of the source, one call at a time.
    /// - Returns: how many rows there were, and what of them the training rows did not have.
    /// - Throws: `InputError` that names file, line and column of what is wrong, and what `consume` throws.
    @discardableResult
    public func predict(
        _ source: any RowSource, compute: ComputeOptions = ComputeOptions(),
        preference: [String: Double]? = nil,
        consume: (RowBlock, Predictions<Float>) throws(InputError) -> Void
    ) throws(InputError) -> ServingReport {
        try predictRows(source, compute: compute, preference: preference) {
            (rows, predictions) throws(InputError) in
            try consume(rows.block, predictions)
        }
    }

    /// The same, where rows with a wrong cell may be left out.
    ///
    /// - Parameter badRows: what happens to them; the source decides for records that are no rows.
    package func predictRows(
        _ source: any RowSource, badRows: BadRows = .refuse, compute: ComputeOptions = ComputeOptions(),
        preference: [String: Double]? = nil,
        consume: (ServedRows, Predictions<Float>) throws(InputError) -> Void
    ) throws(InputError) -> ServingReport {
        try serve(source, badRows: badRows, predictor: predictor(compute, preference: preference), labels: [])
        {
            (rows, _, predictions, _) throws(InputError) in
            try consume(rows, predictions)
        }
    }

    /// The same with how far the networks behind each prediction are apart; see `Predictor.predictWithSpread`.
    ///
    /// - Throws: as `predict`, and where one network alone answers.
    package func predictRowsWithSpread(
        _ source: any RowSource, badRows: BadRows = .refuse, compute: ComputeOptions = ComputeOptions(),
        preference: [String: Double]? = nil,
        consume: (ServedRows, Predictions<Float>, Predictions<Float>) throws(InputError) -> Void
    ) throws(InputError) -> ServingReport {
        try serve(
            source, badRows: badRows, predictor: predictor(compute, preference: preference), labels: [],
            withSpread: true
        ) { (rows, _, predictions, spreads) throws(InputError) in
            try consume(rows, predictions, spreads ?? predictions)
        }
    }

    /// Every task's metrics over the rows of a source; of entire-space models then those of what is predicted of a later event once
    /// the one before has happened ("purchase given click"), over the rows where it has.
    ///
    /// - Parameters:
    ///   - source: raw rows, with the columns that the schema names.
    ///   - compute: how many threads, and which kernels.
    ///   - preference: what a model with a dial is asked for; nil for the model's own.
    /// - Throws: `InputError` that names file, line and column of what is wrong.
    public func evaluate(
        _ source: any RowSource, compute: ComputeOptions = ComputeOptions(),
        preference: [String: Double]? = nil
    ) throws(InputError) -> [TaskEvaluation] {
        var options = JudgeOptions()
        options.preference = preference
        return try judge(source, options: options, compute: compute).evaluations
    }

    /// The same with what was found out about the rows; where the schema names a group that the source has, with the areas
    /// within its groups.
    ///
    /// - Parameters:
    ///   - judged: the labels that the source has; nil for all. Tasks of others are not judged.
    ///   - options: what is told beside the usual metrics.
    ///   - isJudged: which rows count; nil for all.
    /// - Throws: `InputError` that names file, line and column of what is wrong, a column to judge by that the source has not, or weights
    ///   that the schema has not.
    package func judge(
        _ source: any RowSource, labels judged: [String]? = nil, badRows: BadRows = .refuse,
        options: JudgeOptions = JudgeOptions(), compute: ComputeOptions = ComputeOptions(),
        where isJudged: ((ParsedBlock, Int) -> Bool)? = nil
    ) throws(InputError) -> (
        evaluations: [TaskEvaluation], byValue: [ValueEvaluation], exposures: [ExposureEvaluation],
        report: ServingReport, notes: [String]
    ) {
        let (found, report) = try judgedRows(source, labels: judged, badRows, options, compute, isJudged)
        let notes =
            found.untold.map {
                "\($0.values) more values of \($0.column) are not told, those of the fewest rows"
            }
            + found.areaErrors.map {
                "AUC of \($0.task) is off by at most \(Wording.number($0.error)), for scores that count as equal"
            }
        return (try found.evaluations(), found.byValue, found.exposures, report, notes)
    }

    /// What is predicted for the rows of a source, beside their labels, and the group of each row where the schema names one that the
    /// source has.
    ///
    /// - Parameter judged: the labels that the source has; nil for all. Those of others are NaN.
    /// - Throws: `InputError` that names file, line and column of what is wrong, or an unknown label.
    package func answers(
        _ source: any RowSource, labels judged: [String]? = nil, badRows: BadRows = .refuse,
        compute: ComputeOptions = ComputeOptions()
    ) throws(InputError) -> (answers: Answers, groups: [Int]?, report: ServingReport) {
        let (found, report) = try judgedRows(source, labels: judged, badRows, JudgeOptions(), compute, nil)
        return (found.answers, found.groupNumbers, report)
    }

    private func judgedRows(
        _ source: any RowSource, labels judged: [String]?, _ badRows: BadRows, _ options: JudgeOptions,
        _ compute: ComputeOptions, _ isJudged: ((ParsedBlock, Int) -> Bool)?
    ) throws(InputError) -> (rows: JudgedRows, report: ServingReport) {
        let names = model.tasks.map(\.name)
        try checkLabels(judged)
        let tasks = model.tasks.indices.filter { judged?.contains(names[$0]) ?? true }
        var found = try JudgedRows(
            model, options, judged: tasks, of: source, group: preprocessor.schema.group)
        let report = try serve(
            source, badRows: badRows, predictor: predictor(compute, preference: options.preference),
            labels: Set(judged ?? names), where: isJudged
        ) { (rows, dataset, predicted, _) throws(InputError) in try found.add(rows, dataset, predicted) }
        return (found, report)
    }

    private func serve(
        _ source: any RowSource, badRows: BadRows, predictor: Predictor<Float>, labels: Set<String>,
        where isServed: ((ParsedBlock, Int) -> Bool)? = nil, withSpread: Bool = false,
        _ consume: (ServedRows, Dataset<Float>, Predictions<Float>, Predictions<Float>?) throws(InputError)
            -> Void
    ) throws(InputError) -> ServingReport {
        try serve(
            opened: source, badRows: badRows, predictor: predictor, labels: labels, where: isServed,
            withSpread: withSpread, consume)
    }

    private func serve(
        opened source: some RowSource, badRows: BadRows, predictor: Predictor<Float>, labels: Set<String>,
        where isServed: ((ParsedBlock, Int) -> Bool)?, withSpread: Bool,
        _ consume: (ServedRows, Dataset<Float>, Predictions<Float>, Predictions<Float>?) throws(InputError)
            -> Void
    ) throws(InputError) -> ServingReport {
        let hasLabels = !labels.isEmpty
        return try encode(source, badRows: badRows, labels: labels, where: isServed) {
            (served, encoded) throws(InputError) in
            let dataset = try preprocessor.dataset(encoded, hasLabels: hasLabels)
            if withSpread {
                let (predictions, spreads) = try predictor.predictWithSpread(dataset)
                try check(predictions, encoded, served.block, served.rows)
                try consume(served, dataset, predictions, spreads)
            } else {
                let predictions = try predictor.predict(dataset)
                try check(predictions, encoded, served.block, served.rows)
                try consume(served, dataset, predictions, nil)
            }
        }
    }

    /// Reads and encodes a source's rows, block by block in its order.
    ///
    /// - Parameter labels: the labels that the source has.
    func encode(
        _ source: some RowSource, badRows: BadRows, labels: Set<String>,
        where isServed: ((ParsedBlock, Int) -> Bool)? = nil,
        _ consume: (ServedRows, EncodedRows) throws(InputError) -> Void
    ) throws(InputError) -> ServingReport {
        let plan = try ColumnPlan(
            preprocessor.schema, of: source, withLabels: !labels.isEmpty, labels: labels, learns: false)
        guard source.threads == 1 else {
            throw InputError(
                .value, at: source.path, found: "a source that \(source.threads) threads read",
                expected: "one thread: rows are predicted in the order of their source")
        }
        var report = ServingReport(preprocessor)
        let read = try source.read { (block, _) throws(InputError) in
            let parsed = ParsedBlock(block, plan, classes: preprocessor.classes)
            if badRows == .refuse, let error = parsed.errors.first { throw error }
            report.add(bad: parsed.errors)
            let rows = isServed.map { served in parsed.rows.filter { served(parsed, $0) } } ?? parsed.rows
            guard !rows.isEmpty else { return }
            let encoded = preprocessor.encode(parsed, plan, rows: rows, isTraining: false)
            report.add(encoded, preprocessor)
            try consume(ServedRows(block: block, rows: rows), encoded)
        }
        report.add(bad: read.examples, count: read.badRows)
        try report.check(badRows, at: source.path)
        return report
    }

    /// A prediction that is no number comes of a cell that no training row was near to.
    private func check(
        _ predictions: Predictions<Float>, _ encoded: EncodedRows, _ block: RowBlock, _ rows: [Int]
    ) throws(InputError) {
        for task in model.tasks {
            let values = try predictions.values(task.name)
            guard values.contains(where: { !$0.isFinite }) else { continue }
            let width = task.kind.predictions
            for (place, row) in rows.enumerated() {
                let scenario = encoded.scenarios.isEmpty ? 0 : Int(encoded.scenarios[place])
                let own = values[place * width..<(place + 1) * width]
                guard task.exists(in: scenario), !own.allSatisfy(\.isFinite) else { continue }
                let names = preprocessor.denseNames
                let numbers = encoded.dense[place * names.count..<(place + 1) * names.count]
                let furthest = zip(names, numbers).max { $0.1.magnitude < $1.1.magnitude }
                let cell =
                    furthest.map { "feature \"\($0.0)\" is \(Wording.number(Double($0.1))) after scaling" }
                    ?? "weights of tags too large"
                throw InputError(
                    .value, at: "\(block.path), \(block.unit) \(block.line(row))",
                    found: "a prediction of \"\(task.name)\" that is no number: \(cell)",
                    expected: "cells nearer to those of the training rows")
            }
        }
    }
}

/// Rows of a block that were predicted.
package struct ServedRows {
    /// The block.
    package let block: RowBlock
    /// Which of its rows, in order: one for each prediction.
    package let rows: [Int]
}
