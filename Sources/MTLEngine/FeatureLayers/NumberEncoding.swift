/// How a number becomes a vector. All read its place among its bins, which is where it stands among the numbers that the bins were
/// made of: no long tail needs a logarithm, and what lies beyond the first and last edge counts as the edge.
public enum NumberEncoding: Sendable, Equatable {
    /// The piecewise-linear encoding over the bins, times a matrix: v = b + Σ_i clip((x - e_i) / (e_(i+1) - e_i), 0, 1) W_i;
    /// "numbers.FIELD.weight" `[bins, dimension]` and "numbers.FIELD.bias".
    case piecewise
    /// v = relu(W [sin 2πcx, cos 2πcx] + b), x the place as a number of mean 0 and variance 1 where all bins are as likely. The frequencies c,
    /// "numbers.FIELD.frequencies", are trained and begin normal of mean 0 and a deviation, which the paper tunes; "numbers.FIELD.weight"
    /// `[dimension, 2 frequencies]` and "numbers.FIELD.bias".
    /// - SeeAlso: Gorishniy et al., *On Embeddings for Numerical Features in Tabular Deep Learning*, arXiv 2203.05556 (PLR).
    case periodic(frequencies: Int = 16, deviation: Double = 0.1)
    /// v = Σ_k softmax((W h + skip · h) / temperature)_k m_k, h = leaky_relu(w x), x as of `periodic`: a mixture of meta-embeddings m,
    /// "numbers.FIELD.meta.weight" `[dimension, count]`; w and W are "numbers.FIELD.scores.0.weight" `[count, 1]` and
    /// "numbers.FIELD.scores.1.weight" `[count, count]`. The lower the temperature, the fewer meta-embeddings a number has.
    /// - SeeAlso: Guo et al., *An Embedding Learning Framework for Numerical Features in CTR Prediction*, arXiv 2012.08986 (AutoDis).
    case autoDis(count: Int = 16, temperature: Double = 0.1, skip: Double = 0.1)

    /// `periodic` with some of its numbers, and its own for those that are nil.
    package static func periodic(or frequencies: Int?, deviation: Double?) -> NumberEncoding {
        guard case .periodic(let usual, let spread) = periodic() else { return periodic() }
        return .periodic(frequencies: frequencies ?? usual, deviation: deviation ?? spread)
    }

    /// `autoDis` with some of its numbers, and its own for those that are nil.
    package static func autoDis(or count: Int?, temperature: Double?, skip: Double?) -> NumberEncoding {
        guard case .autoDis(let usual, let heat, let bridge) = autoDis() else { return autoDis() }
        return .autoDis(count: count ?? usual, temperature: temperature ?? heat, skip: skip ?? bridge)
    }

    /// Checks the sizes and numbers.
    ///
    /// - Throws: `InputError` that names the one that is out of range.
    package func check(at place: String) throws(InputError) {
        switch self {
        case .piecewise: return
        case .periodic(let frequencies, let deviation):
            try require(frequencies, atLeast: 1, atMost: SizeLimit.count, "\(place), frequencies")
            try requirePositive(deviation, "\(place), deviation")
        case .autoDis(let count, let temperature, let skip):
            try require(count, atLeast: 2, atMost: SizeLimit.count, "\(place), meta_embeddings")
            try requirePositive(temperature, "\(place), temperature")
            try requireFinite(skip, "\(place), skip")
        }
    }

    /// The number of parameters of a column's vectors, the missing one's too.
    package func parameterCount(bins: Int, dimension: Int) -> Double {
        let (bins, dimension) = (Double(bins), Double(dimension))
        switch self {
        case .piecewise: return (bins + 2) * dimension
        case .periodic(let frequencies, _): return Double(frequencies) * (2 * dimension + 1) + 2 * dimension
        case .autoDis(let count, _, _): return Double(count) * (Double(count) + dimension + 1) + dimension
        }
    }
}
