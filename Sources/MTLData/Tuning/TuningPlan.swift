package import MTLEngine

/// All trials of a tuning, each checked before anything is run, and the rungs that they climb.
package struct TuningPlan: Sendable {
    /// One experiment of the search.
    package struct Trial: Sendable {
        /// From 1.
        package let number: Int
        /// What was chosen, by path.
        package let values: [String: OptionValue]
        package let experiment: Experiment
    }

    /// What is searched for, as its file says it.
    package let settings: TuningSettings
    /// The experiment as it is without the search.
    package let base: Experiment
    package let metrics: [TuningMetric]
    package let trials: [Trial]
    /// The epochs after which trials are compared, ascending; the last one is the end. Of all trials alike, or, where epochs are
    /// searched, of none: one rung then, the trial's own end.
    package let rungs: [Int]

    /// The paths of what is searched, in order.
    package var paths: [String] { settings.space.settings.map(\.path) }

    /// - Parameters:
    ///   - settings: the search.
    ///   - experiment: what it is about, with paths that are right wherever trials run.
    /// - Throws: `InputError` that names what is wrong in the tuning's file, with the trial's number where settings are wrong only together.
    package init(_ settings: TuningSettings, _ experiment: Experiment) throws(InputError) {
        try settings.check()
        self.settings = settings
        base = experiment
        metrics = try TuningMetric.metrics(settings, of: experiment)
        rungs = try Self.rungs(settings, epochs: experiment.training.epochs)
        var begun = experiment
        // Trials are compared by rows to watch; the model that is trained once the search is over may learn from them.
        begun.training.refit = false
        begun.training.seeds = settings.seeds ?? Array(experiment.training.seeds.prefix(1))
        // The model that a trial keeps is then that of the epoch which counts.
        if metrics.count == 1, let watch = metrics[0].watched { begun.training.watch = watch }
        let tree = try SettingTree(begun)
        var trials: [Trial] = []
        for values in try Self.choices(settings) {
            let number = trials.count + 1
            let drawn: Experiment
            do throws(InputError) {
                drawn = try Self.experiment(values, in: tree)
                var whole = drawn
                whole.training.refit = experiment.training.refit
                try whole.check()
            } catch {
                throw Self.explained(error, number, values, in: tree)
            }
            guard drawn.training.stop == .together else {
                throw InputError(
                    .value,
                    at: values["training.stop"] != nil ? "space.training.stop" : "experiment",
                    found: "stop: each_task, which keeps an epoch of its own for every task",
                    expected: "tasks that stop together: trials are compared by one epoch's metrics")
            }
            trials.append(Trial(number: number, values: values, experiment: drawn))
        }
        self.trials = trials
    }

    /// first · reductionᵏ, up to the experiment's epochs.
    private static func rungs(_ settings: TuningSettings, epochs: Int) throws(InputError) -> [Int] {
        let search = settings.search
        guard search.type == .asha else { return [epochs] }
        guard !settings.space.settings.contains(where: { $0.path == "training.epochs" }) else {
            throw InputError(
                .value, at: "space.training.epochs", found: "epochs beside asha, which decides them",
                expected: "a search of type random or grid")
        }
        guard search.firstEpochs < epochs else {
            throw InputError(
                .value, at: "search.first_epochs", found: "\(search.firstEpochs)",
                expected: "less than the experiment's \(epochs) epochs")
        }
        var rungs: [Int] = []
        var next = search.firstEpochs
        while next < epochs {
            rungs.append(next)
            let (product, overflows) = next.multipliedReportingOverflow(by: search.reduction)
            next = overflows ? epochs : product
        }
        return rungs + [epochs]
    }

    private static func choices(_ settings: TuningSettings) throws(InputError) -> [[String: OptionValue]] {
        let (space, search) = (settings.space, settings.search)
        guard let wanted = search.trials else {
            let count = space.gridCount ?? 1
            guard count <= SearchSettings.mostTrials else {
                throw InputError(
                    .value, at: "space", found: "a grid of more than \(SearchSettings.mostTrials)",
                    expected: "shorter lists, or search: {type: random, trials: 40}")
            }
            var all: [[String: OptionValue]] = []
            for index in 0..<count { all.append(try space.grid(index)) }
            return all
        }
        // Lists alone have an end of what can be drawn.
        let most = min(wanted, space.gridCount ?? .max)
        var drawn: [[String: OptionValue]] = []
        var seen: Set<String> = []
        for number in 0..<(1000 + 100 * wanted) where drawn.count < most {
            let values = space.draw(seed: settings.seed, number: number)
            let text = values.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(
                separator: "\n")
            if seen.insert(text).inserted { drawn.append(values) }
        }
        return drawn
    }

    private static func experiment(
        _ values: [String: OptionValue], in tree: SettingTree
    ) throws(InputError) -> Experiment {
        var tree = tree
        for (path, value) in values.sorted(by: { $0.key < $1.key }) { try tree.set(path, value) }
        let experiment = try tree.experiment()
        try experiment.check()
        return experiment
    }

    /// The error with the path whose value is wrong, alone too; where none is, with all of the trial's.
    private static func explained(
        _ error: InputError, _ number: Int, _ values: [String: OptionValue], in tree: SettingTree
    ) -> InputError {
        if error.place.hasPrefix("space.") { return error }
        for (path, value) in values.sorted(by: { $0.key < $1.key }) {
            do throws(InputError) { _ = try experiment([path: value], in: tree) } catch let alone {
                return InputError(
                    alone.kind, at: "space.\(path)", found: alone.found,
                    expected: "\(alone.expected) (\(alone.place), with the value \(text(value)))")
            }
        }
        return named(error, number, values)
    }

    /// An error of a trial with what was chosen for it.
    package static func named(
        _ error: InputError, _ number: Int, _ values: [String: OptionValue]
    ) -> InputError {
        let all = values.sorted { $0.key < $1.key }.map { "\($0.key): \(text($0.value))" }
        return InputError(
            error.kind, at: "space, trial \(number), \(error.place)", found: error.found,
            expected: "\(error.expected) (with \(all.joined(separator: ", ")))")
    }

    /// A value as a file says it.
    package static func text(_ value: OptionValue) -> String { SettingTree(value, like: nil).flow }

    /// Checks that rows and models fit: what cannot be known before the rows are prepared.
    ///
    /// - Throws: `InputError` that names the split without validation rows, or the trial whose model cannot be.
    package func check(_ data: PreparedData) throws(InputError) {
        guard data.validation != nil else {
            throw InputError(
                .empty, at: "split, validation", found: "no validation rows",
                expected: "some, which trials are compared by")
        }
        for trial in trials {
            let schema = trial.experiment.schema
            do throws(InputError) {
                let model = try trial.experiment.model.model(
                    data.preprocessor.learned(as: schema), sampling: trial.experiment.sampling)
                let training = trial.experiment.training
                guard try training.tableRule() == nil || !model.tables.isEmpty else {
                    throw InputError(
                        .value, at: "training, table_optimizer", found: "a model without embedding tables",
                        expected: "a feature that has one, or not this setting")
                }
                guard
                    trial.experiment.sampling.sampledFirsts(trial.experiment.model.eventParents)
                        == base.sampling.sampledFirsts(base.model.eventParents)
                else {
                    throw InputError(
                        .value, at: "model, sharing",
                        found: "another funnel than that by whose first event rows were sampled",
                        expected: "one funnel in all trials, or no share of its negatives")
                }
            } catch {
                throw Self.named(error, trial.number, trial.values)
            }
        }
    }

    /// A trial's experiment with the seeds of the one that is tuned: what is trained once the search is over.
    package func chosen(_ trial: Trial) -> Experiment {
        var experiment = trial.experiment
        experiment.training.seeds = base.training.seeds
        experiment.training.refit = base.training.refit
        return experiment
    }
}
