package import MTLEngine

/// What is trained to learn whether an experiment's tasks gain by what they share: it, by one schedule or several, and single-task
/// twins, each with several seeds.
///
/// Twins are one model of separate networks, which learns what a model of each task alone would (`SeparateNetworks`), on the same rows,
/// features, batches and epochs. Each task stops by itself, and is kept at its own best epoch, as it would be alone.
package struct ComparisonPlan: Sendable, Equatable {
    /// A way to train, with one experiment for each seed.
    package struct Variant: Sendable, Equatable {
        /// "separate", its schedule, or the numbers of two labels.
        package let name: String
        package let experiments: [Experiment]
        /// The two tasks that it trains alone; nil for all.
        package var pair: [String]?

        /// What it is called in a line.
        package var title: String { pair?.joined(separator: " and ") ?? name }
    }

    package let seeds: [UInt64]
    /// The twins first, pairs of tasks last.
    package let variants: [Variant]
    /// What is to be said of it.
    package let notes: [String]
    /// Units of each task's network in the twins.
    package let twinLayers: [Int]

    /// - Parameters:
    ///   - base: the experiment.
    ///   - schedules: those to train it by; nil for its own.
    ///   - twinLayers: units of a twin's network; nil for those that the experiment's sharing names.
    ///   - pairs: whether every two tasks are trained by themselves, too.
    /// - Throws: `InputError` that names the setting with which nothing can be compared, or that does not go with a schedule or the
    ///   twins.
    package init(
        _ base: Experiment, seeds: [UInt64], schedules: [ScheduleType]? = nil, twinLayers: [Int]? = nil,
        pairs: Bool = false
    ) throws(InputError) {
        let tasks = base.schema.labels.filter { $0.weight > 0 }.map(\.name)
        guard tasks.count > 1 else {
            throw InputError(
                .value, at: "schema, labels",
                found: tasks.isEmpty ? "none that weighs anything" : "\"\(tasks[0])\" alone",
                expected: "two tasks or more, which share something")
        }
        guard base.model.sharing?.type != .separate else {
            throw InputError(
                .value, at: "model, sharing", found: "separate, with which nothing is shared",
                expected: "the way to share that is to be compared with it")
        }
        guard base.sampling.sampledFirsts(base.model.eventParents).isEmpty else {
            throw InputError(
                .value, at: "sampling, negatives",
                found:
                    "the first event of a funnel, by which rows are left out that its twins would learn from",
                expected: "no rate of that event")
        }
        var notes: [String] = []
        var whole = base
        if base.training.refit {
            whole.training.refit = false
            notes.append("refit is left out: no task of the twins would know how long to train")
        }
        whole.training.keep = .best
        let layers: [Int]
        if let twinLayers { layers = twinLayers } else { layers = try Self.layers(of: base.model) }
        self.seeds = seeds
        self.twinLayers = layers
        var variants = [Self.variant("separate", Self.twin(whole, layers), seeds)]
        for type in schedules ?? [base.training.schedule.type] {
            var one = whole
            if type != base.training.schedule.type {
                one.training.schedule = ScheduleSettings(type)
                if type == .hierarchical {
                    let levels = OptionValue.list(
                        base.schema.labels.map { .list([.scalar($0.name)]) })
                    one.training.schedule.options["levels"] = levels
                    // Turns are epochs: every level is to see as many of them as it does beside the others.
                    let (epochs, overflows) = base.training.epochs.multipliedReportingOverflow(
                        by: base.schema.labels.count)
                    one.training.epochs = overflows ? .max : epochs
                    notes.append(
                        "hierarchical: levels are the labels in their order, with \(one.training.epochs) epochs, one level's each"
                    )
                }
            }
            variants.append(Self.variant(type.rawValue, one, seeds))
        }
        if pairs {
            guard tasks.count > 2 else {
                throw InputError(
                    .value, at: "--pairs", found: "two tasks, whose one pair is the experiment",
                    expected: "three or more")
            }
            for (place, one) in tasks.enumerated() {
                for other in tasks[(place + 1)...] { variants.append(Self.pair([one, other], whole, seeds)) }
            }
            if base.training.schedule.type != .joint {
                notes.append("pairs are trained jointly: turns of the other tasks would teach them nothing")
            }
        }
        if base.model.usesScenarioSharing {
            notes.append(
                "the twins have nothing of a scenario's own: the difference is that of sharing by scenarios, too"
            )
        }
        self.variants = variants
        self.notes = notes
        for variant in variants {
            do throws(InputError) {
                for experiment in variant.experiments.prefix(1) { try experiment.check() }
            } catch {
                throw InputError(
                    error.kind, at: "\(variant.title), \(error.place)", found: error.found,
                    expected: error.expected)
            }
        }
    }

    private static func variant(_ name: String, _ experiment: Experiment, _ seeds: [UInt64]) -> Variant {
        Variant(
            name: name,
            experiments: seeds.map { seed in
                var one = experiment
                one.training.seeds = [seed]
                return one
            })
    }

    /// The experiment with two of its tasks: the others weigh nothing.
    private static func pair(_ pair: [String], _ base: Experiment, _ seeds: [UInt64]) -> Variant {
        var one = base
        let places = one.schema.labels.indices.filter { pair.contains(one.schema.labels[$0].name) }
        for place in one.schema.labels.indices where !places.contains(place) {
            one.schema.labels[place].weight = 0
        }
        one.training.schedule = ScheduleSettings(.joint)
        // A task that learns nothing says nothing of when the others are to stop.
        if one.training.watch.map({ watch in !(watch.task.map(pair.contains) ?? (watch.metric == nil)) })
            ?? false
        {
            one.training.watch = nil
        }
        var variant = Self.variant("pair-" + places.map { "\($0 + 1)" }.joined(separator: "-"), one, seeds)
        variant.pair = pair
        return variant
    }

    /// The same rows, features, layers and budget, with nothing shared and nothing that weighs tasks against each other.
    private static func twin(_ base: Experiment, _ layers: [Int]) -> Experiment {
        var twin = base
        twin.model.sharing = SharingSettings(
            .separate, ["layers": .list(layers.map { .scalar("\($0)") })])
        twin.training.schedule = ScheduleSettings(.joint)
        twin.training.balancing = nil
        twin.training.stop = .eachTask
        // A loss of one task says nothing of when another is to stop.
        if twin.training.watch?.metric == nil { twin.training.watch = nil }
        twin.training.watch?.task = nil
        // A rate that follows the loss of all tasks goes on with that of those which still learn.
        return twin
    }

    /// Whose layers do not say what a network of one task has.
    private static let withoutLayers: Set<SharingType> = [
        .pepnet, .ple, .snr, .hinet, .home, .m2m, .esmm, .escm2,
    ]

    /// The layers of one task's network, such as an expert's.
    ///
    /// - Throws: `InputError` where the way to share names none.
    package static func layers(of model: ModelSettings) throws(InputError) -> [Int] {
        guard let sharing = model.sharing else { return model.trunk }
        func units(_ option: OptionValue?) -> [Int]? {
            guard case .list(let values)? = option else { return nil }
            let found = values.compactMap { value -> Int? in
                guard case .scalar(let text) = value else { return nil }
                return Int(text)
            }
            return found.count == values.count ? found : nil
        }
        if let own = units(sharing.options["layers"]) {
            return (units(sharing.options["trunk"]) ?? []) + own
        }
        if case .list(let levels)? = sharing.options["levels"] {
            return levels.flatMap { level -> [Int] in
                guard case .map(let options) = level else { return [] }
                return units(options["layers"]) ?? []
            }
        }
        guard !withoutLayers.contains(sharing.type) else {
            throw InputError(
                .value, at: "model, sharing",
                found: "\(sharing.type.rawValue), which does not say what layers a network of one task has",
                expected: "its layers, or --twin-layers 128,64")
        }
        return OptionReader.usualUnits
    }
}

extension ModelSettings {
    /// Whether scenarios have parameters of their own in what tasks share.
    fileprivate var usesScenarioSharing: Bool {
        switch sharing?.type {
        case .scenarioTowers, .star, .pepnet, .sarnet, .m3oe, .adaptdhm, .hamur, .apg, .hinet, .m2m: true
        default: false
        }
    }
}
