/// What a loss goes by beside logits and labels: numbers alone, so that a step counts no reference.
package struct LossForm: Sendable, BitwiseCopyable {
    /// How much the labels of the gradient are smoothed; the sum is that of the labels as they are.
    package var smoothing = 0.0
    /// γ of the focal loss.
    package var focusing = 0.0
    /// Where the classes' weights begin in a list that the caller has; -1 for 1 each.
    package var firstWeight = -1

    package init() {}
}

extension LearningTask.Kind {
    /// The sum of the task's loss over the labelled rows, and the gradient in its logits.
    ///
    /// - Parameters:
    ///   - logits: `[rows, outputs]`.
    ///   - labels: `[rows]`, `labelStride` apart, as the task's `LabelScale` encodes them; NaN contributes nothing and gets a
    ///     zero gradient.
    ///   - scale: what the gradient of the sum is multiplied with (λ / labelled rows of the batch).
    ///   - form: smoothing, focus and classes' weights; by default none.
    ///   - classWeights: the list that `form` points into.
    ///   - gradient: `[rows, outputs]`, or nil for the loss alone.
    /// - Returns: the sum without λ.
    package func loss<Scalar>(
        _ logits: MatrixView<Scalar>, labels: UnsafePointer<Scalar>, labelStride: Int, scale: Scalar,
        form: LossForm = LossForm(), classWeights: UnsafePointer<Double>? = nil,
        gradient: MatrixView<Scalar>?, level: Int32
    ) -> Double {
        let smoothing = Scalar(form.smoothing)
        func plain(_ first: Int, _ count: Int, _ scale: Scalar, _ gradient: MatrixView<Scalar>?) -> Double {
            crossEntropy(
                logits.rows(first..<first + count), labels: labels + first * labelStride,
                labelStride: labelStride, scale: scale, smoothing: smoothing,
                gradient: gradient?.rows(first..<first + count), level: level)
        }
        switch self {
        case .binary, .multiclass:
            guard form.focusing > 0 || form.firstWeight >= 0 else {
                return plain(0, logits.rows, scale, gradient)
            }
            var sum = 0.0
            for row in 0..<logits.rows {
                let label = labels[row * labelStride]
                guard !label.isNaN else {
                    _ = plain(row, 1, 0, gradient)
                    continue
                }
                var weight = 1.0
                if form.firstWeight >= 0, let classWeights {
                    weight = classWeights[form.firstWeight + Int(label)]
                }
                let loss = plain(row, 1, 0, nil)
                let focus = Focus(loss, form.focusing)
                sum += weight * focus.factor * loss
                if let gradient { _ = plain(row, 1, scale * Scalar(weight * focus.slope), gradient) }
            }
            return sum
        case .squaredError:
            return Scalar._lossSquared(
                level: level, rows: logits.rows, logits: logits.base, stride: logits.stride, labels: labels,
                labelStride: labelStride, scale: scale, d: gradient?.base, dStride: gradient?.stride ?? 0)
        case .huber(let delta):
            return Scalar._lossHuber(
                level: level, rows: logits.rows, logits: logits.base, stride: logits.stride, labels: labels,
                labelStride: labelStride, scale: scale, delta: Scalar(delta), d: gradient?.base,
                dStride: gradient?.stride ?? 0)
        case .quantile(let quantile):
            return numberLoss(logits, labels, labelStride, scale, gradient) {
                pinballLoss($0, $1, level: quantile)
            }
        case .poisson: return numberLoss(logits, labels, labelStride, scale, gradient, poissonLoss)
        case .tweedie(let power):
            return numberLoss(logits, labels, labelStride, scale, gradient) {
                tweedieLoss($0, $1, power: power)
            }
        case .ordinal: return ordinalLoss(logits, labels, labelStride, scale, gradient)
        case .zeroInflatedLognormal:
            return lognormalLoss(logits, labels, labelStride, scale, gradient)
        }
    }

    @inline(__always)
    private func crossEntropy<Scalar>(
        _ logits: MatrixView<Scalar>, labels: UnsafePointer<Scalar>, labelStride: Int, scale: Scalar,
        smoothing: Scalar, gradient: MatrixView<Scalar>?, level: Int32
    ) -> Double {
        guard case .multiclass(let classes) = self else {
            return Scalar._lossBinary(
                level: level, rows: logits.rows, logits: logits.base, stride: logits.stride, labels: labels,
                labelStride: labelStride, scale: scale, d: gradient?.base, dStride: gradient?.stride ?? 0,
                smoothing: smoothing)
        }
        return Scalar._lossSoftmax(
            level: level, rows: logits.rows, classes: classes, logits: logits.base, ld: logits.stride,
            labels: labels, labelStride: labelStride, scale: scale, d: gradient?.base,
            ldd: gradient?.stride ?? 0, smoothing: smoothing)
    }

    /// Logits to what the task predicts, as its label is encoded: probabilities `[rows, predictions]`, or the value itself.
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
        case .squaredError, .huber, .quantile: p.copy(logits)
        case .poisson, .tweedie:
            for row in 0..<logits.rows {
                p.base[row * p.stride] = expected(logOfMean: Double(logits.base[row * logits.stride]))
            }
        case .ordinal:
            for row in 0..<logits.rows {
                ordinalProbabilities(
                    logits.base + row * logits.stride, p.base + row * p.stride, classes: p.columns)
            }
        case .zeroInflatedLognormal:
            for row in 0..<logits.rows {
                p.base[row * p.stride] = lognormalMean(logits.base + row * logits.stride)
            }
        }
    }
}

extension LearningTask {
    /// Checks a label column once, before training, so that the step need not.
    package func checkLabels<Scalar>(_ dataset: Dataset<Scalar>) throws(InputError) {
        let column = try dataset.labelColumn(name)
        let stride = dataset.labelNames.count
        var labelled = 0
        func refuse(_ row: Int, _ label: Scalar, _ expected: String) -> InputError {
            InputError(
                .value, at: "task \"\(name)\", row \(row)", found: "label \(label)", expected: expected)
        }
        for row in 0..<dataset.rowCount {
            let label = dataset.labels.base[row * stride + column]
            if label.isNaN { continue }
            labelled += 1
            switch kind {
            case .binary where label != 0 && label != 1: throw refuse(row, label, "0, 1 or NaN")
            case .multiclass(let classes), .ordinal(let classes):
                guard label < 0 || label >= Scalar(classes) || label != label.rounded(.towardZero) else {
                    continue
                }
                throw refuse(row, label, "a class index from 0 to \(classes - 1), or NaN")
            case _ where label < 0 && (kind.needsPositive || labelScale.isLogarithmic):
                throw refuse(row, label, "a number, 0 or above, or NaN")
            default: break
            }
        }
        guard labelled > 0 else {
            throw InputError(
                .empty, at: "task \"\(name)\"", found: "no labelled row among \(dataset.rowCount)",
                expected: "at least one")
        }
    }
}
