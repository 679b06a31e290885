/// What one cell looks like, as far as the type of its column depends on it.
struct CellLook {
    enum Trait: Int, CaseIterable {
        /// A number; a whole one; one with a currency sign or commas; digits that are more than a number holds.
        case number, whole, money, longID
        /// A date or time in writing; one with a time of day; whole numbers that could be Unix times or dates "20261124".
        case time, clock, unixTime, compactDate
        /// Several values with "|" or ";" between them; all of them with a weight; one of them twice.
        case bars, semicolons, weighted, repeated
    }

    private(set) var traits: UInt16 = 0
    /// NaN where the cell is not a number.
    private(set) var number = Double.nan
    private(set) var parts = 1
    private(set) var length: Int

    func has(_ trait: Trait) -> Bool { traits & (1 << UInt16(trait.rawValue)) != 0 }

    private mutating func set(_ trait: Trait) { traits |= 1 << UInt16(trait.rawValue) }

    /// - Parameter cell: without blanks around it, and not missing.
    init(_ cell: UnsafeBufferPointer<UInt8>, _ reading: CellReading) {
        length = cell.count
        let isDigits = cell.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
        if case .number(let value) = reading.number(cell) {
            number = value
            set(.number)
            let isWhole = value == value.rounded() && value.magnitude < 0x1p53
            if isWhole { set(.whole) }
            if isDigits && value >= 0x1p53 { set(.longID) }
            if cell.first == UInt8(ascii: "$") || cell.contains(where: { reading.isThousandsSign($0) }) {
                set(.money)
            }
            guard isDigits, case .time(let time) = reading.time(cell) else { return }
            // From 2000 to 2100, whatever the unit.
            if (946_684_800_000..<4_102_444_800_000).contains(time) {
                set([8, 12, 14, 17].contains(cell.count) ? .compactDate : .unixTime)
                if time % Timestamp.millisecondsPerDay != 0 { set(.clock) }
            }
            return
        }
        if !isDigits, case .time(let time) = reading.time(cell) {
            set(.time)
            if time % Timestamp.millisecondsPerDay != 0 { set(.clock) }
            return
        }
        lookForParts(cell)
    }

    private mutating func lookForParts(_ cell: UnsafeBufferPointer<UInt8>) {
        let separator: UInt8
        if cell.contains(UInt8(ascii: "|")) {
            separator = UInt8(ascii: "|")
            set(.bars)
        } else if cell.contains(UInt8(ascii: ";")) {
            separator = UInt8(ascii: ";")
            set(.semicolons)
        } else {
            separator = UInt8(ascii: "|")
        }
        let values = cell.split(separator: separator)
        parts = values.count
        if values.allSatisfy({ Self.isWeighted($0) }) { set(.weighted) }
        guard parts > 1 else { return }
        if Set(values.map { ByteMap.hash(UnsafeBufferPointer(rebasing: $0)) }).count < parts {
            set(.repeated)
        }
    }

    /// "a:0.5".
    private static func isWeighted(_ value: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        guard let place = value.lastIndex(of: UInt8(ascii: ":")), place > value.startIndex else {
            return false
        }
        if case .number = Cell(UnsafeBufferPointer(rebasing: value[(place + 1)...])) { return true }
        return false
    }
}
