extension LearningTask.Kind {
    /// The sum of the task's loss over the labelled rows, and the gradient in its logits.
    ///
    /// - Parameters:
    ///   - logits: `[rows, outputs]`.
    ///   - labels: `[rows]`, `labelStride` apart; NaN contributes nothing and gets a zero gradient.
    ///   - scale: what the gradient of the sum is multiplied with (λ / labelled rows of the batch).
    ///   - smoothing: how much the labels of the gradient are smoothed; the sum is that of the labels as they are.
    ///   - gradient: `[rows, outputs]`, or nil for the loss alone.
    /// - Returns: the unweighted sum.
    package func loss<Scalar>(
        _ logits: MatrixView<Scalar>, labels: UnsafePointer<Scalar>, labelStride: Int, scale: Scalar,
        smoothing: Double = 0, gradient: MatrixView<Scalar>?, level: Int32
    ) -> Double {
        switch self {
        case .binary:
            Scalar._lossBinary(
                level: level, rows: logits.rows, logits: logits.base, stride: logits.stride, labels: labels,
                labelStride: labelStride, scale: scale, d: gradient?.base, dStride: gradient?.stride ?? 0,
                smoothing: Scalar(smoothing))
        case .squaredError:
            Scalar._lossSquared(
                level: level, rows: logits.rows, logits: logits.base, stride: logits.stride, labels: labels,
                labelStride: labelStride, scale: scale, d: gradient?.base, dStride: gradient?.stride ?? 0)
        case .huber(let delta):
            Scalar._lossHuber(
                level: level, rows: logits.rows, logits: logits.base, stride: logits.stride, labels: labels,
                labelStride: labelStride, scale: scale, delta: Scalar(delta), d: gradient?.base,
                dStride: gradient?.stride ?? 0)
        case .multiclass(let classes):
            Scalar._lossSoftmax(
                level: level, rows: logits.rows, classes: classes, logits: logits.base, ld: logits.stride,
                labels: labels, labelStride: labelStride, scale: scale, d: gradient?.base,
                ldd: gradient?.stride ?? 0, smoothing: Scalar(smoothing))
        }
    }

    /// Logits to what the task predicts: probabilities `[rows, outputs]`, or the value itself.
    package func predict<Scalar>(_ logits: MatrixView<Scalar>, into p: MatrixView<Scalar>, level: Int32) {
        switch self {
        case .binary:
            Scalar._sigmoid(
                level: level, rows: logits.rows, logits: logits.base, stride: logits.stride, p: p.base,
                pStride: p.stride)
        case .multiclass(let classes):
            Scalar._softmax(
                level: level, rows: logits.rows, classes: classes, logits: logits.base, ld: logits.stride,
                p: p.base, ldp: p.stride)
        case .squaredError, .huber: p.copy(logits)
        }
    }

    /// Checks a label column once, before training, so that the step need not.
    package func checkLabels<Scalar>(_ dataset: Dataset<Scalar>, task: String) throws(InputError) {
        let column = try dataset.labelColumn(task)
        let stride = dataset.labelNames.count
        var labelled = 0
        for row in 0..<dataset.rowCount {
            let label = dataset.labels.base[row * stride + column]
            if label.isNaN { continue }
            labelled += 1
            switch self {
            case .binary where label != 0 && label != 1:
                throw InputError(
                    .value, at: "task \"\(task)\", row \(row)", found: "label \(label)",
                    expected: "0, 1 or NaN")
            case .multiclass(let classes)
            where label < 0 || label >= Scalar(classes) || label != label.rounded(.towardZero):
                throw InputError(
                    .value, at: "task \"\(task)\", row \(row)", found: "label \(label)",
                    expected: "a class index from 0 to \(classes - 1), or NaN")
            default: break
            }
        }
        guard labelled > 0 else {
            throw InputError(
                .empty, at: "task \"\(task)\"", found: "no labelled row among \(dataset.rowCount)",
                expected: "at least one")
        }
    }
}
