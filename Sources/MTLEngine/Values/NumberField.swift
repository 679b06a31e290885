/// A number with vectors of its own, one of them for rows where it is missing.
package struct NumberField: Sendable {
    /// What makes a vector of the number's place among its bins, and where its parameters lie.
    package enum Encoding: Sendable {
        /// Bias, and a step per bin.
        case piecewise(start: Int)
        /// Frequencies, and the layer above their sines and cosines.
        case periodic(start: Int, count: Int, layer: Dense)
        /// The layers that score meta-embeddings, and those.
        case autoDis(first: Dense, second: Dense, meta: Dense, skip: Double, temperature: Double)
    }

    /// Its column among the dense features, which holds its place among the bins.
    package let column: Int
    package let bins: Int
    package let dimension: Int
    /// The vector of a missing number.
    package let missing: Range<Int>
    package let encoding: Encoding
}
