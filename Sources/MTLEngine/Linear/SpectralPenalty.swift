/// λ‖X‖_*, the sum of the singular values; prox: each of them less τλ, at least 0.
///
/// Cai, Candès & Shen, *A Singular Value Thresholding Algorithm for Matrix Completion*, arXiv 0810.3286, theorem 2.1.
package struct TraceNormPenalty: Penalty {
    package let lambda: Double

    package init(lambda: Double) {
        self.lambda = lambda
    }

    package func proximal(_ v: Matrix, step: Double) throws(InputError) -> (x: Matrix, value: Double) {
        let svd = try SingularValues(v)
        let sigma = svd.sigma.map { max($0 - step * lambda, 0) }
        return (svd.with(sigma), lambda * sigma.reduce(0, +))
    }
}

/// 0 where ‖X‖_* ≤ τ, else infinite; prox: singular values projected on the simplex of size τ.
package struct TraceBall: Penalty {
    package let radius: Double

    package init(radius: Double) {
        self.radius = radius
    }

    package func proximal(_ v: Matrix, step: Double) throws(InputError) -> (x: Matrix, value: Double) {
        let svd = try SingularValues(v)
        guard let threshold = ballThreshold(svd.sigma, radius: radius) else { return (v, 0) }
        return (svd.with(svd.sigma.map { max($0 - threshold, 0) }), 0)
    }
}

/// λ‖X‖_*², which is min over Ω ⪰ 0, tr Ω = 1 of λ tr(X Ω⁻¹ Xᵀ).
///
/// Prox: σ_i less s, at least 0, where s = 2τλ Σ σ_i(X).
package struct SquaredTraceNormPenalty: Penalty {
    package let lambda: Double

    package init(lambda: Double) {
        self.lambda = lambda
    }

    package func proximal(_ v: Matrix, step: Double) throws(InputError) -> (x: Matrix, value: Double) {
        let svd = try SingularValues(v)
        let c = 2 * step * lambda
        var sum = 0.0
        var threshold = 0.0
        for (index, sigma) in svd.sigma.enumerated() {
            sum += sigma
            let candidate = c * sum / (1 + c * Double(index + 1))
            if sigma <= candidate { break }
            threshold = candidate
        }
        let sigma = svd.sigma.map { max($0 - threshold, 0) }
        let norm = sigma.reduce(0, +)
        return (svd.with(sigma), lambda * norm * norm)
    }
}

/// c · min over γ ∈ [0, 1]ʳ, Σγ ≤ k of Σ σ_i(X)²/(η + γ_i): the relaxed penalty of clustered and alternating
/// structure learning with its matrix M minimised out (M shares the singular vectors of X).
///
/// Prox: θ_i = η + γ_i = clip(μ σ_i - 2τc, η, 1 + η) with μ so that Σγ = k, then σ_i θ_i/(θ_i + 2τc)
/// (McDonald, Pontil & Stamos, *New Perspectives on k-Support and Cluster Norms*, arXiv 1403.1481, section 5).
package struct SpectralBoxPenalty: Penalty {
    package let c: Double
    package let eta: Double
    package let k: Double

    package init(c: Double, eta: Double, k: Double) {
        self.c = c
        self.eta = eta
        self.k = k
    }

    package func proximal(_ v: Matrix, step: Double) throws(InputError) -> (x: Matrix, value: Double) {
        let svd = try SingularValues(v)
        let shift = 2 * step * c
        let theta = weights(of: svd.sigma, shift: shift).map { $0 + eta }
        var value = 0.0
        let sigma = zip(svd.sigma, theta).map { sigma, theta in
            let x = sigma * theta / (theta + shift)
            value += x * x / theta
            return x
        }
        return (svd.with(sigma), c * value)
    }

    /// The best γ for singular values, those of M; with `shift` 0, the γ that reaches the minimum above.
    package func weights(of sigma: [Double], shift: Double = 0) -> [Double] {
        let positive = sigma.filter { $0 > 0 }
        guard Double(positive.count) > k else { return sigma.map { $0 > 0 ? 1 : 0 } }
        func weight(_ sigma: Double, _ mu: Double) -> Double { min(max(mu * sigma - shift - eta, 0), 1) }
        func total(_ mu: Double) -> Double { positive.reduce(0) { $0 + weight($1, mu) } }
        // The total grows with μ, linearly between the points where some γ leaves 0 or reaches 1.
        let points = positive.flatMap { [(eta + shift) / $0, (1 + eta + shift) / $0] }
            .filter(\.isFinite).sorted()
        var (low, high) = (0, points.count - 1)
        while high - low > 1 {
            let middle = (low + high) / 2
            if total(points[middle]) < k { low = middle } else { high = middle }
        }
        let (below, above) = (total(points[low]), total(points[high]))
        let share = above > below ? (k - below) / (above - below) : 1
        let mu = points[low] + share * (points[high] - points[low])
        return sigma.map { weight($0, mu) }
    }
}

/// min over Θ `[free, d]` with ΘΘᵀ = I of λ‖(I - ΘᵀΘ) X‖², that is λ Σ σ_i² over all but the largest `free`. Not convex.
///
/// Prox: the largest stay, the others are divided by 1 + 2τλ. It is a turn of the alternation of W and Θ: Θ becomes the
/// top left singular vectors of V, and W moves for that Θ.
package struct SpectralTailPenalty: Penalty {
    package let lambda: Double
    package let free: Int

    package init(lambda: Double, free: Int) {
        self.lambda = lambda
        self.free = free
    }

    package func proximal(_ v: Matrix, step: Double) throws(InputError) -> (x: Matrix, value: Double) {
        let svd = try SingularValues(v)
        var sigma = svd.sigma
        var tail = 0.0
        for index in sigma.indices.dropFirst(free) {
            sigma[index] /= 1 + 2 * step * lambda
            tail += sigma[index] * sigma[index]
        }
        return (svd.with(sigma), lambda * tail)
    }
}
