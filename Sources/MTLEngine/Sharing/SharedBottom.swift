/// Hard parameter sharing: layers that every task shares, then a head per task.
///
/// h = σ(W x + b) through the trunk; yᵢ = Vᵢ h + cᵢ per task, behind the task's own tower if it has one. Heads of equal shape
/// lie side by side and run as one batched product.
///
/// - SeeAlso: Caruana, *Multitask Learning*, Machine Learning 28, 1997.
public struct SharedBottom: Architecture, Equatable {
    /// The shared layers, from the features up.
    public var trunk: [HiddenLayer]

    /// Shared layers; none is allowed: then the heads read the features.
    public init(trunk: [HiddenLayer]) { self.trunk = trunk }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(trunk: try options.layers())
    }

    /// Adds the nodes from the features to the logits; per task `[rows, kind.outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try trunk.check(at: "trunk")
        let shared = graph.stack(graph.features, trunk, names: ["trunk"])
        return graph.heads(graph.tasks.map { _ in shared })
    }
}
