package import MTLEngine

/// A column to predict.
public struct Label: Sendable, Equatable, Codable {
    /// What is predicted of it.
    public enum Kind: String, Sendable, Codable, CaseIterable {
        /// Yes or no; the loss is the binary cross-entropy.
        case binary
        /// One of several classes.
        case multiclass
        /// A number; the loss is the squared error unless `loss` says another, of the label standardised by the training rows.
        case regression
    }

    /// The name of the task that predicts it.
    public var name: String
    /// The column; nil where it has the task's name.
    public var column: String?
    /// What is predicted of it.
    public var kind: Kind
    /// Binary: the values that mean yes; nil for 1 and 0 (or true and false, yes and no).
    public var positive: [String]?
    /// The rows that have this label, such as "click = 1"; in others it is missing.
    public var when: String?
    /// Its factor in the sum of losses.
    public var weight: Double = 1
    /// The column of how much a row counts in its loss, beside the schema's; 1 where a cell is missing. In a file `weight` is
    /// either the factor or this column.
    public var weightColumn: String?
    /// The loss; nil for the kind's usual one (of a regression Huber's, where there is a delta).
    public var loss: LabelLoss?
    /// Regression: Huber's delta, in standard deviations of the label as it is learned.
    public var huberDelta: Double?
    /// The level of `loss: quantile`.
    public var quantile: Double?
    /// The power of `loss: tweedie`; nil for 1.5.
    public var power: Double?
    /// γ of `loss: focal`; nil for 2.
    public var gamma: Double?
    /// α of `loss: focal` of a binary label: how much yes counts, no counting 1 - α; nil for 1 each.
    public var alpha: Double?
    /// β of `loss: f1`, how much recall counts beside precision; nil for 1.
    public var beta: Double?
    /// Binary and multiclass: how much the rows of each class count; nil for 1 each. In a file `positive_weight` of a binary and
    /// `class_weights` of a multiclass label.
    public var classWeights: ClassWeighting?
    /// Regression: whether log(1 + label) is learned. In a file `log1p`.
    public var isLogarithmic = false
    /// Binary: what is learned of the order of the rows of a group, which the schema names; nil for nothing.
    public var ranking: LabelRanking?
    /// Binary and regression: the column of another model's predictions that are learned from, too; nil for none.
    public var teacher: LabelTeacher?
    /// Binary and multiclass: the part of a label that training shares out between all classes.
    public var smoothing: Double = 0

    /// A label of a kind, with that kind's defaults.
    public init(
        _ name: String, _ kind: Kind, column: String? = nil, positive: [String]? = nil, when: String? = nil
    ) {
        self.name = name
        self.kind = kind
        self.column = column
        self.positive = positive
        self.when = when
    }

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case name, column, type, positive, when, weight, smoothing, loss, quantile, power, gamma, alpha, beta,
            log1p
        case ranking, teacher
        case huberDelta = "huber_delta"
        case positiveWeight = "positive_weight"
        case classWeights = "class_weights"
    }

    /// Reads settings; those that are left out keep their defaults.
    ///
    /// - Throws: `InputError` for a setting of an unknown name, `DecodingError` for one that is missing or of a wrong type.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(CodingKeys.self)
        self.init(try values.require(.name), try values.require(.type))
        try values.read(.column, &column)
        try values.read(.when, &when)
        if let one = try? values.require(.positive, as: String.self) {
            positive = [one]
        } else {
            try values.read(.positive, &positive)
        }
        if let factor = try? values.require(.weight, as: Double.self) {
            weight = factor
        } else {
            try values.read(.weight, &weightColumn)
        }
        try values.read(.huberDelta, &huberDelta)
        try values.read(.smoothing, &smoothing)
        try values.read(.loss, &loss)
        try values.read(.quantile, &quantile)
        try values.read(.power, &power)
        try values.read(.gamma, &gamma)
        try values.read(.alpha, &alpha)
        try values.read(.beta, &beta)
        try values.read(.log1p, &isLogarithmic)
        try values.read(.ranking, &ranking)
        try values.read(.teacher, &teacher)
        for (key, own) in [(CodingKeys.positiveWeight, Kind.binary), (.classWeights, .multiclass)]
        where values.contains(key) && kind != own {
            throw InputError(
                .value, at: "label \"\(name)\", \(key.rawValue)", found: "a \(kind.rawValue) label",
                expected: "a \(own.rawValue) one")
        }
        if let text = try? values.require(.positiveWeight, as: String.self), text == "balanced" {
            classWeights = .balanced
        } else {
            var weight: Double?
            try values.read(.positiveWeight, &weight)
            if let weight { classWeights = .positive(weight) }
        }
        guard values.contains(.classWeights) else { return }
        if let text = try? values.require(.classWeights, as: String.self), text == "balanced" {
            classWeights = .balanced
        } else {
            classWeights = .named(try values.require(.classWeights))
        }
    }

    /// Writes the settings that differ from their defaults.
    ///
    /// - Throws: what the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(name, forKey: .name)
        try values.encodeIfPresent(column, forKey: .column)
        try values.encode(kind, forKey: .type)
        try values.encodeIfPresent(positive, forKey: .positive)
        try values.encodeIfPresent(when, forKey: .when)
        if let weightColumn {
            try values.encode(weightColumn, forKey: .weight)
        } else if weight != 1 {
            try values.encode(weight, forKey: .weight)
        }
        try values.encodeIfPresent(huberDelta, forKey: .huberDelta)
        if smoothing != 0 { try values.encode(smoothing, forKey: .smoothing) }
        try values.encodeIfPresent(loss, forKey: .loss)
        try values.encodeIfPresent(quantile, forKey: .quantile)
        try values.encodeIfPresent(power, forKey: .power)
        try values.encodeIfPresent(gamma, forKey: .gamma)
        try values.encodeIfPresent(alpha, forKey: .alpha)
        try values.encodeIfPresent(beta, forKey: .beta)
        if isLogarithmic { try values.encode(true, forKey: .log1p) }
        try values.encodeIfPresent(ranking, forKey: .ranking)
        try values.encodeIfPresent(teacher, forKey: .teacher)
        switch classWeights {
        case nil: break
        case .balanced:
            try values.encode(
                "balanced", forKey: kind == .binary ? .positiveWeight : .classWeights)
        case .positive(let weight): try values.encode(weight, forKey: .positiveWeight)
        case .named(let weights): try values.encode(weights, forKey: .classWeights)
        }
    }

    package func check() throws(InputError) {
        guard positive == nil || kind == .binary else {
            throw InputError(
                .value, at: "label \"\(name)\", positive", found: "a \(kind.rawValue) label",
                expected: "a binary one")
        }
        func require(_ holds: Bool, _ setting: String, _ found: String, _ expected: String) throws(InputError)
        {
            guard holds else {
                throw InputError(
                    .value, at: "label \"\(name)\", \(setting)", found: found, expected: expected)
            }
        }
        try require(positive?.isEmpty != true, "positive", "no value", "the values that mean yes")
        try require(
            weightColumn?.isEmpty != true, "weight", "no name", "a number, or the column of the rows' weights"
        )
        try require(
            weightColumn == nil || weight == 1, "weight", "the factor \(weight) and a column",
            "one of them: multiply the column's numbers instead")
        try require(weight >= 0 && weight.isFinite, "weight", "\(weight)", "a finite number, 0 or above")
        if let huberDelta {
            try require(
                kind == .regression, "huber_delta", "a \(kind.rawValue) label", "a regression one")
            try require(
                huberDelta > 0 && huberDelta.isFinite, "huber_delta", "\(huberDelta)",
                "a finite number above 0")
        }
        try require(
            smoothing == 0 || kind != .regression, "smoothing", "a regression label",
            "a binary or multiclass one")
        try require(smoothing >= 0 && smoothing < 1, "smoothing", "\(smoothing)", "at least 0 and below 1")
        try require(
            smoothing == 0 || loss != .focal, "smoothing", "smoothed labels beside loss: focal", "one of them"
        )
        try require(
            smoothing == 0 || loss != .ordinal, "smoothing", "smoothed labels beside loss: ordinal",
            "one of them")
        try checkLoss()
        try ranking?.check(self)
        try teacher?.check(self)
        _ = try condition
    }

    var condition: Condition? {
        get throws(InputError) {
            guard let when else { return nil }
            return try Condition(when, place: "label \"\(name)\", when")
        }
    }
}
