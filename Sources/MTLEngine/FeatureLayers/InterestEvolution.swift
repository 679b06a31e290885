/// DIEN: a recurrent unit along a row's behaviours, whose states are its interests, and a second one along the interests, which moves the
/// further, the more the interest has to do with a candidate: its last state is a new embedded field of the sequence's name.
///
/// Interests h are the states of "NAME.interest", as long as a behaviour e; the layers "NAME.attention.l" score each of [h, c, h - c, h ⊙ c], c the
/// candidate, as the authors' code does (the paper has h W c); a softmax over a row's behaviours makes factors a of the scores, which the update
/// gates of "NAME.evolution" are multiplied by (AUGRU). Both units are PyTorch's `GRU`: "….input" `[3 d, d]` and "….hidden" `[3 d, d]`, the gates r, z, n
/// in this order, with 1 - z where the paper has its update gate u. Several sequences of the same behaviours are put side by side at every
/// position, as in `TargetAttention`, but become one field, of the first one's name. A row without behaviours gets zeros.
///
/// The paper's auxiliary loss, by which an interest tells the next behaviour from a drawn one, is not there: batches hold no drawn
/// behaviours.
/// - SeeAlso: Zhou et al., *Deep Interest Evolution Network*, arXiv 1809.03672.
public struct InterestEvolution: FeatureLayer, Equatable {
    /// The names of the sequences: embedded features with positions, as many in a row each.
    public var sequences: [String]
    /// The embedded features that interests are compared with, one for each sequence, of its dimension.
    public var candidates: [String]
    /// The layers below the linear one that scores an interest; they have no normalisation and no dropout.
    public var layers: [HiddenLayer]

    /// By default with the layers of the authors.
    public init(
        sequences: [String], candidates: [String],
        layers: [HiddenLayer] = [.dense(80, .sigmoid), .dense(40, .sigmoid)]
    ) {
        self.sequences = sequences
        self.candidates = candidates
        self.layers = layers
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(sequences: [], candidates: [])
        try options.readNames("sequence", &sequences)
        try options.readNames("candidate", &candidates)
        try options.read("layers", &layers, .sigmoid)
    }

    /// Adds the layer and what it makes of the features.
    ///
    /// - Throws: `InputError` that names the option that is out of range or the field or sequence that does not exist.
    public func build(_ graph: inout GraphBuilder, name: String) throws(InputError) {
        try layers.check(at: "\(name), layers", isPlain: true)
        let some = try graph.alignedSequences(sequences, at: "\(name), sequence")
        let target = try graph.candidates(candidates, of: some, at: "\(name), candidate")
        let behaviours = graph.joinedSequence(some)
        let (count, width) = (behaviours.capacity, behaviours.dimension)
        guard count <= SizeLimit.columns / (4 * width) else {
            throw InputError(
                .shape, at: "\(name), sequence", found: "\(count) behaviours of \(width) columns",
                expected: "at most \(SizeLimit.columns / 4) columns")
        }
        let interests = behaviours.holding(
            graph.recurrent(behaviours, units: width, name: "\(name).interest"))
        let scores = graph.tiedStack(
            graph.sequencePairs(interests, with: target), blocks: count, layers + [.dense(1, .identity)],
            name: "\(name).attention")
        let states = graph.recurrent(interests, units: width, scores: scores, name: "\(name).evolution")
        graph.appendSequence(states.columns((count - 1) * width..<count * width), some[0].name)
    }
}
