/// Times of logs as milliseconds since 1970 in UTC.
package enum Timestamp {
    /// What a text says of a time.
    enum Reading: Equatable {
        case time(Int64)
        /// A time in more than one way: which ones, by the names of `DateFormat`.
        case ambiguous([DateFormat])
        case none
    }

    /// Reads a time: ISO 8601 ("2026-11-24", "2026-11-24 13:45", "2026-11-24T13:45:30.5+02:00", "… UTC"), a date with
    /// slashes, points or hyphens in the order that is said or that alone is possible ("6/16/2014", "23.05.2025 13:45"), with
    /// the month's name ("24 Nov 2026"), in digits (8, 12, 14 or 17 of them), or a Unix time in seconds (9 or 10 digits),
    /// milliseconds (12, 13), microseconds (16) or nanoseconds (19).
    ///
    /// - Parameter format: how to read what can be read in several ways, and numbers of other lengths.
    /// - Returns: nil where the text is none of these, no date there is, or more than one.
    package static func parse(_ text: UnsafeBufferPointer<UInt8>, as format: DateFormat? = nil) -> Int64? {
        if case .time(let time) = read(text, as: format) { return time }
        return nil
    }

    static func read(_ text: UnsafeBufferPointer<UInt8>, as format: DateFormat?) -> Reading {
        var scanner = TimeScanner(text)
        guard let first = scanner.digits() else { return wordFirst(text).map { .time($0) } ?? .none }
        if scanner.isAtEnd { return number(first.value, digits: first.count, as: format) }
        if first.count == 4, scanner.take("-") { return iso(first.value, scanner) }
        let begin = scanner
        for sign in ["-", "/", ".", " "] as [Unicode.Scalar] {
            scanner = begin
            guard scanner.take(sign) else { continue }
            if let month = scanner.month() {
                // "24-Nov-2026", "24 November 2026"
                guard scanner.take(sign) || scanner.take(" "), let year = scanner.digits(), first.count <= 2,
                    let date = days(year: whole(year) ?? 0, month: month, day: first.value)
                else { return .none }
                return timed(date, scanner).map { .time($0) } ?? .none
            }
            guard sign != " ", let second = scanner.digits() else { return .none }
            if sign == ".", scanner.isAtEnd { return fraction(first, second, as: format) }
            guard second.count <= 2, scanner.take(sign), let third = scanner.digits() else { return .none }
            if first.count == 4 {
                guard let date = days(year: first.value, month: second.value, day: third.value) else {
                    return .none
                }
                return timed(date, scanner).map { .time($0) } ?? .none
            }
            return ordered(first, second, third, scanner, as: format)
        }
        return .none
    }

    private static func iso(_ year: Int64, _ scanner: TimeScanner) -> Reading {
        var scanner = scanner
        guard let month = scanner.digits(), scanner.take("-"), let day = scanner.digits(),
            let date = days(year: year, month: month.value, day: day.value), let time = timed(date, scanner)
        else { return .none }
        return .time(time)
    }

    private typealias Digits = (value: Int64, count: Int)

    /// Two digits from 70 on are of the last century.
    private static func whole(_ year: Digits) -> Int64? {
        year.count == 4 ? year.value : year.count == 2 ? year.value + (year.value >= 70 ? 1900 : 2000) : nil
    }

    /// A date whose parts may stand in several orders.
    private static func ordered(
        _ first: Digits, _ second: Digits, _ third: Digits, _ scanner: TimeScanner, as format: DateFormat?
    ) -> Reading {
        func date(_ order: DateFormat) -> Int64? {
            switch order {
            case .dayFirst:
                return whole(third).flatMap { days(year: $0, month: second.value, day: first.value) }
            case .monthFirst:
                return whole(third).flatMap { days(year: $0, month: first.value, day: second.value) }
            case .yearFirst:
                guard third.count <= 2 else { return nil }
                return whole(first).flatMap { days(year: $0, month: second.value, day: third.value) }
            case .compact, .seconds, .milliseconds, .microseconds, .nanoseconds: return nil
            }
        }
        guard first.count <= 2 else { return .none }
        if let format, [.dayFirst, .monthFirst, .yearFirst].contains(format) {
            return date(format).flatMap { timed($0, scanner) }.map { .time($0) } ?? .none
        }
        let orders = [DateFormat.dayFirst, .monthFirst, .yearFirst].filter { date($0) != nil }
        let dates = Set(orders.compactMap(date))
        guard let one = dates.first, let time = timed(one, scanner) else { return .none }
        return dates.count == 1 ? .time(time) : .ambiguous(orders)
    }

    /// The date's time with that of the day behind it.
    private static func timed(_ days: Int64, _ scanner: TimeScanner) -> Int64? {
        var scanner = scanner
        let midnight = days * millisecondsPerDay
        if scanner.isAtEnd { return midnight }
        _ = scanner.take(",")
        guard scanner.take("T") || scanner.take("t") || scanner.take(" "), let clock = scanner.clock(),
            let offset = scanner.offset(), scanner.isAtEnd
        else { return nil }
        return midnight + clock - offset
    }

    /// "November 24, 2026".
    private static func wordFirst(_ text: UnsafeBufferPointer<UInt8>) -> Int64? {
        var scanner = TimeScanner(text)
        guard let month = scanner.month(), scanner.take(" ") || scanner.take("-"),
            let day = scanner.digits(), day.count <= 2
        else { return nil }
        _ = scanner.take(",")
        guard scanner.take(" ") || scanner.take("-"), let year = scanner.digits(), year.count == 4,
            let date = days(year: year.value, month: month, day: day.value)
        else { return nil }
        return timed(date, scanner)
    }

    /// The latest time, in milliseconds, of some 30,000 years: what is later is no time of a log, and sums with it would
    /// overflow.
    private static let latest: Int64 = 1_000_000_000_000_000

    /// "1700000000.25"
    private static func fraction(_ first: Digits, _ second: Digits, as format: DateFormat?) -> Reading {
        guard (9...10).contains(first.count) && format == nil || format == .seconds else { return .none }
        var part = second.value
        for _ in 0..<max(0, 3 - second.count) { part *= 10 }
        for _ in 0..<max(0, second.count - 3) { part /= 10 }
        return first.value <= latest / 1000 ? .time(first.value * 1000 + part) : .none
    }

    private static func number(_ value: Int64, digits: Int, as format: DateFormat?) -> Reading {
        switch format {
        case .seconds: return value <= latest / 1000 ? .time(value * 1000) : .none
        case .milliseconds: return value <= latest ? .time(value) : .none
        case .microseconds: return value / 1000 <= latest ? .time(value / 1000) : .none
        case .nanoseconds: return .time(value / 1_000_000)
        case .compact: return compact(value, digits: digits).map { .time($0) } ?? .none
        case .dayFirst, .monthFirst, .yearFirst, nil: break
        }
        let date = compact(value, digits: digits)
        switch digits {
        case 8, 14, 17: return date.map { .time($0) } ?? .none
        case 9: return .time(value * 1000)
        case 10: return date == nil ? .time(value * 1000) : .ambiguous([.compact, .seconds])
        case 12: return .time(date ?? value)
        case 13: return .time(value)
        case 16: return .time(value / 1000)
        case 19: return .time(value / 1_000_000)
        default: return date == nil ? .none : .ambiguous([.compact, .seconds])
        }
    }

    /// "2026", "202611", "20261124", "2026112413", … to thousandths of seconds, of the years 1900 to 2100.
    private static func compact(_ value: Int64, digits: Int) -> Int64? {
        guard [4, 6, 8, 10, 12, 14, 17].contains(digits) else { return nil }
        var rest = value
        var parts: [Int64] = []
        if digits == 17 {
            parts.append(rest % 1000)
            rest /= 1000
        }
        for _ in 0..<(min(digits, 14) - 4) / 2 {
            parts.append(rest % 100)
            rest /= 100
        }
        parts.append(rest)
        parts.reverse()
        func part(_ index: Int, _ usual: Int64) -> Int64 { index < parts.count ? parts[index] : usual }
        guard (1900...2100).contains(part(0, 0)), part(3, 0) < 24, part(4, 0) < 60, part(5, 0) <= 60,
            let date = days(year: part(0, 0), month: part(1, 1), day: part(2, 1))
        else { return nil }
        return date * millisecondsPerDay + (part(3, 0) * 60 + part(4, 0)) * 60_000 + part(5, 0) * 1000
            + part(6, 0)
    }

    static let millisecondsPerDay: Int64 = 86_400_000

    /// Days since 1970 of a date of the Gregorian calendar, nil where there is no such day (Hinnant, *chrono-Compatible
    /// Low-Level Date Algorithms*).
    static func days(year: Int64, month: Int64, day: Int64) -> Int64? {
        guard (1...9999).contains(year), (1...12).contains(month), day >= 1 else { return nil }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths: [Int64] = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard day <= lengths[Int(month) - 1] else { return nil }
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// The date of a day since 1970.
    static func date(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth + (shiftedMonth < 10 ? 3 : -9)
        return (
            yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        )
    }

    /// A span of time: "30m", "12h", "7d", "4w", in milliseconds; nil where it is none.
    package static func span(_ text: String) -> Int64? {
        let units: [Character: Int64] = [
            "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000,
        ]
        guard let last = text.last, let unit = units[last], let count = Int64(text.dropLast()), count > 0,
            count < 1_000_000
        else { return nil }
        return count * unit
    }
}
