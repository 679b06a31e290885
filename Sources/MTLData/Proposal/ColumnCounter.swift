/// What one worker sees of a column.
struct ColumnCounter {
    /// Different values, and their bytes, beyond which they are estimated.
    struct Limits {
        var values: Int
        var bytes: Int

        init(values: Int, bytes: Int) {
            self.values = values
            self.bytes = bytes
        }

        /// A million values of a column, fewer where there are many columns: eight million of all.
        init(columns: Int) {
            values = max(10_000, min(1_000_000, 8_000_000 / max(1, columns)))
            bytes = 32 * values
        }
    }

    private let limits: Limits
    private var map = ByteMap()
    /// Per value its rows and its look.
    private var counts: [Int] = []
    private var looks: [CellLook] = []
    private var isOverflown = false
    private(set) var missing = 0
    private var sketch = DistinctSketch()
    private var partSketch = DistinctSketch()
    /// Of rows that are not in `counts`.
    private var traits = [Int](repeating: 0, count: CellLook.Trait.allCases.count)
    private var lengths = 0
    private var mostParts = 0

    init(_ limits: Limits) { self.limits = limits }

    mutating func addMissing() { missing += 1 }

    /// - Parameter cell: without blanks around it, and not missing.
    /// - Returns: its number, or NaN.
    mutating func add(_ cell: UnsafeBufferPointer<UInt8>, _ reading: CellReading) -> Double {
        guard !isOverflown else {
            let look = CellLook(cell, reading)
            sketch(cell, look)
            note(look, times: 1)
            return look.number
        }
        let index = map.insert(cell)
        if index < counts.count {
            counts[index] += 1
            return looks[index].number
        }
        let look = CellLook(cell, reading)
        sketch(cell, look)
        counts.append(1)
        looks.append(look)
        if map.count > limits.values || map.bytes.count > limits.bytes { overflow() }
        return look.number
    }

    private mutating func sketch(_ cell: UnsafeBufferPointer<UInt8>, _ look: CellLook) {
        let hash = ByteMap.hash(cell)
        sketch.add(hash)
        guard look.has(.bars) || look.has(.semicolons) || look.has(.weighted) else {
            partSketch.add(hash)
            return
        }
        for part in cell.split(separator: UInt8(ascii: look.has(.bars) ? "|" : ";")) {
            var value = part
            if look.has(.weighted), let place = part.lastIndex(of: UInt8(ascii: ":")) {
                value = part[..<place]
            }
            partSketch.add(ByteMap.hash(Cell.trimmed(UnsafeBufferPointer(rebasing: value))))
        }
    }

    private mutating func note(_ look: CellLook, times: Int) {
        for trait in CellLook.Trait.allCases where look.has(trait) { traits[trait.rawValue] += times }
        lengths += look.length * times
        mostParts = max(mostParts, look.parts)
    }

    /// Forgets the values; whether that happens depends on all of them and not on who saw them.
    private mutating func overflow() {
        for index in counts.indices { note(looks[index], times: counts[index]) }
        isOverflown = true
        map = ByteMap()
        counts = []
        looks = []
    }

    mutating func merge(_ other: ColumnCounter) {
        missing += other.missing
        sketch.merge(other.sketch)
        partSketch.merge(other.partSketch)
        for index in traits.indices { traits[index] += other.traits[index] }
        lengths += other.lengths
        mostParts = max(mostParts, other.mostParts)
        if other.isOverflown && !isOverflown { overflow() }
        for index in other.counts.indices {
            guard !isOverflown else {
                note(other.looks[index], times: other.counts[index])
                continue
            }
            let mine = other.map.key(index).withUnsafeBufferPointer { map.insert($0) }
            if mine == counts.count {
                counts.append(0)
                looks.append(other.looks[index])
            }
            counts[mine] += other.counts[index]
            if map.count > limits.values || map.bytes.count > limits.bytes { overflow() }
        }
    }

    /// - Parameter statistics: the column's numbers, block by block.
    func facts(name: String, rows: Int, statistics: NumberStatistics) -> ColumnFacts {
        var total = self
        for index in counts.indices { total.note(looks[index], times: counts[index]) }
        let order = counts.indices.sorted { left, right in
            counts[left] != counts[right]
                ? counts[left] > counts[right] : map.key(left).lexicographicallyPrecedes(map.key(right))
        }
        func frequency(_ index: Int) -> ColumnProfile.Frequency {
            ColumnProfile.Frequency(
                value: String(decoding: map.key(index), as: UTF8.self), rows: counts[index])
        }
        func having(_ trait: CellLook.Trait) -> Int { total.traits[trait.rawValue] }
        let hasNumbers = statistics.count > 0
        let profile = ColumnProfile(
            name: name, rows: rows, missing: missing,
            distinct: Cardinality(
                count: isOverflown ? max(sketch.estimate, counts.count) : counts.count, isExact: !isOverflown
            ),
            numbers: having(.number), wholeNumbers: having(.whole), money: having(.money),
            times: having(.time),
            least: hasNumbers ? statistics.least : nil, greatest: hasNumbers ? statistics.greatest : nil,
            mean: hasNumbers ? statistics.mean : nil, frequent: order.prefix(5).map(frequency))
        return ColumnFacts(
            profile: profile, traits: total.traits, partCardinality: partSketch.estimate,
            mostParts: total.mostParts, rareValues: counts.count { $0 < 5 },
            meanLength: Double(total.lengths) / Double(max(1, rows - missing)),
            exampleOfText: order.first { !looks[$0].has(.number) }.map { frequency($0).value },
            values: counts.count <= 1000 ? order.map(frequency) : [])
    }
}
