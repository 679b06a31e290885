/// The plan of a hidden layer: dropout(act(norm(x W + b))), `[rows, units]`.
public struct HiddenLayer: Sendable, Equatable {
    /// What is done to the sums before the activation.
    public enum Normalization: String, Sendable, Codable, CaseIterable {
        /// No normalisation.
        case none
        /// Batch normalisation: by the batch in training, by moving statistics in prediction (arXiv 1502.03167).
        case batch
        /// Layer normalisation: by the row (arXiv 1607.06450).
        case layer
    }

    /// The number of outputs.
    public let units: Int
    /// What the normalised sums go through.
    public let activation: Activation
    /// What is done to the sums x W + b before the activation.
    public let normalization: Normalization
    /// In training the share of the outputs that are 0; the others are divided by the rest.
    public let dropout: Double

    /// A dense layer of `units` outputs.
    public static func dense(
        _ units: Int, _ activation: Activation, normalization: Normalization = .none, dropout: Double = 0
    ) -> HiddenLayer {
        HiddenLayer(units: units, activation: activation, normalization: normalization, dropout: dropout)
    }

    /// A dense layer with ReLU.
    public static func relu(_ units: Int) -> HiddenLayer { dense(units, .relu) }

    /// Whether it is a product and an activation alone.
    var isPlain: Bool { normalization == .none && dropout == 0 && !activation.hasParameters }
}

extension [HiddenLayer] {
    /// Checks that every layer has a unit and drops less than everything; an architecture's `build` calls it before its first
    /// node.
    ///
    /// - Parameters:
    ///   - place: what messages call the layers.
    ///   - allowsNone: whether there may be no layer at all.
    ///   - isPlain: whether normalisation, dropout and activations with parameters are refused, for what has none.
    /// - Throws: `InputError` that names the place and the layer.
    public func check(at place: String, allowsNone: Bool = true, isPlain: Bool = false) throws(InputError) {
        guard allowsNone || !isEmpty else {
            throw InputError(.empty, at: place, found: "no layers", expected: "at least one")
        }
        guard count <= SizeLimit.layers else {
            throw InputError(
                .shape, at: place, found: "\(count) layers", expected: "at most \(SizeLimit.layers)")
        }
        for (index, layer) in enumerated() {
            guard layer.units >= 1, layer.units <= SizeLimit.units else {
                throw InputError(
                    .shape, at: "\(place), layer \(index)", found: "\(layer.units) units",
                    expected: layer.units < 1 ? "at least 1" : "at most \(SizeLimit.units)")
            }
            guard !isPlain || layer.isPlain else {
                throw InputError(
                    .value, at: "\(place), layer \(index)",
                    found: layer.activation.hasParameters
                        ? layer.activation.rawValue
                        : layer.dropout == 0
                            ? "\(layer.normalization.rawValue) normalisation" : "dropout \(layer.dropout)",
                    expected: "neither normalisation, dropout nor an activation with parameters here")
            }
            guard layer.dropout >= 0, layer.dropout < 1 else {
                throw InputError(
                    .value, at: "\(place), layer \(index)", found: "dropout \(layer.dropout)",
                    expected: "a share, 0 or above and below 1")
            }
        }
    }
}
