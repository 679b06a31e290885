extension Balancing {
    /// Checks every option.
    ///
    /// - Parameter tasks: the names of the tasks; nil where they are not known yet.
    /// - Throws: `InputError` that names the option.
    package func check(_ place: String = "balancing", tasks: [String]? = nil) throws(InputError) {
        try requireRate(smoothing, "\(place), smoothing")
        if let fixedAfter { try require(fixedAfter, atLeast: 1, "\(place), fixed_after") }
        try checkGradients("\(place), gradients")
        // Weights that are not those of the step's own preference would teach the model another one than it reads.
        if kind == .cosmos, smoothing > 0 || fixedAfter != nil {
            throw InputError(
                .value, at: "\(place), \(smoothing > 0 ? "smoothing" : "fixed_after")",
                found: "one beside cosmos",
                expected: "none: the weights of a step are those of its preference")
        }
        try checkNumbers(place)
        if let tasks { try checkNames(place, tasks) }
    }

    /// Whether the method compares gradients of what it is said to.
    private func checkGradients(_ place: String) throws(InputError) {
        guard gradients != .representation else { return }
        if !needs.areOfGradients {
            throw InputError(
                .value, at: place,
                found: "\(gradients.rawValue) of \(kind.rawValue), which compares no gradients",
                expected: "none, or a method of gradients")
        }
        if needs.contains(.excessRisks) {
            throw InputError(
                .value, at: place,
                found:
                    "\(gradients.rawValue) of \(kind.rawValue), whose risks are of a shift of what the shared layers put out",
                expected: GradientSource.representation.rawValue)
        }
    }

    private func checkNumbers(_ place: String) throws(InputError) {
        switch method {
        case .fixed, .rlw, .gls, .mgda, .imtlG, .pcGrad, .alignedMTL, .upGrad, .dualProj, .conFIG,
            .cosineGate:
            return
        case .decay(let gamma, let tasks):
            try requirePositive(gamma, "\(place), gamma")
            for (name, gamma) in Self.sorted(tasks) {
                try requirePositive(gamma, "\(place), tasks, \(name)")
            }
        case .uw(_, let rate), .imtlL(let rate): try require(rate, atLeast: 0, "\(place), learning_rate")
        case .uwSO(let temperature), .dwa(let temperature):
            try requirePositive(temperature, "\(place), temperature")
        case .dtp(let focusing, let momentum):
            try require(focusing, atLeast: 0, "\(place), focusing")
            try requireRate(momentum, "\(place), momentum")
        case .cov(let momentum): if let momentum { try requireRate(momentum, "\(place), momentum") }
        case .lbtw(let exponent): try require(exponent, atLeast: 0, "\(place), exponent")
        case .stch(let mu, let warmup):
            try requirePositive(mu, "\(place), mu")
            try require(warmup, atLeast: 0, "\(place), warmup")
        case .famo(let rate, let decay):
            try require(rate, atLeast: 0, "\(place), learning_rate")
            try require(decay, atLeast: 0, "\(place), weight_decay")
        case .pbi(let penalty, let preference):
            try require(penalty, atLeast: 0, "\(place), penalty")
            for (name, share) in Self.sorted(preference) {
                try require(share, atLeast: 0, "\(place), preference, \(name)")
            }
        case .cosmos(let alpha, let penalty):
            try requirePositive(alpha, "\(place), alpha")
            guard alpha <= 1e6 else {
                throw InputError(.value, at: "\(place), alpha", found: "\(alpha)", expected: "at most 1e6")
            }
            try require(penalty, atLeast: 0, "\(place), penalty")
        case .ldcMTL(let penalty, let rate):
            try require(penalty, atLeast: 0, "\(place), penalty")
            try require(rate, atLeast: 0, "\(place), learning_rate")
        case .priorities(let priorities):
            try require(priorities.tolerance, atLeast: 0, "\(place), tolerance")
            for (name, tolerance) in Self.sorted(priorities.tasks) {
                try require(tolerance, atLeast: 0, "\(place), tasks, \(name)")
            }
            try require(priorities.phase, atLeast: 1, "\(place), phase")
            try require(priorities.learningRate, atLeast: 0, "\(place), learning_rate")
            try requireRate(priorities.momentum, "\(place), momentum")
        case .gradCraft(let relaxation, let momentum, let cosine):
            try requireShare(relaxation, "\(place), relaxation")
            try requireRate(momentum, "\(place), momentum")
            try requireRate(cosine, "\(place), cosine")
        case .gradNorm(let exponent, let rate):
            try require(exponent, atLeast: 0, "\(place), exponent")
            try require(rate, atLeast: 0, "\(place), learning_rate")
        case .autoScale(_, let window): try require(window, atLeast: 1, "\(place), window")
        case .metaBalance(_, let relaxation, let momentum):
            try requireShare(relaxation, "\(place), relaxation")
            try requireRate(momentum, "\(place), momentum")
        case .dbMTL(let momentum, let decay):
            try requireRate(momentum, "\(place), momentum")
            try require(decay, atLeast: 0, "\(place), decay")
        case .peLTR(let floor, let tasks):
            try requireShare(floor, "\(place), floor")
            for (name, floor) in Self.sorted(tasks) { try requireShare(floor, "\(place), tasks, \(name)") }
        case .gradVac(let momentum): try requireShare(momentum, "\(place), momentum")
        case .caGrad(let radius, _): try require(radius, atLeast: 0, "\(place), radius")
        case .nashMTL(let every, let norm):
            try require(every, atLeast: 1, "\(place), every")
            try require(norm, atLeast: 0, "\(place), maximum_norm")
        case .fairGrad(let alpha): try requirePositive(alpha, "\(place), alpha")
        case .sdmGrad(let lambda, let rate, let momentum, let iterations):
            try require(lambda, atLeast: 0, "\(place), lambda")
            try requirePositive(rate, "\(place), learning_rate")
            try requireRate(momentum, "\(place), momentum")
            try require(iterations, atLeast: 1, atMost: 10_000, "\(place), iterations")
        case .moDo(let rate, let penalty):
            try requirePositive(rate, "\(place), learning_rate")
            try require(penalty, atLeast: 0, "\(place), penalty")
        case .moCo(let tracking, let rate, let decay, let penalty):
            try requireShare(tracking, "\(place), tracking_rate")
            try requirePositive(rate, "\(place), weight_rate")
            try require(decay, atLeast: 0, "\(place), decay")
            try require(penalty, atLeast: 0, "\(place), penalty")
        case .excessMTL(let stepSize): try requirePositive(stepSize, "\(place), step_size")
        case .pcd(_, let progress, let momentum):
            try requireShare(progress, "\(place), progress")
            try requireRate(momentum, "\(place), momentum")
        }
    }

    private func checkNames(_ place: String, _ tasks: [String]) throws(InputError) {
        func check(_ name: String, _ place: String) throws(InputError) {
            guard !tasks.contains(name) else { return }
            throw InputError(
                .name, at: place, found: "\"\(name)\", which is no task",
                expected: "one of \(tasks.joined(separator: ", "))")
        }
        guard !tasks.isEmpty else {
            throw InputError(.empty, at: place, found: "no tasks", expected: "one at least")
        }
        if let main { try check(main, "\(place), main") }
        switch method {
        case .decay(_, let numbers):
            for (name, _) in Self.sorted(numbers) { try check(name, "\(place), tasks") }
        case .peLTR(let floor, let numbers):
            for (name, _) in Self.sorted(numbers) { try check(name, "\(place), tasks") }
            let sum = tasks.reduce(0) { $0 + (numbers[$1] ?? floor) }
            guard sum <= 1 + 1e-9 else {
                throw InputError(
                    .value, at: "\(place), floor", found: "\(sum) over all tasks", expected: "at most 1")
            }
        case .priorities(let priorities):
            for (name, _) in Self.sorted(priorities.tasks) { try check(name, "\(place), tasks") }
            for name in priorities.order { try check(name, "\(place), order") }
            guard priorities.order.isEmpty || Set(priorities.order).count == priorities.order.count else {
                throw InputError(
                    .name, at: "\(place), order",
                    found: "\(priorities.order.joined(separator: ", ")), a task twice",
                    expected: "every task once")
            }
            if !priorities.order.isEmpty, let missing = tasks.first(where: { !priorities.order.contains($0) })
            {
                throw InputError(
                    .name, at: "\(place), order",
                    found: "\(priorities.order.joined(separator: ", ")) without \(missing)",
                    expected: "every task, the most important one first")
            }
        case .pbi(_, let numbers):
            for (name, _) in Self.sorted(numbers) { try check(name, "\(place), preference") }
            guard tasks.contains(where: { numbers[$0] ?? 1 > 0 }) else {
                throw InputError(
                    .value, at: "\(place), preference", found: "0 for every task", expected: "one above 0")
            }
        default: return
        }
    }

    /// In the order of the names, so that of several mistakes always the same one is told.
    private static func sorted(_ numbers: [String: Double]) -> [(String, Double)] {
        numbers.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
