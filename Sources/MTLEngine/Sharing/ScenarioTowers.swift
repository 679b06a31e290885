/// A shared bottom below towers of every scenario and task: rows of a scenario see, and train, its own towers alone.
///
/// A task that exists in some scenarios only (`LearningTask.scenarios`) has towers there and nowhere else. Parameters:
/// "trunk.l.weight", and of scenario s "heads.TASK.l.s.weight".
public struct ScenarioTowers: Architecture, Equatable {
    /// The shared layers, from the features up.
    public var trunk: [HiddenLayer]

    /// Without layers the towers read the features.
    public init(trunk: [HiddenLayer]) { self.trunk = trunk }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(trunk: try options.layers())
    }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names the option that is out of range.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try trunk.check(at: "trunk")
        return graph.scenarioHeads(graph.stack(graph.features, trunk, names: ["trunk"]))
    }
}
