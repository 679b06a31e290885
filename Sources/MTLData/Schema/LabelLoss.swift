package import MTLEngine

/// The loss that a label is learned by, where it is not its kind's usual one.
public enum LabelLoss: String, Sendable, Codable, CaseIterable {
    /// Binary and multiclass: the cross-entropy, as without this setting.
    case log
    /// Binary and multiclass: the focal loss, with `gamma` (2 unless said) and, of a binary label, `alpha`.
    case focal
    /// Binary: the log loss, rows with no weighted as the F-measure of `beta` (1 unless said) needs.
    case f1
    /// Multiclass: cumulative logits; the classes are numbers, in their order.
    case ordinal
    /// Regression: the squared error, as without this setting.
    case squared
    /// Regression: Huber's, with `huber_delta` (1 unless said).
    case huber
    /// Regression: the pinball loss of `quantile`.
    case quantile
    /// Regression: half the Poisson deviance; labels are counts.
    case poisson
    /// Regression: half the Tweedie deviance of `power` (1.5 unless said); labels are sums of payments.
    case tweedie
    /// Regression: the zero-inflated lognormal loss; labels are payments, most of them 0.
    case ziln

    /// The kinds of label that it is for.
    func isOf(_ kind: Label.Kind) -> Bool {
        switch self {
        case .log, .focal: kind != .regression
        case .f1: kind == .binary
        case .ordinal: kind == .multiclass
        default: kind == .regression
        }
    }

    /// Whether labels below 0 have no loss.
    var needsPositive: Bool { self == .poisson || self == .tweedie || self == .ziln }

    /// What a model that was trained with it predicts before it is brought back in the label's unit: a model cannot go on with
    /// another.
    var link: String {
        switch self {
        case .log, .focal, .f1: "logit"
        case .ordinal: "cumulative logits"
        case .squared, .huber, .quantile: "identity"
        case .poisson, .tweedie: "logarithm"
        case .ziln: "zero-inflated lognormal"
        }
    }
}

/// How much the rows of a class count in the loss.
public enum ClassWeighting: Sendable, Equatable {
    /// As much as makes all classes count alike: of a binary label no : yes for yes and 1 for no; of K classes N / (K N_k).
    case balanced
    /// Binary: yes as much as this, no 1.
    case positive(Double)
    /// Multiclass: by the classes' names; those that are not named count 1.
    case named([String: Double])
}

extension Label {
    /// What the model learns of it.
    ///
    /// - Parameter classes: how many a multiclass label has.
    package func taskKind(classes: Int) -> LearningTask.Kind {
        switch kind {
        case .binary: return .binary
        case .multiclass where loss == .ordinal: return .ordinal(classes: max(2, classes))
        case .multiclass: return .multiclass(classes: max(2, classes))
        case .regression: break
        }
        switch loss ?? (huberDelta == nil ? .squared : .huber) {
        case .huber: return .huber(delta: huberDelta ?? 1)
        case .quantile: return .quantile(level: quantile ?? 0.5)
        case .poisson: return .poisson
        case .tweedie: return .tweedie(power: power ?? 1.5)
        case .ziln: return .zeroInflatedLognormal
        case .log, .focal, .f1, .ordinal, .squared: return .squaredError
        }
    }

    /// What of it a model learns.
    var link: String {
        if ranking?.kind == .jrc { return "logits of no and yes" }
        let link = (loss ?? (kind == .regression ? .squared : .log)).link
        return isLogarithmic ? "logarithm of 1 more" : link
    }

    /// γ of the focal loss, 0 for another.
    var focusing: Double { loss == .focal ? gamma ?? 2 : 0 }

    /// β of the loss for F1, nil for another.
    var f1: Double? { loss == .f1 ? beta ?? 1 : nil }

    /// Whether labels below 0 are refused.
    var needsPositive: Bool { isLogarithmic || loss?.needsPositive == true }

    /// The classes' weights, `[no, yes]` or in the order of the classes; empty for 1 each.
    ///
    /// - Parameters:
    ///   - counts: per class its training rows that are learned from.
    ///   - names: the names of a multiclass label's classes.
    func weights(counts: [Double], names: [String]) -> [Double] {
        if loss == .focal, let alpha { return [1 - alpha, alpha] }
        let isBinary = kind == .binary
        switch classWeights {
        case nil: return []
        case .positive(let weight): return [1, weight]
        case .named(let weights): return names.map { weights[$0] ?? 1 }
        case .balanced:
            // Labels of one class are refused later, by what is wrong with them.
            guard counts.count > 1, counts.allSatisfy({ $0 > 0 }) else {
                return [Double](repeating: 1, count: isBinary ? 2 : names.count)
            }
            if isBinary { return [1, counts[0] / counts[1]] }
            let total = counts.reduce(0, +)
            return counts.map { total / Double(counts.count) / $0 }
        }
    }

    /// Checks what the loss is made of.
    func checkLoss() throws(InputError) {
        func refuse(_ setting: String, _ found: String, _ expected: String) throws(InputError) {
            throw InputError(
                .value, at: "label \"\(name)\", \(setting)", found: found, expected: expected)
        }
        if let loss, !loss.isOf(kind) {
            let own = LabelLoss.allCases.filter { $0.isOf(kind) }.map(\.rawValue)
            try refuse(
                "loss", "\(loss.rawValue) of a \(kind.rawValue) label",
                "one of \(own.joined(separator: ", "))")
        }
        func needs(_ setting: String, _ isSet: Bool, _ needed: LabelLoss) throws(InputError) {
            guard isSet, loss != needed else { return }
            try refuse(
                setting, "loss: \(loss?.rawValue ?? "none")",
                "\(setting) beside loss: \(needed.rawValue) only")
        }
        if loss != nil { try needs("huber_delta", huberDelta != nil, .huber) }
        try needs("quantile", quantile != nil, .quantile)
        try needs("power", power != nil, .tweedie)
        try needs("gamma", gamma != nil, .focal)
        try needs("alpha", alpha != nil, .focal)
        try needs("beta", beta != nil, .f1)
        if loss == .quantile, quantile == nil {
            try refuse("quantile", "nothing", "its level, above 0 and below 1, such as 0.9")
        }
        for (setting, value, range) in [
            ("quantile", quantile, 0.0..<1), ("power", power, 1.0..<2), ("alpha", alpha, 0.0..<1),
        ] {
            guard let value else { continue }
            guard range.contains(value), value > range.lowerBound else {
                return try refuse(
                    setting, "\(value)",
                    "above \(Int(range.lowerBound)) and below \(Int(range.upperBound))")
            }
        }
        if alpha != nil, kind != .binary { try refuse("alpha", "a \(kind.rawValue) label", "a binary one") }
        for (setting, value) in [("gamma", gamma), ("beta", beta)] {
            guard let value, !(value > 0 && value.isFinite) else { continue }
            try refuse(setting, "\(value)", "a finite number above 0")
        }
        if loss == .f1 {
            for (setting, isSet) in [
                ("ranking", ranking != nil), ("positive_weight", classWeights != nil),
                ("smoothing", smoothing != 0),
            ] where isSet {
                try refuse(setting, "beside loss: f1", "one of them: this loss weighs rows with no itself")
            }
        }
        if isLogarithmic {
            guard kind == .regression else {
                return try refuse("log1p", "a \(kind.rawValue) label", "a regression one")
            }
            if let loss, loss.needsPositive {
                try refuse(
                    "log1p", "loss: \(loss.rawValue)", "one of them: this loss has a logarithm of its own")
            }
        }
        try checkClassWeights(refuse)
    }

    private func checkClassWeights(
        _ refuse: (String, String, String) throws(InputError) -> Void
    ) throws(InputError) {
        guard let classWeights else { return }
        let setting = kind == .binary ? "positive_weight" : "class_weights"
        var values: [(String, Double)] = []
        switch classWeights {
        case .balanced:
            if kind == .regression { try refuse(setting, "a regression label", "one of classes") }
        case .positive(let weight):
            if kind != .binary { try refuse("positive_weight", "a \(kind.rawValue) label", "a binary one") }
            values = [(setting, weight)]
        case .named(let weights):
            if kind != .multiclass {
                try refuse("class_weights", "a \(kind.rawValue) label", "a multiclass one")
            }
            values = weights.sorted { $0.key < $1.key }.map { ("\(setting), \"\($0.key)\"", $0.value) }
        }
        for (place, value) in values where !(value > 0 && value.isFinite) {
            try refuse(place, "\(value)", "a finite number above 0")
        }
        if loss == .ordinal { try refuse(setting, "loss: ordinal", "classes that count alike") }
        if alpha != nil { try refuse("alpha", "alpha beside \(setting)", "one of them") }
        if smoothing != 0 {
            try refuse("smoothing", "smoothed labels beside \(setting)", "one of them")
        }
    }
}
