/// Parameter and embedding personalised network: gates from the domain scale the features, gates from the personal ids
/// scale every hidden layer of the tasks' towers.
///
/// A gate unit is γ σ(relu(z U + a) V + b). The embedding network's reads the domain and the features, the parameter
/// networks' the personal ids and the scaled features; no gradient flows from a gate into the features it only looks
/// at. The gate of a hidden layer scales what the layer puts out, so a task without hidden layers has none.
/// Parameters: "domain.scenarios.s", "epnet.0.weight", "ppnet.TASK.l.0.weight", "heads.TASK.l.weight".
///
/// The paper scales embeddings; here dense features are scaled with them. Its domain side information is the embedded
/// features that `domain` names and, with `scenarioWidth`, a trained vector of the row's scenario.
/// - SeeAlso: Chang et al., *PEPNet: Parameter and Embedding Personalized Network for Infusing with Personalized Prior
///   Information*, arXiv 2302.01115.
public struct PEPNet: Architecture, Equatable {
    /// The names of the embedded features that say which domain a row is of.
    public var domain: [String]
    /// The names of the embedded features that say who and what a row is about: user, item, author.
    public var personal: [String]
    /// The width of the scenario's vector in the domain; 0 for none.
    public var scenarioWidth: Int
    /// The width of a gate's hidden layer; 0 for as many as it scales.
    public var gateWidth: Int
    /// γ: a gate lies between 0 and this.
    public var gamma: Double

    /// By default the domain is the scenario's vector.
    public init(
        domain: [String] = [], personal: [String], scenarioWidth: Int = 8, gateWidth: Int = 0,
        gamma: Double = 2
    ) {
        self.domain = domain
        self.personal = personal
        self.scenarioWidth = scenarioWidth
        self.gateWidth = gateWidth
        self.gamma = gamma
    }

    package init(_ options: inout OptionReader) throws(InputError) {
        self.init(personal: [])
        try options.read("domain", &domain)
        try options.read("personal", &personal)
        try options.read("scenario_width", &scenarioWidth)
    }

    /// Adds the nodes from the features to the logits; per task `[rows, outputs]`.
    ///
    /// - Throws: `InputError` that names an option out of range or an embedded feature that does not exist.
    public func build(_ graph: inout GraphBuilder) throws(InputError) -> [GraphValue] {
        try check()
        let domains = try domain.isEmpty ? [] : graph.fields(domain, at: "domain").map(\.value)
        let ids = try graph.fields(personal, at: "personal").map(\.value)
        var side = domains
        if scenarioWidth > 0 {
            side.append(graph.scenarioVector(scenarioWidth, name: "domain.scenarios"))
        }
        let x = graph.features
        let seen = graph.concatenate(side + [x.stopped])
        let scaled = graph.multiply(x, gate(&graph, seen, width: x.width, "epnet"))
        let prior = graph.concatenate(ids + [scaled.stopped])
        var logits: [GraphValue] = []
        for task in graph.tasks {
            var h = scaled
            for (depth, layer) in task.tower.enumerated() {
                h = graph.layer(
                    h, layer, names: ["heads.\(task.name).\(depth)"], inputIsShared: true)
                h = graph.multiply(
                    h, gate(&graph, prior, width: layer.units, "ppnet.\(task.name).\(depth)"))
            }
            logits.append(
                graph.logits(
                    h, outputs: task.outputs, names: ["heads.\(task.name).\(task.tower.count)"],
                    inputIsShared: true))
        }
        return logits
    }

    private func gate(
        _ graph: inout GraphBuilder, _ x: GraphValue, width: Int, _ name: String
    ) -> GraphValue {
        graph.gateUnit(x, hidden: gateWidth > 0 ? gateWidth : width, width: width, scale: gamma, name: name)
    }

    private func check() throws(InputError) {
        try require(scenarioWidth, atLeast: 0, atMost: SizeLimit.units, "scenario width")
        try require(gateWidth, atLeast: 0, atMost: SizeLimit.units, "gate width")
        guard gamma > 0, gamma.isFinite else {
            throw InputError(.value, at: "gamma", found: "\(gamma)", expected: "above 0, finite")
        }
        guard !domain.isEmpty || scenarioWidth > 0 else {
            throw InputError(
                .empty, at: "domain", found: "neither a feature nor a scenario width",
                expected: "at least one")
        }
        guard !personal.isEmpty else {
            throw InputError(.empty, at: "personal", found: "none", expected: "at least one feature")
        }
    }
}
