/// Numbers as embedded fields: the piecewise-linear encoding of a number over bins, times a matrix of its own,
/// v = b + Σ_i clip((x - e_i) / (e_(i+1) - e_i), 0, 1) W_i, or what another `NumberEncoding` makes of its place among the bins.
///
/// The columns leave the dense features; each becomes a field of its name, which factorization machines, gates and attention read like any
/// other, "numbers.FIELD.weight" `[bins, dimension]`, "numbers.FIELD.bias" and, for numbers that are missing, "numbers.FIELD.missing"
/// `[dimension]`. The dataset holds `PiecewiseBins.position(of:)` of each number. It comes before layers that change the features.
/// - SeeAlso: Gorishniy et al., *On Embeddings for Numerical Features in Tabular Deep Learning*, arXiv 2203.05556.
public struct PiecewiseLinear: FeatureLayer, Equatable {
    /// A number of the dataset.
    public struct Column: Sendable, Equatable {
        /// The name of its field.
        public var name: String
        /// Its place among the dense features.
        public var index: Int
        /// The number of its bins.
        public var bins: Int
        /// The length of its vectors.
        public var dimension: Int
        /// What makes a vector of its place among the bins.
        public var encoding: NumberEncoding

        /// A column of positions in bins.
        public init(
            _ name: String, index: Int, bins: Int, dimension: Int = 16, encoding: NumberEncoding = .piecewise
        ) {
            self.name = name
            self.index = index
            self.bins = bins
            self.dimension = dimension
            self.encoding = encoding
        }
    }

    /// The columns.
    public var columns: [Column]

    /// Fields of some of the dense features.
    public init(_ columns: [Column]) { self.columns = columns }

    /// Adds the fields and takes their columns out of the dense features.
    ///
    /// - Throws: `InputError` that names the column that is not there, or the size that is out of range.
    public func build(_ graph: inout GraphBuilder, name: String) throws(InputError) {
        guard !columns.isEmpty else {
            throw InputError(.empty, at: name, found: "no number", expected: "at least one")
        }
        var width = 0
        for column in columns {
            let place = "\(name), \"\(column.name)\""
            try require(column.bins, atLeast: 1, atMost: PiecewiseBins.mostBins, "\(place), bins")
            try require(column.dimension, atLeast: 1, atMost: SizeLimit.dimension, "\(place), dimension")
            try column.encoding.check(at: place)
            guard !graph.embeddedNames.contains(column.name),
                columns.count(where: { $0.name == column.name }) == 1
            else {
                throw InputError(
                    .name, at: place, found: "another field of that name", expected: "names that differ")
            }
            try graph.takeNumbers([column.index], at: "\(place), index")
            width += column.dimension
        }
        guard width <= SizeLimit.columns else {
            throw InputError(
                .shape, at: name, found: "\(width) columns of vectors",
                expected: "at most \(SizeLimit.columns)"
            )
        }
        let all = graph.reserve(width)
        var first = 0
        for column in columns {
            let y = all.columns(first..<first + column.dimension)
            first += column.dimension
            let x = graph.denseFeatures.columns(column.index..<column.index + 1)
            let title = "\(name).\(column.name)"
            switch column.encoding {
            case .piecewise: graph.piecewise(x, bins: column.bins, into: y, name: title)
            case .periodic(let frequencies, let deviation):
                graph.periodic(
                    x, bins: column.bins, frequencies: frequencies, deviation: deviation, into: y, name: title
                )
            case .autoDis(let count, let temperature, let skip):
                graph.autoDis(
                    x, bins: column.bins, count: count, temperature: temperature, skip: skip, into: y,
                    name: title)
            }
            graph.appendFeatures(y, field: column.name)
        }
    }
}
