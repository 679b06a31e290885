public import MTLEngine

/// How gradients change embedding tables where that is not the layers' way: a type, and the options that this type takes.
///
/// ```yaml
/// table_optimizer: {type: row_adagrad, learning_rate: 0.05}
/// ```
public struct TableOptimizerSettings: Sendable, Equatable, Codable {
    /// The rules.
    public enum RuleType: String, Sendable, Codable, CaseIterable {
        /// PyTorch's SparseAdam.
        case adam
        /// Adagrad, PyTorch's definition.
        case adagrad
        /// Adagrad with one sum a row.
        case rowAdagrad = "row_adagrad"
        /// FTRL-proximal, number by number.
        case ftrl
        /// Gradient descent.
        case sgd
    }

    /// Which rule it is.
    public var type: RuleType
    /// What differs from its defaults, by the names that a file has.
    public var options: [String: OptionValue]

    /// A type, with its defaults but for some options: `TableOptimizerSettings(.adagrad, ["learning_rate": 0.05])`.
    public init(_ type: RuleType, _ options: [String: OptionValue] = [:]) {
        self.type = type
        self.options = options
    }

    private static let place = "training, table_optimizer"

    /// Reads what a file says.
    ///
    /// - Throws: `InputError` that names an option which the type does not take, or which is out of its range.
    public init(from decoder: any Decoder) throws {
        let read = try TypedOptions<RuleType>(from: decoder, at: Self.place)
        self.init(read.type, read.options)
        _ = try rule()
    }

    /// Writes the type and the options side by side.
    ///
    /// - Throws: what the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        try TypedOptions.encode(type, options, to: encoder)
    }

    /// The rule itself.
    ///
    /// - Throws: `InputError` that names an option.
    public func rule() throws(InputError) -> Optimizer {
        try located(Self.place) { () throws(InputError) in
            let rule = try OptionReader.read(options, for: type.rawValue, hidden: { .relu($0) }) {
                (options) throws(InputError) -> Optimizer in
                switch type {
                case .adam: try Optimizer(adam: &options)
                case .adagrad: try Optimizer(adagrad: &options)
                case .rowAdagrad: try Optimizer(rowAdagrad: &options)
                case .ftrl: try Optimizer(ftrl: &options)
                case .sgd: try Optimizer(sgd: &options)
                }
            }
            try rule.check(type.rawValue)
            return rule
        }
    }
}
