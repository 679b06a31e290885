public import MTLEngine

/// How the losses or gradients of the tasks are weighed against each other, as a file says it: a method's name, or a type and the
/// options that it takes.
///
/// ```yaml
/// balancing: {type: famo, learning_rate: 0.01}
/// ```
public typealias BalancingSettings = TypedSettings<Balancing.Kind>

extension Balancing.Kind: SettingsKind {
    /// Where it is in an experiment.
    public static var place: String { "training, balancing" }
    /// `balancing: uw` is enough.
    public static var isNameEnough: Bool { true }

    /// Checks options without the rest of the experiment.
    ///
    /// - Throws: `InputError` that names the option.
    public func check(_ options: [String: OptionValue]) throws(InputError) {
        _ = try BalancingSettings(self, options).balancing()
    }
}

extension TrainingSettings {
    /// Refuses a method that is told the tasks' quality where no rows tell it, at once and not where a refit begins.
    func checkIndicators(hasValidation: Bool) throws(InputError) {
        guard let balancing = try balancing?.balancing(), balancing.needs.contains(.indicators) else {
            return
        }
        let place = Balancing.Kind.place
        try balancing.checkIndicators(hasValidation: hasValidation, place: place)
        guard !refit else {
            throw InputError(
                .value, at: place, found: "\(balancing.kind.rawValue) beside refit: true",
                expected: "refit: false: then no rows are left whose quality decides the weights")
        }
    }
}

extension TypedSettings where Kind == Balancing.Kind {
    /// The method itself. Names of tasks are checked where the tasks are.
    ///
    /// - Throws: `InputError` that names an option.
    package func balancing() throws(InputError) -> Balancing {
        try located(Balancing.Kind.place) { () throws(InputError) in
            try OptionReader.read(options, for: type.rawValue, hidden: { .relu($0) }) {
                (options) throws(InputError) -> Balancing in try Balancing(type, &options)
            }
        }
    }
}
