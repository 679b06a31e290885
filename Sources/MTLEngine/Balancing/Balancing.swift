/// How the tasks' losses or gradients are weighed against each other, step by step.
///
/// A value names a method and its options; `Balancing.fixed` leaves everything to the weights of the tasks themselves. Published
/// comparisons find fixed weights that were tuned hard to beat (arXiv 2201.04122, 2209.11379): tune those first.
///
/// Methods are of three kinds. Those that know the losses alone multiply each task's whole loss, L = Σ w_t L_t. Those that know
/// the gradients g_t of the shared parameters (or of what the shared layers put out) replace their sum by Σ w_t g_t and leave
/// what belongs to one task to its own loss. Nearly all of these need no more than the products M = (g_s · g_t), `[tasks, tasks]`.
///
/// A task without labels in a batch, or one that has stopped, is left out: the others are weighed as if they were alone.
public struct Balancing: Sendable, Equatable {
    /// The methods by the names that an experiment has for them.
    public enum Kind: String, Sendable, Equatable, Codable, CaseIterable {
        /// The weights of the tasks, as they are.
        case fixed
        /// Weights that fall epoch by epoch.
        case decay
        /// Uncertainty weighting.
        case uw
        /// Uncertainty weighting by its closed form.
        case uwSO = "uw_so"
        /// Dynamic weight averaging.
        case dwa
        /// Dynamic task prioritization.
        case dtp
        /// Random loss weighting.
        case rlw
        /// The geometric loss strategy.
        case gls
        /// Impartial learning, its loss part.
        case imtlL = "imtl_l"
        /// Coefficients of variation.
        case cov
        /// Loss-balanced task weighting.
        case lbtw
        /// Smooth Tchebycheff scalarisation.
        case stch
        /// Fast adaptive multitask optimisation.
        case famo
        /// Penalty-based boundary intersection.
        case pbi
        /// A preference that is drawn for every step, and read by the model.
        case cosmos
        /// Loss discrepancy control.
        case ldcMTL = "ldc_mtl"
        /// Priorities: tasks in the order of their importance.
        case priorities
        /// Gradient normalisation.
        case gradNorm = "gradnorm"
        /// Fixed weights that make gradients alike in length, from a first phase.
        case autoScale = "autoscale"
        /// Auxiliary gradients brought to the main one's length.
        case metaBalance = "metabalance"
        /// Dual balancing.
        case dbMTL = "db_mtl"
        /// Impartial learning, its gradient part.
        case imtlG = "imtl_g"
        /// The multiple gradient descent algorithm.
        case mgda
        /// Pareto-efficient learning to rank.
        case peLTR = "pe_ltr"
        /// Gradient surgery.
        case pcGrad = "pcgrad"
        /// Gradient vaccine.
        case gradVac = "gradvac"
        /// Conflict-averse gradient descent.
        case caGrad = "cagrad"
        /// Gradients of like lengths, without conflicts.
        case gradCraft = "gradcraft"
        /// A bargaining game.
        case nashMTL = "nash_mtl"
        /// Fair resource allocation.
        case fairGrad = "fairgrad"
        /// Aligned independent components.
        case alignedMTL = "aligned_mtl"
        /// Unconflicting projection of gradients.
        case upGrad = "upgrad"
        /// The mean gradient, projected onto the dual cone.
        case dualProj = "dualproj"
        /// The conflict-free inverse of unit gradients.
        case conFIG = "config"
        /// Direction-oriented stochastic gradient descent.
        case sdmGrad = "sdmgrad"
        /// Double sampling.
        case moDo = "modo"
        /// Tracked gradients.
        case moCo = "moco"
        /// Excess risks.
        case excessMTL = "excess_mtl"
        /// Priority-constrained descent.
        case pcd
        /// Auxiliary gradients where they agree with the main one.
        case cosineGate = "cosine_gate"
    }

    /// A method with its options.
    package enum Method: Sendable, Equatable {
        case fixed
        case decay(gamma: Double, tasks: [String: Double])
        case uw(form: UncertaintyForm, learningRate: Double)
        case uwSO(temperature: Double)
        case dwa(temperature: Double)
        case dtp(focusing: Double, momentum: Double)
        case rlw
        case gls
        case imtlL(learningRate: Double)
        case cov(momentum: Double?)
        case lbtw(exponent: Double)
        case stch(mu: Double, warmup: Int)
        case famo(learningRate: Double, weightDecay: Double)
        case pbi(penalty: Double, preference: [String: Double])
        case cosmos(alpha: Double, penalty: Double)
        case ldcMTL(penalty: Double, learningRate: Double)
        case priorities(Priorities)
        case gradNorm(exponent: Double, learningRate: Double)
        case autoScale(ScaleMetric, window: Int)
        case metaBalance(main: String?, relaxation: Double, momentum: Double)
        case dbMTL(momentum: Double, decay: Double)
        case imtlG
        case mgda(GradientNormalization)
        case peLTR(floor: Double, tasks: [String: Double])
        case pcGrad
        case gradVac(momentum: Double)
        case caGrad(radius: Double, isRescaled: Bool)
        case gradCraft(relaxation: Double, momentum: Double, cosine: Double)
        case nashMTL(every: Int, maximumNorm: Double)
        case fairGrad(alpha: Double)
        case alignedMTL(AlignmentScale)
        case upGrad
        case dualProj
        case conFIG
        case sdmGrad(lambda: Double, learningRate: Double, momentum: Double, iterations: Int)
        case moDo(learningRate: Double, penalty: Double)
        case moCo(trackingRate: Double, weightRate: Double, decay: Double, penalty: Double)
        case excessMTL(stepSize: Double)
        case pcd(main: String?, progress: Double, momentum: Double)
        case cosineGate(main: String?, isWeighted: Bool)
    }

    /// The options of priorities.
    package struct Priorities: Sendable, Equatable {
        /// The most important one first; empty for the tasks' own order.
        package var order: [String]
        package var tolerance: Double
        /// Tolerances by task.
        package var tasks: [String: Double]
        /// Epochs of each phase but the last.
        package var phase: Int
        package var learningRate: Double
        package var momentum: Double
    }

    /// Which noise uncertainty weighting takes the losses to have.
    public enum UncertaintyForm: String, Sendable, Equatable, CaseIterable {
        /// c L e^(-s) + s/2 (arXiv 1705.07115), c is 1/2 of squared and Huber losses and 1 of others.
        case kendall
        /// c L e^(-s) + log(1 + e^s) (arXiv 1805.06334): the sum stays above 0.
        case liebelKoerner = "liebel_koerner"
    }

    /// What AutoScale makes alike among the tasks.
    public enum ScaleMetric: String, Sendable, Equatable, CaseIterable {
        /// The lengths of the weighted gradients.
        case magnitude
        /// The weighted losses.
        case lossScale = "loss_scale"
    }

    /// What MGDA divides the gradients by.
    public enum GradientNormalization: String, Sendable, Equatable, CaseIterable {
        /// Nothing.
        case none
        /// Their lengths.
        case norm
        /// The losses.
        case loss
        /// Both.
        case lossNorm = "loss_norm"
    }

    /// Which eigenvalue of M all are brought to.
    public enum AlignmentScale: String, Sendable, Equatable, CaseIterable {
        /// The least that is not 0.
        case least = "min"
        /// The lower of the middle ones.
        case median
        /// The mean.
        case mean = "rmse"
    }

    /// What the gradients are of that a method of gradients compares. They are weighed alike in each case.
    public enum GradientSource: String, Sendable, Equatable, CaseIterable {
        /// What the shared layers put out, where the way back of single tasks meets (Sener and Koltun, arXiv 1810.04650, section
        /// 3.3): one way back through what tasks share.
        case representation
        /// The parameters of the shared layers: a way back per task through what they share. Tables get the weighted sum too, but
        /// do not count in the products.
        case layers
        /// All shared parameters, tables too.
        case parameters
    }

    /// The method and its options.
    package let method: Method
    /// What the gradients are of, where the method compares gradients.
    public internal(set) var gradients = GradientSource.representation
    /// The share of the weights before in those of a step (CR-MOGM); 0 for none.
    public internal(set) var smoothing = 0.0

    /// The epochs after which weights stay what they were on the average until then; nil for never.
    public internal(set) var fixedAfter: Int?

    package init(_ method: Method) { self.method = method }

    /// The same method for a first phase, and then fixed weights: each task's mean weight over that phase, of `autoScale` over its
    /// windows.
    ///
    /// - Parameter epochs: of the first phase; 1 or more.
    public func fixed(after epochs: Int) -> Balancing {
        var result = self
        result.fixedAfter = epochs
        return result
    }

    /// The same method, whose weights follow slowly: w ← share · w + (1 - share) · ŵ, from its first ones on (CR-MOGM, Zhou et al.,
    /// *On the Convergence of Stochastic Multi-Objective Gradient Manipulation and Beyond*, NeurIPS 2022).
    public func smoothed(_ share: Double = 0.9) -> Balancing {
        var result = self
        result.smoothing = share
        return result
    }

    /// The same method of gradients, which compares those of the shared parameters themselves, or those at the representation.
    public func withGradients(of source: GradientSource) -> Balancing {
        var result = self
        result.gradients = source
        return result
    }

    /// Which method it is.
    public var kind: Kind {
        switch method {
        case .fixed: .fixed
        case .decay: .decay
        case .uw: .uw
        case .uwSO: .uwSO
        case .dwa: .dwa
        case .dtp: .dtp
        case .rlw: .rlw
        case .gls: .gls
        case .imtlL: .imtlL
        case .cov: .cov
        case .lbtw: .lbtw
        case .stch: .stch
        case .famo: .famo
        case .pbi: .pbi
        case .cosmos: .cosmos
        case .ldcMTL: .ldcMTL
        case .priorities: .priorities
        case .gradNorm: .gradNorm
        case .autoScale: .autoScale
        case .metaBalance: .metaBalance
        case .dbMTL: .dbMTL
        case .imtlG: .imtlG
        case .mgda: .mgda
        case .peLTR: .peLTR
        case .pcGrad: .pcGrad
        case .gradVac: .gradVac
        case .caGrad: .caGrad
        case .gradCraft: .gradCraft
        case .nashMTL: .nashMTL
        case .fairGrad: .fairGrad
        case .alignedMTL: .alignedMTL
        case .upGrad: .upGrad
        case .dualProj: .dualProj
        case .conFIG: .conFIG
        case .sdmGrad: .sdmGrad
        case .moDo: .moDo
        case .moCo: .moCo
        case .excessMTL: .excessMTL
        case .pcd: .pcd
        case .cosineGate: .cosineGate
        }
    }
}
