package import MTLEngine

/// What a model predicted of rows whose labels are known, to calibrate it by.
package struct CalibrationRows: Sendable {
    /// Per binary task its name, probabilities and labels, NaN where missing.
    package private(set) var tasks: [(name: String, probabilities: [Double], labels: [Double])] = []
    /// The scenario of each row; none where the model knows none.
    package private(set) var scenarios: [Int32] = []

    fileprivate init(_ tasks: [LearningTask], _ judged: [String]?) {
        self.tasks = tasks.filter { $0.kind == .binary && judged?.contains($0.name) ?? true }.map {
            ($0.name, [], [])
        }
    }

    fileprivate mutating func add(
        _ dataset: Dataset<Float>, _ predictions: Predictions<Float>
    ) throws(InputError) {
        for index in tasks.indices {
            tasks[index].probabilities += try predictions.values(tasks[index].name).map(Double.init)
            tasks[index].labels += try dataset.labels(tasks[index].name).map(Double.init)
        }
        if let own = dataset.scenarios { scenarios += own.buffer }
    }
}

extension ModelBundle {
    /// The same model whose probabilities are what it learned, uncalibrated.
    package func uncalibrated() throws(InputError) -> ModelBundle { try with(nil) }

    /// The same model with each binary task's probabilities calibrated by rows that it did not learn from.
    ///
    /// Tasks without labels of both kinds among the rows stay as they are.
    /// - Parameters:
    ///   - method: how.
    ///   - rows: what the uncalibrated model predicted of them.
    ///   - byScenario: whether scenarios have a shift and a stretch of their own.
    /// - Throws: `InputError` where no task can be calibrated, or the model knows no scenarios.
    package func calibrated(
        _ method: Calibrator.Method, by rows: CalibrationRows, byScenario: Bool
    ) throws(InputError) -> ModelBundle {
        guard !byScenario || model.scenarios > 1 else {
            throw InputError(
                .value, at: "calibration by scenario", found: "a model without scenarios",
                expected: "one whose schema names a scenario")
        }
        var (tasks, failure): ([ModelCalibration.Task], InputError?) = ([], nil)
        for task in rows.tasks {
            do throws(InputError) {
                tasks.append(
                    try ModelCalibration.task(
                        task.name, method, probabilities: task.probabilities, labels: task.labels,
                        scenarios: byScenario ? rows.scenarios : nil, count: model.scenarios))
            } catch {
                failure = InputError(
                    error.kind, at: "task \"\(task.name)\", \(error.place)", found: error.found,
                    expected: error.expected)
            }
        }
        guard !tasks.isEmpty else {
            throw failure
                ?? InputError(
                    .empty, at: "calibration", found: "no binary task", expected: "probabilities to calibrate"
                )
        }
        return try with(ModelCalibration(tasks: tasks))
    }

    private func with(_ calibration: ModelCalibration?) throws(InputError) -> ModelBundle {
        try ModelBundle(
            preprocessor, settings: settings, sampling: sampling, histories: histories, members: members,
            refitEpochs: refitEpochs, calibration: calibration)
    }

    /// What the model predicts of the rows of a source.
    ///
    /// - Throws: `InputError` that names file, line and column of what is wrong, or an unknown label.
    package func calibrationRows(
        _ source: any RowSource, labels judged: [String]? = nil, badRows: BadRows = .refuse,
        compute: ComputeOptions = ComputeOptions()
    ) throws(InputError) -> (rows: CalibrationRows, report: ServingReport) {
        try checkLabels(judged)
        var rows = CalibrationRows(model.tasks, judged)
        let predictor = try predictor(compute)
        let report = try encode(source, badRows: badRows, labels: Set(judged ?? model.tasks.map(\.name))) {
            (_, encoded) throws(InputError) in
            let dataset = try preprocessor.dataset(encoded, hasLabels: true)
            try rows.add(dataset, predictor.predict(dataset))
        }
        return (rows, report)
    }

    /// What the model predicts of prepared rows.
    ///
    /// - Throws: `InputError` where the file is damaged.
    package func calibrationRows(
        _ cache: RowCache, compute: ComputeOptions = ComputeOptions()
    ) throws(InputError) -> CalibrationRows {
        var rows = CalibrationRows(model.tasks, nil)
        let predictor = try predictor(compute)
        for block in cache.sources.joined() {
            let dataset = try cache.dataset(block)
            try rows.add(dataset, predictor.predict(dataset))
        }
        return rows
    }
}
