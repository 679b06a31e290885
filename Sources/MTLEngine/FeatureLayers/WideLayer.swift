/// A linear path from features straight to every task's logits, beside all layers: z + W x, "NAME.TASK.weight" `[outputs, width]`, without
/// a bias, since the head has one.
///
/// It reads what earlier layers made of the features: behind a `FactorizationMachine` it is DeepFM's first and second order, behind fields
/// of crossed columns the wide part of Wide & Deep.
/// - SeeAlso: Cheng et al., *Wide & Deep Learning for Recommender Systems*, arXiv 1606.07792; Guo et al., *DeepFM*, arXiv 1703.04247.
public struct WideLayer: FeatureLayer, Equatable {
    /// Embedded fields that are read; all features where none is named.
    public var fields: [String]
    /// Whether no layer above reads these fields: what is learned by heart, such as crossed columns, then stays out of the trunk.
    public var isExclusive: Bool

    /// By default of all features, which the layers above read too.
    public init(fields: [String] = [], isExclusive: Bool = false) {
        self.fields = fields
        self.isExclusive = isExclusive
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init()
        try options.read("fields", &fields)
        try options.read("exclusive", &isExclusive)
    }

    /// Adds the path; the features stay as they are, or without its own fields.
    ///
    /// - Throws: `InputError` that names the field that does not exist, or where nothing is left for the layers above.
    public func build(_ graph: inout GraphBuilder, name: String) throws(InputError) {
        if isExclusive, fields.isEmpty {
            throw InputError(
                .value, at: "\(name), exclusive", found: "all features",
                expected: "fields by name: the layers above need some to read")
        }
        let x =
            fields.isEmpty
            ? graph.joinedFeatures()
            : graph.concatenate(try graph.fields(fields, at: "\(name), fields").map(\.value))
        graph.addToLogits(x, name: name)
        if isExclusive { try graph.removeFields(fields, at: "\(name), fields") }
    }
}
