/// FinalMLP: two streams of hidden layers over the features, each behind a gate of its own, and bilinear products of what they give:
/// o_1, o_2 and, head by head, (W_h o_1h) ⊙ o_2h side by side in the place of the features, which leaves no embedded fields.
///
/// A stream reads x ⊙ 2σ(g(c)), a factor for every column, with c the fields of its context, or where it has none a vector that is learned,
/// "NAME.first.context" `[16]`. Parameters are "NAME.first.gate.l" and "NAME.first.l", "NAME.second" likewise, and "NAME.fusion.h"
/// `[o_2 / heads, o_1 / heads]`, which has no bias.
///
/// The paper sums to a logit, b + w_1ᵀ o_1 + w_2ᵀ o_2 + Σ_h o_1hᵀ W_h o_2h. With more tasks than one the sums are theirs: a linear head (no
/// shared layers, no tower) is the paper's where it weighs all products alike, and may weigh them otherwise. Contexts are read with the
/// vectors that the features have, where the paper's code looks them up in tables of their own.
/// - SeeAlso: Mao et al., *FinalMLP: An Enhanced Two-Stream MLP Model for CTR Prediction*, arXiv 2304.00902.
public struct FinalMLP: FeatureLayer, Equatable {
    /// The layers of the first stream.
    public var first: [HiddenLayer]
    /// The layers of the second stream.
    public var second: [HiddenLayer]
    /// Into how many equal parts both streams' outputs are cut, whose products are bilinear each.
    public var heads: Int
    /// Whether every stream has a gate over the features.
    public var isGated: Bool
    /// Fields that the first stream's gate reads; none for a learned vector.
    public var firstContext: [String]
    /// Fields that the second stream's gate reads; none for a learned vector.
    public var secondContext: [String]
    /// Hidden layers of a gate, below the linear one that makes its factors.
    public var gateLayers: [HiddenLayer]

    /// The length of a learned vector.
    private static let contextWidth = 16

    /// By default streams of 128 and 64 units, one head, and gates of 64 units that read a learned vector.
    public init(
        first: [HiddenLayer] = [.relu(128), .relu(64)], second: [HiddenLayer] = [.relu(128), .relu(64)],
        heads: Int = 1, isGated: Bool = true, firstContext: [String] = [], secondContext: [String] = [],
        gateLayers: [HiddenLayer] = [.relu(64)]
    ) {
        self.first = first
        self.second = second
        self.heads = heads
        self.isGated = isGated
        self.firstContext = firstContext
        self.secondContext = secondContext
        self.gateLayers = gateLayers
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init()
        try options.read("first", &first)
        try options.read("second", &second)
        try options.read("heads", &heads)
        try options.read("gated", &isGated)
        try options.readNames("first_context", &firstContext)
        try options.readNames("second_context", &secondContext)
        try options.read("gate_layers", &gateLayers)
    }

    /// Adds the layer and what it makes of the features.
    ///
    /// - Throws: `InputError` that names the option that is out of range or the field that does not exist.
    public func build(_ graph: inout GraphBuilder, name: String) throws(InputError) {
        try require(heads, atLeast: 1, atMost: SizeLimit.count, "\(name), heads")
        try gateLayers.check(at: "\(name), gate_layers")
        try check(first, at: "\(name), first")
        try check(second, at: "\(name), second")
        let contexts = [("first", firstContext), ("second", secondContext)]
        for (title, context) in contexts where !isGated && !context.isEmpty {
            throw InputError(
                .value, at: "\(name), \(title)_context", found: "fields for a gate that there is not",
                expected: "gated: true, or no context")
        }
        let x = graph.inWorkspace(graph.joinedFeatures())
        var outputs: [GraphValue] = []
        for ((title, context), layers) in zip(contexts, [first, second]) {
            var input = x
            if isGated {
                let some = context.isEmpty ? [] : try graph.fields(context, at: "\(name), \(title)_context")
                let factors = gate(&graph, some.map(\.value), width: x.width, name: "\(name).\(title)")
                input = graph.multiply(x, factors)
            }
            outputs.append(graph.stack(input, layers, names: ["\(name).\(title)"]))
        }
        let mapped = graph.dense(
            outputs[0], units: outputs[1].width / heads, activation: .identity,
            names: (0..<heads).map { "\(name).fusion.\($0)" }, inputIsShared: false, hasBias: false)
        graph.replaceFeatures(graph.concatenate(outputs + [graph.multiply(mapped, outputs[1])]))
    }

    private func check(_ layers: [HiddenLayer], at place: String) throws(InputError) {
        try layers.check(at: place, allowsNone: false)
        let units = layers[layers.count - 1].units
        guard units % heads == 0 else {
            throw InputError(
                .shape, at: place, found: "\(units) units of the last layer in \(heads) heads",
                expected: "a multiple of the heads")
        }
    }

    /// A factor between 0 and 2 for every column: `[rows, width]`.
    private func gate(
        _ graph: inout GraphBuilder, _ context: [GraphValue], width: Int, name: String
    ) -> GraphValue {
        let c =
            context.isEmpty
            ? graph.parameter(Self.contextWidth, name: "\(name).context") : graph.concatenate(context)
        let hidden = graph.stack(c, gateLayers, names: ["\(name).gate"])
        let half = graph.dense(
            hidden, units: width, activation: .sigmoid, name: "\(name).gate.\(gateLayers.count)")
        return graph.scale(half, by: 2)
    }
}
