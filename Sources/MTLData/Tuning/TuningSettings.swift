package import MTLEngine

/// A search for good settings of an experiment: the file of `mtl tune`.
package struct TuningSettings: Sendable, Equatable, Codable {
    /// The experiment's file, beside this one.
    package var experiment: String
    /// How candidates are chosen.
    package var search: SearchSettings
    /// Of the draws; not of the models.
    package var seed: UInt64 = 1
    /// Seeds of every trial; nil for the first one of the experiment.
    package var seeds: [UInt64]?
    /// What trials are compared by, on the validation rows; empty for what the experiment watches.
    package var metrics: [WatchSettings] = []
    /// What is searched.
    package var space: SearchSpace

    /// A search with the defaults of everything else.
    package init(experiment: String, search: SearchSettings, space: SearchSpace) {
        self.experiment = experiment
        self.search = search
        self.space = space
    }

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case experiment, search, seed, seeds, metrics, space
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(CodingKeys.self)
        experiment = try values.require(.experiment)
        search = try values.require(.search)
        try values.read(.seed, &seed)
        try values.read(.seeds, &seeds)
        try values.read(.metrics, &metrics)
        space = try values.require(.space)
    }

    /// Checks what can be checked without the experiment.
    ///
    /// - Throws: `InputError` that names the setting.
    package func check() throws(InputError) {
        try search.check()
        guard let seeds else { return }
        guard !seeds.isEmpty, Set(seeds).count == seeds.count else {
            throw InputError(
                .value, at: "seeds", found: seeds.isEmpty ? "none" : "one of them twice",
                expected: "seeds that differ")
        }
        guard seeds.count == 1 || search.type != .asha else {
            throw InputError(
                .value, at: "seeds", found: "\(seeds.count) beside asha, whose trials pause and go on",
                expected: "one, or a search of type random or grid")
        }
    }
}

/// How candidates are chosen, and how far they are trained.
package struct SearchSettings: Sendable, Equatable, Codable {
    package enum Kind: String, Sendable, Codable, CaseIterable {
        /// All combinations of lists.
        case grid
        /// Combinations drawn at random, each trained to its end.
        case random
        /// The same, of which those that do well go on: see `HalvingScheduler`.
        case asha
    }

    package var type: Kind
    /// How many are drawn; nil for a grid.
    package var trials: Int?
    /// Of so many trials one goes on.
    package var reduction = 3
    /// The epochs of the lowest rung.
    package var firstEpochs = 1
    /// Settings that the file says.
    private var said: Set<String> = []

    package init(_ type: Kind, trials: Int? = nil) {
        self.type = type
        self.trials = trials
    }

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case type, trials, reduction
        case firstEpochs = "first_epochs"
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(CodingKeys.self)
        type = try values.require(.type)
        try values.read(.trials, &trials)
        try values.read(.reduction, &reduction)
        try values.read(.firstEpochs, &firstEpochs)
        said = Set(CodingKeys.allCases.filter(values.contains).map(\.stringValue))
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(type, forKey: .type)
        try values.encodeIfPresent(trials, forKey: .trials)
        guard type == .asha else { return }
        try values.encode(reduction, forKey: .reduction)
        try values.encode(firstEpochs, forKey: .firstEpochs)
    }

    /// More than anybody waits for.
    package static let mostTrials = 10_000

    func check() throws(InputError) {
        func require(
            _ holds: Bool, _ name: String, _ found: String, _ expected: String
        ) throws(InputError) {
            guard holds else {
                throw InputError(.value, at: "search.\(name)", found: found, expected: expected)
            }
        }
        for name in ["reduction", "first_epochs"] where said.contains(name) {
            try require(type == .asha, name, "a setting beside \(type.rawValue)", "asha, which takes it")
        }
        try require(
            (trials == nil) == (type == .grid), "trials", trials.map { "\($0)" } ?? "nothing",
            type == .grid ? "none: a grid has as many as its lists say" : "how many are drawn")
        if let trials {
            try require(
                (1...Self.mostTrials).contains(trials), "trials", "\(trials)", "1 to \(Self.mostTrials)")
        }
        try require((2...1000).contains(reduction), "reduction", "\(reduction)", "2 to 1000")
        try require(firstEpochs >= 1, "first_epochs", "\(firstEpochs)", "at least 1")
    }
}
