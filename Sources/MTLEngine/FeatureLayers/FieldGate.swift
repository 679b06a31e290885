/// A gate per embedded field by squeeze and excitation: z_f = mean of v_f, a = g(W_2 relu(W_1 z)), v_f ← a_f v_f.
///
/// By default g is 2σ and W_2 begins at 0, so that every gate begins at 1 and none can close for good. The paper's g is the ReLU, under
/// which a field whose gate is 0 for all rows is lost: neither the gate nor the field's vectors have a gradient then. "NAME.squeeze" and
/// "NAME.excite" have biases where the paper's have none. Fields' widths may differ.
/// - SeeAlso: Huang et al., *FiBiNET*, arXiv 1905.09433 (after Hu et al., arXiv 1709.01507).
public struct FieldGate: FeatureLayer, Equatable {
    /// What makes the gates of the excitation's sums.
    public enum Gate: String, Sendable, Codable, CaseIterable {
        /// 2σ(z), between 0 and 2.
        case sigmoid
        /// max(z, 0), as in the paper.
        case relu
    }

    /// The fields; all where none is named.
    public var fields: [String]
    /// By how much fewer the units between are than the fields.
    public var reduction: Int
    /// What makes the gates.
    public var activation: Gate

    /// By default of all embedded fields, a third as many units as fields, and gates that no row closes for good.
    public init(fields: [String] = [], reduction: Int = 3, activation: Gate = .sigmoid) {
        self.fields = fields
        self.reduction = reduction
        self.activation = activation
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init()
        try options.read("fields", &fields)
        try options.read("reduction", &reduction)
        try options.read("activation", &activation)
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
        let gates = gates(&graph, all, widths: widths, name: name)
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

    /// A factor for every field: `[rows, fields]`.
    private func gates(
        _ graph: inout GraphBuilder, _ all: GraphValue, widths: [Int], name: String
    ) -> GraphValue {
        let count = widths.count
        let z = graph.fieldMeans(all, widths: widths)
        let units = max(1, count / reduction)
        switch activation {
        case .sigmoid:
            // Means are small beside a drawn bias, which would leave a unit open, or closed, for every row.
            let hidden = graph.dense(
                z, units: units, activation: .relu, name: name + ".squeeze",
                initial: .uniform(bound: 1 / Double(count).squareRoot()))
            let half = graph.dense(
                hidden, units: count, activation: .sigmoid, name: name + ".excite", initial: .zero)
            return graph.scale(half, by: 2)
        case .relu:
            let hidden = graph.dense(z, units: units, activation: .relu, name: name + ".squeeze")
            return graph.dense(hidden, units: count, activation: .relu, name: name + ".excite")
        }
    }
}

extension FieldGate.Gate: OptionType {}
