package import MTLEngine

extension ModelBundle {
    /// The same model whose probabilities are what it learned, uncalibrated.
    package func uncalibrated() throws(InputError) -> ModelBundle { try with(nil) }

    /// The same model with each binary task's probabilities calibrated by rows that it did not learn from.
    ///
    /// Tasks without labels of both kinds among the rows stay as they are.
    /// - Parameters:
    ///   - method: how.
    ///   - answers: what the uncalibrated model predicted of them, beside their labels.
    ///   - judged: the labels that they have; nil for all.
    ///   - byScenario: whether scenarios have a shift and a stretch of their own.
    /// - Throws: `InputError` where no task can be calibrated, or the model knows no scenarios.
    package func calibrated(
        _ method: Calibrator.Method, by answers: Answers, labels judged: [String]? = nil, byScenario: Bool
    ) throws(InputError) -> ModelBundle {
        guard !byScenario || model.scenarios > 1 else {
            throw InputError(
                .value, at: "calibration by scenario", found: "a model without scenarios",
                expected: "one whose schema names a scenario")
        }
        var (tasks, failure): ([ModelCalibration.Task], InputError?) = ([], nil)
        for (index, task) in model.tasks.enumerated()
        where task.kind == .binary && judged?.contains(task.name) ?? true {
            do throws(InputError) {
                tasks.append(
                    try ModelCalibration.task(
                        task.name, method, probabilities: answers.predictions[index].map(Double.init),
                        labels: answers.labels[index].map(Double.init),
                        scenarios: byScenario ? answers.scenarios : nil, count: model.scenarios))
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
}
