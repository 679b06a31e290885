/// Target attention over a sequence of behaviours: Σ_p a(e_p, c) e_p, with a by layers over [e, c, e - c, e ⊙ c] that all positions
/// share, as a new embedded field of the sequence's name.
///
/// The sequence is an `EmbeddedFeature.sequence`; it and the candidate best read one table. A row without behaviours gets zeros.
/// Parameters are "NAME.attention.l", the last of them the linear one. There are no positions in it: order does not matter.
/// - SeeAlso: Zhou et al., *Deep Interest Network*, arXiv 1706.06978, whose weights are no softmax, so that more interest is a
///   longer vector; its layers read [e, c, e - c, e ⊙ c] in the authors' code.
public struct TargetAttention: FeatureLayer, Equatable {
    /// The name of the sequence: an embedded feature with positions.
    public var sequence: String
    /// The embedded feature that it is compared with.
    public var candidate: String
    /// The layers below the linear one that scores a position.
    public var layers: [HiddenLayer]
    /// Whether the weights are the scores' softmax.
    public var isNormalized: Bool

    /// By default the authors' layers and weights.
    public init(
        sequence: String, candidate: String,
        layers: [HiddenLayer] = [.dense(80, .sigmoid), .dense(40, .sigmoid)], isNormalized: Bool = false
    ) {
        self.sequence = sequence
        self.candidate = candidate
        self.layers = layers
        self.isNormalized = isNormalized
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(sequence: "", candidate: "")
        try options.read("sequence", &sequence)
        try options.read("candidate", &candidate)
        try options.read("layers", &layers, .sigmoid)
        try options.read("normalized", &isNormalized)
    }

    /// Adds the layer and what it makes of the features.
    ///
    /// - Throws: `InputError` that names the option that is out of range or the field or sequence that does not exist.
    public func build(_ graph: inout GraphBuilder, name: String) throws(InputError) {
        try layers.check(at: "\(name), layers")
        let behaviours = try graph.sequence(sequence, at: "\(name), sequence")
        let target = try graph.fields([candidate], at: "\(name), candidate")[0].value
        guard target.width == behaviours.dimension else {
            throw InputError(
                .shape, at: "\(name), candidate", found: "a width of \(target.width)",
                expected: "\(behaviours.dimension) as of \"\(sequence)\"")
        }
        let scores = graph.tiedStack(
            graph.sequencePairs(behaviours, with: target), blocks: behaviours.capacity,
            layers + [.dense(1, .identity)], name: name + ".attention")
        graph.appendSequence(
            graph.sequencePool(behaviours, scores: scores, isNormalized: isNormalized), sequence)
    }
}

/// Self-attentive pooling of a sequence: Σ_p softmax(w · tanh(W e_p))_p e_p, as a new embedded field of the sequence's name.
///
/// Parameters are "NAME.attention.l", the last of them the linear one. A row without behaviours gets zeros; order does not
/// matter.
/// - SeeAlso: Lin et al., *A Structured Self-attentive Sentence Embedding*, arXiv 1703.03130, of one head.
public struct SelfAttentionPooling: FeatureLayer, Equatable {
    /// The name of the sequence: an embedded feature with positions.
    public var sequence: String
    /// The layers below the linear one that scores a position.
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
        try layers.check(at: "\(name), layers")
        let behaviours = try graph.sequence(sequence, at: "\(name), sequence")
        let scores = graph.tiedStack(
            behaviours.value, blocks: behaviours.capacity, layers + [.dense(1, .identity)],
            name: name + ".attention")
        graph.appendSequence(
            graph.sequencePool(behaviours, scores: scores, isNormalized: true), sequence)
    }
}

extension GraphBuilder {
    /// A pooled sequence as a field; a second reading of the same one gets columns without a name.
    fileprivate mutating func appendSequence(_ value: GraphValue, _ name: String) {
        appendFeatures(value, field: embeddedNames.contains(name) ? nil : name)
    }
}
