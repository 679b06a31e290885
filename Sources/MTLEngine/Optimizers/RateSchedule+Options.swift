// Schedules and tables' optimisers as a file says them: what a type takes, and its defaults.

extension RateSchedule {
    /// Option "warmup".
    package init(constant options: inout OptionReader) throws(InputError) {
        self.init(.constant, warmup: try Self.warmup(&options))
    }

    /// Options "gamma", "every", "staircase", "warmup".
    package init(exponential options: inout OptionReader) throws(InputError) {
        self = .exponential(
            gamma: try Self.needed("gamma", &options), every: try options.value("every") ?? 1,
            isStaircase: try options.value("staircase") ?? false, warmup: try Self.warmup(&options))
    }

    /// Options "every" or "milestones", "gamma", "warmup".
    package init(step options: inout OptionReader) throws(InputError) {
        let milestones = try options.value("milestones", as: [Int].self)
        let every = try options.value("every", as: Int.self)
        let gamma = try options.value("gamma") ?? 0.1
        guard (milestones == nil) != (every == nil) else {
            throw InputError(
                .name, at: "every", found: every == nil ? "nothing" : "milestones too",
                expected: "either every or milestones")
        }
        let warmup = try Self.warmup(&options)
        self =
            milestones.map { .step(milestones: $0, gamma: gamma, warmup: warmup) }
            ?? .step(every: every ?? 1, gamma: gamma, warmup: warmup)
    }

    /// Options "floor", "warmup".
    package init(cosine options: inout OptionReader) throws(InputError) {
        self = .cosine(floor: try options.value("floor") ?? 0, warmup: try Self.warmup(&options))
    }

    /// Options "floor", "warmup".
    package init(linear options: inout OptionReader) throws(InputError) {
        self = .linear(floor: try options.value("floor") ?? 0, warmup: try Self.warmup(&options))
    }

    /// Options "rise", "divisor", "final_divisor", "warmup".
    package init(oneCycle options: inout OptionReader) throws(InputError) {
        self = .oneCycle(
            rise: try options.value("rise") ?? 0.3, divisor: try options.value("divisor") ?? 25,
            finalDivisor: try options.value("final_divisor") ?? 1e4, warmup: try Self.warmup(&options))
    }

    /// Options "factor", "patience", "threshold", "floor", "warmup".
    package init(plateau options: inout OptionReader) throws(InputError) {
        let usual = PlateauState()
        self = .plateau(
            PlateauState(
                factor: try options.value("factor") ?? usual.factor,
                patience: try options.value("patience") ?? usual.patience,
                threshold: try options.value("threshold") ?? usual.threshold,
                floor: try options.value("floor") ?? usual.floor), warmup: try Self.warmup(&options))
    }

    private static func warmup(_ options: inout OptionReader) throws(InputError) -> Int {
        try options.value("warmup") ?? 0
    }

    private static func needed(_ name: String, _ options: inout OptionReader) throws(InputError) -> Double {
        guard let value = try options.value(name, as: Double.self) else {
            throw InputError(.name, at: name, found: "nothing", expected: "a number above 0")
        }
        return value
    }
}

extension Optimizer {
    /// Option "learning_rate".
    package init(sgd options: inout OptionReader) throws(InputError) {
        self = try .sgd(learningRate: Self.rate(&options) ?? Optimizer.sgd().learningRate)
    }

    /// Options "learning_rate", "beta1", "beta2", "epsilon".
    package init(adam options: inout OptionReader) throws(InputError) {
        self = try .adam(
            learningRate: Self.rate(&options) ?? Optimizer.adam().learningRate,
            beta1: options.value("beta1") ?? 0.9, beta2: options.value("beta2") ?? 0.999,
            epsilon: options.value("epsilon") ?? 1e-8)
    }

    /// Options "learning_rate", "epsilon".
    package init(adagrad options: inout OptionReader) throws(InputError) {
        self = try .adagrad(
            learningRate: Self.rate(&options) ?? Optimizer.adagrad().learningRate,
            epsilon: options.value("epsilon") ?? 1e-10)
    }

    /// Options "learning_rate", "epsilon".
    package init(rowAdagrad options: inout OptionReader) throws(InputError) {
        self = try .rowAdagrad(
            learningRate: Self.rate(&options) ?? Optimizer.rowAdagrad().learningRate,
            epsilon: options.value("epsilon") ?? 1e-8)
    }

    /// Options "alpha", "beta", "l1", "l2".
    package init(ftrl options: inout OptionReader) throws(InputError) {
        self = try .ftrl(
            alpha: options.value("alpha") ?? Optimizer.ftrl().learningRate, beta: options.value("beta") ?? 1,
            l1: options.value("l1") ?? 0, l2: options.value("l2") ?? 0)
    }

    private static func rate(_ options: inout OptionReader) throws(InputError) -> Double? {
        try options.value("learning_rate")
    }
}
