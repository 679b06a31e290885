// Methods that need the tasks' gradients g_t of what they share: their products M, or their lengths n_t = √M_tt.
//
// Defaults are those of TorchJD 0.18 where it has the method, else LibMTL's.

extension Balancing {
    // MARK: Lengths

    /// GradNorm: w learns to make Σ |w_t n_t - Ḡ r_t^α| least, Ḡ the mean of w_t n_t, r_t = (L_t/L_t(0)) over its mean, Ḡ r^α taken as
    /// a number (Chen et al., arXiv 1711.02257). The gradient n_t sign(w_t n_t - Ḡ r_t^α) needs no second backward pass.
    /// As in LibMTL w = T softmax(s), 1 in the first epoch, whose mean losses are L(0); s is stepped by an Adam of its own.
    ///
    /// - Parameters:
    ///   - exponent: α; large where tasks differ much, about 0.1 where they are alike.
    ///   - learningRate: of that Adam.
    public static func gradNorm(exponent: Double = 1.5, learningRate: Double = 0.01) -> Balancing {
        Balancing(.gradNorm(exponent: exponent, learningRate: learningRate))
    }

    /// AutoScale: fixed weights from a short first phase, found so that a measure of the tasks is alike (Yang et al., arXiv 2508.13979,
    /// which finds good fixed weights to have like gradients and losses). Steps are taken in windows; behind each the weights are, over
    /// its steps, w_t ∝ 1/√(mean of ‖g_t‖²) or 1/(mean of L_t), summing up to T, and serve until the next. They are 1 in the first
    /// window. After the phase, an epoch unless `fixed(after:)` says otherwise, they are the mean of those of its windows. Lengths that
    /// are alike make the condition number of the weighted gradients least for two tasks, and at most T times the least for T of them
    /// (van der Sluis, 1969).
    ///
    /// - Parameters:
    ///   - metric: what is made alike.
    ///   - window: steps of a window, which an epoch's end ends too; 1 or more.
    public static func autoScale(_ metric: ScaleMetric = .magnitude, window: Int = 20) -> Balancing {
        Balancing(.autoScale(metric, window: window)).fixed(after: 1)
    }

    /// MetaBalance: auxiliary gradients are brought near the main one's length, w_t = r m_main/m_t + 1 - r, with moving averages
    /// m of the lengths; 1 for the main task (He et al., arXiv 2203.06801, for all shared parameters as one block).
    ///
    /// - Parameters:
    ///   - main: the task that counts; nil for the first.
    ///   - relaxation: r, 0 to 1.
    ///   - momentum: the share of the average before; at least 0 and below 1.
    public static func metaBalance(
        main: String? = nil, relaxation: Double = 0.7, momentum: Double = 0.9
    ) -> Balancing {
        Balancing(.metaBalance(main: main, relaxation: relaxation, momentum: momentum))
    }

    /// Dual balancing: gradients of log(L_t + 1e-8), as moving averages ĝ_t ← g_t + β/k^σ (ĝ_t - g_t) at step k, all as long
    /// as the longest of them (Lin et al., arXiv 2308.12029). With momentum 0 products of the plain gradients are enough.
    ///
    /// - Parameters:
    ///   - momentum: β; at least 0 and below 1. A trainer's step keeps no averages of gradients: it serves 0 alone.
    ///   - decay: σ; 0 or above.
    public static func dbMTL(momentum: Double = 0, decay: Double = 0) -> Balancing {
        Balancing(.dbMTL(momentum: momentum, decay: decay))
    }

    /// Impartial learning's gradient part: the direction has the same projection on each unit gradient; Σ w = 1 (Liu et al., *Towards
    /// Impartial Multi-Task Learning*, ICLR 2021; by a pseudoinverse, as arXiv 2406.16232 generalises it, of the cosines
    /// in the place of M, so that no task is lost for its scale). All 0 where there is no such direction. Where the sum would have to
    /// be -1 for every loss to fall, it is: the paper's weights make every loss rise there.
    public static let imtlG = Balancing(.imtlG)

    // MARK: The shortest sum

    /// MGDA: the shortest convex combination of the gradients, min wᵀMw over Σ w = 1, w ≥ 0; no task's loss rises along it (Sener and
    /// Koltun, arXiv 1810.04650). Solved to the end, where others stop Frank-Wolfe's algorithm early. Divided gradients are
    /// what is combined, as in LibMTL. Without dividing, the task with the shortest gradient gets nearly all the weight.
    public static func mgda(_ normalization: GradientNormalization = .none) -> Balancing {
        Balancing(.mgda(normalization))
    }

    /// Pareto-efficient learning to rank: min ‖Σ w_t g_t‖ over Σ w = 1, w_t ≥ c_t, by the paper's two steps: without the signs, then
    /// the nearest weights that keep them (Lin et al., *A Pareto-Efficient Algorithm for Multiple Objective Optimization in
    /// E-Commerce Recommendation*, RecSys 2019).
    ///
    /// - Parameters:
    ///   - floor: c of all tasks that `tasks` does not name.
    ///   - tasks: c by the name of the task. They sum up to 1 at most.
    public static func peLTR(floor: Double = 0, tasks: [String: Double] = [:]) -> Balancing {
        Balancing(.peLTR(floor: floor, tasks: tasks))
    }

    // MARK: Conflicts, pair by pair

    /// Gradient surgery: of each gradient what points against another is taken out, one after the other in random order; then their
    /// sum (Yu et al., arXiv 2001.06782).
    public static let pcGrad = Balancing(.pcGrad)

    /// Gradient vaccine: where two gradients' cosine is below its moving average, the other one is added until it is not (Wang
    /// et al., arXiv 2010.05874; TorchJD's and LibMTL's share of new cosines, .5, where the paper has .01).
    ///
    /// - Parameter momentum: the share of a step's cosine in the average; 0 to 1.
    public static func gradVac(momentum: Double = 0.5) -> Balancing {
        Balancing(.gradVac(momentum: momentum))
    }

    /// Gradients of auxiliary tasks where they agree with the main one's: w_t = 1 where cos(g_main, g_t) > 0, else 0; or the cosine
    /// itself (Du et al., arXiv 1812.02224). In a batch without labels of the main task no auxiliary one is known to help.
    ///
    /// - Parameters:
    ///   - main: the task that counts; nil for the first.
    ///   - isWeighted: whether an auxiliary gradient counts as much as its cosine, where that is above 0, or wholly.
    public static func cosineGate(main: String? = nil, isWeighted: Bool = false) -> Balancing {
        Balancing(.cosineGate(main: main, isWeighted: isWeighted))
    }

    /// GradCraft: gradients are brought near the longest one's length, as `metaBalance` does with the main one's; then what is
    /// added to each of them takes all its conflicts away at once, up to a cosine of ε; their mean (Bai et al., arXiv
    /// 2407.19682).
    ///
    /// - Parameters:
    ///   - relaxation: τ, 0 to 1; 1 makes all as long as the longest.
    ///   - momentum: the share of the average before; at least 0 and below 1.
    ///   - cosine: ε; at least 0 and below 1.
    public static func gradCraft(
        relaxation: Double = 1, momentum: Double = 0.9, cosine: Double = 0
    ) -> Balancing {
        Balancing(.gradCraft(relaxation: relaxation, momentum: momentum, cosine: cosine))
    }

    // MARK: One direction for all

    /// Conflict-averse gradient descent: of the directions within c ‖g₀‖ of the mean gradient g₀ the one along which the worst task
    /// gains most, w_t = 1/T + (c ‖g₀‖/‖g_v‖) v_t with v = argmin g_v·g₀ + c ‖g₀‖ ‖g_v‖ over the simplex (Liu et al.,
    /// arXiv 2110.14048). Comes to the minimum of the mean loss for c < 1.
    ///
    /// - Parameters:
    ///   - radius: c; 0 (the mean) or above.
    ///   - isRescaled: divides by 1 + c², the authors' and LibMTL's default; TorchJD does not.
    public static func caGrad(radius: Double = 0.5, isRescaled: Bool = true) -> Balancing {
        Balancing(.caGrad(radius: radius, isRescaled: isRescaled))
    }

    /// Nash-MTL: the bargaining solution, M w = 1/w (Navon et al., arXiv 2202.01017), by Newton's method on the convex ½ wᵀMw - Σ log w,
    /// where the authors solve a sequence of conic programs; times √‖M‖, and the direction no longer than a bound, as they do.
    ///
    /// - Parameters:
    ///   - every: the steps for which weights are kept.
    ///   - maximumNorm: the bound on ‖Σ w_t g_t‖; 0 for none.
    public static func nashMTL(every: Int = 1, maximumNorm: Double = 1) -> Balancing {
        Balancing(.nashMTL(every: every, maximumNorm: maximumNorm))
    }

    /// FairGrad: M w = w^(-1/α), by Newton's method; α = 1 is proportional fairness (Nash-MTL's weights), large α helps the worst
    /// (Ban and Ji, arXiv 2402.15638).
    public static func fairGrad(alpha: Double = 1) -> Balancing { Balancing(.fairGrad(alpha: alpha)) }

    /// Aligned-MTL: the gradients as a matrix get equal singular values, w = √λ M^(-1/2) 1/T over the eigenvalues that are not 0
    /// (Senushkin et al., arXiv 2305.19000). TorchJD's 1/T; LibMTL's weights are T times as large.
    public static func alignedMTL(_ scale: AlignmentScale = .least) -> Balancing {
        Balancing(.alignedMTL(scale))
    }

    /// UPGrad: every gradient is projected onto the cone of directions along which no task's loss rises, then their mean (Quinton
    /// and Rey, arXiv 2406.16232). M over its trace plus 1e-4 on the diagonal, as in TorchJD; unlike there, a small trace is no 0.
    public static let upGrad = Balancing(.upGrad)

    /// The mean gradient, projected onto the cone of directions along which no task's loss rises (Lopez-Paz and Ranzato, arXiv
    /// 1706.08840, as arXiv 2406.16232 has it). Regularised as `upGrad`.
    public static let dualProj = Balancing(.dualProj)

    /// ConFIG: the direction with the same cosine to all gradients, as long as the sum of their projections on it (Liu et al., arXiv
    /// 2408.11104).
    public static let conFIG = Balancing(.conFIG)

    /// Priority-constrained descent: the direction nearest to the main gradient along which every other task makes at least a share of
    /// the progress that its own gradient would bring; as long as the main gradient. Lengths are moving averages (arXiv
    /// 2606.29521). Where no direction does, the main gradient; without it, the sum of the others.
    ///
    /// - Parameters:
    ///   - main: the task that counts; nil for the first.
    ///   - progress: τ, the share; 0 to 1.
    ///   - momentum: of the squared lengths' averages, at least 0 and below 1.
    public static func pcd(
        main: String? = nil, progress: Double = 0.02, momentum: Double = 0.999
    ) -> Balancing {
        Balancing(.pcd(main: main, progress: progress, momentum: momentum))
    }

    // MARK: Weights that are followed over steps

    /// SDMGrad: v ← P(v - η (M v + λ M 1/T)) on the simplex, several steps with momentum at each batch, M from two batches and over the
    /// squared mean length; w = (v + λ/T)/(1 + λ) (Xiao et al., arXiv 2305.18409; TorchJD's rate 10, LibMTL's is 5).
    package static func sdmGrad(
        lambda: Double = 0.3, learningRate: Double = 10, momentum: Double = 0.5, iterations: Int = 20
    ) -> Balancing {
        Balancing(
            .sdmGrad(
                lambda: lambda, learningRate: learningRate, momentum: momentum, iterations: iterations))
    }

    /// MoDo: w ← P(w - γ (M + ρ) w) on the simplex, M from two batches (Chen et al., arXiv 2305.20057; TorchJD's γ .1, LibMTL's is
    /// .001).
    package static func moDo(learningRate: Double = 0.1, penalty: Double = 0.1) -> Balancing {
        Balancing(.moDo(learningRate: learningRate, penalty: penalty))
    }

    /// MoCo: gradients, each as long as its loss, are followed by y_t ← y_t - β/k^σ (y_t - g_t L_t/‖g_t‖) at step k; weights for the
    /// y by w ← P(w - γ/k^σ (YYᵀ + ρ) w) on the simplex (Fernando et al., arXiv 2210.12624; LibMTL's defaults, but the paper's
    /// projection where LibMTL has a softmax, which pulls to equal weights).
    ///
    /// - Parameters:
    ///   - trackingRate: β.
    ///   - weightRate: γ.
    ///   - decay: σ of both.
    ///   - penalty: ρ.
    package static func moCo(
        trackingRate: Double = 0.5, weightRate: Double = 0.1, decay: Double = 0.5, penalty: Double = 0
    ) -> Balancing {
        Balancing(
            .moCo(trackingRate: trackingRate, weightRate: weightRate, decay: decay, penalty: penalty))
    }

    /// ExcessMTL: w_t ∝ w_t exp(η e_t), summing up to T, e_t the estimated excess risk over its first value, which is the step
    /// before weights move (He et al., arXiv 2402.02009; η as in the paper and LibMTL, 1 in TorchJD). As in both of them the weights
    /// are for what the tasks share. The risk g·(g/√Σg²) is that of a shift of what the shared layers put out: g has a number for
    /// each of its columns, the sum over the batch's rows.
    public static func excessMTL(stepSize: Double = 0.01) -> Balancing {
        Balancing(.excessMTL(stepSize: stepSize))
    }
}
