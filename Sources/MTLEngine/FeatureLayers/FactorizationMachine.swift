/// Factorization machine: all products of two embedded fields, summed, Σ_i<j v_i ⊙ v_j = ½ ((Σ v)² - Σ v²), as more columns; or every
/// pair's by itself, ⟨v_i, v_j⟩, a column each.
///
/// It has no parameters. The columns' sum is the machine's second-order term either way; the layers above weigh them, dimensions as in
/// *Neural Factorization Machines* (arXiv 1708.05027), pairs as in DLRM (Naumov et al., arXiv 1906.00091).
public struct FactorizationMachine: FeatureLayer, Equatable {
    /// The fields, of equal width; all where none is named.
    public var fields: [String]
    /// Whether every pair of fields has a column, `[rows, fields (fields - 1) / 2]`, in the order (0, 1), (0, 2), …; else every dimension.
    public var hasPairs: Bool

    /// By default of all embedded fields, and summed over pairs.
    public init(fields: [String] = [], hasPairs: Bool = false) {
        self.fields = fields
        self.hasPairs = hasPairs
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init()
        try options.read("fields", &fields)
        try options.read("pairs", &hasPairs)
    }

    /// Adds the layer and what it makes of the features.
    ///
    /// - Throws: `InputError` that names the option that is out of range or the field that does not exist.
    public func build(_ graph: inout GraphBuilder, name: String) throws(InputError) {
        let some = try graph.evenFields(fields, at: name)
        let all = graph.concatenate(some.map(\.value))
        graph.appendFeatures(
            hasPairs
                ? graph.fieldDots(all, fields: some.count) : graph.pairwise(all, fields: some.count))
    }
}
