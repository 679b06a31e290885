/// Bilinear interactions: for every two embedded fields (W v_i) ⊙ v_j, side by side as more columns, `[rows, fields (fields - 1) / 2 · width]`
/// in the order (0, 1), (0, 2), ….
///
/// The matrix is that of the first field, "NAME.FIELD.weight", or with `isPerPair` every pair's own, "NAME.FIELD.OTHER.weight", each
/// `[width, width]`. Behind a `FieldGate` it is FiBiNET's second half.
/// - SeeAlso: Huang et al., *FiBiNET*, arXiv 1905.09433 (Field-Each and Field-Interaction).
public struct BilinearInteraction: FeatureLayer, Equatable {
    /// The fields, of equal width; all where none is named.
    public var fields: [String]
    /// Whether every pair has a matrix of its own, instead of every field.
    public var isPerPair: Bool

    /// By default of all embedded fields, with a matrix per field.
    public init(fields: [String] = [], isPerPair: Bool = false) {
        self.fields = fields
        self.isPerPair = isPerPair
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init()
        try options.read("fields", &fields)
        try options.read("per_pair", &isPerPair)
    }

    /// Adds the layer and what it makes of the features.
    ///
    /// - Throws: `InputError` that names the field that does not exist, or is of another width.
    public func build(_ graph: inout GraphBuilder, name: String) throws(InputError) {
        let some = try graph.evenFields(fields, at: name)
        let (count, width) = (some.count, some[0].value.width)
        let pairs = (0..<count).flatMap { first in (first + 1..<count).map { (first, $0) } }
        guard pairs.count <= SizeLimit.columns / width else {
            throw InputError(
                .shape, at: "\(name), fields", found: "\(pairs.count) pairs of \(width) columns",
                expected: "at most \(SizeLimit.columns) columns")
        }
        // Per pair where its mapped field lies.
        let mapped: [GraphValue]
        if isPerPair {
            let firsts = graph.concatenate(pairs.map { graph.inWorkspace(some[$0.0].value) })
            mapped = map(&graph, firsts, width, pairs.map { "\(name).\(some[$0.0].name).\(some[$0.1].name)" })
        } else {
            let all = graph.concatenate(some.dropLast().map(\.value))
            let blocks = map(&graph, all, width, some.dropLast().map { "\(name).\($0.name)" })
            mapped = pairs.map { blocks[$0.0] }
        }
        let seconds = some.map { graph.inWorkspace($0.value) }
        let y = graph.reserve(pairs.count * width)
        for ((pair, from), to) in zip(zip(pairs, mapped), y.blocks(pairs.count)) {
            _ = graph.multiply(from, seconds[pair.1], into: to)
        }
        graph.appendFeatures(y)
    }

    private func map(
        _ graph: inout GraphBuilder, _ x: GraphValue, _ width: Int, _ names: [String]
    ) -> [GraphValue] {
        graph.dense(
            x, units: width, activation: .identity, names: names, inputIsShared: false, hasBias: false
        ).blocks(names.count)
    }
}
