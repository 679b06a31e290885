/// One feature matrix and the tasks that are learned on it.
struct LabelledBlock: Sendable {
    /// `[rows, features]`
    let features: Matrix
    /// Which columns of W these are.
    let tasks: Range<Int>
    /// `[rows, tasks]`, NaN where missing.
    let labels: Matrix
}

/// The smooth part of the objective: Σ_t s_t Σ_i loss(x_iᵀw_t + b_t, y_it), with s_t 1 or 1/n_t.
///
/// Scores are linear in W, so a solver that keeps them has those of every extrapolated point for free. The
/// intercepts are minimised out; by the envelope theorem the gradient in W is that at the best intercepts.
struct TaskLosses: Sendable {
    // n rows · d features · T tasks
    let blocks: [LabelledBlock]
    let losses: [LinearLoss]
    let hasIntercept: Bool
    let featureCount: Int
    /// Labelled rows per task.
    let counts: [Int]
    /// s_t
    let scales: [Double]

    var taskCount: Int { losses.count }

    /// The value at some scores, with what the gradient needs.
    struct Evaluation {
        var value = 0.0
        /// ds·loss/dz per block, `[rows, tasks]`.
        var residuals: [Matrix] = []
        var intercepts: [Double]
    }

    init(
        _ blocks: [LabelledBlock], losses: [LinearLoss], reduction: LinearReduction, hasIntercept: Bool
    ) throws(InputError) {
        self.blocks = blocks
        self.losses = losses
        self.hasIntercept = hasIntercept
        featureCount = blocks[0].features.columns
        counts = try checkedCounts(blocks, losses: losses, hasIntercept: hasIntercept)
        scales = counts.map { reduction == .mean ? 1 / Double($0) : 1 }
    }

    /// X·W per block, `[rows, tasks]`.
    func scores(_ w: Matrix) -> [Matrix] {
        blocks.map { block in
            var scores = Matrix(zeros: block.features.rows, block.tasks.count)
            block.features.multiply(by: w, columns: block.tasks, into: &scores, at: 0)
            return scores
        }
    }

    /// The loss at scores, its best intercepts searched from a guess.
    func evaluate(_ scores: [Matrix], intercepts guess: [Double]) -> Evaluation {
        var result = Evaluation(intercepts: guess)
        for (block, scores) in zip(blocks, scores) {
            var residuals = Matrix(zeros: scores.rows, scores.columns)
            for task in block.tasks {
                let column = task - block.tasks.lowerBound
                let sum = withColumn(task, scores, block) { labelled in
                    if hasIntercept {
                        result.intercepts[task] = labelled.bestIntercept(startingAt: guess[task])
                    }
                    let intercept = result.intercepts[task]
                    return residuals.values.withUnsafeMutableBufferPointer { residuals in
                        guard let base = residuals.baseAddress else { return 0.0 }
                        return labelled.losses(intercept: intercept, residuals: base + column)
                    }
                }
                result.value += scales[task] * sum
            }
            result.residuals.append(residuals.scalingColumns(Array(scales[block.tasks])))
        }
        return result
    }

    /// Xᵀ·residuals, `[d, T]`.
    func gradient(_ residuals: [Matrix]) -> Matrix {
        var gradient = Matrix(zeros: featureCount, taskCount)
        for (block, residuals) in zip(blocks, residuals) {
            block.features.multiply(
                by: residuals, columns: 0..<block.tasks.count, transposeA: true, into: &gradient,
                at: block.tasks.lowerBound)
        }
        return gradient
    }

    /// About the largest curvature of the loss, by power iteration; the solver corrects it where it is too low.
    func curvature() -> Double {
        var generator = SeededGenerator(seed: 1)
        var v = Matrix(
            featureCount, taskCount, (0..<featureCount * taskCount).map { _ in generator.normal() })
        let factors = taskCurvatures()
        var estimate = 0.0
        for _ in 0..<20 {
            let norm = v.squaredNorm.squareRoot()
            guard norm > 0 else { break }
            v = v.scaled(1 / norm)
            v = gradient(
                zip(blocks, scores(v)).map { block, scores in
                    centredLabelled(scores, block).scalingColumns(Array(factors[block.tasks]))
                })
            let reached = v.squaredNorm.squareRoot()
            // Each round costs two passes over the features; the solver finds the rest for less.
            if reached < 1.05 * estimate { break }
            estimate = reached
        }
        return estimate > 0 ? estimate : 1
    }

    /// s_t times the loss's second derivative: 1, or that of the logistic loss where it starts.
    private func taskCurvatures() -> [Double] {
        let start = evaluate(scores(Matrix(zeros: featureCount, taskCount)), intercepts: zeros)
        return (0..<taskCount).map { task in
            guard losses[task] == .logistic else { return scales[task] }
            let p = LinearLoss.logistic.prediction(start.intercepts[task])
            return scales[task] * p * (1 - p)
        }
    }

    /// No intercepts.
    var zeros: [Double] { [Double](repeating: 0, count: taskCount) }

    /// 0 where no label is; elsewhere less the mean where an intercept will take it.
    private func centredLabelled(_ scores: Matrix, _ block: LabelledBlock) -> Matrix {
        var result = scores
        for column in 0..<scores.columns {
            var sum = 0.0
            for row in 0..<scores.rows {
                if block.labels[row, column].isNaN {
                    result[row, column] = 0
                } else {
                    sum += scores[row, column]
                }
            }
            guard hasIntercept else { continue }
            let mean = sum / Double(counts[block.tasks.lowerBound + column])
            for row in 0..<scores.rows where !block.labels[row, column].isNaN { result[row, column] -= mean }
        }
        return result
    }

    private func withColumn(
        _ task: Int, _ scores: Matrix, _ block: LabelledBlock, _ body: (TaskColumn) -> Double
    ) -> Double {
        let column = task - block.tasks.lowerBound
        return scores.values.withUnsafeBufferPointer { scoreValues in
            block.labels.values.withUnsafeBufferPointer { labelValues in
                guard let z = scoreValues.baseAddress, let y = labelValues.baseAddress else { return 0 }
                return body(
                    TaskColumn(
                        loss: losses[task], scores: z + column, labels: y + column, rows: scores.rows,
                        stride: scores.columns, count: counts[task]))
            }
        }
    }
}

/// The labelled rows per task of blocks that are what the solver expects.
private func checkedCounts(
    _ blocks: [LabelledBlock], losses: [LinearLoss], hasIntercept: Bool
) throws(InputError) -> [Int] {
    var counts: [Int] = []
    for block in blocks {
        let x = block.features
        for index in x.values.indices where !x.values[index].isFinite {
            throw InputError(
                .value,
                at: "features\(place(block, blocks)), row \(index / x.columns), column \(index % x.columns)",
                found: "\(x.values[index])", expected: "a finite number")
        }
        for task in block.tasks {
            let labels = block.labels.column(task - block.tasks.lowerBound)
            counts.append(
                try checkedCount(labels, task: task, loss: losses[task], hasIntercept: hasIntercept))
        }
    }
    return counts
}

private func place(_ block: LabelledBlock, _ blocks: [LabelledBlock]) -> String {
    blocks.count > 1 ? " of task \(block.tasks.lowerBound)" : ""
}

private func checkedCount(
    _ labels: [Double], task: Int, loss: LinearLoss, hasIntercept: Bool
) throws(InputError) -> Int {
    var (count, positives) = (0, 0)
    for (row, y) in labels.enumerated() where !y.isNaN {
        guard loss == .logistic ? (y == 0 || y == 1) : y.isFinite else {
            throw InputError(
                .value, at: "labels, row \(row), task \(task)", found: "\(y)",
                expected: loss == .logistic
                    ? "0, 1 or NaN for a missing label" : "a finite number, or NaN for a missing label")
        }
        count += 1
        if y == 1 { positives += 1 }
    }
    guard count > 0 else {
        throw InputError(.empty, at: "task \(task)", found: "no label", expected: "at least one")
    }
    guard loss == .squared || !hasIntercept || (positives > 0 && positives < count) else {
        throw InputError(
            .value, at: "task \(task)", found: "only labels \(positives > 0 ? 1 : 0)",
            expected: "labels of both classes, since no finite intercept fits one class")
    }
    return count
}
