import MTLEngine
import MTLTestSupport
import Testing

/// Balancing as a file says it, and what is refused.
@Suite struct BalancingOptionTests {
    @Test func optionsAreRead() throws {
        #expect(try Balanced.method(["type": "famo"]) == .famo())
        #expect(try Balanced.method(["type": "famo", "learning_rate": 0.1]) == .famo(learningRate: 0.1))
        #expect(
            try Balanced.method(["type": "uw", "form": "liebel_koerner", "learning_rate": 1])
                == .uncertainty(.liebelKoerner, learningRate: 1))
        #expect(
            try Balanced.method(["type": "decay", "gamma": 0.5, "tasks": ["a": 0.25]])
                == .decay(gamma: 0.5, tasks: ["a": 0.25]))
        #expect(try Balanced.method(["type": "upgrad", "smoothing": 0.5]) == Balancing.upGrad.smoothed(0.5))
        #expect(
            try Balanced.method(["type": "cagrad", "radius": 0.1, "rescaled": "no"])
                == .caGrad(radius: 0.1, isRescaled: false))
        #expect(
            try Balanced.method([
                "type": "sdmgrad", "lambda": 1, "learning_rate": 2, "momentum": 0.25, "iterations": 3,
            ]) == .sdmGrad(lambda: 1, learningRate: 2, momentum: 0.25, iterations: 3))
        #expect(
            try Balanced.method(["type": "pcd", "main": "buy", "progress": 0.5, "momentum": 0.5])
                == .pcd(main: "buy", progress: 0.5, momentum: 0.5))
        #expect(try Balanced.method(["type": "aligned_mtl", "scale": "median"]) == .alignedMTL(.median))
        #expect(
            try Balanced.method([
                "type": "priorities", "order": ["b", "a"], "tolerance": 0.01, "tasks": ["b": 0.5], "phase": 3,
                "learning_rate": 2, "momentum": 0.5,
            ])
                == .priorities(
                    order: ["b", "a"], tolerance: 0.01, tasks: ["b": 0.5], phase: 3, learningRate: 2,
                    momentum: 0.5))
        #expect(
            try Balanced.method(["type": "autoscale", "metric": "loss_scale", "window": 7])
                == .autoScale(.lossScale, window: 7))
        #expect(
            try Balanced.method(["type": "autoscale", "fixed_after": 3])
                == Balancing.autoScale().fixed(after: 3))
        #expect(
            try Balanced.method(["type": "cosmos", "alpha": 0.5, "penalty": 3])
                == .cosmos(alpha: 0.5, penalty: 3))
        #expect(try Balanced.method(["type": "uw", "fixed_after": 2]) == .uncertainty().fixed(after: 2))
        #expect(
            try Balanced.method(["type": "mgda", "gradients": "layers"])
                == Balancing.mgda().withGradients(of: .layers))
    }

    @Test func namesAreTheirOwn() throws {
        for kind in Balancing.Kind.allCases {
            #expect(try Balanced.method(["type": .scalar(kind.rawValue)]) == Balancing.usual(kind))
            #expect(Balancing.usual(kind).kind == kind)
            try Balancing.usual(kind).check(tasks: ["a"])
        }
    }

    @Test(
        arguments: [
            (["type": "famo", "rate": 1], "rate"),
            (["type": "gls", "temperature": 1], "temperature"),
            (["type": "stch", "warmup": 1.5], "warmup"),
            (["type": "uw", "form": "gauss"], "form"),
            (["type": "mgda", "normalization": "l2"], "normalization"),
            (["type": "decay", "tasks": ["a": "much"]], "tasks"),
            (["type": "mgda", "gradients": "all"], "gradients"),
            (["type": "famo", "gradients": "layers"], "gradients"),
        ] as [([String: OptionValue], String)])
    func unknownOptionsAreNamed(_ options: [String: OptionValue], _ place: String) {
        #expect(failure { _ = try Balanced.method(options) }?.place == place)
    }

    @Test(
        arguments: [
            (Balancing.decay(gamma: 0), "gamma"), (.decay(tasks: ["a": -1]), "tasks, a"),
            (.decay(tasks: ["buy": 1]), "tasks"), (.uncertainty(learningRate: -1), "learning_rate"),
            (.imtlL(learningRate: .infinity), "learning_rate"),
            (.softOptimalUncertainty(temperature: 0), "temperature"),
            (.dwa(temperature: .nan), "temperature"), (.dtp(focusing: -1), "focusing"),
            (.dtp(momentum: 1), "momentum"),
            (.cov(momentum: 2), "momentum"), (.lbtw(exponent: -0.5), "exponent"), (.stch(mu: 0), "mu"),
            (.stch(warmup: -1), "warmup"), (.famo(learningRate: -1), "learning_rate"),
            (.famo(weightDecay: .nan), "weight_decay"), (.pbi(penalty: -1), "penalty"),
            (.pbi(preference: ["a": -1]), "preference, a"), (.pbi(preference: ["buy": 1]), "preference"),
            (.pbi(preference: ["a": 0, "b": 0]), "preference"), (.gradNorm(exponent: -1), "exponent"),
            (.gradNorm(learningRate: -1), "learning_rate"), (.metaBalance(main: "buy"), "main"),
            (.metaBalance(relaxation: 2), "relaxation"), (.metaBalance(momentum: 1), "momentum"),
            (.dbMTL(momentum: 1), "momentum"), (.dbMTL(decay: -1), "decay"), (.peLTR(floor: -0.1), "floor"),
            (.peLTR(floor: 0.6), "floor"), (.peLTR(tasks: ["a": 2]), "tasks, a"),
            (.peLTR(tasks: ["buy": 0]), "tasks"),
            (.gradVac(momentum: 2), "momentum"), (.caGrad(radius: -1), "radius"),
            (.nashMTL(every: 0), "every"),
            (.nashMTL(maximumNorm: -1), "maximum_norm"), (.fairGrad(alpha: 0), "alpha"),
            (.sdmGrad(lambda: -1), "lambda"), (.sdmGrad(learningRate: 0), "learning_rate"),
            (.sdmGrad(momentum: 1), "momentum"), (.sdmGrad(iterations: 0), "iterations"),
            (.sdmGrad(iterations: 1 << 40), "iterations"), (.moDo(learningRate: 0), "learning_rate"),
            (.moDo(penalty: -1), "penalty"), (.moCo(trackingRate: 2), "tracking_rate"),
            (.moCo(weightRate: 0), "weight_rate"),
            (.moCo(decay: -1), "decay"), (.moCo(penalty: -1), "penalty"),
            (.excessMTL(stepSize: 0), "step_size"),
            (.pcd(main: "buy"), "main"), (.pcd(progress: 2), "progress"), (.pcd(momentum: 1), "momentum"),
            (.ldcMTL(penalty: -1), "penalty"), (.ldcMTL(learningRate: -1), "learning_rate"),
            (.gradCraft(relaxation: 2), "relaxation"), (.gradCraft(momentum: 1), "momentum"),
            (.gradCraft(cosine: 1), "cosine"), (.cosineGate(main: "buy"), "main"),
            (.priorities(tolerance: -1), "tolerance"), (.priorities(tasks: ["a": .nan]), "tasks, a"),
            (.priorities(tasks: ["buy": 1]), "tasks"), (.priorities(phase: 0), "phase"),
            (.priorities(learningRate: -1), "learning_rate"), (.priorities(momentum: 1), "momentum"),
            (.priorities(order: ["a", "buy"]), "order"), (.priorities(order: ["a", "a"]), "order"),
            (.priorities(order: ["b"]), "order"), (.autoScale(window: 0), "window"),
            (.cosmos(alpha: 0), "alpha"), (.cosmos(alpha: 1e7), "alpha"), (.cosmos(penalty: -1), "penalty"),
            (Balancing.cosmos().smoothed(0.5), "smoothing"),
            (Balancing.cosmos().fixed(after: 1), "fixed_after"),
            (Balancing.fixed.smoothed(1), "smoothing"), (Balancing.famo().fixed(after: 0), "fixed_after"),
        ] as [(Balancing, String)])
    func badNumbersAreRefused(_ method: Balancing, _ place: String) {
        let error = failure {
            _ = try BalancerMemory(method, tasks: Balanced.tasks(2), seed: 1, place: "here")
        }
        #expect(error?.place == "here, " + place)
    }

    @Test func tasksAreNeeded() {
        #expect(failure { _ = try BalancerMemory(.famo(), tasks: [], seed: 1) }?.kind == .empty)
    }

    @Test func positionsOfOthersAreRefused() throws {
        let memory = try BalancerMemory(.famo(), tasks: Balanced.tasks(3), seed: 1)
        var position = memory.position
        #expect(position.numbers.count == 12)
        position.numbers[3] = .nan
        #expect(failure { try memory.restore(position) }?.kind == .value)
        position.numbers[3] = 0
        position.step = -1
        #expect(failure { try memory.restore(position) }?.kind == .value)
        let other = try BalancerMemory(.famo(), tasks: Balanced.tasks(4), seed: 1)
        #expect(failure { try memory.restore(other.position) }?.kind == .shape)
    }

    /// What each asks for decides what a step costs.
    @Test func needsAreSaid() {
        let beforehand = Balancing.Kind.allCases.filter {
            Balancing.usual($0).needs.isDisjoint(with: [.losses, .lossesAfter]) && $0.isOfLosses
        }
        #expect(Set(beforehand) == [.fixed, .decay, .uw, .dwa, .dtp, .rlw, .imtlL, .cov, .priorities])
        let known = Balancing.Kind.allCases.filter { Balancing.usual($0).needs.areKnownBefore }
        #expect(Set(known) == Set(beforehand).union([.gradNorm, .autoScale]))
        #expect(Balancing.autoScale().weighsLosses && Balancing.autoScale(.lossScale).needs == .epochs)
        #expect(Balancing.gradNorm().weighsLosses && !Balancing.excessMTL().weighsLosses)
        #expect(Balancing.famo().needs == [.losses, .lossesAfter])
        #expect(Balancing.dbMTL(momentum: 0).needs == [.losses, .norms])
        #expect(Balancing.mgda().needs == .gram)
        #expect(Balancing.mgda(.loss).needs == [.gram, .losses])
        #expect(Balancing.moDo().needs == .crossGram)
        #expect(Balancing.famo().weighsLosses && !Balancing.upGrad.weighsLosses)
    }
}
