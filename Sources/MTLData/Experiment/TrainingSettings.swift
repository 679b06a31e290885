public import MTLEngine

/// How a model is trained.
public struct TrainingSettings: Sendable, Equatable, Codable {
    /// The optimisers by name.
    public enum OptimizerName: String, Sendable, Codable, CaseIterable {
        /// Adam; rows of tables as PyTorch's SparseAdam.
        case adam
        /// Adam with decoupled weight decay.
        case adamW = "adamw"
        /// Adagrad, PyTorch's definition.
        case adagrad
        /// Gradient descent without momentum.
        case sgd
    }

    /// The most passes over the training rows.
    public var epochs = 10
    /// Epochs without improvement of the watched loss after which training ends.
    public var patience = 2
    /// Rows of a step.
    public var batch = 1024
    /// How gradients change parameters.
    public var optimizer = OptimizerName.adam
    /// The size of a step.
    public var learningRate = 1e-3
    /// The decay of the layers' weights; tables have none.
    public var weightDecay = 0.0
    /// How the learning rate changes along training; nil for the same rate at all steps.
    public var rateSchedule: RateScheduleSettings?
    /// How gradients change embedding tables; nil for the optimiser and the rate of the layers.
    public var tableOptimizer: TableOptimizerSettings?
    /// λ, times which each row of a table that a batch touches is added to its gradient, once a step.
    public var embeddingL2 = 0.0
    /// d of a moving average of all parameters, a = d a + (1 - d) p after every step, with a smaller d at the beginning: epochs
    /// are judged by it, and it is what the model holds. 0 for none.
    public var averaging = 0.999
    /// The greatest Euclidean norm of a step's gradient; longer ones are shortened. Of models with `sharing`.
    public var clipNorm: Double?
    /// The greatest magnitude of a gradient's element. Of models with `sharing`.
    public var clipValue: Double?
    /// The greatest Euclidean norm that a step's gradient may have: a longer one is taken for a loss that ran away, see
    /// `onDivergence`. Not beside a bound that shortens gradients.
    public var gradientLimit: Double?
    /// Which task is learned when.
    public var schedule = ScheduleSettings(.joint)
    /// How the losses or gradients of the tasks are weighed against each other; nil for the labels' weights alone.
    public var balancing: BalancingSettings?
    /// What an epoch is judged by; nil for the weighted loss of all tasks.
    public var watch: WatchSettings?
    /// What happens where a loss becomes NaN or infinite.
    public var onDivergence = StoppingRule.DivergenceResponse.stop
    /// Whether all tasks stop together, or each by itself.
    public var stop = StoppingRule.Stopping.together
    /// One run for each: of initial parameters and the order of the rows.
    public var seeds: [UInt64] = [1]
    /// Which seeds' runs the model holds.
    public var keep = KeptRuns.best

    /// Whether what the model holds is trained once more, from its beginning, on the training and the validation rows together,
    /// for as many epochs as the best one's number; nothing is watched then.
    public var refit = false

    /// Which runs of several seeds a model holds.
    public enum KeptRuns: String, Sendable, Codable, CaseIterable {
        /// The best by what is watched.
        case best
        /// All that learned something: their predictions are averaged.
        case all
    }

    /// Ten epochs of Adam at 0.001 in batches of 1,024, all tasks in one step, with averaged parameters; ends two epochs after
    /// the best.
    public init() {}

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case epochs, patience, batch, optimizer, schedule, balancing, seeds, averaging, watch, stop, keep,
            refit
        case onDivergence = "on_divergence"
        case learningRate = "learning_rate"
        case weightDecay = "weight_decay"
        case rateSchedule = "rate_schedule"
        case tableOptimizer = "table_optimizer"
        case embeddingL2 = "embedding_l2"
        case clipNorm = "clip_norm"
        case clipValue = "clip_value"
        case gradientLimit = "gradient_limit"
    }

    /// Reads settings; those that are left out keep their defaults.
    ///
    /// - Throws: `InputError` for a setting of an unknown name, `DecodingError` for one that is missing or of a wrong type.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(CodingKeys.self)
        try values.read(.epochs, &epochs)
        try values.read(.patience, &patience)
        try values.read(.batch, &batch)
        try values.read(.optimizer, &optimizer)
        try values.read(.learningRate, &learningRate)
        try values.read(.weightDecay, &weightDecay)
        try values.read(.rateSchedule, &rateSchedule)
        try values.read(.tableOptimizer, &tableOptimizer)
        try values.read(.embeddingL2, &embeddingL2)
        try values.read(.averaging, &averaging)
        try values.read(.clipNorm, &clipNorm)
        try values.read(.clipValue, &clipValue)
        try values.read(.gradientLimit, &gradientLimit)
        try values.read(.schedule, &schedule)
        try values.read(.balancing, &balancing)
        try values.read(.watch, &watch)
        try values.read(.onDivergence, &onDivergence)
        try values.read(.stop, &stop)
        try values.read(.seeds, &seeds)
        try values.read(.keep, &keep)
        try values.read(.refit, &refit)
    }

    package func check() throws(InputError) {
        for (name, value) in [("epochs", epochs), ("patience", patience), ("batch", batch)] where value < 1 {
            throw InputError(.value, at: "training, \(name)", found: "\(value)", expected: "at least 1")
        }
        guard learningRate > 0, learningRate.isFinite else {
            throw InputError(
                .value, at: "training, learning_rate", found: "\(learningRate)", expected: "above 0, finite")
        }
        let largest = TrainingStep<Float>.largestBatch
        guard batch <= largest else {
            throw InputError(.value, at: "training, batch", found: "\(batch)", expected: "at most \(largest)")
        }
        guard Set(seeds).count == seeds.count else {
            throw InputError(
                .value, at: "training, seeds", found: "\(seeds), one of them twice",
                expected: "seeds that differ")
        }
        let bounds = [("clip_norm", clipNorm), ("clip_value", clipValue), ("gradient_limit", gradientLimit)]
        for (name, value) in bounds {
            if let value, !(value > 0 && value.isFinite) {
                throw InputError(
                    .value, at: "training, \(name)", found: "\(value)", expected: "above 0, finite")
            }
        }
        guard embeddingL2 >= 0, embeddingL2.isFinite else {
            throw InputError(
                .value, at: "training, embedding_l2", found: "\(embeddingL2)", expected: "0 or above, finite")
        }
        guard averaging >= 0, averaging < 1 else {
            throw InputError(
                .value, at: "training, averaging", found: "\(averaging)",
                expected: "at least 0 and below 1")
        }
        if let watch, watch.task == nil, stop == .together {
            throw InputError(
                .name, at: "training, watch", found: "no task", expected: "a task, or \"stop: each_task\"")
        }
        if let watch, stop == .eachTask, watch.metric == nil {
            throw InputError(
                .value, at: "training, watch",
                found: "the loss of \(watch.task ?? "no task"), where each task stops by its own",
                expected: "a metric, or nothing")
        }
        if refit { try checkRefit() }
        _ = try rateSchedule?.schedule()
        _ = try schedule.schedule()
        try balancing?.balancing().check(Balancing.Kind.place)
        try balancing?.balancing().check(stop: stop, place: Balancing.Kind.place)
        _ = try tableOptimizer?.rule()
        let given = bounds.filter { $0.1 != nil }.map(\.0)
        guard given.count <= 1 else {
            throw InputError(
                .value, at: "training, \(given[1])", found: "\(given[0]) too", expected: "one of them")
        }
        guard !seeds.isEmpty else {
            throw InputError(.empty, at: "training, seeds", found: "none", expected: "at least one")
        }
    }

    /// What has no meaning where nothing is watched.
    private func checkRefit() throws(InputError) {
        guard stop == .together else {
            throw InputError(
                .value, at: "training, refit", found: "true, where each task stops at an epoch of its own",
                expected: "\"stop: together\", or false")
        }
        guard try rateSchedule?.schedule().plateau == nil else {
            throw InputError(
                .value, at: "training, refit",
                found: "true, and a rate that follows the loss of the validation rows",
                expected: "another rate_schedule than plateau, or false")
        }
    }

    /// The optimiser of the tables, where it has settings of its own.
    package func tableRule() throws(InputError) -> Optimizer? {
        guard let rule = try tableOptimizer?.rule() else {
            return embeddingL2 > 0 ? self.rule.withoutDecay.withRowDecay(embeddingL2) : nil
        }
        return rule.withRowDecay(embeddingL2)
    }

    /// The optimiser with its settings.
    package var rule: Optimizer {
        switch optimizer {
        case .adam: .adam(learningRate: learningRate, weightDecay: weightDecay)
        case .adamW: .adamW(learningRate: learningRate, weightDecay: weightDecay)
        case .adagrad: .adagrad(learningRate: learningRate, weightDecay: weightDecay)
        case .sgd: .sgd(learningRate: learningRate, weightDecay: weightDecay)
        }
    }

    /// A trainer of a model.
    ///
    /// - Throws: `InputError` that names the setting.
    public func trainer(
        _ model: MultiTaskModel, seed: UInt64, compute: ComputeOptions = ComputeOptions()
    ) throws(InputError) -> Trainer<Float> {
        try check()
        let (tableRule, turns) = (try tableRule(), try schedule.schedule())
        guard tableRule == nil || !model.tables.isEmpty else {
            throw InputError(
                .value, at: "training, \(tableOptimizer == nil ? "embedding_l2" : "table_optimizer")",
                found: "a model without embedding tables",
                expected: "a feature that has one, or not this setting")
        }
        let clipping: GradientClipping =
            clipNorm.map { .norm($0) } ?? clipValue.map { .value($0) } ?? gradientLimit.map {
                .stop(above: $0)
            }
            ?? .none
        let balancing = try balancing?.balancing() ?? .fixed
        if balancing.kind != .fixed {
            let plan = try SchedulePlan(turns.schedule, rates: turns.layerRates, model: model)
            try balancing.check(Balancing.Kind.place, tasks: model.tasks.map(\.name))
            try balancing.checkStep(
                model.plan, tasks: model.tasks, turns: plan.turns, place: Balancing.Kind.place)
        }
        return try Trainer(
            model, optimizer: rule, tableOptimizer: tableRule,
            rateSchedule: try rateSchedule?.schedule() ?? .constant(), schedule: turns.schedule,
            layerRates: turns.layerRates, batchSize: batch,
            clipping: clipping, averaging: averaging > 0 ? averaging : nil,
            balancing: balancing, seed: seed, compute: compute)
    }

    /// When training ends: after `epochs`, or `patience` epochs without a better value of what is watched.
    public var stopping: StoppingRule {
        var rule = StoppingRule(epochs: epochs, patience: patience)
        if let watch { rule.watch = watch.watched }
        rule.stop = stop
        rule.onDivergence = onDivergence
        return rule
    }
}

/// What an epoch is judged by, as a file says it: a task's loss, or one of its metrics on the validation rows; where each task
/// stops by itself also a metric of all tasks that have it.
///
/// ```yaml
/// watch: {task: purchase, metric: AUC}
/// ```
public struct WatchSettings: Sendable, Equatable, Codable {
    /// The task; nil for all that have the metric.
    public var task: String?
    /// The metric, by its name in `TaskEvaluation.values`; nil for the loss.
    public var metric: String?

    /// The loss of a task, or a metric.
    public init(task: String?, metric: String? = nil) {
        self.task = task
        self.metric = metric
    }

    private enum CodingKeys: String, CodingKey, CaseIterable { case task, metric }

    /// Reads what a file says.
    ///
    /// - Throws: `InputError` for a setting of an unknown name, `DecodingError` for one that is missing or of a wrong type.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(CodingKeys.self)
        try values.read(.task, &task)
        try values.read(.metric, &metric)
        guard task != nil || metric != nil else {
            throw InputError(
                .name, at: "training, watch", found: "neither a task nor a metric", expected: "at least one")
        }
    }

    fileprivate var watched: StoppingRule.Watched {
        switch (task, metric) {
        case (let task?, let metric?): .metric(metric, task: task)
        case (let task?, nil): .loss(task: task)
        case (nil, let metric?): .metricOfEach(metric)
        case (nil, nil): .weightedLoss
        }
    }
}
