public import MTLEngine

/// Which task is learned when, as a file says it: a name, or a type with the options that it takes.
///
/// ```yaml
/// schedule: alternating
/// schedule: {type: alternating, turns: {steps: 5}, order: shuffled, trains: heads}
/// schedule: {type: hierarchical, levels: [[click], [cart, buy]], regularization: 0.01, layer_rates: {"trunk.0.*": 0.1}}
/// ```
public typealias ScheduleSettings = TypedSettings<ScheduleType>

/// The schedules by name.
public enum ScheduleType: String, SettingsKind {
    /// All tasks at once.
    case joint
    /// Task by task; every batch, where nothing else is said.
    case alternating
    /// Level by level; every epoch, where nothing else is said.
    case hierarchical

    /// Where it is in an experiment.
    public static var place: String { "training, schedule" }
    /// A name alone has the defaults.
    public static var isNameEnough: Bool { true }

    /// Checks options without the rest of the experiment.
    ///
    /// - Throws: `InputError` that names the option.
    public func check(_ options: [String: OptionValue]) throws(InputError) {
        _ = try ScheduleSettings(self, options).schedule()
    }
}

extension TypedSettings where Kind == ScheduleType {
    /// The schedule and its rates. Whether they fit a model is for its trainer to say.
    ///
    /// - Throws: `InputError` that names an option.
    package func schedule() throws(InputError) -> (schedule: Schedule, layerRates: LayerRates) {
        try located(ScheduleType.place) { () throws(InputError) in
            try OptionReader.read(options, for: type.rawValue, hidden: { .relu($0) }) {
                (options) throws(InputError) in
                let schedule: Schedule =
                    switch type {
                    case .joint: .joint
                    case .alternating: try Schedule(alternating: &options)
                    case .hierarchical: .hierarchical(try Hierarchy(&options))
                    }
                return (schedule, try LayerRates(&options))
            }
        }
    }
}
