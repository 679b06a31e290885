public import MTLEngine

/// Which task is learned when, as a file says it: a name, or a type with the options that it takes.
///
/// ```yaml
/// schedule: alternating
/// schedule: {type: alternating, turns: {steps: 5}, order: shuffled, trains: heads}
/// schedule: {type: hierarchical, levels: [[click], [cart, buy]], regularization: 0.01, layer_rates: {"trunk.0.*": 0.1}}
/// ```
public struct ScheduleSettings: Sendable, Equatable, Codable {
    /// The schedules by name.
    public enum ScheduleType: String, Sendable, Codable, CaseIterable {
        /// All tasks at once.
        case joint
        /// Task by task; every batch, where nothing else is said.
        case alternating
        /// Level by level; every epoch, where nothing else is said.
        case hierarchical
    }

    /// Which schedule it is.
    public var type: ScheduleType
    /// What differs from its defaults, by the names that a file has.
    public var options: [String: OptionValue]

    /// A type, with its defaults but for some options: `ScheduleSettings(.alternating, ["turns": "epoch"])`.
    public init(_ type: ScheduleType, _ options: [String: OptionValue] = [:]) {
        self.type = type
        self.options = options
    }

    private static let place = "training, schedule"

    /// Reads what a file says.
    ///
    /// - Throws: `InputError` that names an option which the type does not take, or which is of another type.
    public init(from decoder: any Decoder) throws {
        if let name = try? decoder.singleValueContainer().decode(String.self) {
            guard let type = ScheduleType(rawValue: name) else {
                throw InputError(
                    .name, at: Self.place, found: "\"\(name)\"",
                    expected: "one of \(ScheduleType.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            self.init(type)
        } else {
            let read = try TypedOptions<ScheduleType>(from: decoder, at: Self.place)
            self.init(read.type, read.options)
        }
        _ = try schedule()
    }

    /// Writes the name, or the type and the options side by side.
    ///
    /// - Throws: what the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        guard !options.isEmpty else {
            var value = encoder.singleValueContainer()
            return try value.encode(type.rawValue)
        }
        try TypedOptions.encode(type, options, to: encoder)
    }

    /// The schedule and its rates. Whether they fit a model is for its trainer to say.
    ///
    /// - Throws: `InputError` that names an option.
    public func schedule() throws(InputError) -> (schedule: Schedule, layerRates: LayerRates) {
        try located(Self.place) { () throws(InputError) in
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
