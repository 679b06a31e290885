public import MTLEngine

/// The layers of a model: what its tasks share, and every task's own.
public struct ModelSettings: Sendable, Equatable, Codable {
    /// Units of the shared layers, for a model without `sharing`.
    public var trunk = OptionReader.usualUnits
    /// What becomes of the features before tasks share them, one after the other.
    public var features: [FeatureLayerSettings] = []
    /// How tasks and scenarios share; nil for the layers of `trunk` under all of them.
    public var sharing: SharingSettings?
    /// Units of every task's own layers.
    public var tower: [Int] = []
    /// The same by task, for tasks that differ.
    public var towers: [String: [Int]] = [:]
    /// The scenarios of tasks that exist in some only, by task.
    public var taskScenarios: [String: [String]] = [:]
    /// The activation of all of them.
    public var activation = Activation.relu
    /// What is done to the sums of every hidden layer.
    public var normalization = HiddenLayer.Normalization.none
    /// The share of a hidden layer's outputs that a step leaves out.
    public var dropout = 0.0
    /// Whether weight decay applies to matrices alone, not to biases, gains and shifts.
    public var decaysWeightsOnly = false
    /// Members of a packed ensemble, as `MultiTaskModel.ensemble`; nil for none.
    public var ensemble: Int?
    /// The tasks' shares that a model with a dial is asked for where nothing else is said, as `MultiTaskModel.init`; nil for a model
    /// without one.
    public var preference: [String: Double]?

    /// Two shared layers, linear heads.
    public init() {}

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case features, trunk, sharing, tower, towers, activation, normalization, dropout, ensemble
        case preference
        case taskScenarios = "task_scenarios"
        case decaysWeightsOnly = "decays_weights_only"
    }

    /// Reads settings; those that are left out keep their defaults.
    ///
    /// - Throws: `InputError` for a setting of an unknown name, `DecodingError` for one that is missing or of a wrong type.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(CodingKeys.self)
        try values.read(.features, &features)
        try values.read(.trunk, &trunk)
        try values.read(.sharing, &sharing)
        try values.read(.tower, &tower)
        try values.read(.towers, &towers)
        try values.read(.taskScenarios, &taskScenarios)
        try values.read(.activation, &activation)
        try values.read(.normalization, &normalization)
        try values.read(.dropout, &dropout)
        try values.read(.decaysWeightsOnly, &decaysWeightsOnly)
        try values.read(.ensemble, &ensemble)
        try values.read(.preference, &preference)
        if sharing != nil, values.contains(.trunk) {
            throw InputError(
                .value, at: "model, trunk", found: "a trunk beside sharing",
                expected: "one of them; the layers under all tasks are sharing's own")
        }
    }

    /// Writes all settings, as `init(from:)` reads them.
    ///
    /// - Throws: what the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(features, forKey: .features)
        if let sharing {
            try values.encode(sharing, forKey: .sharing)
        } else {
            try values.encode(trunk, forKey: .trunk)
        }
        try values.encode(tower, forKey: .tower)
        try values.encode(towers, forKey: .towers)
        try values.encode(taskScenarios, forKey: .taskScenarios)
        try values.encode(activation, forKey: .activation)
        try values.encode(normalization, forKey: .normalization)
        try values.encode(dropout, forKey: .dropout)
        try values.encode(decaysWeightsOnly, forKey: .decaysWeightsOnly)
        // Files of models without one are those that older readers know.
        try values.encodeIfPresent(ensemble, forKey: .ensemble)
        try values.encodeIfPresent(preference, forKey: .preference)
    }

    /// The model for what a preprocessor gives.
    ///
    /// - Parameters:
    ///   - preprocessor: what says which features and labels there are.
    ///   - sampling: what the probabilities are corrected for.
    /// - Throws: `InputError` that names the setting, layer or task.
    public func model(_ preprocessor: Preprocessor, sampling: Sampling = Sampling()) throws(InputError)
        -> MultiTaskModel
    {
        let tasks = try tasks(preprocessor, sampling)
        var featureLayers: [any FeatureLayer] = []
        if let numbers = preprocessor.numberFields { featureLayers.append(numbers) }
        for feature in features { featureLayers.append(try feature.layer()) }
        return try located(sharing == nil ? "model" : "model, sharing") { () throws(InputError) in
            let architecture: any Architecture =
                try sharing?.architecture(layer) ?? SharedBottom(trunk: layers(trunk))
            let model = try MultiTaskModel(
                inputs: preprocessor.denseNames.count, embedded: embedded(preprocessor),
                tables: preprocessor.tables, scenarios: preprocessor.scenarios?.size ?? 1,
                featureLayers: featureLayers, architecture: architecture, tasks: tasks,
                decayed: decaysWeightsOnly ? .weights : .all, ensemble: ensemble,
                preference: preference)
            // One scenario for all rows would train, but cost more than a shared bottom and do no more.
            guard preprocessor.scenarios != nil || !model.plan.usesScenarios else {
                throw InputError(
                    .name, at: "scenario", found: "none in the schema",
                    expected: "\"scenario: COLUMN\" in the schema, for what scenarios have of their own")
            }
            return model
        }
    }

    /// What the names of tables begin with: "" where all tasks read the same, else "TASK." for each, and "shared." where they
    /// share some beside these.
    func tableOwners(_ schema: Schema) -> [String] {
        let tasks = schema.labels.map { "\($0.name)." }
        return switch sharing?.type {
        case .separate: tasks
        case .stem: tasks + ["shared."]
        default: [""]
        }
    }

    /// Sequences that a feature layer attends to are not pooled before.
    private func embedded(_ preprocessor: Preprocessor) -> [EmbeddedFeature] {
        let attended = features.flatMap(\.sequences)
        return preprocessor.embedded.map { feature in
            guard attended.contains(feature.name), feature.maximumCount > 0 else { return feature }
            return .sequence(feature.name, table: feature.table, maximumCount: feature.maximumCount)
        }
    }

    private func layer(_ units: Int) -> HiddenLayer {
        .dense(units, activation, normalization: normalization, dropout: dropout)
    }

    private func layers(_ units: [Int]) -> [HiddenLayer] { units.map(layer) }

    private func tasks(_ preprocessor: Preprocessor, _ sampling: Sampling) throws(InputError)
        -> [LearningTask]
    {
        try preprocessor.checkClasses()
        let tasks = preprocessor.tasks(tower: layers(tower), negativeRates: sampling.negatives)
        for (setting, names) in [
            ("towers", Array(towers.keys)), ("task_scenarios", Array(taskScenarios.keys)),
        ] {
            for name in names.sorted() where !tasks.contains(where: { $0.name == name }) {
                throw InputError(
                    .name, at: "model, \(setting), \"\(name)\"", found: "no label of that name",
                    expected: "one of \(tasks.map(\.name).joined(separator: ", "))")
            }
        }
        var result: [LearningTask] = []
        for task in tasks {
            var named = task
            named.tower = layers(towers[task.name] ?? tower)
            guard let names = taskScenarios[task.name] else {
                result.append(named)
                continue
            }
            var ids: [Int] = []
            for name in names {
                guard let vocabulary = preprocessor.scenarios,
                    let id = (Vocabulary.reserved..<vocabulary.size).first(where: {
                        vocabulary.value($0) == name
                    })
                else {
                    throw InputError(
                        .name, at: "model, task_scenarios, \"\(task.name)\"",
                        found: "\"\(name)\", which no training row has",
                        expected: "scenarios of the training rows")
                }
                ids.append(id)
            }
            result.append(named.only(inScenarios: ids))
        }
        return result
    }
}

/// An error of `body` with the place that holds what it names.
func located<Value>(
    _ place: String, _ body: () throws(InputError) -> Value
) throws(InputError) -> Value {
    do throws(InputError) {
        return try body()
    } catch {
        // Feature layers are the model's, not its sharing's.
        let isModels =
            error.place.hasPrefix("features.") || error.place.hasPrefix("numbers")
            || error.place == "ensemble" || error.place.hasPrefix("preference")
        let place = isModels ? "model" : place
        throw InputError(
            error.kind, at: "\(place), \(error.place)", found: error.found, expected: error.expected)
    }
}
