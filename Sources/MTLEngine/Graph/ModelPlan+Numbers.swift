/// A number with vectors of its own, one of them for rows where it is missing.
package struct NumberField: Sendable, Equatable {
    /// Its column among the dense features, which holds its place among the bins.
    package let column: Int
    package let bins: Int
    package let dimension: Int
    /// Where its parameters begin: bias, a step per bin, the vector of a missing number.
    package let start: Int

    /// The vector of a missing number.
    package var missing: Range<Int> {
        let first = start + (bins + 1) * dimension
        return first..<first + dimension
    }
}

extension ModelPlan {
    /// The numbers with vectors of their own.
    package var numberFields: [NumberField] {
        nodes.compactMap { node in
            guard case .piecewise(let number) = node else { return nil }
            return NumberField(
                column: number.x.column, bins: number.bins, dimension: number.y.width, start: number.start)
        }
    }
}
