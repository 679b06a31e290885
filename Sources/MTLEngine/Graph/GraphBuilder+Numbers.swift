extension GraphBuilder {
    /// The vector of a number by its sines and cosines: `[rows, into.width]`; see `NumberEncoding.periodic`.
    ///
    /// - Parameters:
    ///   - x: a dense feature, the number's place among its bins, `[rows, 1]`; below 0 where missing.
    ///   - bins: the number of bins.
    ///   - frequencies: the number of frequencies.
    ///   - deviation: the standard deviation of the frequencies at the start.
    ///   - y: what is written, of the vectors' length.
    ///   - title: NAME, what the parameters' names begin with.
    public mutating func periodic(
        _ x: GraphValue, bins: Int, frequencies: Int, deviation: Double, into y: GraphValue,
        name title: String
    ) {
        precondition(
            frequencies > 0 && deviation > 0, "\(frequencies) frequencies with a deviation of \(deviation)")
        let start = place(frequencies)
        name("\(title).frequencies", start, [frequencies])
        beginnings.append(
            .normal(start..<start + frequencies, deviation: deviation, name: "\(title).frequencies"))
        let waves = reserve(2 * frequencies)
        note(waves, hasParameters: true, from: [])
        nodes.append(.periodic(PeriodicNode(x: scaled(x, bins: bins), y: waves, start: start)))
        let (vector, layer) = addDense(
            waves, units: y.width, activation: .relu, names: [title], inputIsShared: true, hasBias: true,
            initial: .drawn, into: nil)
        missing(
            x, bins: bins, vector: vector, .periodic(start: start, count: frequencies, layer: layer), into: y,
            name: title)
    }

    /// The vector of a number as a mixture of meta-embeddings: `[rows, into.width]`; see `NumberEncoding.autoDis`.
    ///
    /// - Parameters:
    ///   - x: a dense feature, the number's place among its bins, `[rows, 1]`; below 0 where missing.
    ///   - bins: the number of bins.
    ///   - count: the number of meta-embeddings.
    ///   - temperature: what scores are divided by; above 0.
    ///   - skip: what a hidden unit adds to the score of its number.
    ///   - y: what is written, of the vectors' length.
    ///   - title: NAME, what the parameters' names begin with.
    public mutating func autoDis(
        _ x: GraphValue, bins: Int, count: Int, temperature: Double, skip: Double, into y: GraphValue,
        name title: String
    ) {
        precondition(
            count > 0 && temperature > 0, "\(count) meta-embeddings at a temperature of \(temperature)")
        func layer(
            _ graph: inout GraphBuilder, _ x: GraphValue, _ units: Int, _ activation: Activation,
            _ part: String
        ) -> (value: GraphValue, layer: Dense) {
            graph.addDense(
                x, units: units, activation: activation, names: ["\(title).\(part)"], inputIsShared: true,
                hasBias: false, initial: .drawn, into: nil)
        }
        let first = layer(&self, scaled(x, bins: bins), count, .leakyReLU, "scores.0")
        let second = layer(&self, first.value, count, .identity, "scores.1")
        let scores = add([second.value, first.value], factors: [1, skip])
        let shares = softmaxBlocks(scores, temperature: temperature)
        let meta = layer(&self, shares, y.width, .identity, "meta")
        missing(
            x, bins: bins, vector: meta.value,
            .autoDis(
                first: first.layer, second: second.layer, meta: meta.layer, skip: skip,
                temperature: temperature),
            into: y, name: title)
    }

    private mutating func scaled(_ x: GraphValue, bins: Int) -> GraphValue {
        precondition(x.width == 1 && x.isFeatures && bins > 0, "\(bins) bins of \(x.width) columns")
        let y = reserve(1)
        nodes.append(.numberScale(NumberScaleNode(x: x, y: y, bins: bins)))
        return y
    }

    private mutating func missing(
        _ x: GraphValue, bins: Int, vector: GraphValue, _ encoding: NumberField.Encoding,
        into y: GraphValue, name title: String
    ) {
        let start = place(y.width)
        self.vector("\(title).missing", start, y.width, beginsAt: 0)
        note(y, hasParameters: true, from: [])
        let field = NumberField(
            column: x.column, bins: bins, dimension: y.width, missing: start..<start + y.width,
            encoding: encoding)
        nodes.append(
            .missingNumber(MissingNumberNode(x: x, vector: vector, y: y, start: start, field: field)))
    }
}
