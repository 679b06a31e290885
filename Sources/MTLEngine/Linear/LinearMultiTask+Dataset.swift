extension Matrix {
    /// The dense features of a dataset, `[rows, features]`.
    public init<Scalar: BLASScalar>(features data: Dataset<Scalar>) {
        self.init(data.rowCount, data.featureCount, doubles(data.features))
    }

    /// The labels of a dataset, `[rows, labels]`, NaN where missing.
    public init<Scalar: BLASScalar>(labels data: Dataset<Scalar>) {
        self.init(data.rowCount, data.labelNames.count, doubles(data.labels))
    }
}

private func doubles<Scalar: BLASScalar>(_ storage: AlignedStorage<Scalar>) -> [Double] {
    withExtendedLifetime(storage) { storage.buffer.map { Double($0) } }
}

extension LinearMultiTask {
    /// Fits every label column of a dataset, in its order, on the dense features.
    ///
    /// - Throws: `InputError` as `fit(features:labels:)` does, and for id columns or row weights, which a linear model
    ///   would have to ignore.
    public func fit<Scalar: BLASScalar>(_ data: Dataset<Scalar>) throws(InputError) -> LinearMultiTaskModel {
        guard data.idColumns.isEmpty, data.labelWeights == nil else {
            throw InputError(
                .value, at: "dataset", found: data.idColumns.isEmpty ? "row weights" : "id columns",
                expected: "dense features and rows that count once, for a linear model")
        }
        return try fit(features: Matrix(features: data), labels: Matrix(labels: data))
    }
}
