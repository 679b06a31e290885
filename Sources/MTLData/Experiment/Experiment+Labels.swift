internal import MTLEngine

/// What a label's cells say of why nothing is learned of it; the source is read again, since caches know no lines.
extension Experiment {
    /// An error about a label with its reason.
    ///
    /// - Parameter kept: the only value of its training rows, or anything where none has one.
    func explained(
        _ error: InputError, _ place: Int, _ data: PreparedData, kept: Double
    ) throws(InputError) -> InputError {
        let label = schema.labels[place]
        if let when = label.when {
            let met = try rows(data) { parsed, plan, row in plan.hasLabel(place, parsed.block, row) }
            guard met > 0 else {
                return InputError(
                    error.kind, at: "label \"\(label.name)\", when",
                    found: "\"\(when)\", which matches no row", expected: "a condition that some rows meet")
            }
        }
        // Rows of a funnel are left out by its first event.
        let first = sampling.sampledFirsts(model.eventParents)[label.name] ?? label.name
        let shares = [sampling.negatives[first], sampling.tasks[label.name]].compactMap { $0 }
        guard let rate = shares.min(), rate < 1 else { return error }
        // Rows that sampling left out may have what the others lack.
        let others = try rows(data) { parsed, _, row in
            let value = parsed.labels[place][row]
            return !value.isNaN && Float(value) != Float(kept)
        }
        guard others > 0 else { return error }
        return InputError(
            error.kind, at: error.place, found: "\(error.found), after sampling a share of \(rate)",
            expected: error.expected)
    }

    /// What is told of labels that are numbers far from all others: the file and line.
    func outlierNotes(_ audit: LabelAudit, _ data: PreparedData) throws(InputError) -> [String] {
        var notes: [String] = []
        for outlier in audit.outliers {
            let label = schema.labels[outlier.label]
            let found = Collected<(record: Int, place: String, value: Double)>()
            _ = try rows(data) { parsed, plan, row in
                guard Float(parsed.labels[outlier.label][row]) == Float(outlier.value),
                    let column = plan.labels[outlier.label]?.column
                else { return false }
                found.add(
                    (
                        parsed.block.record(row), parsed.block.place(row, column),
                        parsed.labels[outlier.label][row]
                    ))
                return true
            }
            let first = found.values.min { $0.record < $1.record }
            notes.append(
                "\(first?.place ?? "label \"\(label.name)\""): \(Wording.number(first?.value ?? outlier.value)) is \(Wording.number(outlier.factor.rounded())) times as large as 99 % of the labels; it may spoil what is learned of them all"
            )
        }
        return notes
    }

    /// Rows that meet a condition.
    private func rows(
        _ data: PreparedData, _ holds: (ParsedBlock, ColumnPlan, Int) -> Bool
    ) throws(InputError) -> Int {
        let source = try openRows(format: data.preprocessor.format)
        return try count(source, data.preprocessor, holds)
    }

    private func count(
        _ source: some RowSource, _ preprocessor: Preprocessor,
        _ holds: (ParsedBlock, ColumnPlan, Int) -> Bool
    ) throws(InputError) -> Int {
        let plans = try ColumnPlans(schema, of: source, withLabels: true)
        let counts = Collected<Int>()
        try source.read { (block, _) throws(InputError) in
            let plan = plans[block]
            let parsed = ParsedBlock(block, plan, classes: preprocessor.classes)
            counts.add(parsed.rows.count { holds(parsed, plan, $0) })
        }
        return counts.values.reduce(0, +)
    }
}
