internal import MTLEngine

/// What a log of events (purchases, visits, likes) says of a row's user as of the row's time.
///
/// A row sees the events of its user that are strictly before its time, less the `delay`; of a window, those no older than
/// the window is long: row time - window ≤ event time < row time - delay. Nothing that happens later changes its columns.
public struct HistorySpec: Sendable, Equatable, Codable {
    /// What is computed of the events that a row sees.
    public enum Aggregate: String, Sendable, Codable, CaseIterable {
        /// Per window: how many there are.
        case count
        /// Per window: the sum of their values; 0 where there are none.
        case sum
        /// Per window: the mean of their values; missing where there are none.
        case mean
        /// Per window: how many different items they have.
        case distinct
        /// Days since the last one; missing where there is none.
        case daysSince = "days_since"
        /// The items of the last ones in one cell, most recent last, for a feature that is a sequence.
        case last
    }

    /// What the columns' names begin with.
    public var name: String
    /// The log, as `openSource` reads it.
    public var events: String
    /// The log's column of the user, whose cells are compared byte by byte with those of the rows.
    public var user: String
    /// The log's column of the time. Beware of days without an hour: they count as midnight, which later events of the
    /// same day then come before; a `delay` of 1d keeps them back.
    public var time: String
    /// The rows' column of the user; nil for the one that the source of the rows is told.
    public var rowUser: String?
    /// The rows' column of the time; nil for the one that the source of the rows is told.
    public var rowTime: String?
    /// The log's column of the kind of event, for columns of each kind in `kinds`.
    public var kind: String?
    /// The kinds that get columns of their own; other events do not count.
    public var kinds: [String] = []
    /// The events that count, such as "status = paid".
    public var condition: String?
    /// The log's column of values, for sum and mean. A missing one counts for neither.
    public var value: String?
    /// The log's column of items, for distinct and last. A missing one counts for neither.
    public var item: String?
    /// How far back: spans such as 12h, 7d, 4w, or all.
    public var windows: [String] = ["7d", "30d", "all"]
    /// What is computed of the events of every window.
    public var aggregates: [Aggregate] = [.count, .daysSince]
    /// Last: the most items of a cell.
    public var length: Int = 20
    /// Last: what stands between items.
    public var separator: String = "|"
    /// How long after its time an event is known.
    public var delay: String?
    /// How the log's text is read.
    public var format = TableFormat()

    /// The count of events in some windows, and the days since the last one.
    public init(_ name: String, events: String, user: String, time: String) {
        self.name = name
        self.events = events
        self.user = user
        self.time = time
    }

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case name, events, user, time, kind, kinds, value, item, windows, aggregates, length, separator, delay
        case format
        case rowUser = "row_user"
        case rowTime = "row_time"
        case condition = "where"
    }

    /// Reads settings; those that are left out keep their defaults.
    ///
    /// - Throws: `InputError` for a setting of an unknown name, `DecodingError` for one that is missing or of a wrong type.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.strictContainer(CodingKeys.self)
        self.init(
            try values.require(.name),
            events: try values.require(.events),
            user: try values.require(.user),
            time: try values.require(.time))
        try values.read(.rowUser, &rowUser)
        try values.read(.rowTime, &rowTime)
        try values.read(.kind, &kind)
        try values.read(.kinds, &kinds)
        try values.read(.condition, &condition)
        try values.read(.value, &value)
        try values.read(.item, &item)
        try values.read(.windows, &windows)
        try values.read(.aggregates, &aggregates)
        try values.read(.length, &length)
        try values.read(.separator, &separator)
        try values.read(.delay, &delay)
        try values.read(.format, &format)
    }

    /// Writes the settings that differ from their defaults.
    ///
    /// - Throws: what the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        let plain = HistorySpec(name, events: events, user: user, time: time)
        func write<Value: Encodable & Equatable>(_ key: CodingKeys, _ value: Value, unless usual: Value)
            throws
        {
            if value != usual { try values.encode(value, forKey: key) }
        }
        try values.encode(name, forKey: .name)
        try values.encode(events, forKey: .events)
        try values.encode(user, forKey: .user)
        try values.encode(time, forKey: .time)
        try values.encodeIfPresent(rowUser, forKey: .rowUser)
        try values.encodeIfPresent(rowTime, forKey: .rowTime)
        try values.encodeIfPresent(kind, forKey: .kind)
        try write(.kinds, kinds, unless: plain.kinds)
        try values.encodeIfPresent(condition, forKey: .condition)
        try values.encodeIfPresent(value, forKey: .value)
        try values.encodeIfPresent(item, forKey: .item)
        try write(.windows, windows, unless: plain.windows)
        try write(.aggregates, aggregates, unless: plain.aggregates)
        try write(.length, length, unless: plain.length)
        try write(.separator, separator, unless: plain.separator)
        try values.encodeIfPresent(delay, forKey: .delay)
        try write(.format, format, unless: TableFormat())
    }

    /// The names of the columns: "purchases_count_7d", "purchases_sum_amount_30d", "purchases_days_since",
    /// "purchases_last_item"; with kinds, "visits_cart_count_7d".
    package var columns: [String] {
        (kind == nil ? [name] : kinds.map { "\(name)_\($0)" }).flatMap { prefix in
            aggregates.flatMap { aggregate in
                switch aggregate {
                case .count: windows.map { "\(prefix)_count_\($0)" }
                case .sum, .mean: windows.map { "\(prefix)_\(aggregate.rawValue)_\(value ?? "")_\($0)" }
                case .distinct: windows.map { "\(prefix)_distinct_\(item ?? "")_\($0)" }
                case .daysSince: ["\(prefix)_days_since"]
                case .last: ["\(prefix)_last_\(item ?? "")"]
                }
            }
        }
    }
}
