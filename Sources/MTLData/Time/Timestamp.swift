/// Times of logs as milliseconds since 1970 in UTC.
package enum Timestamp {
    /// Reads a time: ISO 8601 ("2026-11-24", "2026-11-24 13:45", "2026-11-24T13:45:30.5+02:00"), month/day/year ("6/16/14",
    /// "06/16/2014"; two digits from 70 on are of the last century), Unix seconds or, from 12 digits on, milliseconds.
    ///
    /// - Returns: nil where the text is none of these, or no date there is.
    package static func parse(_ text: UnsafeBufferPointer<UInt8>) -> Int64? {
        var scanner = Scanner(text)
        guard let first = scanner.digits() else { return nil }
        if scanner.isAtEnd {
            guard first.count <= 14, first.count != 8 || first.value < 10_000_000 else {
                return compact(first.value)
            }
            return first.count >= 12 ? first.value : first.value * 1000
        }
        if scanner.take("/") {
            guard let day = scanner.digits(), scanner.take("/"), let year = scanner.digits(), scanner.isAtEnd,
                year.count == 2 || year.count == 4
            else { return nil }
            let whole = year.count == 4 ? year.value : year.value + (year.value >= 70 ? 1900 : 2000)
            return days(year: whole, month: first.value, day: day.value).map { $0 * millisecondsPerDay }
        }
        guard first.count == 4, scanner.take("-"), let month = scanner.digits(), scanner.take("-"),
            let day = scanner.digits(), let days = days(year: first.value, month: month.value, day: day.value)
        else { return nil }
        var time = days * millisecondsPerDay
        if scanner.isAtEnd { return time }
        guard scanner.take("T") || scanner.take(" "), let clock = scanner.clock() else { return nil }
        time += clock
        guard let offset = scanner.offset(), scanner.isAtEnd else { return nil }
        return time - offset
    }

    /// "20261124".
    private static func compact(_ value: Int64) -> Int64? {
        days(year: value / 10_000, month: value / 100 % 100, day: value % 100).map { $0 * millisecondsPerDay }
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

    private struct Scanner {
        let text: UnsafeBufferPointer<UInt8>
        var position = 0

        init(_ text: UnsafeBufferPointer<UInt8>) { self.text = text }

        var isAtEnd: Bool { position == text.count }

        mutating func take(_ sign: Unicode.Scalar) -> Bool {
            guard position < text.count, UInt32(text[position]) == sign.value else { return false }
            position += 1
            return true
        }

        mutating func digits() -> (value: Int64, count: Int)? {
            let start = position
            var value: Int64 = 0
            while position < text.count, text[position] >= 0x30, text[position] <= 0x39 {
                guard position - start < 18 else { return nil }
                value = value * 10 + Int64(text[position] - 0x30)
                position += 1
            }
            return position == start ? nil : (value, position - start)
        }

        /// "13:45", "13:45:30", "13:45:30.25".
        mutating func clock() -> Int64? {
            guard let hours = digits(), hours.value < 24, take(":"), let minutes = digits(),
                minutes.value < 60
            else { return nil }
            var time = (hours.value * 60 + minutes.value) * 60_000
            guard take(":") else { return time }
            guard let seconds = digits(), seconds.value <= 60 else { return nil }
            time += seconds.value * 1000
            guard take(".") else { return time }
            guard let fraction = digits() else { return nil }
            var part = fraction.value
            var count = fraction.count
            while count > 3 {
                part /= 10
                count -= 1
            }
            while count < 3 {
                part *= 10
                count += 1
            }
            return time + part
        }

        /// Nothing, "Z", "+02:00" or "-0500", in milliseconds.
        mutating func offset() -> Int64? {
            if isAtEnd || take("Z") { return 0 }
            let isWest: Bool
            if take("+") { isWest = false } else if take("-") { isWest = true } else { return nil }
            guard let first = digits() else { return nil }
            var minutes = first.value
            if first.count == 4 {
                minutes = first.value / 100 * 60 + first.value % 100
            } else {
                guard first.count == 2 else { return nil }
                minutes *= 60
                if take(":") {
                    guard let rest = digits(), rest.count == 2 else { return nil }
                    minutes += rest.value
                }
            }
            guard minutes <= 14 * 60 else { return nil }
            return (isWest ? -1 : 1) * minutes * 60_000
        }
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
