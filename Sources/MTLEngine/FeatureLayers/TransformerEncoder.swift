/// A transformer over a sequence of behaviours and the candidate before it, as a new embedded field of the sequence's name.
///
/// A token is the vector of the candidate or of a behaviour plus that of its position, counted back from the latest behaviour. Every layer
/// is x ← LN(x + dropout(attention(x))), x ← LN(x + dropout(W_2 act(W_1 x))) over a row's own tokens alone: what lies behind its last
/// behaviour changes nothing. Parameters have the names of PyTorch's `TransformerEncoderLayer`: "NAME.layers.l.self_attn.in_proj.weight"
/// `[3 d, d]`, "…self_attn.out_proj", "…linear1", "…linear2", "…norm1", "…norm2"; and "NAME.positions.weight". Several sequences of the
/// same behaviours are put side by side at every position, as in `TargetAttention`, but become one field, of the first one's name.
/// - SeeAlso: Chen et al., *Behavior Sequence Transformer*, arXiv 1905.06874, which puts the time since a behaviour in the place of its
///   position and hands on all tokens side by side (`pooling: all`).
public struct TransformerEncoder: FeatureLayer, Equatable {
    /// What is handed on of the last layer's tokens.
    public enum Pooling: String, Sendable, Codable, CaseIterable {
        /// The candidate's token, `[rows, d]`.
        case candidate
        /// The mean of all, `[rows, d]`; zeros for a row without any.
        case mean
        /// All of them side by side, which is no field.
        case all
    }

    /// The names of the sequences: embedded features with positions, as many in a row each.
    public var sequences: [String]
    /// The embedded features that stand before them, one for each sequence, of its dimension; none for the behaviours alone.
    public var candidates: [String]
    /// Heads of the attention; they divide the length of a token.
    public var heads: Int
    /// Layers, one after the other.
    public var count: Int
    /// Units of the layer inside of a token's own network; 0 for four times the length of a token.
    public var units: Int
    /// What those units go through.
    public var activation: Activation
    /// In training the share of an attention's and a network's outputs that are left out.
    public var dropout: Double
    /// Whether positions have vectors, without which order does not matter.
    public var hasPositions: Bool
    /// What is handed on.
    public var pooling: Pooling

    /// By default one layer, as in the paper, of two heads; without a candidate it hands on the mean.
    public init(
        sequences: [String], candidates: [String] = [], heads: Int = 2, count: Int = 1, units: Int = 0,
        activation: Activation = .leakyReLU, dropout: Double = 0, hasPositions: Bool = true,
        pooling: Pooling? = nil
    ) {
        self.sequences = sequences
        self.candidates = candidates
        self.heads = heads
        self.count = count
        self.units = units
        self.activation = activation
        self.dropout = dropout
        self.hasPositions = hasPositions
        self.pooling = pooling ?? (candidates.isEmpty ? .mean : .candidate)
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(sequences: [])
        try options.readNames("sequence", &sequences)
        try options.readNames("candidate", &candidates)
        try options.read("heads", &heads)
        try options.read("count", &count)
        try options.read("units", &units)
        try options.read("activation", &activation)
        try options.read("dropout", &dropout)
        try options.read("positions", &hasPositions)
        if !candidates.isEmpty { pooling = .candidate }
        try options.read("pooling", &pooling)
    }

    /// Adds the layer and what it makes of the features.
    ///
    /// - Throws: `InputError` that names the option that is out of range or the field or sequence that does not exist.
    public func build(_ graph: inout GraphBuilder, name: String) throws(InputError) {
        try require(heads, atLeast: 1, atMost: SizeLimit.count, "\(name), heads")
        try require(count, atLeast: 1, atMost: SizeLimit.layers, "\(name), count")
        try require(units, atLeast: 0, atMost: SizeLimit.units, "\(name), units")
        try requirePlain(activation, "\(name), activation")
        try requireRate(dropout, "\(name), dropout")
        let some = try graph.alignedSequences(sequences, at: "\(name), sequence")
        let candidate =
            candidates.isEmpty
            ? nil : try graph.candidates(candidates, of: some, at: "\(name), candidate")
        guard candidate != nil || pooling != .candidate else {
            throw InputError(
                .value, at: "\(name), pooling", found: "candidate",
                expected: "mean or all, without a candidate")
        }
        let width = some.reduce(0) { $0 + $1.dimension }
        guard width % heads == 0 else {
            throw InputError(
                .shape, at: "\(name), heads", found: "\(heads)",
                expected: "a divisor of \(width), the length of a token")
        }
        var tokens = graph.tokens(
            graph.joinedSequence(some), candidate: candidate, hasPositions: hasPositions,
            name: name + ".positions")
        for depth in 0..<count { encode(&graph, &tokens, name: "\(name).layers.\(depth)") }
        switch pooling {
        case .candidate: graph.appendSequence(tokens.value.columns(0..<width), some[0].name)
        case .mean: graph.appendSequence(graph.pooledTokens(tokens, isMean: true), some[0].name)
        case .all: graph.appendFeatures(graph.pooledTokens(tokens, isMean: false))
        }
    }

    /// One layer, in the place of its tokens.
    private func encode(_ graph: inout GraphBuilder, _ tokens: inout EncoderTokens, name: String) {
        let (count, width) = (tokens.capacity, tokens.dimension)
        func dense(_ x: GraphValue, _ units: Int, _ activation: Activation, _ title: String) -> GraphValue {
            graph.tiedDense(x, blocks: count, units: units, activation: activation, name: "\(name).\(title)")
        }
        func merged(_ value: GraphValue, _ title: String) -> GraphValue {
            graph.tiedLayerNorm(
                graph.add([tokens.value, graph.dropout(value, rate: dropout)]), blocks: count,
                name: "\(name).\(title)")
        }
        let projected = dense(tokens.value, 3 * width, .identity, "self_attn.in_proj")
        let attended = graph.selfAttention(projected, of: tokens, heads: heads)
        tokens.value = merged(dense(attended, width, .identity, "self_attn.out_proj"), "norm1")
        let inner = dense(tokens.value, units > 0 ? units : 4 * width, activation, "linear1")
        tokens.value = merged(dense(inner, width, .identity, "linear2"), "norm2")
    }
}

extension TransformerEncoder.Pooling: OptionType {}
