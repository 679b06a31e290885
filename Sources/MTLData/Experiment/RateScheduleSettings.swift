public import MTLEngine

/// How the learning rate changes, as a file says it: a type, and the options that this type takes.
///
/// ```yaml
/// rate_schedule: {type: cosine, floor: 0.01, warmup: 500}
/// ```
public typealias RateScheduleSettings = TypedSettings<RateScheduleType>

/// The shapes.
public enum RateScheduleType: String, SettingsKind {
    /// The same rate.
    case constant
    /// Times gamma every so many steps, little by little.
    case exponential
    /// Times gamma at once, every so many steps or at milestones.
    case step
    /// Half a cosine down to a floor.
    case cosine
    /// Straight down to a floor.
    case linear
    /// Up and down once.
    case oneCycle = "one_cycle"
    /// Down where the watched loss no longer falls.
    case plateau

    /// Where it is in an experiment.
    public static var place: String { "training, rate_schedule" }

    /// Checks options without the rest of the experiment.
    ///
    /// - Throws: `InputError` that names the option.
    public func check(_ options: [String: OptionValue]) throws(InputError) {
        _ = try RateScheduleSettings(self, options).schedule()
    }
}

extension TypedSettings where Kind == RateScheduleType {
    /// The schedule itself.
    ///
    /// - Throws: `InputError` that names an option.
    package func schedule() throws(InputError) -> RateSchedule {
        let schedule = try located(RateScheduleType.place) { () throws(InputError) in
            try OptionReader.read(options, for: type.rawValue, hidden: { .relu($0) }) {
                (options) throws(InputError) -> RateSchedule in
                switch type {
                case .constant: try RateSchedule(constant: &options)
                case .exponential: try RateSchedule(exponential: &options)
                case .step: try RateSchedule(step: &options)
                case .cosine: try RateSchedule(cosine: &options)
                case .linear: try RateSchedule(linear: &options)
                case .oneCycle: try RateSchedule(oneCycle: &options)
                case .plateau: try RateSchedule(plateau: &options)
                }
            }
        }
        try schedule.check(RateScheduleType.place)
        return schedule
    }
}
