/// What a date looks like where it can be read in several ways. Dates that begin with a year of four digits, and months in
/// letters, are read whatever this is.
public enum DateFormat: String, Sendable, Codable, CaseIterable {
    /// Day, month, year: 23/5/2025, 23.05.25.
    case dayFirst = "dmy"
    /// Month, day, year: 5/23/2025.
    case monthFirst = "mdy"
    /// Year, month, day: 25/05/23.
    case yearFirst = "ymd"
    /// Digits of a date: 2025, 202505, 20250523, with hour, minute, second and thousandths behind.
    case compact
    /// Numbers since 1970.
    case seconds, milliseconds, microseconds, nanoseconds
}
