internal import MTLDataKernels

/// Numbers texts in the order of their coming: a hash table that holds the bytes of its keys one behind the other.
struct ByteMap: Sendable {
    /// Keys one behind the other; key i ends before ends[i].
    private(set) var bytes: [UInt8] = []
    private(set) var ends: [Int] = []
    private var hashes: [UInt64] = []
    /// A power of two of them, at most half full.
    private var slots = [Slot](repeating: Slot(), count: 16)

    /// A key's number, length and first eight bytes: most keys are found, or not, by one look at memory.
    private struct Slot {
        var prefix: UInt64 = 0
        var length: UInt32 = 0
        var index: Int32 = -1
    }

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
                return find(UnsafeBufferPointer(rebasing: all[start..<ends[key]]), hash: hashes[key]) == key
            }
        }
    }

    static func hash(_ key: UnsafeBufferPointer<UInt8>) -> UInt64 {
        mtl_hash_bytes(key.baseAddress, key.count, 0)
    }

    /// The bytes of a key.
    func key(_ index: Int) -> ArraySlice<UInt8> { bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]] }

    /// The number of a key, or nil.
    func find(_ key: UnsafeBufferPointer<UInt8>) -> Int? { find(key, hash: Self.hash(key)) }

    private func find(_ key: UnsafeBufferPointer<UInt8>, hash: UInt64) -> Int? {
        let prefix = Self.prefix(key)
        return slots.withUnsafeBufferPointer { slots in
            let mask = slots.count - 1
            var place = Int(truncatingIfNeeded: hash >> 20) & mask
            while slots[place].index >= 0 {
                let slot = slots[place]
                if slot.prefix == prefix && slot.length == key.count
                    && (key.count <= 8 || matches(Int(slot.index), key))
                {
                    return Int(slot.index)
                }
                place = (place + 1) & mask
            }
            return nil
        }
    }

    private static func prefix(_ key: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var prefix: UInt64 = 0
        for index in 0..<min(8, key.count) { prefix |= UInt64(key[index]) << UInt64(8 * index) }
        return prefix
    }

    private func matches(_ index: Int, _ key: UnsafeBufferPointer<UInt8>) -> Bool {
        let start = index == 0 ? 0 : ends[index - 1]
        guard ends[index] - start == key.count else { return false }
        return bytes.withUnsafeBufferPointer { all in
            for offset in 0..<key.count where all[start + offset] != key[offset] { return false }
            return true
        }
    }

    /// The number of a key, which is a new one where it was not seen before.
    mutating func insert(_ key: UnsafeBufferPointer<UInt8>) -> Int {
        let hash = Self.hash(key)
        if let index = find(key, hash: hash) { return index }
        bytes.append(contentsOf: key)
        ends.append(bytes.count)
        hashes.append(hash)
        if 2 * count > slots.count { fill(slots: 2 * slots.count) } else { place(count - 1) }
        return count - 1
    }

    private mutating func fill(slots size: Int) {
        slots = [Slot](repeating: Slot(), count: size)
        for index in 0..<count { place(index) }
    }

    private mutating func place(_ index: Int) {
        let start = index == 0 ? 0 : ends[index - 1]
        let entry = bytes.withUnsafeBufferPointer { all in
            let key = UnsafeBufferPointer(rebasing: all[start..<ends[index]])
            return Slot(prefix: Self.prefix(key), length: UInt32(key.count), index: Int32(index))
        }
        let mask = slots.count - 1
        var place = Int(truncatingIfNeeded: hashes[index] >> 20) & mask
        while slots[place].index >= 0 { place = (place + 1) & mask }
        slots[place] = entry
    }
}
