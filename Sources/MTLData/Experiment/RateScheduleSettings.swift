public import MTLEngine

/// How the learning rate changes, as a file says it: a type, and the options that this type takes.
///
/// ```yaml
/// rate_schedule: {type: cosine, floor: 0.01, warmup: 500}
/// ```
public struct RateScheduleSettings: Sendable, Equatable, Codable {
    /// The shapes.
    public enum ScheduleType: String, Sendable, Codable, CaseIterable {
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
    }

    /// Which shape it is.
    public var type: ScheduleType
    /// What differs from its defaults, by the names that a file has.
    public var options: [String: OptionValue]

    /// A type, with its defaults but for some options: `RateScheduleSettings(.cosine, ["warmup": 500])`.
    public init(_ type: ScheduleType, _ options: [String: OptionValue] = [:]) {
        self.type = type
        self.options = options
    }

    private static let place = "training, rate_schedule"

    /// Reads what a file says.
    ///
    /// - Throws: `InputError` that names an option which the type does not take, or which is out of its range.
    public init(from decoder: any Decoder) throws {
        let read = try TypedOptions<ScheduleType>(from: decoder, at: Self.place)
        self.init(read.type, read.options)
        _ = try schedule()
    }

    /// Writes the type and the options side by side.
    ///
    /// - Throws: what the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        try TypedOptions.encode(type, options, to: encoder)
    }

    /// The schedule itself.
    ///
    /// - Throws: `InputError` that names an option.
    public func schedule() throws(InputError) -> RateSchedule {
        let schedule = try located(Self.place) { () throws(InputError) in
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
        try schedule.check("training, rate_schedule")
        return schedule
    }
}
