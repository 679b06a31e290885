internal import MTLDataKernels

/// Numbers texts in the order of their coming: a hash table that holds the bytes of its keys one after the other.
struct ByteMap: Sendable {
    /// Keys one after the other; key i ends before ends[i].
    private(set) var bytes: [UInt8] = []
    private(set) var ends: [Int] = []
    private var hashes: [UInt64] = []
    /// A power of two of them, at most half full.
    private var slots = [mtl_map_slot](repeating: ByteMap.empty, count: 16)

    private static let empty = mtl_map_slot(prefix: 0, length: 0, index: -1)

    var count: Int { ends.count }

    init() {}

    /// A map of keys that differ.
    init(bytes: [UInt8], ends: [Int]) {
        self.bytes = bytes
        self.ends = ends
        hashes = ends.indices.map { key in
            bytes.withUnsafeBufferPointer { all in
                Self.hash(UnsafeBufferPointer(rebasing: all[(key == 0 ? 0 : ends[key - 1])..<ends[key]]))
            }
        }
        var size = 16
        while size < 2 * ends.count { size *= 2 }
        fill(slots: size)
    }

    /// Whether every key is found under its own number.
    var keysDiffer: Bool {
        bytes.withUnsafeBufferPointer { all in
            ends.indices.allSatisfy { key in
                let start = key == 0 ? 0 : ends[key - 1]
                return find(UnsafeBufferPointer(rebasing: all[start..<ends[key]])) == key
            }
        }
    }

    static func hash(_ key: UnsafeBufferPointer<UInt8>) -> UInt64 {
        mtl_hash_bytes(key.baseAddress, key.count, 0)
    }

    /// The bytes of a key.
    func key(_ index: Int) -> ArraySlice<UInt8> { bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]] }

    /// The number of a key, or nil.
    func find(_ key: UnsafeBufferPointer<UInt8>) -> Int? {
        let index = withTable { mtl_map_find($0, key.baseAddress, key.count) }
        return index < 0 ? nil : Int(index)
    }

    /// Whether any of some words is a key.
    func holds(any words: [[UInt8]]) -> Bool {
        words.contains { $0.withUnsafeBufferPointer { find($0) != nil } }
    }

    /// What `find(block, column)` gives for a blank cell.
    static let blank = Int32(MTL_MAP_BLANK)

    /// Per row of a block the number of a column's cell; below 0 where it is blank, not there, or in quotes.
    func find(_ block: RowBlock, _ column: Int) -> [Int32] {
        withTable { table in
            [Int32](unsafeUninitializedCapacity: block.rowCount) { found, count in
                mtl_csv_find(
                    block.text, block.rows, block.ends, block.width, column, block.rowCount, table,
                    found.baseAddress)
                count = block.rowCount
            }
        }
    }

    private func withTable<Result>(_ body: (mtl_map) -> Result) -> Result {
        slots.withUnsafeBufferPointer { slots in
            bytes.withUnsafeBufferPointer { bytes in
                ends.withUnsafeBufferPointer { ends in
                    body(
                        mtl_map(
                            slots: slots.baseAddress, mask: UInt64(slots.count - 1), keys: bytes.baseAddress,
                            ends: ends.baseAddress))
                }
            }
        }
    }

    /// The number of a key, which is a new one where it was not seen before.
    mutating func insert(_ key: UnsafeBufferPointer<UInt8>) -> Int {
        if let index = find(key) { return index }
        bytes.append(contentsOf: key)
        ends.append(bytes.count)
        hashes.append(Self.hash(key))
        if 2 * count > slots.count { fill(slots: 2 * slots.count) } else { place(count - 1..<count) }
        return count - 1
    }

    private mutating func fill(slots size: Int) {
        slots = [mtl_map_slot](repeating: Self.empty, count: size)
        place(0..<count)
    }

    private mutating func place(_ keys: Range<Int>) {
        let (bytes, ends, hashes) = (bytes, ends, hashes)
        slots.withUnsafeMutableBufferPointer { slots in
            let mask = slots.count - 1
            for index in keys {
                let start = index == 0 ? 0 : ends[index - 1]
                let slot = mtl_map_slot(
                    prefix: Self.prefix(bytes, start, ends[index]), length: UInt32(ends[index] - start),
                    index: Int32(index))
                var place = Int(truncatingIfNeeded: hashes[index] >> 20) & mask
                while slots[place].index >= 0 { place = (place + 1) & mask }
                slots[place] = slot
            }
        }
    }

    /// The first eight bytes of a key, the first one lowest; zeros after a shorter one.
    private static func prefix(_ bytes: [UInt8], _ start: Int, _ end: Int) -> UInt64 {
        bytes.withUnsafeBytes { all in
            if start + 8 <= all.count {
                let word = UInt64(littleEndian: all.loadUnaligned(fromByteOffset: start, as: UInt64.self))
                return end - start >= 8 ? word : word & ((1 << UInt64(8 * (end - start))) - 1)
            }
            var word: UInt64 = 0
            for place in start..<min(end, start + 8) {
                word |= UInt64(all[place]) << UInt64(8 * (place - start))
            }
            return word
        }
    }

    /// Numbers of keys so that those with the largest counts come first, and of these in the order of their bytes.
    func order(byCounts counts: [Int], atLeast least: Int) -> [Int] {
        struct Place {
            let count: Int
            /// The beginning of its bytes as a number of the same order.
            let prefix: UInt64
            let index: Int
        }
        var places: [Place] = []
        for index in ends.indices where counts[index] >= least {
            let start = index == 0 ? 0 : ends[index - 1]
            let prefix = Self.prefix(bytes, start, ends[index])
            places.append(Place(count: counts[index], prefix: prefix.byteSwapped, index: index))
        }
        places.sort { left, right in
            if left.count != right.count { return left.count > right.count }
            if left.prefix != right.prefix { return left.prefix < right.prefix }
            return key(left.index).lexicographicallyPrecedes(key(right.index))
        }
        return places.map(\.index)
    }
}
