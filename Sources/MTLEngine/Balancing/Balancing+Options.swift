// Balancing as a file says it: what a type takes, and its defaults, which its initialiser says once.

extension Balancing {
    /// Reads the options of a method; all of them take "smoothing" and "fixed_after", those of gradients "gradients" too.
    ///
    /// - Throws: `InputError` that names an option of another type. `check` tells those out of their range.
    package init(_ kind: Kind, _ options: inout OptionReader) throws(InputError) {
        let usual = Self.usual(kind)
        let method =
            kind.isOfLosses
            ? try Self.lossMethod(usual.method, &options) : try Self.gradientMethod(usual.method, &options)
        self = Balancing(method)
        if !kind.isOfLosses { gradients = try options.value("gradients") ?? usual.gradients }
        // Weights that are always 1 have nothing to follow.
        if kind != .fixed {
            smoothing = try options.value("smoothing") ?? 0
            fixedAfter = try options.value("fixed_after") ?? usual.fixedAfter
        }
    }

    /// A method with its defaults.
    package static func usual(_ kind: Kind) -> Balancing {
        switch kind {
        case .fixed: .fixed
        case .decay: .decay()
        case .uw: .uncertainty()
        case .uwSO: .softOptimalUncertainty()
        case .dwa: .dwa()
        case .dtp: .dtp()
        case .rlw: .rlw
        case .gls: .gls
        case .imtlL: .imtlL()
        case .cov: .cov()
        case .lbtw: .lbtw()
        case .stch: .stch()
        case .famo: .famo()
        case .pbi: .pbi()
        case .cosmos: .cosmos()
        case .ldcMTL: .ldcMTL()
        case .priorities: .priorities()
        case .gradNorm: .gradNorm()
        case .autoScale: .autoScale()
        case .metaBalance: .metaBalance()
        case .dbMTL: .dbMTL()
        case .imtlG: .imtlG
        case .mgda: .mgda()
        case .peLTR: .peLTR()
        case .pcGrad: .pcGrad
        case .gradVac: .gradVac()
        case .caGrad: .caGrad()
        case .gradCraft: .gradCraft()
        case .nashMTL: .nashMTL()
        case .fairGrad: .fairGrad()
        case .alignedMTL: .alignedMTL()
        case .upGrad: .upGrad
        case .dualProj: .dualProj
        case .conFIG: .conFIG
        case .sdmGrad: .sdmGrad()
        case .moDo: .moDo()
        case .moCo: .moCo()
        case .excessMTL: .excessMTL()
        case .pcd: .pcd()
        case .cosineGate: .cosineGate()
        }
    }

    private static func lossMethod(
        _ usual: Method, _ options: inout OptionReader
    ) throws(InputError) -> Method {
        switch usual {
        case .decay(let gamma, let tasks):
            .decay(
                gamma: try options.value("gamma") ?? gamma, tasks: try options.value("tasks") ?? tasks)
        case .uw(let form, let rate):
            .uw(
                form: try options.value("form") ?? form,
                learningRate: try options.value("learning_rate") ?? rate)
        case .uwSO(let temperature): .uwSO(temperature: try options.value("temperature") ?? temperature)
        case .dwa(let temperature): .dwa(temperature: try options.value("temperature") ?? temperature)
        case .dtp(let focusing, let momentum):
            .dtp(
                focusing: try options.value("focusing") ?? focusing,
                momentum: try options.value("momentum") ?? momentum)
        case .imtlL(let rate): .imtlL(learningRate: try options.value("learning_rate") ?? rate)
        case .cov(let momentum): .cov(momentum: try options.value("momentum") ?? momentum)
        case .lbtw(let exponent): .lbtw(exponent: try options.value("exponent") ?? exponent)
        case .stch(let mu, let warmup):
            .stch(mu: try options.value("mu") ?? mu, warmup: try options.value("warmup") ?? warmup)
        case .famo(let rate, let decay):
            .famo(
                learningRate: try options.value("learning_rate") ?? rate,
                weightDecay: try options.value("weight_decay") ?? decay)
        case .pbi(let penalty, let preference):
            .pbi(
                penalty: try options.value("penalty") ?? penalty,
                preference: try options.value("preference") ?? preference)
        case .cosmos(let alpha, let penalty):
            .cosmos(
                alpha: try options.value("alpha") ?? alpha, penalty: try options.value("penalty") ?? penalty)
        case .ldcMTL(let penalty, let rate):
            .ldcMTL(
                penalty: try options.value("penalty") ?? penalty,
                learningRate: try options.value("learning_rate") ?? rate)
        case .priorities(let priorities):
            .priorities(try read(priorities, &options))
        default: usual
        }
    }

    private static func read(
        _ usual: Priorities, _ options: inout OptionReader
    ) throws(InputError) -> Priorities {
        var found = usual
        try options.readNames("order", &found.order)
        try options.read("tolerance", &found.tolerance)
        try options.read("tasks", &found.tasks)
        try options.read("phase", &found.phase)
        try options.read("learning_rate", &found.learningRate)
        try options.read("momentum", &found.momentum)
        return found
    }

    private static func gradientMethod(
        _ usual: Method, _ options: inout OptionReader
    ) throws(InputError) -> Method {
        switch usual {
        case .gradNorm(let exponent, let rate):
            .gradNorm(
                exponent: try options.value("exponent") ?? exponent,
                learningRate: try options.value("learning_rate") ?? rate)
        case .autoScale(let metric, let window):
            .autoScale(
                try options.value("metric") ?? metric, window: try options.value("window") ?? window)
        case .metaBalance(let main, let relaxation, let momentum):
            .metaBalance(
                main: try options.value("main") ?? main,
                relaxation: try options.value("relaxation") ?? relaxation,
                momentum: try options.value("momentum") ?? momentum)
        case .dbMTL(let momentum, let decay):
            .dbMTL(
                momentum: try options.value("momentum") ?? momentum,
                decay: try options.value("decay") ?? decay)
        case .mgda(let normalization): .mgda(try options.value("normalization") ?? normalization)
        case .peLTR(let floor, let tasks):
            .peLTR(floor: try options.value("floor") ?? floor, tasks: try options.value("tasks") ?? tasks)
        case .gradVac(let momentum): .gradVac(momentum: try options.value("momentum") ?? momentum)
        case .caGrad(let radius, let isRescaled):
            .caGrad(
                radius: try options.value("radius") ?? radius,
                isRescaled: try options.value("rescaled") ?? isRescaled)
        case .gradCraft(let relaxation, let momentum, let cosine):
            .gradCraft(
                relaxation: try options.value("relaxation") ?? relaxation,
                momentum: try options.value("momentum") ?? momentum,
                cosine: try options.value("cosine") ?? cosine)
        case .nashMTL(let every, let norm):
            .nashMTL(
                every: try options.value("every") ?? every,
                maximumNorm: try options.value("maximum_norm") ?? norm)
        case .fairGrad(let alpha): .fairGrad(alpha: try options.value("alpha") ?? alpha)
        case .alignedMTL(let scale): .alignedMTL(try options.value("scale") ?? scale)
        case .sdmGrad(let lambda, let rate, let momentum, let iterations):
            .sdmGrad(
                lambda: try options.value("lambda") ?? lambda,
                learningRate: try options.value("learning_rate") ?? rate,
                momentum: try options.value("momentum") ?? momentum,
                iterations: try options.value("iterations") ?? iterations)
        case .moDo(let rate, let penalty):
            .moDo(
                learningRate: try options.value("learning_rate") ?? rate,
                penalty: try options.value("penalty") ?? penalty)
        case .moCo(let tracking, let rate, let decay, let penalty):
            .moCo(
                trackingRate: try options.value("tracking_rate") ?? tracking,
                weightRate: try options.value("weight_rate") ?? rate,
                decay: try options.value("decay") ?? decay,
                penalty: try options.value("penalty") ?? penalty)
        case .excessMTL(let stepSize): .excessMTL(stepSize: try options.value("step_size") ?? stepSize)
        case .pcd(let main, let progress, let momentum):
            .pcd(
                main: try options.value("main") ?? main,
                progress: try options.value("progress") ?? progress,
                momentum: try options.value("momentum") ?? momentum)
        case .cosineGate(let main, let isWeighted):
            .cosineGate(
                main: try options.value("main") ?? main,
                isWeighted: try options.value("weighted") ?? isWeighted)
        default: usual
        }
    }
}

extension Balancing.Kind {
    /// Whether the method needs the losses at most.
    package var isOfLosses: Bool { !Balancing.usual(self).needs.areOfGradients }
}

extension Balancing.UncertaintyForm: OptionType {}
extension Balancing.GradientNormalization: OptionType {}
extension Balancing.AlignmentScale: OptionType {}
extension Balancing.ScaleMetric: OptionType {}
extension Balancing.GradientSource: OptionType {}
