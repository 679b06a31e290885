/// Trains a model: owns its parameters, gradients, optimiser state and workers.
///
/// The memory of a step is planned here once; a step allocates nothing. One trainer belongs to one thread at a
/// time; its workers are its own.
public final class Trainer<Scalar: BLASScalar> {
    /// The model that is trained.
    public let model: MultiTaskModel
    /// Which task is optimised when.
    public let schedule: Schedule
    /// How the learning rate changes along training.
    public let rateSchedule: RateSchedule
    /// The factors of the learning rate, by layer.
    public let layerRates: LayerRates
    /// The most rows of a step.
    public let batchSize: Int
    /// What parameters and shuffling are drawn from.
    public let seed: UInt64

    package let store: ParameterStore<Scalar>
    package let schedulePlan: SchedulePlan
    package let trainingStep: TrainingStep<Scalar>
    package let inference: Inference<Scalar>
    private let panel: InferencePanel<Scalar>
    /// What the latest `fit` keeps, where it is more than one vector.
    var fitted: ModelMembers<Scalar>?
    private let initialization: Initialization
    /// The dataset of the latest step: its labels are checked once.
    private var latest: BatchSource<Scalar>?

    /// A trainer with freshly drawn parameters.
    ///
    /// - Parameters:
    ///   - model: what is trained.
    ///   - optimizer: how gradients change parameters.
    ///   - tableOptimizer: how they change embedding tables, where that is another rule or rate; nil for the same.
    ///   - rateSchedule: how the learning rate changes along `fit`; steps by hand (`step`) have the optimiser's own.
    ///   - schedule: which task is optimised when.
    ///   - layerRates: factors of the learning rate, by layer.
    ///   - batchSize: the most rows of a step.
    ///   - clipping: a bound on gradients.
    ///   - averaging: d, at least 0 and below 1, of a moving average of all parameters, which every step (every turn, where
    ///     tasks take turns) makes d a + (1 - d) p, with a smaller d at the beginning; see `averagedParameters`. nil for none.
    ///   - balancing: how the losses or gradients of the tasks are weighed against each other, beside the tasks' own weights.
    ///     Where tasks take turns, methods that compare them with each other need turns of several. Steps by hand (`step`) end no epoch, so that methods which count epochs stay in the first.
    ///   - initialization: how parameters are drawn.
    ///   - seed: what parameters and the order of rows are drawn from.
    ///   - compute: threads, back end and instructions.
    /// - Throws: `InputError` that names the option: a batch size or thread count below 1, a learning rate,
    ///   momentum, decay, averaging or clipping out of range, a table optimiser without tables, a schedule or layer rates that
    ///   make no sense for the model, instructions that this machine does not have. Or the table, layer or batch that the free
    ///   memory does not hold.
    public init(
        _ model: MultiTaskModel, optimizer: Optimizer = .adam(), tableOptimizer: Optimizer? = nil,
        rateSchedule: RateSchedule = .constant(), schedule: Schedule = .joint,
        layerRates: LayerRates = LayerRates(), batchSize: Int = 256, clipping: GradientClipping = .none,
        averaging: Double? = nil, balancing: Balancing = .fixed,
        initialization: Initialization = .pytorch, seed: UInt64 = 0,
        compute: ComputeOptions = ComputeOptions()
    ) throws(InputError) {
        try rateSchedule.check()
        schedulePlan = try SchedulePlan(schedule, rates: layerRates, model: model)
        self.rateSchedule = rateSchedule
        self.model = model
        self.schedule = schedule
        self.layerRates = layerRates
        self.batchSize = batchSize
        self.seed = seed
        self.initialization = initialization
        if (1...TrainingStep<Scalar>.largestBatch).contains(batchSize) {
            try MemoryNeed(
                training: model, batch: batchSize, workers: compute.threads,
                stateVectors: optimizer.stateVectors, rowState: (tableOptimizer ?? optimizer).rowState,
                sets: schedulePlan.stateSets, averages: averaging != nil, anchors: schedulePlan.isAnchored,
                balancing: balancing, turns: schedulePlan.turns, backend: compute.backend,
                scalarBytes: MemoryLayout<Scalar>.stride
            ).check()
        }
        store = try ParameterStore(model, compute: compute)
        trainingStep = try TrainingStep(
            store: store, optimizer: optimizer, tableOptimizer: tableOptimizer, clipping: clipping,
            averaging: averaging, balancing: balancing, turns: schedulePlan.turns, batchLimit: batchSize,
            seed: seed)
        inference = Inference(store: store)
        panel = InferencePanel(model, [inference], ofTasks: model.tasks.map { _ in [0] })
        store.initialize(initialization, seed: seed)
    }

    // MARK: Parameters

    /// The whole vector, in the order of `model.layout`.
    public var parameters: [Scalar] {
        get { Array(store.parameters.buffer) }
        set {
            precondition(
                newValue.count == model.layout.count,
                "\(newValue.count) parameters for a model of \(model.layout.count)")
            fitted = nil
            trainingStep.average?.settle(store)
            store.parameters.write(newValue)
            store.refreshTransposes()
        }
    }

    /// What the latest `fit` keeps, for a `Predictor`: the parameters, or where every task stopped by itself those of each
    /// task's best epoch.
    public var members: ModelMembers<Scalar> {
        fitted ?? ModelMembers(parameters, tasks: model.tasks.count)
    }

    /// Keeps vectors of parameters as `members`; the last of them are the trainer's own.
    package func keep(_ members: ModelMembers<Scalar>) {
        if let last = members.vectors.last { parameters = last }
        fitted = members.vectors.count > 1 ? members : nil
    }

    /// The moving average of the parameters, in the order of `model.layout`: step i keeps min(`averaging`, (i - 1) / (i + 8)) of
    /// it, and takes the rest of what it left. Moving statistics of normalisations are the model's. nil for a trainer that keeps
    /// none.
    ///
    /// - SeeAlso: `tf.train.ExponentialMovingAverage` with `num_updates`, and `torch.optim.swa_utils.AveragedModel` with such an
    ///   `avg_fn`.
    public var averagedParameters: [Scalar]? {
        guard let average = trainingStep.average else { return nil }
        return [Scalar](unsafeUninitializedCapacity: model.layout.count) { buffer, count in
            guard let base = buffer.baseAddress else { return }
            average.copy(store, into: base)
            count = buffer.count
        }
    }

    /// What all layers have learned, without the tables.
    package var denseParameters: [Scalar] {
        Array(UnsafeBufferPointer(start: store.parameters.base, count: model.layout.denseCount))
    }

    /// Whether all parameters are numbers.
    package var isFinite: Bool { store.parameters.buffer.allSatisfy { $0.isFinite } }

    /// The magnitude of the largest parameter of the layers that an optimiser changes.
    package var largestTrained: Double {
        model.layout.segments.filter { $0.isTrained && $0.offset < model.layout.denseCount }.reduce(0) {
            most, segment in
            (segment.offset..<segment.offset + segment.count).reduce(most) { most, index in
                max(most, Double(store.parameters.base[index].magnitude))
            }
        }
    }

    /// Draws the parameters of the beginning again.
    package func initialize() {
        fitted = nil
        trainingStep.average?.settle(store)
        draw()
    }

    /// The same, with nothing else changed.
    func draw() { store.initialize(initialization, seed: seed) }

    /// The values of a named segment, in PyTorch's order (`[outputs, inputs]` for weights).
    ///
    /// - Throws: `InputError` if there is no such segment.
    public func parameter(_ name: String) throws(InputError) -> [Scalar] {
        model.layout.read(try model.layout.segment(name), from: store.parameters.base)
    }

    /// Sets a named segment, in PyTorch's order.
    ///
    /// - Throws: `InputError` if there is no such segment or the count is not its own.
    public func setParameter(_ name: String, to values: [Scalar]) throws(InputError) {
        fitted = nil
        trainingStep.average?.settle(store)
        try model.layout.write(values, to: try model.layout.segment(name), of: store.parameters.base)
        store.refreshTransposes()
    }

    /// The gradient that the latest step left in a named segment, in PyTorch's order.
    ///
    /// - Throws: `InputError` if there is no such segment.
    public func gradient(_ name: String) throws(InputError) -> [Scalar] {
        trainingStep.gradient(try model.layout.segment(name))
    }

    // MARK: Steps

    /// One step on a batch of neighbouring rows: joint, or a turn of every task (block, level) in order, all layers thawed.
    ///
    /// - Returns: the unweighted loss of each task before its update, NaN for a task without a labelled row.
    /// - Throws: `InputError` where the dataset does not fit the model, a label is out of range, or the batch is
    ///   empty, outside the dataset or larger than planned.
    @discardableResult
    public func step(_ dataset: Dataset<Scalar>, rows: Range<Int>) throws(InputError) -> [Double] {
        let source = try checked(dataset)
        guard !rows.isEmpty, rows.lowerBound >= 0, rows.upperBound <= dataset.rowCount else {
            throw InputError(
                .shape, at: "batch", found: "rows \(rows)", expected: "some of the \(dataset.rowCount) rows")
        }
        guard rows.count <= batchSize else {
            throw InputError(
                .shape, at: "batch", found: "\(rows.count) rows", expected: "at most \(batchSize), as planned"
            )
        }
        fitted = nil
        withExtendedLifetime(source) { step(source.batch(start: rows.lowerBound, rows: rows.count)) }
        return Array(trainingStep.losses)
    }

    private func checked(_ dataset: Dataset<Scalar>) throws(InputError) -> BatchSource<Scalar> {
        if let latest, latest.dataset.features === dataset.features, latest.dataset.labels === dataset.labels
        {
            return latest
        }
        let source = try BatchSource(dataset, for: model)
        try source.checkGroups(model)
        try source.checkTeachers(model)
        latest = source
        return source
    }

    /// The step itself, on a batch that is known to fit: a round of turns. Allocates nothing.
    package func step(_ batch: BatchView<Scalar>) {
        for group in schedulePlan.groups { trainingStep.step(batch, turn: group.upperBound - 1) }
    }

    // MARK: Use

    /// Predicts every task for every row, with the parameters as they are now; after a `fit` whose tasks stopped by themselves
    /// those of the latest of the tasks' best epochs (see `members`).
    ///
    /// - Throws: `InputError` where the number of features does not fit.
    public func predict(_ dataset: Dataset<Scalar>) throws(InputError) -> Predictions<Scalar> {
        try panel.predictions(dataset, asLogits: false)
    }

    /// The logits behind them.
    package func logits(_ dataset: Dataset<Scalar>) throws(InputError) -> Predictions<Scalar> {
        try panel.predictions(dataset, asLogits: true)
    }

    /// The mean loss of each task over its labelled rows, by their weights where they have any; NaN for a task without one. It is
    /// of the parameters as they are now, the last of `members`; a `Predictor` of the members has the predictions of all.
    ///
    /// - Throws: `InputError` where the dataset does not fit the model or a label is out of range.
    public func losses(_ dataset: Dataset<Scalar>) throws(InputError) -> [Double] {
        inference.losses(try BatchSource(dataset, for: model))
    }
}
