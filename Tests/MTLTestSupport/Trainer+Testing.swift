package import MTLEngine

extension Trainer {
    /// A step's losses, penalties and gradients without its update; returns the losses.
    @discardableResult
    package func stepWithoutUpdate(_ dataset: Dataset<Scalar>, rows: Range<Int>) throws -> [Double] {
        let source = try BatchSource(dataset, for: model)
        return withExtendedLifetime(source) {
            trainingStep.step(source.batch(start: rows.lowerBound, rows: rows.count), updates: false)
            return Array(trainingStep.losses)
        }
    }

    /// Takes each parameter from the source's of the name that `rename` gives.
    package func copyParameters(
        from source: Trainer<Scalar>, rename: (String) -> String = { $0 }
    ) throws {
        for segment in model.layout.segments {
            try setParameter(segment.name, to: source.parameter(rename(segment.name)))
        }
    }
}

/// The length of the difference.
package func distance(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
}
