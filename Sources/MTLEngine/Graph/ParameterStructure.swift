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
    /// After every step that moved a matrix its rows are orthonormal again.
    case orthonormal(String)
    /// After every step a number that no optimiser trains goes up, until it has got to its limit.
    case raised(String, by: Double, to: Double)

    /// The trained parameters whose gradient or value it changes.
    package var names: [String] {
        switch self {
        case .coupling(let parts, _, _), .traceNorm(let parts, _, _): parts.flatMap { $0 }
        case .orthogonality(let name, _, _), .openGates(let name, _, _), .orthonormal(let name): [name]
        case .subspace(_, let own, let coefficients, _): own + coefficients
        case .raised: []
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
            case .openGates, .subspace, .orthonormal, .raised: break
            }
        }
    }
}

/// How the distance between the tasks' parameters θ_t is measured; see `GraphBuilder.couple` and `SoftSharing`.
public enum TaskCoupling: Sendable, Equatable {
    /// Σ_{s<t} ‖θ_s - θ_t‖²
    case pairwise
    /// Σ_t ‖θ_t - θ̄‖² for the tasks' mean θ̄.
    case mean
    /// tr(W Ω⁻¹ Wᵀ), W with the θ_t as columns and Ω in the parameter of this name, `[tasks, tasks]`, which is brought up to
    /// date every `every` steps.
    case covariance(String, every: Int)
}

extension GraphBuilder {
    /// Adds weight times a penalty on how far the tasks' parameters lie apart; see `SoftSharing`.
    ///
    /// - Parameters:
    ///   - parts: pieces of the tasks' parameters, say a layer's weights and its biases: each one parameter name per
    ///     task, of equal shape, in the order of `tasks`. No parameter may have two such penalties.
    ///   - kind: the distance.
    ///   - weight: the factor of the term.
    public mutating func couple(_ parts: [[String]], _ kind: TaskCoupling, weight: Double) {
        if case .covariance(let title, _) = kind {
            let count = tasks.count
            let start = place(count * count, isTrained: false)
            name(title, start, [count, count], isTrained: false)
            beginnings.append(.diagonal(start, size: count, on: 1 / Double(count), off: 0))
        }
        structures.append(.coupling(parts: parts, kind: kind, weight: weight))
    }

    /// Adds weight · Σ_{a<b} ‖W_a W_bᵀ‖² over equal blocks of the rows of a parameter `[units, inputs]`: blocks that differ
    /// read x in orthogonal directions.
    public mutating func penalizeOverlap(_ name: String, blocks: Int, weight: Double) {
        guard weight > 0, blocks > 1 else { return }
        structures.append(.orthogonality(name, blocks: blocks, weight: weight))
    }

    /// Every `every` steps takes the proximal step of weight · ‖W‖_* on the stacked parameters W of the tasks, for each part;
    /// see `TraceNormSharing`.
    ///
    /// - Parameters:
    ///   - parts: as of `couple`.
    ///   - weight: the factor of the term.
    ///   - every: the number of steps from one update to the next.
    public mutating func penalizeTraceNorm(_ parts: [[String]], weight: Double, every: Int) {
        precondition(every >= 1, "a proximal step every \(every) steps")
        guard weight > 0 else { return }
        structures.append(.traceNorm(parts: parts, weight: weight, every: every))
    }

    /// Every `every` steps sets Θ to the top right singular vectors of all tasks' rows u_t + v_t Θ, which keep their values;
    /// see `AlternatingStructure`.
    ///
    /// - Parameters:
    ///   - map: the parameter Θ of a `fixedMap`, `[rank, inputs]`.
    ///   - own: per task the parameter u_t, `[units, inputs]`.
    ///   - coefficients: per task the parameter v_t, `[units, rank]`.
    ///   - every: the number of steps from one update to the next.
    public mutating func updateSubspace(
        map: String, own: [String], coefficients: [String], every: Int
    ) {
        precondition(every >= 1, "an update every \(every) steps")
        structures.append(.subspace(map: map, own: own, coefficients: coefficients, every: every))
    }
}
