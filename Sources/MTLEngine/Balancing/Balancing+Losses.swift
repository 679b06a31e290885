// Methods that need the losses at most: one backward pass, no gradient of a single task.

extension Balancing {
    /// The weights of the tasks as they are: w_t = 1 beside them.
    public static let fixed = Balancing(.fixed)

    /// w_t = γ_t^e in epoch e, counted from 0: tasks that matter in the beginning fade (the PLE paper's w_{t,0} γ_t^e, Tang et al.,
    /// *Progressive Layered Extraction*, RecSys 2020, whose w_{t,0} is the task's own weight here).
    ///
    /// - Parameters:
    ///   - gamma: γ of all tasks that `tasks` does not name; above 0.
    ///   - tasks: γ by the name of the task.
    public static func decay(gamma: Double = 1, tasks: [String: Double] = [:]) -> Balancing {
        Balancing(.decay(gamma: gamma, tasks: tasks))
    }

    /// Uncertainty weighting: w_t = c_t e^(-s_t), where s_t, the logarithm of a variance, learns to make the form's sum least (Kendall
    /// et al., arXiv 1705.07115; Liebel and Körner, arXiv 1805.06334). At rest w_t L_t = 1/2.
    ///
    /// s begins at 0 and is stepped by an Adam of its own. It may fall below 0: where a loss is small its weight has to grow.
    public static func uncertainty(
        _ form: UncertaintyForm = .kendall, learningRate: Double = 0.01
    ) -> Balancing {
        Balancing(.uw(form: form, learningRate: learningRate))
    }

    /// Soft optimal uncertainty: w = softmax((1/L_t)/τ), the losses taken as numbers (Kirchdorfer et al., arXiv 2408.07985). The
    /// paper tunes τ for each problem.
    public static func softOptimalUncertainty(temperature: Double = 1) -> Balancing {
        Balancing(.uwSO(temperature: temperature))
    }

    /// Dynamic weight averaging: w = T softmax(r/τ), r_t = L_t(e-1) / L_t(e-2), means over epochs; 1 in the first two epochs (Liu et
    /// al., arXiv 1803.10704).
    public static func dwa(temperature: Double = 2) -> Balancing { Balancing(.dwa(temperature: temperature)) }

    /// Dynamic task prioritization: w_t = -(1-κ_t)^γ log κ_t, κ the moving average of a quality in 0...1 at every epoch's end; 1
    /// before the first (Guo et al., ECCV 2018). A training takes the validation rows' AUC, and the accuracy of several
    /// classes.
    ///
    /// - Parameters:
    ///   - focusing: γ; 0 or above.
    ///   - momentum: the share of the average before in κ; 0 for the newest value alone.
    public static func dtp(focusing: Double = 1, momentum: Double = 0.5) -> Balancing {
        Balancing(.dtp(focusing: focusing, momentum: momentum))
    }

    /// Random loss weighting: w = softmax(N(0, 1)), fresh at every step (Lin et al., arXiv 2111.10603).
    public static let rlw = Balancing(.rlw)

    /// The geometric loss strategy: the gradient of (Π L_t)^(1/T), w_t = (Π L)^(1/T) / (T L_t) (Chennupati et al., arXiv 1904.08492).
    /// Losses have to be above 0; less than 1e-8 counts as that.
    public static let gls = Balancing(.gls)

    /// Impartial learning's loss part: w_t = e^(s_t), where s_t learns to make e^(s_t) L_t - s_t least (Liu et al., *Towards
    /// Impartial Multi-Task Learning*, ICLR 2021). s begins at 0 and is stepped by an Adam of its own.
    public static func imtlL(learningRate: Double = 0.01) -> Balancing {
        Balancing(.imtlL(learningRate: learningRate))
    }

    /// Coefficients of variation: w_t ∝ σ(ℓ_t) / mean(ℓ_t), of the ratios ℓ_t = L_t / (mean of L_t before), summing up to 1; equal in
    /// the first two steps (Groenendijk et al., arXiv 2009.01717).
    ///
    /// - Parameter momentum: the share of the means before in new ones; nil for means over all steps.
    public static func cov(momentum: Double? = nil) -> Balancing { Balancing(.cov(momentum: momentum)) }

    /// Loss-balanced task weighting: w_t = (L_t / L_t(first batch of the epoch))^α (Liu et al., AAAI 2019).
    public static func lbtw(exponent: Double = 0.5) -> Balancing { Balancing(.lbtw(exponent: exponent)) }

    /// Smooth Tchebycheff scalarisation of log-losses: the gradient of T μ log Σ exp(log(L_t/z_t)/μ), w_t = T softmax(log(L/z)/μ)_t /
    /// L_t (Lin et al., arXiv 2402.19078, as its authors' and LibMTL's multi-task code has it; TorchJD's has neither
    /// logarithm nor warm-up). While it warms up w_t = 1/L_t; z is the mean loss of the last of these epochs, 1 where
    /// there are none. Less than 1e-8 counts as that.
    ///
    /// - Parameters:
    ///   - mu: μ, above 0; the smaller, the more the worst task counts.
    ///   - warmup: epochs of it; the authors' 4 is five, counted from 0.
    public static func stch(mu: Double = 1, warmup: Int = 5) -> Balancing {
        Balancing(.stch(mu: mu, warmup: warmup))
    }

    /// Fast adaptive multitask optimisation: w_t ∝ z_t / L_t, summing up to 1, z = softmax(ξ); after the step ξ goes up for tasks
    /// whose log-loss fell more slowly on the same batch: its gradient is (diag z - z zᵀ)(log L - log L'), stepped by Adam
    /// (Liu et al., arXiv 2306.03792; defaults of algorithm 2, LibMTL and TorchJD). One more forward pass, no gradient
    /// of a single task. Losses have to be 0 or above; 1e-8 is added to each.
    public static func famo(learningRate: Double = 0.025, weightDecay: Double = 1e-3) -> Balancing {
        Balancing(.famo(learningRate: learningRate, weightDecay: weightDecay))
    }

    /// Penalty-based boundary intersection: the gradient of d₁ + θ d₂, the losses' length along a preferred direction p̂ and their
    /// distance from it, w = p̂ + θ (L - d₁ p̂)/d₂ (Zhang and Li, *MOEA/D*, IEEE TEC 2007; 1e-12 under d₂'s root, as
    /// TorchJD has it). Weights may be below 0: a loss that is too low for the preference is let rise.
    ///
    /// - Parameters:
    ///   - penalty: θ; 0 or above.
    ///   - preference: p by the name of the task; 1 where it says nothing.
    public static func pbi(penalty: Double = 5, preference: [String: Double] = [:]) -> Balancing {
        Balancing(.pbi(penalty: penalty, preference: preference))
    }

    /// Priorities: the tasks in the order of their importance, each trained as far as those above it stay within a bound (No More Tuning,
    /// Cheng et al., arXiv 2412.12092, in one run). In its phase a task is trained with those above it held to L_t ≤ (1 + tolerance)
    /// L*_t, by weights 1 and λ_t over 1 + Σ λ, those below it by 0; the last phase lasts to the end. L*_t is the least mean of
    /// L_t over one epoch since its phase began. λ_t begins at 1, and a step moves it by rate · (ℓ_t / ((1 + tolerance) L*_t) - 1), that
    /// within -1...1, and not below 0; ℓ_t is the moving average of the batches' losses. Losses have to be 0 or above.
    /// `Trainer.fit` keeps the last epoch's parameters, as the weighted loss says nothing of bounds, unless another loss or metric is watched.
    ///
    /// To make purchases likelier while the clicks' loss rises by at most .2 %: `.priorities(order: ["click", "buy"])`.
    ///
    /// - Parameters:
    ///   - order: every task, the most important one first; none for the tasks' own order.
    ///   - tolerance: how far a loss may rise, as a share of its best; 0 or above.
    ///   - tasks: the tolerance by the name of the task.
    ///   - phase: epochs of each phase but the last; 1 or more.
    ///   - learningRate: of the multipliers λ, a step.
    ///   - momentum: the share of the average before in ℓ.
    public static func priorities(
        order: [String] = [], tolerance: Double = 0.002, tasks: [String: Double] = [:], phase: Int = 1,
        learningRate: Double = 1, momentum: Double = 0.9
    ) -> Balancing {
        Balancing(
            .priorities(
                Priorities(
                    order: order, tolerance: tolerance, tasks: tasks, phase: phase,
                    learningRate: learningRate, momentum: momentum)))
    }

    /// COSMOS: a preference p, a share of each task, that the model reads beside its features, so that one model has all compromises; the
    /// gradient of Σ p_t L_t - λ cos(L, p), where p is drawn for every step from a Dirichlet distribution (Ruchte and Grabocka, arXiv
    /// 2103.13392). Weights may be below 0, as a loss that is too low for its share is let rise. Tasks without labels in a batch are left
    /// out of both terms. It needs a model that was built with a preference; `Predictor.setPreference` turns the dial.
    /// `Trainer.fit` judges epochs by the validation rows at the model's own preference; without any it keeps the last one.
    ///
    /// - Parameters:
    ///   - alpha: of the Dirichlet distribution, for every task; 1 for all preferences alike, below that for those near one task.
    ///   - penalty: λ, 0 or above: how far the losses are held to the preference's direction. Its slope is of the size λ/|L|: where that comes
    ///     near 1 it outweighs the shares, and a task's loss is higher the more is asked of it.
    public static func cosmos(alpha: Double = 1, penalty: Double = 0.01) -> Balancing {
        Balancing(.cosmos(alpha: alpha, penalty: penalty))
    }

    /// Loss discrepancy control: the gradient of Σ v_t L_t / (Σ v) + λ Σ |v_t L_t - v_{t+1} L_{t+1}| over tasks in their order, where
    /// v = σ(s) learns to make that least too, the divisor taken as a number (arXiv 2502.08585, as its authors' code has it).
    /// s begins at 1 and is stepped by an Adam of its own. A task whose weighted loss is below both its neighbours' may get a
    /// weight below 0.
    ///
    /// - Parameters:
    ///   - penalty: λ, 0 or above; the paper tunes it.
    ///   - learningRate: of the Adam that steps what the weights are made of.
    public static func ldcMTL(penalty: Double = 0.01, learningRate: Double = 0.01) -> Balancing {
        Balancing(.ldcMTL(penalty: penalty, learningRate: learningRate))
    }
}
