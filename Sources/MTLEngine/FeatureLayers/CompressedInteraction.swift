/// Compressed interaction network of xDeepFM: layer upon layer of feature maps x^l_h = Σ_ij W^l_hij x^(l-1)_i ⊙ x^0_j, x^0 the embedded
/// fields; every map of every layer, summed over its dimensions, stands beside the features, `[rows, sum of the maps]`.
///
/// Products of l + 1 fields at layer l, of every dimension by itself, with one W for all: "NAME.maps.l.weight"
/// `[maps of l, maps of l - 1 · fields]`. It has a bias, "NAME.maps.l.bias", which the paper's has not, and all maps of a layer both go on and
/// are summed, as there.
/// - SeeAlso: Lian et al., *xDeepFM*, arXiv 1803.05170.
public struct CompressedInteraction: FeatureLayer, Equatable {
    /// The fields, of equal width; all where none is named.
    public var fields: [String]
    /// The number of feature maps of every layer.
    public var maps: [Int]
    /// What sums of products go through.
    public var activation: Activation

    /// By default of all embedded fields, two layers of 16 maps, and linear, which the paper found best.
    public init(fields: [String] = [], maps: [Int] = [16, 16], activation: Activation = .identity) {
        self.fields = fields
        self.maps = maps
        self.activation = activation
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init()
        try options.read("fields", &fields)
        try options.read("maps", &maps)
        try options.read("activation", &activation)
    }

    /// Adds the layer and what it makes of the features.
    ///
    /// - Throws: `InputError` that names the option that is out of range, or the field that does not exist or is of another width.
    public func build(_ graph: inout GraphBuilder, name: String) throws(InputError) {
        try require(maps.count, atLeast: 1, atMost: SizeLimit.layers, "\(name), maps")
        for (depth, count) in maps.enumerated() {
            try require(count, atLeast: 1, atMost: SizeLimit.units, "\(name), maps, layer \(depth)")
        }
        try requirePlain(activation, "\(name), activation")
        let some = try graph.evenFields(fields, at: name)
        let width = some[0].value.width
        for (depth, before) in ([some.count] + maps.dropLast()).enumerated() {
            guard before <= SizeLimit.columns / (some.count * width) else {
                throw InputError(
                    .shape, at: "\(name), maps, layer \(depth)",
                    found: "\(before) times \(some.count) products of \(width) dimensions",
                    expected: "at most \(SizeLimit.columns) columns")
            }
        }
        let first = graph.concatenate(some.map(\.value))
        var x = first
        var sums: [GraphValue] = []
        for (depth, count) in maps.enumerated() {
            let products = graph.fieldProducts(x, with: first, dimensions: width, isFieldMajor: depth == 0)
            x = graph.tiedDense(
                products, blocks: width, units: count, activation: activation, name: "\(name).maps.\(depth)")
            sums.append(graph.add(x.blocks(width)))
        }
        graph.appendFeatures(graph.concatenate(sums))
    }
}
