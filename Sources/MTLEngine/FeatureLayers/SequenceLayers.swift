/// Target attention over a sequence of behaviours: Σ_p a(e_p, c) e_p, with a by layers over [e, c, e - c, e ⊙ c] that all positions
/// share, as a new embedded field of the sequence's name.
///
/// A sequence is an `EmbeddedFeature.sequence`; it and its candidate best read one table. Several sequences of the same behaviours (item,
/// category, price band) are put side by side at every position, and so are their candidates: e and c are then that much longer, and
/// every sequence gets a field of its own, of the same weights. A row without behaviours gets zeros. Parameters are
/// "NAME.attention.l", the last of them the linear one. There are no positions in it: order does not matter.
/// - SeeAlso: Zhou et al., *Deep Interest Network*, arXiv 1706.06978.
public struct TargetAttention: FeatureLayer, Equatable {
    /// What becomes of the scores of a row's positions.
    public enum Normalization: String, Sendable, Codable, CaseIterable {
        /// They are the weights, so that more interest is a longer vector: the paper's text.
        case none
        /// Their softmax.
        case softmax
        /// The softmax of score / √d, d the length of e: the authors' code.
        case scaledSoftmax = "scaled_softmax"
    }

    /// The names of the sequences: embedded features with positions, as many in a row each.
    public var sequences: [String]
    /// The embedded features that they are compared with, one for each sequence.
    public var candidates: [String]
    /// The layers below the linear one that scores a position; they have no normalisation and no dropout.
    public var layers: [HiddenLayer]
    /// What becomes of the scores.
    public var normalization: Normalization

    /// By default the layers of the authors, and weights that are the scores themselves.
    public init(
        sequences: [String], candidates: [String],
        layers: [HiddenLayer] = [.dense(80, .sigmoid), .dense(40, .sigmoid)],
        normalization: Normalization = .none
    ) {
        self.sequences = sequences
        self.candidates = candidates
        self.layers = layers
        self.normalization = normalization
    }

    /// Of one sequence.
    public init(
        sequence: String, candidate: String,
        layers: [HiddenLayer] = [.dense(80, .sigmoid), .dense(40, .sigmoid)],
        normalization: Normalization = .none
    ) {
        self.init(
            sequences: [sequence], candidates: [candidate], layers: layers, normalization: normalization)
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(sequences: [], candidates: [])
        try options.readNames("sequence", &sequences)
        try options.readNames("candidate", &candidates)
        try options.read("layers", &layers, .sigmoid)
        try options.read("normalized", &normalization)
    }

    /// Adds the layer and what it makes of the features.
    ///
    /// - Throws: `InputError` that names the option that is out of range or the field or sequence that does not exist.
    public func build(_ graph: inout GraphBuilder, name: String) throws(InputError) {
        try layers.check(at: "\(name), layers", isPlain: true)
        let some = try graph.alignedSequences(sequences, at: "\(name), sequence")
        let target = try graph.candidates(candidates, of: some, at: "\(name), candidate")
        let behaviours = graph.joinedSequence(some)
        var scores = graph.tiedStack(
            graph.sequencePairs(behaviours, with: target), blocks: behaviours.capacity,
            layers + [.dense(1, .identity)], name: name + ".attention")
        if normalization == .scaledSoftmax {
            scores = graph.scale(scores, by: 1 / Double(behaviours.dimension).squareRoot())
        }
        let pooled = graph.sequencePool(behaviours, scores: scores, isNormalized: normalization != .none)
        var column = 0
        for sequence in some {
            graph.appendSequence(pooled.columns(column..<column + sequence.dimension), sequence.name)
            column += sequence.dimension
        }
    }
}

extension TargetAttention.Normalization: OptionType {
    static var expected: String { "none, softmax or scaled_softmax" }

    /// Files of before the third one say whether it is a softmax.
    package init?(option: OptionValue) {
        if let isNormalized = Bool(option: option) {
            self = isNormalized ? .softmax : .none
        } else {
            guard case .scalar(let text) = option else { return nil }
            self.init(rawValue: text)
        }
    }
}

/// Attention pooling of a sequence, one query that learns what to look for: Σ_p softmax(w · tanh(W e_p))_p e_p, as a new embedded field
/// of the sequence's name.
///
/// It is no encoder: behaviours do not see each other, as they do in `TransformerEncoder`, and their order does not matter. A row without
/// behaviours gets zeros. Parameters are "NAME.attention.l", the last of them the linear one.
/// - SeeAlso: Lin et al., *A Structured Self-attentive Sentence Embedding*, arXiv 1703.03130, of one head.
public struct AttentionPooling: FeatureLayer, Equatable {
    /// The name of the sequence: an embedded feature with positions.
    public var sequence: String
    /// The layers below the linear one that scores a position; they have no normalisation and no dropout.
    public var layers: [HiddenLayer]

    /// By default one layer, as in the paper.
    public init(sequence: String, layers: [HiddenLayer] = [.dense(32, .tanh)]) {
        self.sequence = sequence
        self.layers = layers
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(sequence: "")
        try options.read("sequence", &sequence)
        try options.read("layers", &layers, .tanh)
    }

    /// Adds the layer and what it makes of the features.
    ///
    /// - Throws: `InputError` that names the option that is out of range or the field or sequence that does not exist.
    public func build(_ graph: inout GraphBuilder, name: String) throws(InputError) {
        try layers.check(at: "\(name), layers", isPlain: true)
        let behaviours = try graph.sequence(sequence, at: "\(name), sequence")
        let scores = graph.tiedStack(
            behaviours.value, blocks: behaviours.capacity, layers + [.dense(1, .identity)],
            name: name + ".attention")
        graph.appendSequence(
            graph.sequencePool(behaviours, scores: scores, isNormalized: true), sequence)
    }
}
