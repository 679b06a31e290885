/// Takes the text of a time apart.
struct TimeScanner {
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
            let (tens, isLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, isLarger) = tens.addingReportingOverflow(Int64(text[position] - 0x30))
            guard !isLarge, !isLarger else { return nil }
            value = sum
            position += 1
        }
        return position == start ? nil : (value, position - start)
    }

    /// A month's English name, or its first three letters.
    mutating func month() -> Int64? {
        guard position < text.count, text[position] | 0x20 >= 0x61 else { return nil }
        let names = [
            "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
            "november", "december",
        ]
        let word = text[position...].prefix { ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7A }
        let name = String(decoding: word.map { $0 | 0x20 }, as: UTF8.self)
        guard name.count >= 3,
            let index = names.firstIndex(where: {
                $0 == name || $0.prefix(3) == name || name == "sept" && $0 == "september"
            })
        else { return nil }
        position += word.count
        return Int64(index + 1)
    }

    /// "13:45", "13:45:30", "13:45:30.25".
    mutating func clock() -> Int64? {
        guard let hours = digits(), hours.value < 24, take(":"), let minutes = digits(),
            minutes.value < 60
        else { return nil }
        var time = (hours.value * 60 + minutes.value) * 60_000
        if take(":") {
            guard let seconds = digits(), seconds.value <= 60 else { return nil }
            time += seconds.value * 1000
            if take(".") || take(",") {
                guard let fraction = digits() else { return nil }
                var part = fraction.value
                for _ in 0..<max(0, 3 - fraction.count) { part *= 10 }
                for _ in 0..<max(0, fraction.count - 3) { part /= 10 }
                time += part
            }
        }
        return halfDay(hours.value).map { time + $0 }
    }

    /// What "AM" or "PM" adds to an hour of twelve; nil where the hour is none of those.
    private mutating func halfDay(_ hour: Int64) -> Int64? {
        let begin = position
        _ = take(" ")
        let letters = text[position...].prefix(2).map { $0 | 0x20 }
        guard letters == Array("am".utf8) || letters == Array("pm".utf8) else {
            position = begin
            return 0
        }
        guard (1...12).contains(hour) else { return nil }
        position += 2
        let isAfternoon = letters == Array("pm".utf8)
        return (isAfternoon ? (hour == 12 ? 0 : 12) : (hour == 12 ? -12 : 0)) * 3_600_000
    }

    private mutating func isUniversal() -> Bool {
        let word = text[position...].prefix(3).map { $0 & 0xDF }
        guard word == Array("UTC".utf8) || word == Array("GMT".utf8) else { return false }
        position += 3
        return true
    }

    /// Nothing, "Z", " UTC", "+02:00" or " -0500", in milliseconds.
    mutating func offset() -> Int64? {
        if isAtEnd { return 0 }
        _ = take(" ")
        if take("Z") || take("z") || isUniversal() { return 0 }
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
        if take(" "), !isUniversal() { return nil }
        return (isWest ? -1 : 1) * minutes * 60_000
    }
}
