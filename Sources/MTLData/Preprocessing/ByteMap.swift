internal import MTLDataKernels

/// Numbers texts in the order of their coming: a hash table that holds the bytes of its keys one behind the other.
struct ByteMap: Sendable {
    /// Keys one behind the other; key i ends before ends[i].
    private(set) var bytes: [UInt8] = []
    private(set) var ends: [Int] = []
    private var hashes: [UInt64] = []
    /// Key numbers, or -1; a power of two of them, at most half full.
    private var slots: [Int32] = [Int32](repeating: -1, count: 16)

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

    static func hash(_ key: UnsafeBufferPointer<UInt8>) -> UInt64 {
        mtl_hash_bytes(key.baseAddress, key.count, 0)
    }

    /// The bytes of a key.
    func key(_ index: Int) -> ArraySlice<UInt8> { bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]] }

    /// The number of a key, or nil.
    func find(_ key: UnsafeBufferPointer<UInt8>) -> Int? { find(key, hash: Self.hash(key)) }

    private func find(_ key: UnsafeBufferPointer<UInt8>, hash: UInt64) -> Int? {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash >> 20) & mask
        while slots[slot] >= 0 {
            let index = Int(slots[slot])
            if hashes[index] == hash && matches(index, key) { return index }
            slot = (slot + 1) & mask
        }
        return nil
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
        slots = [Int32](repeating: -1, count: size)
        for index in 0..<count { place(index) }
    }

    private mutating func place(_ index: Int) {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hashes[index] >> 20) & mask
        while slots[slot] >= 0 { slot = (slot + 1) & mask }
        slots[slot] = Int32(index)
    }
}
