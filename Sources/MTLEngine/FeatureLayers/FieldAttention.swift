/// AutoInt: multi-head self-attention between embedded fields, relu(attention(x) + W x) of every field, layer upon layer; all fields of the
/// last layer stand beside the features, `[rows, fields · units]`.
///
/// Queries, keys and values are "NAME.layers.l.in_proj", as in PyTorch's attention, and W is "NAME.layers.l.residual", each one for all
/// fields. Both have biases and scores are divided by √(units / heads), which the paper's are not.
/// - SeeAlso: Song et al., *AutoInt*, arXiv 1810.11921.
public struct FieldAttention: FeatureLayer, Equatable {
    /// The fields, of equal width; all where none is named.
    public var fields: [String]
    /// The number of layers.
    public var count: Int
    /// Into how many equal parts queries, keys and values are cut.
    public var heads: Int
    /// The width of a field behind a layer; 0 for that of the fields.
    public var units: Int

    /// By default of all embedded fields, two layers of two heads.
    public init(fields: [String] = [], count: Int = 2, heads: Int = 2, units: Int = 0) {
        self.fields = fields
        self.count = count
        self.heads = heads
        self.units = units
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init()
        try options.read("fields", &fields)
        try options.read("count", &count)
        try options.read("heads", &heads)
        try options.read("units", &units)
    }

    /// Adds the layer and what it makes of the features.
    ///
    /// - Throws: `InputError` that names the option that is out of range, or the field that does not exist or is of another width.
    public func build(_ graph: inout GraphBuilder, name: String) throws(InputError) {
        try require(count, atLeast: 1, atMost: SizeLimit.layers, "\(name), count")
        try require(heads, atLeast: 1, atMost: SizeLimit.count, "\(name), heads")
        try require(units, atLeast: 0, atMost: SizeLimit.units, "\(name), units")
        let some = try graph.evenFields(fields, at: name)
        let width = units > 0 ? units : some[0].value.width
        guard width % heads == 0 else {
            throw InputError(
                .shape, at: "\(name), heads", found: "\(heads)",
                expected: "a divisor of \(width), the width of a field")
        }
        guard some.count <= SizeLimit.columns / (3 * width) else {
            throw InputError(
                .shape, at: name, found: "\(some.count) fields with queries, keys and values of \(width)",
                expected: "at most \(SizeLimit.columns) columns")
        }
        var x = graph.concatenate(some.map(\.value))
        for depth in 0..<count {
            func dense(_ units: Int, _ title: String) -> GraphValue {
                graph.tiedDense(
                    x, blocks: some.count, units: units, activation: .identity,
                    name: "\(name).layers.\(depth).\(title)")
            }
            let attended = graph.fieldAttention(dense(3 * width, "in_proj"), fields: some.count, heads: heads)
            x = graph.activation(graph.add([attended, dense(width, "residual")]), .relu)
        }
        graph.appendFeatures(x)
    }
}
