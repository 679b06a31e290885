/// Hard parameter sharing on a graph: layers that every task shares, then a head per task.
///
/// The same function, names and gradients as `SharedBottom`, which trains it faster.
public struct HardSharing: Architecture, Equatable {
    /// The shared layers, from the features up.
    public var trunk: [HiddenLayer]

    /// Shared layers; none is allowed.
    public init(trunk: [HiddenLayer]) { self.trunk = trunk }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(trunk: try options.layers())
    }

    /// Builds the graph.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try trunk.check(at: "trunk")
        let shared = graph.stack(graph.features, trunk, names: ["trunk"])
        return graph.heads(graph.tasks.map { _ in shared })
    }
}
