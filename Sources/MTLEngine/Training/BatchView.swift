/// The rows of a dataset that one step sees: neighbours, or a list of row numbers.
///
/// It points into memory that the dataset owns; the caller keeps that alive through the step.
package struct BatchView<Scalar: BLASScalar> {
    package let features: MatrixView<Scalar>
    package let labels: UnsafePointer<Scalar>
    package let labelStride: Int
    /// Per task of the model its column among the dataset's labels.
    package let labelColumns: UnsafeBufferPointer<Int>
    /// Row numbers, or nil for rows `start...`.
    package let indices: UnsafePointer<Int32>?
    package let start: Int
    package let rows: Int
    /// Whether no task of the model misses a label anywhere in the dataset.
    package let isComplete: Bool

    /// The row of the dataset behind a row of the batch.
    package func sourceRow(_ row: Int) -> Int {
        if let indices { Int(indices[row]) } else { start + row }
    }
}

/// A dataset matched to a model: checked once, then cut into batches without allocating.
package final class BatchSource<Scalar: BLASScalar> {
    package let dataset: Dataset<Scalar>
    private let columns: FixedList<Int>
    private let isComplete: Bool

    package init(_ dataset: Dataset<Scalar>, for model: SharedBottom, checksLabels: Bool = true)
        throws(InputError)
    {
        guard dataset.featureCount == model.inputs else {
            throw InputError(
                .shape, at: "features", found: "\(dataset.featureCount) columns",
                expected: "\(model.inputs), the model's inputs")
        }
        var columns: [Int] = []
        for task in model.tasks {
            columns.append(try dataset.labelColumn(task.name))
            if checksLabels { try task.kind.checkLabels(dataset, task: task.name) }
        }
        self.dataset = dataset
        isComplete = columns.allSatisfy { dataset.labelIsComplete[$0] }
        self.columns = FixedList(columns)
    }

    /// Rows `start..<start + rows`, or those that `indices` lists from `start` on.
    package func batch(
        _ indices: UnsafePointer<Int32>? = nil, start: Int, rows: Int
    ) -> BatchView<Scalar> {
        BatchView(
            features: MatrixView(
                dataset.features.base, rows: dataset.rowCount, columns: dataset.featureCount,
                stride: dataset.featureCount),
            labels: UnsafePointer(dataset.labels.base), labelStride: dataset.labelNames.count,
            labelColumns: columns.elements, indices: indices.map { $0 + start }, start: start, rows: rows,
            isComplete: isComplete)
    }
}
