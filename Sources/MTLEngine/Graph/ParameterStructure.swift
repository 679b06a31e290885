/// What ties parameters of several tasks or units together beyond single terms: penalties whose gradient is added as
/// `ParameterPenalty`'s is, and updates between steps.
///
/// A part is one piece of every task's parameters, of equal shape: a layer's weights, its biases.
package enum ParameterStructure: Sendable {
    /// weight · Σ_st K_st ⟨θ_s, θ_t⟩ over the parts.
    case coupling(parts: [[String]], kind: TaskCoupling, weight: Double)
    /// weight · Σ_{a<b} ‖W_a W_bᵀ‖² over blocks of a layer's units.
    case orthogonality(String, blocks: Int, weight: Double)
    /// weight · Σ σ(θ - shift): the expected number of open hard-concrete gates.
    case openGates(String, shift: Double, weight: Double)
    /// Every `every` steps the proximal step of weight · ‖W‖_* on the tasks' stacked parts.
    case traceNorm(parts: [[String]], weight: Double, every: Int)
    /// Every `every` steps Θ = the top right singular vectors of all tasks' rows u + vΘ, which stay what they were.
    case subspace(map: String, own: [String], coefficients: [String], every: Int)

    /// K of a coupling.
    package enum TaskCoupling: Sendable, Equatable {
        /// Σ_{s<t} ‖θ_s - θ_t‖²
        case pairwise
        /// Σ_t ‖θ_t - θ̄‖²
        case mean
        /// tr(W Ω⁻¹ Wᵀ) with Ω in a parameter of this name, brought up to date every `every` steps.
        case covariance(String, every: Int)
    }

    /// The parameters whose gradient or value it changes.
    package var names: [String] {
        switch self {
        case .coupling(let parts, _, _), .traceNorm(let parts, _, _): parts.flatMap { $0 }
        case .orthogonality(let name, _, _), .openGates(let name, _, _): [name]
        case .subspace(_, let own, let coefficients, _): own + coefficients
        }
    }

    /// Elements of its K.
    package var couplingCount: Int {
        guard case .coupling(let parts, _, _) = self, let first = parts.first else { return 0 }
        return first.count * first.count
    }
}

extension [ParameterStructure] {
    func check(_ layout: ParameterLayout) throws(InputError) {
        var seen = Set<String>()
        for structure in self {
            for name in structure.names {
                _ = try layout.segment(name)
                // Workers take terms side by side.
                precondition(seen.insert(name).inserted, "two structures on \"\(name)\"")
            }
            switch structure {
            case .coupling(let parts, _, _), .traceNorm(let parts, _, _):
                for part in parts {
                    let first = try layout.segment(part[0])
                    for name in part {
                        let other = try layout.segment(name)
                        precondition(
                            other.shape == first.shape && other.isTransposed == first.isTransposed
                                && part.count == parts[0].count, "a part of unequal pieces: \(name)")
                    }
                }
            case .orthogonality(let name, let blocks, _):
                let shape = try layout.segment(name).shape
                precondition(shape.count == 2 && shape[0] % blocks == 0, "\(shape) in \(blocks) blocks")
            case .openGates, .subspace: break
            }
        }
    }
}

extension GraphBuilder {
    /// Adds a penalty on how far the tasks' parameters lie apart; see `SoftSharing`.
    ///
    /// - Parameter parts: pieces of equal shape, each with one name per task, in the order of `tasks`.
    mutating func couple(_ parts: [[String]], _ kind: ParameterStructure.TaskCoupling, weight: Double) {
        if case .covariance(let title, _) = kind {
            let count = tasks.count
            let start = place(count * count, isTrained: false)
            name(title, start, [count, count], isTrained: false)
            beginnings.append(.diagonal(start, size: count, on: 1 / Double(count), off: 0))
        }
        structures.append(.coupling(parts: parts, kind: kind, weight: weight))
    }

    /// Adds weight · Σ_{a<b} ‖W_a W_bᵀ‖² over blocks of a layer's units.
    mutating func penalizeOverlap(_ name: String, blocks: Int, weight: Double) {
        guard weight > 0, blocks > 1 else { return }
        structures.append(.orthogonality(name, blocks: blocks, weight: weight))
    }
}
