/// What an encoder reads and writes: a vector for the candidate, where there is one, and for every behaviour of a row, side by side.
public struct EncoderTokens: Sendable {
    /// The vectors, `[rows, capacity · dimension]`. What lies behind a row's last one has no meaning.
    public var value: GraphValue
    /// The number of behaviours in a row, `[rows, 1]`.
    public let length: GraphValue
    /// The largest number of tokens in a row.
    public let capacity: Int
    /// How many of them stand before the behaviours: 1 with a candidate, else 0.
    public let leading: Int

    /// The length of a vector.
    public var dimension: Int { value.width / capacity }
}

extension GraphBuilder {
    /// The tokens of a sequence, the candidate before it: each the sum of its vector and its position's, "NAME.weight"
    /// `[tokens, dimension]`. Positions count back from the latest behaviour; the candidate's comes before them.
    ///
    /// - Parameters:
    ///   - sequence: the behaviours.
    ///   - candidate: what they are compared with, of the sequence's dimension; nil for none.
    ///   - hasPositions: whether order matters.
    ///   - title: NAME, what the parameters' names begin with.
    public mutating func tokens(
        _ sequence: SequenceFeature, candidate: GraphValue?, hasPositions: Bool, name title: String
    ) -> EncoderTokens {
        let (width, leading) = (sequence.dimension, candidate == nil ? 0 : 1)
        precondition(candidate?.width ?? width == width, "a candidate beside \(width) columns")
        let count = leading + sequence.capacity
        var positions: Int?
        if hasPositions {
            let start = place(count * width)
            name("\(title).weight", start, [count, width])
            beginnings.append(
                .uniform(
                    start..<start + count * width, bound: EmbeddingTable.initialBound, name: title))
            positions = start
        }
        let y = reserve(count * width)
        note(y, hasParameters: hasPositions, from: [sequence.value] + (candidate.map { [$0] } ?? []))
        nodes.append(
            .sequenceTokens(
                SequenceTokensNode(
                    x: sequence.value, candidate: candidate, length: sequence.length, y: y,
                    capacity: sequence.capacity, positions: positions)))
        return EncoderTokens(value: y, length: sequence.length, capacity: count, leading: leading)
    }

    /// Multi-head self-attention of tokens: `[rows, capacity · width]`, zeros behind a row's last token.
    ///
    /// - Parameters:
    ///   - projected: query, key and value of every token side by side, `[rows, capacity · 3 width]`.
    ///   - tokens: whose they are.
    ///   - heads: into how many equal parts queries, keys and values are cut.
    public mutating func selfAttention(
        _ projected: GraphValue, of tokens: EncoderTokens, heads: Int
    ) -> GraphValue {
        attention(
            projected, count: tokens.capacity, leading: tokens.leading, length: tokens.length, heads: heads)
    }

    /// The same between fields, which every row has all of: `[rows, fields · width]` of `[rows, fields · 3 width]`.
    public mutating func fieldAttention(_ projected: GraphValue, fields: Int, heads: Int) -> GraphValue {
        attention(projected, count: fields, leading: fields, length: nil, heads: heads)
    }

    private mutating func attention(
        _ projected: GraphValue, count: Int, leading: Int, length: GraphValue?, heads: Int
    ) -> GraphValue {
        precondition(projected.width % (3 * count * heads) == 0, "\(projected.width) columns, \(heads) heads")
        let width = projected.width / (3 * count)
        let first = lists.count
        lists += (0..<count).map { Int32($0 * 3 * width) }
        let modes = lists.count
        lists += (0..<count).map { _ in GradientMode.add.rawValue }
        let source = inWorkspace(projected)
        let scratch = scratchCount
        scratchCount = Self.sum(
            scratchCount, (SequenceAttentionNode.scratchCount(tokens: count, width: width) + 15) / 16 * 16)
        let y = reserve(count * width)
        note(y, from: [source])
        nodes.append(
            .sequenceAttention(
                SequenceAttentionNode(
                    x: source, length: length, y: y, tokens: count, leading: leading, heads: heads,
                    queries: 0..<count, first: first, modes: modes, scratch: scratch)))
        return y
    }

    /// Layer normalisation of every block of x with one gain and shift for all: `[rows, x.width]`; "NAME.weight" (1 at the start) and
    /// "NAME.bias" (0), `[x.width / blocks]`.
    public mutating func tiedLayerNorm(
        _ x: GraphValue, blocks: Int, name title: String, epsilon: Double = 1e-5
    ) -> GraphValue {
        precondition(blocks > 0 && x.width % blocks == 0, "\(x.width) columns in \(blocks) blocks")
        let source = inWorkspace(x)
        let width = x.width / blocks
        let gain = place(2 * width)
        vector(title + ".weight", gain, width, beginsAt: 1)
        vector(title + ".bias", gain + width, width, beginsAt: 0)
        let statistics = reserveSaved(2 * blocks)
        let y = reserve(x.width)
        note(y, hasParameters: true, from: [])
        var node = LayerNormNode(
            x: source, y: y, count: blocks, gain: gain, shift: gain + width, statistics: statistics,
            epsilon: epsilon, blocks: 0..<blocks)
        node.isTied = true
        nodes.append(.layerNorm(node))
        return y
    }

    /// The mean of a row's tokens, `[rows, dimension]`, 0 for none; or all of them, `[rows, capacity · dimension]`, zeros behind the last.
    public mutating func pooledTokens(_ tokens: EncoderTokens, isMean: Bool) -> GraphValue {
        let source = inWorkspace(tokens.value)
        let y = reserve(isMean ? tokens.dimension : source.width)
        note(y, from: [source])
        nodes.append(
            .sequenceOutput(
                SequenceOutputNode(
                    x: source, length: tokens.length, y: y, tokens: tokens.capacity, leading: tokens.leading,
                    isMean: isMean)))
        return y
    }
}
