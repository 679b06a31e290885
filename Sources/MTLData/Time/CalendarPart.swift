#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A number that a timestamp is turned into.
public enum CalendarPart: String, Sendable, Codable, CaseIterable {
    /// The hour with its minutes, 0 ..< 24.
    case hour
    /// The day of the week, 0 (Monday) to 6.
    case weekday
    /// The day of the month, 1 to 31.
    case day
    /// The month, 1 to 12.
    case month
    /// The year, as 2026.
    case year
    /// 1 on Saturday and Sunday.
    case weekend
    /// The sine of the hour on a circle, so that 23:59 and 0:00 are neighbours.
    case hourSine = "hour_sine"
    /// The cosine of the hour on a circle.
    case hourCosine = "hour_cosine"
    /// The sine of the day of the week on a circle.
    case weekdaySine = "weekday_sine"
    /// The cosine of the day of the week on a circle.
    case weekdayCosine = "weekday_cosine"
    /// The sine of the month on a circle.
    case monthSine = "month_sine"
    /// The cosine of the month on a circle.
    case monthCosine = "month_cosine"
    /// Days since 1 January 1970, as a whole number.
    case days

    /// Whether every week has all its values.
    var recursWeekly: Bool {
        switch self {
        case .hour, .weekday, .weekend, .hourSine, .hourCosine, .weekdaySine, .weekdayCosine: true
        case .day, .month, .year, .monthSine, .monthCosine, .days: false
        }
    }

    /// The part's value at a time, in milliseconds since 1970, `utcOffset` minutes east of UTC.
    package func value(at time: Int64, utcOffset: Int = 0) -> Double {
        let local = time + Int64(utcOffset) * 60_000
        let perDay = Timestamp.millisecondsPerDay
        let days = (local >= 0 ? local : local - perDay + 1) / perDay
        let hour = Double(local - days * perDay) / 3_600_000
        // The first of January 1970 was a Thursday.
        let weekday = Double(((days + 3) % 7 + 7) % 7)
        let date = Timestamp.date(days: days)
        func angle(_ value: Double, _ round: Double) -> Double { 2 * Double.pi * value / round }
        switch self {
        case .hour: return hour
        case .weekday: return weekday
        case .day: return Double(date.day)
        case .month: return Double(date.month)
        case .year: return Double(date.year)
        case .weekend: return weekday >= 5 ? 1 : 0
        case .hourSine: return sin(angle(hour, 24))
        case .hourCosine: return cos(angle(hour, 24))
        case .weekdaySine: return sin(angle(weekday, 7))
        case .weekdayCosine: return cos(angle(weekday, 7))
        case .monthSine: return sin(angle(Double(date.month - 1), 12))
        case .monthCosine: return cos(angle(Double(date.month - 1), 12))
        case .days: return Double(local) / Double(perDay)
        }
    }

    /// Whether the value is between -1 and 1 as it is; others are standardised.
    var isBounded: Bool {
        switch self {
        case .hour, .weekday, .day, .month, .year, .days: false
        default: true
        }
    }
}
