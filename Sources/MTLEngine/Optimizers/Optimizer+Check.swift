extension Optimizer {
    /// Checks an optimiser of the layers and that of the tables beside it.
    ///
    /// - Parameters:
    ///   - tables: the optimiser that the tables have to themselves; nil where the layers' is theirs too.
    ///   - hasTables: whether the model has any.
    /// - Throws: `InputError` that names the option.
    package func check(tables: Optimizer?, hasTables: Bool) throws(InputError) {
        try check("optimizer")
        switch rule {
        case .rowAdagrad, .ftrl:
            throw InputError(
                .value, at: "optimizer", found: "a rule for tables",
                expected: "one for layers: this is for the table optimizer")
        default: break
        }
        guard let tables else {
            guard rowDecay == 0 || hasTables else {
                throw InputError(
                    .value, at: "optimizer, row decay", found: "\(rowDecay)",
                    expected: "0 without embedding tables")
            }
            if hasTables { try checkMomentum("optimizer") }
            return
        }
        guard hasTables else {
            throw InputError(
                .value, at: "table optimizer", found: "a model without embedding tables", expected: "none")
        }
        guard rowDecay == 0 else {
            throw InputError(
                .value, at: "optimizer, row decay", found: "\(rowDecay)",
                expected: "0 beside a table optimizer")
        }
        try tables.check("table optimizer")
        try tables.checkMomentum("table optimizer")
        guard tables.weightDecay == 0 else {
            throw InputError(
                .value, at: "table optimizer, weight decay", found: "\(tables.weightDecay)",
                expected: "0: tables have row decay")
        }
    }

    private func checkMomentum(_ place: String) throws(InputError) {
        guard case .sgd(let momentum, _, _) = rule, momentum != 0 else { return }
        throw InputError(
            .value, at: "\(place), momentum", found: "\(momentum)",
            expected: "0 with embedding tables, whose rows change only when a batch touches them")
    }

    /// Checks every number.
    ///
    /// - Throws: `InputError` that names the option behind `place`.
    package func check(_ place: String) throws(InputError) {
        func require(_ holds: Bool, _ name: String, _ value: Double, _ expected: String) throws(InputError) {
            guard holds else {
                throw InputError(.value, at: "\(place), \(name)", found: "\(value)", expected: expected)
            }
        }
        try require(
            learningRate >= 0 && learningRate.isFinite, "learning rate", learningRate, "0 or above, finite")
        try require(
            weightDecay >= 0 && weightDecay.isFinite, "weight decay", weightDecay, "0 or above, finite")
        try require(rowDecay >= 0 && rowDecay.isFinite, "row decay", rowDecay, "0 or above, finite")
        switch rule {
        case .sgd(let momentum, let dampening, let nesterov):
            try require(momentum >= 0 && momentum.isFinite, "momentum", momentum, "0 or above, finite")
            try require(
                !nesterov || (momentum > 0 && dampening == 0), "nesterov", momentum,
                "a momentum above 0 and no dampening")
        case .adam(let beta1, let beta2, let epsilon, _):
            try require(beta1 >= 0 && beta1 < 1, "beta1", beta1, "0 ..< 1")
            try require(beta2 >= 0 && beta2 < 1, "beta2", beta2, "0 ..< 1")
            try require(epsilon >= 0 && epsilon.isFinite, "epsilon", epsilon, "0 or above, finite")
        case .adagrad(let epsilon), .rowAdagrad(let epsilon):
            try require(epsilon > 0 && epsilon.isFinite, "epsilon", epsilon, "above 0, finite")
        case .ftrl(let beta, let l1, let l2):
            try require(learningRate > 0, "alpha", learningRate, "above 0, finite")
            try require(beta >= 0 && beta.isFinite, "beta", beta, "0 or above, finite")
            try require(l1 >= 0 && l1.isFinite, "l1", l1, "0 or above, finite")
            try require(l2 >= 0 && l2.isFinite, "l2", l2, "0 or above, finite")
        }
    }
}
