/// The values of a categorical feature and their ids: 0 for values it does not know, 1 for missing ones, then the known
/// values, the most frequent first.
package struct Vocabulary: Sendable, Equatable {
    /// The id of a value that the training rows did not have, or had too rarely.
    package static let unknown: Int32 = 0
    /// The id of a missing value.
    package static let missing: Int32 = 1
    static let reserved = 2

    let map: ByteMap
    /// Rows of the training part per value, unknown and missing first.
    package let counts: [Int]

    /// Ids, the reserved ones included.
    package var size: Int { map.count + Self.reserved }

    /// Keeps the values seen at least `minimumCount` times, by how often and then by their bytes.
    init(_ seen: ByteMap, counts: [Int], missing: Int, minimumCount: Int) {
        let order = seen.order(byCounts: counts, atLeast: minimumCount)
        var bytes: [UInt8] = []
        var ends: [Int] = []
        for index in order {
            bytes.append(contentsOf: seen.key(index))
            ends.append(bytes.count)
        }
        let known = order.map { counts[$0] }
        map = ByteMap(bytes: bytes, ends: ends)
        self.counts = [counts.reduce(0, +) - known.reduce(0, +), missing] + known
    }

    init(map: ByteMap, counts: [Int]) {
        self.map = map
        self.counts = counts
    }

    /// The id of a value, blanks around it taken off.
    func id(_ value: UnsafeBufferPointer<UInt8>) -> Int32 {
        map.find(value).map { Int32($0 + Self.reserved) } ?? Self.unknown
    }

    /// The id of a value that the training rows had often enough; nil for another one.
    package func id(of value: String) -> Int? {
        var text = value
        let found = text.withUTF8 { (bytes) -> Int32 in id(bytes) }
        return found < Self.reserved ? nil : Int(found)
    }

    /// Per row of a block the id of a column's value.
    func ids(_ block: RowBlock, _ column: Int, rows: [Int], missing: Int32 = Self.missing) -> [Int32] {
        // A word that means missing here and was a value in training is in the map all the same.
        guard !map.holds(any: block.readings[column].missingWords) else {
            return rows.map { row in block.value(row, column).map { id($0) } ?? missing }
        }
        let found = map.find(block, column)
        return rows.map { row in
            let index = found[row]
            if index >= 0 { return index + Int32(Self.reserved) }
            if index == ByteMap.blank { return missing }
            return block.value(row, column).map { id($0) } ?? missing
        }
    }

    /// The value of an id.
    package func value(_ id: Int) -> String {
        id < Self.reserved
            ? ["(unknown)", "(missing)"][id] : String(decoding: map.key(id - Self.reserved), as: UTF8.self)
    }

    /// Whether both give the same ids.
    package static func == (left: Self, right: Self) -> Bool {
        left.counts == right.counts && left.map.bytes == right.map.bytes && left.map.ends == right.map.ends
    }
}

extension Vocabulary: Codable {
    private enum CodingKeys: String, CodingKey { case values, counts, bytes, offsets }

    /// Reads values and their counts.
    ///
    /// - Throws: `DecodingError` where they are missing or not as many, or a value comes twice.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func wrong(_ found: String) -> DecodingError {
            DecodingError.dataCorruptedError(forKey: .counts, in: container, debugDescription: found)
        }
        var map = ByteMap()
        if container.contains(.bytes) {
            let bytes = try container.decode(LongList<UInt8>.self, forKey: .bytes).elements
            let offsets = try container.decode(LongList<Int>.self, forKey: .offsets).elements
            guard offsets.first == 0, offsets.last == bytes.count, offsets.count < Int(Int32.max),
                zip(offsets, offsets.dropFirst()).allSatisfy({ $0 <= $1 })
            else { throw wrong("offsets that do not fit the values' bytes") }
            map = ByteMap(bytes: bytes, ends: Array(offsets.dropFirst()))
            guard map.keysDiffer else { throw wrong("a value twice") }
        } else {
            let values = try container.decode([String].self, forKey: .values)
            for value in values {
                var utf8 = value
                _ = utf8.withUTF8 { map.insert($0) }
            }
            guard map.count == values.count else { throw wrong("a value twice") }
        }
        let counts = try container.decode(LongList<Int>.self, forKey: .counts).elements
        guard counts.count == map.count + Self.reserved, counts.allSatisfy({ $0 >= 0 }) else {
            throw wrong("\(counts.count) counts of \(map.count) values")
        }
        self.init(map: map, counts: counts)
    }

    /// Writes values and their counts.
    ///
    /// - Throws: what the encoder throws.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        if encoder.tensors != nil {
            try container.encode(LongList(map.bytes), forKey: .bytes)
            try container.encode(LongList([0] + map.ends), forKey: .offsets)
        } else {
            try container.encode(
                map.ends.indices.map { String(decoding: map.key($0), as: UTF8.self) }, forKey: .values)
        }
        try container.encode(LongList(counts), forKey: .counts)
    }
}

/// Counts texts, and where asked to, sums a label over the rows of each.
struct CategoryCounter {
    /// Sums and rows per fold, for a category.
    struct Folds {
        static let count = 5
        /// One of the sums: small enough for rates of parts in a million, and so that 2^31 labels below `limit` fit.
        static let unit = 0x1p-40
        static let limit = 0x1p56
        /// In units: whole numbers, so that their sum does not depend on the order of the rows.
        var sums = [Int128](repeating: 0, count: count)
        var rows = [Int](repeating: 0, count: count)

        mutating func add(_ value: Double, fold: Int) {
            sums[fold] += Int128((max(-Self.limit, min(Self.limit, value)) / Self.unit).rounded())
            rows[fold] += 1
        }

        mutating func merge(_ other: Folds) {
            for fold in 0..<Self.count {
                sums[fold] += other.sums[fold]
                rows[fold] += other.rows[fold]
            }
        }
    }

    var map = ByteMap()
    var counts: [Int] = []
    var missing = 0
    /// Per category its label's sums; of missing values the last.
    var folds: [Folds] = []
    var missingFolds = Folds()
    let hasTarget: Bool

    init(hasTarget: Bool) { self.hasTarget = hasTarget }

    mutating func add(_ value: UnsafeBufferPointer<UInt8>, times: Int = 1) -> Int {
        let index = map.insert(value)
        if index == counts.count {
            counts.append(0)
            if hasTarget { folds.append(Folds()) }
        }
        counts[index] += times
        return index
    }

    /// Counts the values of a column in some rows of a block.
    mutating func add(_ block: RowBlock, _ column: Int, rows: [Int]) {
        let found = map.find(block, column)
        var others: [Int] = []
        counts.withUnsafeMutableBufferPointer { counts in
            for row in rows {
                let index = Int(found[row])
                if index >= 0 { counts[index] += 1 } else { others.append(row) }
            }
        }
        for row in others {
            if let cell = block.value(row, column) { _ = add(cell) } else { missing += 1 }
        }
    }

    mutating func merge(_ other: CategoryCounter) {
        missing += other.missing
        missingFolds.merge(other.missingFolds)
        for index in other.counts.indices {
            let mine = other.map.key(index).withUnsafeBufferPointer { add($0, times: other.counts[index]) }
            if hasTarget { folds[mine].merge(other.folds[index]) }
        }
    }
}
