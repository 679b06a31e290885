/// The rows of a dataset that one step sees: neighbours, or a list of row numbers.
///
/// It points into memory that the dataset owns; the caller keeps that alive through the step.
package struct BatchView<Scalar: BLASScalar> {
    package let features: MatrixView<Scalar>
    package let labels: UnsafePointer<Scalar>
    /// Of the shape of the labels, or nil where every label counts once.
    package let labelWeights: UnsafePointer<Scalar>?
    package let labelStride: Int
    /// Per task of the model its column among the dataset's labels, then per task that of its teacher (-1 for none).
    package let labelColumns: UnsafeBufferPointer<Int>
    /// Per embedded feature of the model its ids.
    package let ids: UnsafeBufferPointer<IDView<Scalar>>
    /// Per row of the dataset its scenario, where the model asks for them.
    package let scenarios: UnsafePointer<Int32>?
    /// Per row of the dataset its group, where rows have one.
    package let groups: UnsafePointer<Int32>?
    /// Row numbers, or nil for rows `start...`.
    package let indices: UnsafePointer<Int32>?
    package let start: Int
    package let rows: Int
    /// Whether no task of the model misses a label anywhere in the dataset.
    package let isComplete: Bool

    package init(
        features: MatrixView<Scalar>, labels: UnsafePointer<Scalar>, labelWeights: UnsafePointer<Scalar>?,
        labelStride: Int, labelColumns: UnsafeBufferPointer<Int>, ids: UnsafeBufferPointer<IDView<Scalar>>,
        scenarios: UnsafePointer<Int32>?, groups: UnsafePointer<Int32>?,
        indices: UnsafePointer<Int32>?, start: Int, rows: Int, isComplete: Bool
    ) {
        self.features = features
        self.labels = labels
        self.labelWeights = labelWeights
        self.labelStride = labelStride
        self.labelColumns = labelColumns
        self.ids = ids
        self.scenarios = scenarios
        self.groups = groups
        self.indices = indices
        self.start = start
        self.rows = rows
        self.isComplete = isComplete
    }

    /// The row of the dataset behind a row of the batch.
    package func sourceRow(_ row: Int) -> Int {
        if let indices { Int(indices[row]) } else { start + row }
    }

    /// The rows of the data behind some rows of the batch.
    package func sourceRows(_ range: Range<Int>) -> _SourceRows {
        _SourceRows(count: rows, indices: indices, start: start).rows(range)
    }

    /// Some rows of the batch.
    package func rows(_ range: Range<Int>) -> BatchView {
        BatchView(
            features: features, labels: labels, labelWeights: labelWeights, labelStride: labelStride,
            labelColumns: labelColumns, ids: ids, scenarios: scenarios, groups: groups,
            indices: indices.map { $0 + range.lowerBound }, start: start + range.lowerBound,
            rows: range.count, isComplete: isComplete)
    }

    /// One of them.
    package func row(_ row: Int) -> BatchView { rows(row..<row + 1) }
}
