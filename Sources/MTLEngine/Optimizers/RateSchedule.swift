#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// How the learning rate changes along training: a factor per step, of the steps that are planned.
///
/// The shapes are PyTorch's, per step instead of per epoch. A warm-up of n steps goes before any of them: step t < n has
/// (t + 1) / (n + 1) of the shape's first factor, as `LinearLR(start_factor=1/(n+1), total_iters=n)` in a
/// `SequentialLR`; the shape then has the steps that are left.
///
/// - SeeAlso: `torch.optim.lr_scheduler`; warm restarts without restarts (arXiv 1608.03983) for the cosine, super-convergence
///   (arXiv 1708.07120) for one cycle, arXiv 1706.02677 for the warm-up.
public struct RateSchedule: Sendable, Equatable, Codable {
    /// What the factor does behind the warm-up; t counts its steps from 0 and T is how many are planned.
    public enum Shape: Sendable, Equatable, Codable {
        /// 1.
        case constant
        /// gamma^(t / every), or with a staircase gamma^⌊t / every⌋ (`ExponentialLR` where every is 1).
        case exponential(gamma: Double, every: Int, isStaircase: Bool)
        /// gamma^k behind k of the milestones, which are steps in rising order (`MultiStepLR`; `StepLR` is the staircase).
        case milestones([Int], gamma: Double)
        /// floor + (1 - floor) (1 + cos(π t / T)) / 2 (`CosineAnnealingLR`).
        case cosine(floor: Double)
        /// From 1 straight to the floor (`LinearLR`).
        case linear(floor: Double)
        /// Up from 1 / divisor to 1 over a share of the steps, then down to 1 / (divisor · finalDivisor), both along
        /// half a cosine (`OneCycleLR` of two phases, whose `max_lr` is the optimiser's learning rate).
        case oneCycle(rise: Double, divisor: Double, finalDivisor: Double)
        /// 1, but times a `PlateauState`'s factor, which falls where the watched loss no longer does.
        case plateau(PlateauState)
    }

    /// What the factor does behind the warm-up.
    public let shape: Shape
    /// Steps of the linear warm-up; 0 for none.
    public let warmup: Int

    /// A schedule of any shape.
    public init(_ shape: Shape, warmup: Int = 0) {
        self.shape = shape
        self.warmup = warmup
    }

    /// The same rate at all steps.
    public static func constant(warmup: Int = 0) -> RateSchedule { RateSchedule(.constant, warmup: warmup) }

    /// Times gamma every so many steps: little by little, or at once with a staircase.
    public static func exponential(
        gamma: Double, every: Int = 1, isStaircase: Bool = false, warmup: Int = 0
    ) -> RateSchedule {
        RateSchedule(.exponential(gamma: gamma, every: every, isStaircase: isStaircase), warmup: warmup)
    }

    /// Times gamma at every so many steps.
    public static func step(every: Int, gamma: Double = 0.1, warmup: Int = 0) -> RateSchedule {
        .exponential(gamma: gamma, every: every, isStaircase: true, warmup: warmup)
    }

    /// Times gamma at each of some steps.
    public static func step(milestones: [Int], gamma: Double = 0.1, warmup: Int = 0) -> RateSchedule {
        RateSchedule(.milestones(milestones, gamma: gamma), warmup: warmup)
    }

    /// Down along half a cosine, to a share of the rate.
    public static func cosine(floor: Double = 0, warmup: Int = 0) -> RateSchedule {
        RateSchedule(.cosine(floor: floor), warmup: warmup)
    }

    /// Straight down, to a share of the rate.
    public static func linear(floor: Double = 0, warmup: Int = 0) -> RateSchedule {
        RateSchedule(.linear(floor: floor), warmup: warmup)
    }

    /// Up and down once, with PyTorch's defaults.
    public static func oneCycle(
        rise: Double = 0.3, divisor: Double = 25, finalDivisor: Double = 1e4, warmup: Int = 0
    ) -> RateSchedule {
        RateSchedule(
            .oneCycle(rise: rise, divisor: divisor, finalDivisor: finalDivisor), warmup: warmup)
    }

    /// Down where the watched loss no longer falls.
    public static func plateau(_ plateau: PlateauState = PlateauState(), warmup: Int = 0) -> RateSchedule {
        RateSchedule(.plateau(plateau), warmup: warmup)
    }

    /// The state to begin with where the schedule watches the loss; nil for other shapes.
    public var plateau: PlateauState? {
        if case .plateau(let state) = shape { state } else { nil }
    }

    /// What the optimiser's learning rate is multiplied with.
    ///
    /// - Parameters:
    ///   - step: counted from 0; steps behind the plan keep its last factor where the shape has an end.
    ///   - total: the steps that are planned.
    public func factor(step: Int, total: Int) -> Double {
        let (step, planned) = (max(0, step), max(1, total - warmup))
        guard step < warmup else { return factor(Double(step - warmup), of: Double(planned)) }
        return factor(0, of: Double(planned)) * Double(step + 1) / Double(warmup + 1)
    }

    /// The shape's factor at step t of T.
    private func factor(_ t: Double, of total: Double) -> Double {
        switch shape {
        case .constant, .plateau: return 1
        case .exponential(let gamma, let every, let isStaircase):
            let periods = t / Double(every)
            return pow(gamma, isStaircase ? periods.rounded(.down) : periods)
        case .milestones(let milestones, let gamma):
            let behind = milestones.reduce(0) { Double($1) <= t ? $0 + 1 : $0 }
            return pow(gamma, Double(behind))
        case .cosine(let floor): return Self.cosine(from: 1, to: floor, min(1, t / total))
        case .linear(let floor): return 1 + (floor - 1) * min(1, t / total)
        case .oneCycle(let rise, let divisor, let finalDivisor):
            let (top, last) = (rise * total - 1, total - 1)
            if t <= top || top >= last {
                return Self.cosine(from: 1 / divisor, to: 1, top > 0 ? min(1, t / top) : 1)
            }
            return Self.cosine(
                from: 1, to: 1 / (divisor * finalDivisor), min(1, (t - top) / (last - top)))
        }
    }

    /// Half a cosine between two values.
    private static func cosine(from start: Double, to end: Double, _ share: Double) -> Double {
        end + (start - end) * (1 + cos(Double.pi * share)) / 2
    }

    /// Checks every number.
    ///
    /// - Throws: `InputError` that names the option.
    package func check(_ place: String = "rate schedule") throws(InputError) {
        try require(warmup, atLeast: 0, "\(place), warmup")
        switch shape {
        case .constant: return
        case .exponential(let gamma, let every, _):
            try requirePositive(gamma, "\(place), gamma")
            try require(every, atLeast: 1, "\(place), every")
        case .milestones(let milestones, let gamma):
            try requirePositive(gamma, "\(place), gamma")
            guard zip(milestones, milestones.dropFirst()).allSatisfy(<), milestones.first ?? 0 >= 0 else {
                throw InputError(
                    .value, at: "\(place), milestones", found: "\(milestones)",
                    expected: "steps from 0, in rising order")
            }
        case .cosine(let floor), .linear(let floor): try requireShare(floor, "\(place), floor")
        case .oneCycle(let rise, let divisor, let finalDivisor):
            try requireShare(rise, "\(place), rise")
            try require(divisor, atLeast: 1, "\(place), divisor")
            try require(finalDivisor, atLeast: 1, "\(place), final_divisor")
        case .plateau(let state): try state.check(place)
        }
    }
}

/// A factor of the learning rate that falls where the watched loss no longer does (`ReduceLROnPlateau`).
public struct PlateauState: Sendable, Equatable, Codable {
    /// What the factor is multiplied with at a plateau.
    public let factor: Double
    /// Epochs without improvement that are borne; the next one lowers the rate.
    public let patience: Int
    /// The share of the best loss by which a better one is below it.
    public let threshold: Double
    /// The least factor.
    public let floor: Double

    /// The factor now; 1 to begin with.
    public private(set) var rateFactor = 1.0
    /// The least loss so far; nil before the first.
    private var best: Double?
    private var epochsWithout = 0

    /// A state before the first epoch, with PyTorch's defaults.
    public init(factor: Double = 0.1, patience: Int = 10, threshold: Double = 1e-4, floor: Double = 0) {
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.floor = floor
    }

    /// Takes an epoch's watched loss; one that is no number is no improvement.
    public mutating func observe(_ loss: Double) {
        // A beginning without a finite loss has nothing to be compared with.
        if loss.isFinite, best.map({ loss < $0 * (1 - threshold) }) ?? true {
            best = loss
            epochsWithout = 0
        } else {
            epochsWithout += 1
        }
        guard epochsWithout > patience else { return }
        rateFactor = max(floor, rateFactor * factor)
        epochsWithout = 0
    }

    fileprivate func check(_ place: String) throws(InputError) {
        guard factor > 0, factor < 1 else {
            throw InputError(
                .value, at: "\(place), factor", found: "\(factor)", expected: "above 0 and below 1")
        }
        try require(patience, atLeast: 0, "\(place), patience")
        try require(threshold, atLeast: 0, "\(place), threshold")
        try requireShare(floor, "\(place), floor")
    }
}
