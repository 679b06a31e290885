public import MTLEngine

/// The layers of a model: what its tasks share, and every task's own.
public struct ModelSettings: Sendable, Equatable, Codable {
    /// Units of the shared layers, for a model without `sharing`.
    public var trunk = [128, 64]
    /// How tasks and scenarios share; nil for the layers of `trunk` under all of them.
    public var sharing: SharingSettings?
    /// Units of every task's own layers.
    public var tower: [Int] = []
    /// The same by task, for tasks that differ.
    public var towers: [String: [Int]] = [:]
    /// The activation of all of them.
    public var activation = Activation.relu

    /// Two shared layers, linear heads.
    public init() {}

    private enum CodingKeys: String, CodingKey, CaseIterable { case trunk, sharing, tower, towers, activation }

    /// Reads what a file says; a setting that nobody knows is an error.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(CodingKeys.self)
        trunk = try values.decodeIfPresent([Int].self, forKey: .trunk) ?? trunk
        sharing = try values.decodeIfPresent(SharingSettings.self, forKey: .sharing)
        tower = try values.decodeIfPresent([Int].self, forKey: .tower) ?? tower
        towers = try values.decodeIfPresent([String: [Int]].self, forKey: .towers) ?? towers
        activation = try values.decodeIfPresent(Activation.self, forKey: .activation) ?? activation
        if sharing != nil, values.contains(.trunk) {
            throw InputError(
                .value, at: "model, trunk", found: "a trunk beside sharing",
                expected: "one of them; the layers under all tasks are sharing's own")
        }
    }

    /// The model for what a preprocessor gives.
    ///
    /// - Parameter sampling: what the probabilities are corrected for.
    /// - Throws: `InputError` that names the setting, layer or task.
    public func model(_ preprocessor: Preprocessor, sampling: Sampling = Sampling()) throws(InputError)
        -> any Model
    {
        let tasks = try tasks(preprocessor, sampling)
        guard let sharing else {
            return try located("model") { () throws(InputError) in
                try SharedBottom(
                    inputs: preprocessor.denseNames.count, embedded: preprocessor.embedded,
                    tables: preprocessor.tables, trunk: trunk.layers(activation), tasks: tasks)
            }
        }
        return try located("model, sharing") { () throws(InputError) in
            try MultiTaskModel(
                inputs: preprocessor.denseNames.count, embedded: preprocessor.embedded,
                tables: preprocessor.tables, scenarios: preprocessor.scenarios?.size ?? 1,
                architecture: sharing.architecture(activation), tasks: tasks)
        }
    }

    private func tasks(_ preprocessor: Preprocessor, _ sampling: Sampling) throws(InputError)
        -> [LearningTask]
    {
        let tasks = preprocessor.tasks(tower: tower.layers(activation), negativeRates: sampling.negatives)
        for name in towers.keys.sorted() where !tasks.contains(where: { $0.name == name }) {
            throw InputError(
                .name, at: "model, towers, \"\(name)\"", found: "no label of that name",
                expected: "one of \(tasks.map(\.name).joined(separator: ", "))")
        }
        return tasks.map { task in
            guard let own = towers[task.name] else { return task }
            return LearningTask(
                task.name, kind: task.kind, weight: task.weight, tower: own.layers(activation),
                negativeRate: task.negativeRate)
        }
    }
}

/// An error of `body` with the place that holds what it names.
private func located<Value>(
    _ place: String, _ body: () throws(InputError) -> Value
) throws(InputError) -> Value {
    do throws(InputError) {
        return try body()
    } catch {
        throw InputError(
            error.kind, at: "\(place), \(error.place)", found: error.found, expected: error.expected)
    }
}

extension [Int] {
    /// Layers of these units.
    func layers(_ activation: Activation) -> [HiddenLayer] { map { .dense($0, activation) } }
}
