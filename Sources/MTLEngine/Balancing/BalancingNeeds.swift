/// What a method has to be given. Nothing of it: the weights are known before the batch is.
package struct BalancingNeeds: OptionSet, Sendable {
    package let rawValue: Int

    package init(rawValue: Int) { self.rawValue = rawValue }

    /// The batch's losses before the weights are asked for.
    package static let losses = BalancingNeeds(rawValue: 1)
    /// The products of the tasks' gradients, `[tasks, tasks]`.
    package static let gram = BalancingNeeds(rawValue: 2)
    /// The same, `[tasks, tasks]`, but only its diagonal counts, the squared lengths; the rest may hold anything.
    package static let norms = BalancingNeeds(rawValue: 4)
    /// Products G₁G₂ᵀ of gradients of two batches that share no row, in the place of those of one.
    package static let crossGram = BalancingNeeds(rawValue: 8)
    /// A moving average of every task's gradient, kept by whoever has the gradients (`BalancerMemory.track`); the products are
    /// its rows', and the weights are for its rows.
    package static let trackedGradients = BalancingNeeds(rawValue: 16)
    /// Per task g·(g / √(Σ g² + 1e-7)), the sum over all steps up to this one, coordinate by coordinate
    /// (`BalancerMemory.takeRisks`).
    package static let excessRisks = BalancingNeeds(rawValue: 32)
    /// The losses on the same batch after the parameters' update.
    package static let lossesAfter = BalancingNeeds(rawValue: 64)
    /// A number of each task's quality in 0...1 at every epoch's end, such as its AUC.
    package static let indicators = BalancingNeeds(rawValue: 128)
    /// To be told when an epoch ends.
    package static let epochs = BalancingNeeds(rawValue: 256)
    /// The products of the tasks' gradients, `[tasks, tasks]`, with the losses of a step that is done: the weights are known
    /// before.
    package static let laterGram = BalancingNeeds(rawValue: 512)

    /// Whether gradients of single tasks are needed, in whatever form.
    package var areOfGradients: Bool {
        !isDisjoint(with: [.gram, .norms, .crossGram, .trackedGradients, .excessRisks, .laterGram])
    }

    /// Whether the weights are known before the batch is.
    package var areKnownBefore: Bool {
        isDisjoint(with: [.losses, .gram, .norms, .crossGram, .trackedGradients, .excessRisks])
    }
}

extension Balancing {
    /// What the method has to be given.
    package var needs: BalancingNeeds {
        switch method {
        case .fixed, .rlw: []
        case .uw, .imtlL, .cov: []
        case .decay, .dwa, .priorities: .epochs
        case .dtp: [.epochs, .indicators]
        case .uwSO, .gls, .pbi, .ldcMTL, .cosmos: .losses
        case .lbtw, .stch: [.losses, .epochs]
        case .famo: [.losses, .lossesAfter]
        case .gradNorm: [.laterGram, .epochs]
        case .autoScale(let metric, _): metric == .magnitude ? [.laterGram, .epochs] : .epochs
        case .metaBalance: .norms
        case .dbMTL(let momentum, _):
            momentum > 0 ? [.losses, .norms, .trackedGradients] : [.losses, .norms]
        case .mgda(let normalization):
            normalization == .loss || normalization == .lossNorm ? [.losses, .gram] : .gram
        case .imtlG, .peLTR, .pcGrad, .gradVac, .caGrad, .gradCraft, .nashMTL, .fairGrad, .alignedMTL,
            .upGrad, .dualProj,
            .conFIG, .pcd, .cosineGate:
            .gram
        case .sdmGrad, .moDo: .crossGram
        case .moCo: [.losses, .gram, .trackedGradients]
        case .excessMTL: .excessRisks
        }
    }

    /// Whether the weights are factors of whole losses, heads included; else they are for what the tasks share. That a
    /// gradient-norm weight multiplies the loss is what its paper says.
    package var weighsLosses: Bool {
        switch method {
        case .gradNorm, .autoScale: true
        default: !needs.areOfGradients
        }
    }

    /// Whether the method puts one task above the others.
    package var hasMain: Bool {
        switch method {
        case .metaBalance, .pcd, .cosineGate: true
        default: false
        }
    }

    /// The name of that task; nil for the first one.
    package var main: String? {
        switch method {
        case .metaBalance(let main, _, _), .pcd(let main, _, _), .cosineGate(let main, _): main
        default: nil
        }
    }
}
