/// A step between the features and the architecture, which reads what the layers leave of them.
public protocol FeatureLayer: Sendable {
    /// Builds the layer: it reads the graph's features, fields and sequences and appends to them or replaces them.
    ///
    /// - Parameters:
    ///   - graph: the builder, with what earlier layers made of the features.
    ///   - name: what its parameters' names begin with, "features.N" for the model's layer N.
    /// - Throws: `InputError` where an option is out of range or a field is not there.
    func build(_ graph: inout GraphBuilder, name: String) throws(InputError)
}

/// Cross layers: x_(l+1) = x_0 ⊙ (W x_l + b) + x_l, "NAME.cross.l.weight", over all features.
///
/// With a rank W is U V: "NAME.cross.l.down" is V and "NAME.cross.l.up" U. V has a bias of its own, which the paper's has not; it
/// adds no function, since U carries it into b.
/// - SeeAlso: Wang et al., *DCN V2: Improved Deep & Cross Network*, arXiv 2008.13535.
public struct CrossLayers: FeatureLayer, Equatable {
    /// The number of layers; features are multiplied with each other up to this many times.
    public var count: Int
    /// The rank of W; 0 for full.
    public var rank: Int
    /// Whether the last layer's output stands beside the features (the paper's parallel form) or in their place (stacked), where
    /// it leaves no embedded fields.
    public var appends: Bool

    /// By default of full rank and in the place of the features.
    public init(count: Int = 3, rank: Int = 0, appends: Bool = false) {
        self.count = count
        self.rank = rank
        self.appends = appends
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init()
        try options.read("count", &count)
        try options.read("rank", &rank)
        try options.read("appends", &appends)
    }

    /// Adds the layer and what it makes of the features.
    ///
    /// - Throws: `InputError` that names the option that is out of range or the field that does not exist.
    public func build(_ graph: inout GraphBuilder, name: String) throws(InputError) {
        try require(count, atLeast: 1, "\(name), layers")
        try require(rank, atLeast: 0, atMost: SizeLimit.rank, "\(name), rank")
        let all = graph.joinedFeatures()
        let first = graph.inWorkspace(all)
        let width = first.width
        var x = first
        for depth in 0..<count {
            let title = "\(name).cross.\(depth)"
            var wx = x
            if rank > 0 {
                wx = graph.dense(x, units: rank, activation: .identity, name: title + ".down")
                wx = graph.dense(wx, units: width, activation: .identity, name: title + ".up")
            } else {
                wx = graph.dense(x, units: width, activation: .identity, name: title)
            }
            let y = graph.reserve(width)
            _ = graph.multiply(first, wx, into: y)
            graph.accumulate(x, into: y, isFirst: false)
            x = y
        }
        if appends { graph.appendFeatures(x) } else { graph.replaceFeatures(x) }
    }
}

/// Factorization machine: all products of two embedded fields, summed, Σ_i<j v_i ⊙ v_j = ½ ((Σ v)² - Σ v²), as more columns.
///
/// It has no parameters. The columns' sum is the machine's second-order term; the layers above weigh them as in *Neural
/// Factorization Machines* (arXiv 1708.05027).
public struct FactorizationMachine: FeatureLayer, Equatable {
    /// The fields, of equal width; all where none is named.
    public var fields: [String]

    /// By default of all embedded fields.
    public init(fields: [String] = []) { self.fields = fields }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init()
        try options.read("fields", &fields)
    }

    /// Adds the layer and what it makes of the features.
    ///
    /// - Throws: `InputError` that names the option that is out of range or the field that does not exist.
    public func build(_ graph: inout GraphBuilder, name: String) throws(InputError) {
        let some = try graph.fields(fields, at: "\(name), fields")
        guard some.count > 1 else {
            throw InputError(
                .empty, at: "\(name), fields", found: "\(some.count) embedded fields",
                expected: "at least two")
        }
        let width = some[0].value.width
        for field in some where field.value.width != width {
            throw InputError(
                .shape, at: "\(name), field \(field.name)", found: "a width of \(field.value.width)",
                expected: "\(width) as of \"\(some[0].name)\"")
        }
        graph.appendFeatures(graph.pairwise(graph.concatenate(some.map(\.value)), fields: some.count))
    }
}

/// A gate per embedded field by squeeze and excitation: z_f = mean of v_f, a = act(W_2 relu(W_1 z)), v_f ← a_f v_f.
///
/// "NAME.squeeze" and "NAME.excite", which have biases where the paper's have none. Fields' widths may differ.
/// - SeeAlso: Huang et al., *FiBiNET*, arXiv 1905.09433 (after Hu et al., arXiv 1709.01507).
public struct FieldGate: FeatureLayer, Equatable {
    /// The fields; all where none is named.
    public var fields: [String]
    /// By how much fewer the units between are than the fields.
    public var reduction: Int
    /// What makes the gates: ReLU in the paper; a sigmoid cannot close one for good.
    public var activation: Activation

    /// By default of all embedded fields, as in the paper.
    public init(fields: [String] = [], reduction: Int = 3, activation: Activation = .relu) {
        self.fields = fields
        self.reduction = reduction
        self.activation = activation
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init()
        try options.read("fields", &fields)
        try options.read("reduction", &reduction)
    }

    /// Adds the layer and what it makes of the features.
    ///
    /// - Throws: `InputError` that names the option that is out of range or the field that does not exist.
    public func build(_ graph: inout GraphBuilder, name: String) throws(InputError) {
        try require(reduction, atLeast: 1, atMost: .max, "\(name), reduction")
        let some = try graph.fields(fields, at: "\(name), fields")
        guard !some.isEmpty else {
            throw InputError(
                .empty, at: "\(name), fields", found: "no embedded fields", expected: "at least one")
        }
        let widths = some.map(\.value.width)
        let all = graph.concatenate(some.map(\.value))
        let z = graph.fieldMeans(all, widths: widths)
        let hidden = graph.dense(
            z, units: max(1, some.count / reduction), activation: .relu, name: name + ".squeeze")
        let gates = graph.dense(hidden, units: some.count, activation: activation, name: name + ".excite")
        let gated = graph.reserve(all.width)
        if Set(widths).count == 1 {
            _ = graph.multiply(all, gates, into: gated)
        } else {
            var column = 0
            for (index, width) in widths.enumerated() {
                let range = column..<column + width
                _ = graph.multiply(
                    all.columns(range), gates.columns(index..<index + 1), into: gated.columns(range))
                column += width
            }
        }
        var column = 0
        for field in some {
            graph.replaceField(field.name, gated.columns(column..<column + field.value.width))
            column += field.value.width
        }
    }
}
