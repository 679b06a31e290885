public import MTLEngine

/// How gradients change embedding tables where that is not the layers' way: a type, and the options that this type takes.
///
/// ```yaml
/// table_optimizer: {type: row_adagrad, learning_rate: 0.05}
/// ```
public typealias TableOptimizerSettings = TypedSettings<TableOptimizerType>

/// The rules.
public enum TableOptimizerType: String, SettingsKind {
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

    /// Where it is in an experiment.
    public static var place: String { "training, table_optimizer" }

    /// Checks options without the rest of the experiment.
    ///
    /// - Throws: `InputError` that names the option.
    public func check(_ options: [String: OptionValue]) throws(InputError) {
        _ = try TableOptimizerSettings(self, options).rule()
    }
}

extension TypedSettings where Kind == TableOptimizerType {
    /// The rule itself.
    ///
    /// - Throws: `InputError` that names an option.
    package func rule() throws(InputError) -> Optimizer {
        try located(TableOptimizerType.place) { () throws(InputError) in
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
