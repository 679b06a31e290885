package import MTLEngine

/// Whether a run is as good as another one, but for what is tolerated: what a CI asks before it lets a model through.
package struct BaselineGate: Sendable, Equatable {
    /// How much worse a metric may be.
    package struct Tolerance: Sendable, Equatable {
        /// Nil for every task that has the metric.
        package let task: String?
        package let metric: String
        /// In the metric's unit, 0 or above.
        package let value: Double

        /// Reads "auc=0.002" or "click:auc=0.002".
        ///
        /// - Throws: `InputError` that says what is wrong with it.
        package init(_ text: String) throws(InputError) {
            func wrong() -> InputError {
                InputError(
                    .value, at: "--tolerance", found: "\"\(text)\"",
                    expected: "METRIC=NUMBER or TASK:METRIC=NUMBER, 0 or above, as auc=0.002")
            }
            guard let equals = text.lastIndex(of: "="),
                let value = Double(text[text.index(after: equals)...]), value >= 0, value.isFinite
            else { throw wrong() }
            let name = text[..<equals]
            // A task may have a colon in its name, a metric has none.
            if let colon = name.lastIndex(of: ":") {
                task = String(name[..<colon])
                metric = String(name[name.index(after: colon)...])
            } else {
                (task, metric) = (nil, String(name))
            }
            guard !metric.isEmpty, task != "" else { throw wrong() }
            self.value = value
        }

        fileprivate func names(_ task: String, _ metric: String) -> Bool {
            (self.task ?? task) == task && Self.plain(self.metric) == Self.plain(metric)
        }

        /// "log loss" may be written log_loss or LogLoss.
        private static func plain(_ name: String) -> String {
            name.lowercased().filter { !" _-".contains($0) }
        }
    }

    /// A metric that fell by more than is tolerated.
    package struct Failure: Sendable, Equatable {
        package let task: String
        package let metric: String
        package let baseline: Double
        /// Nil where the run has none.
        package let value: Double?
        package let tolerance: Double
    }

    private let tolerances: [Tolerance]

    /// - Throws: `InputError` where there is no tolerance, or two of the same metric.
    package init(_ tolerances: [Tolerance]) throws(InputError) {
        guard !tolerances.isEmpty else {
            throw InputError(
                .empty, at: "--tolerance", found: "none", expected: "one or more, as auc=0.002")
        }
        for (index, one) in tolerances.enumerated() {
            let isTwice = tolerances[..<index].contains {
                $0.task == one.task && $0.names(one.task ?? "", one.metric)
            }
            guard !isTwice else {
                throw InputError(
                    .name, at: "--tolerance", found: "\(one.task.map { "\($0):" } ?? "")\(one.metric) twice",
                    expected: "each once")
            }
        }
        self.tolerances = tolerances
    }

    /// What may fall by how much: a task's own tolerance goes before that of all.
    ///
    /// - Throws: `InputError` for a tolerance of what the baseline does not have.
    package func measures(
        of baseline: FinishedRun
    ) throws(InputError) -> [(task: String, metric: String, tolerance: Double)] {
        let all = baseline.measures
        for one in tolerances where !all.contains(where: { one.names($0.task, $0.metric) }) {
            let known = all.map { "\($0.task):\($0.metric)" }.joined(separator: ", ")
            throw InputError(
                .name, at: "--tolerance",
                found: "\(one.task.map { "\($0):" } ?? "")\(one.metric), which \(baseline.path) has not",
                expected: "one of \(known)")
        }
        return all.compactMap { measure in
            let own = tolerances.filter { $0.names(measure.task, measure.metric) }
            let first = own.first { $0.task != nil } ?? own.first
            return first.map { (measure.task, measure.metric, $0.value) }
        }
    }

    /// What of a run is worse than the baseline by more than is tolerated.
    ///
    /// - Throws: `InputError` as `measures`, and where the run was judged by rows with other labels.
    package func failures(
        of run: FinishedRun, baseline: FinishedRun
    ) throws(InputError) -> [Failure] {
        try baseline.check(isComparableWith: run)
        return try measures(of: baseline).compactMap { task, metric, tolerance in
            guard let before = baseline.mean(task, metric) else { return nil }
            let now = run.mean(task, metric)
            let fall = now.map { TaskEvaluation.higherIsBetter(metric) ? before - $0 : $0 - before }
            if let fall, fall <= tolerance { return nil }
            return Failure(
                task: task, metric: metric, baseline: before, value: now, tolerance: tolerance)
        }
    }
}
