/// Counts values by their hash and by part. Beyond a limit of different values it keeps an even sample of them, those
/// whose hashes begin with more and more zeros (Gibbons, *Distinct Sampling*, VLDB 2001), with all their rows: what it
/// holds at the end does not depend on the order of the rows.
package struct HashTally {
    private let limit: Int
    /// Kept are hashes with so many leading zeros.
    private(set) var level = 0
    private(set) var count = 0
    /// Zero where empty; a power of two of them, at most half full.
    private var keys: [UInt64] = [UInt64](repeating: 0, count: 16)
    /// Per key its rows of training, validation and test.
    private var rows: [SIMD4<UInt32>] = [SIMD4<UInt32>](repeating: .zero, count: 16)

    package init(limit: Int) { self.limit = limit }

    /// Different values, all in all; an estimate where only a sample was kept.
    package var distinct: Int { count << level }
    package var isPartial: Bool { level > 0 }

    package mutating func add(_ hash: UInt64, part: Part) {
        guard part != .dropped else { return }
        var one = SIMD4<UInt32>.zero
        one[Int(part.rawValue)] = 1
        add(hash == 0 ? 1 : hash, one)
    }

    private mutating func add(_ key: UInt64, _ times: SIMD4<UInt32>) {
        guard key.leadingZeroBitCount >= level else { return }
        let mask = keys.count - 1
        var slot = Int(truncatingIfNeeded: key) & mask
        while keys[slot] != 0 {
            if keys[slot] == key {
                rows[slot] &+= times
                return
            }
            slot = (slot + 1) & mask
        }
        keys[slot] = key
        rows[slot] = times
        count += 1
        if count > limit {
            level += 1
            rebuild(keys.count)
        } else if 2 * count > keys.count {
            rebuild(2 * keys.count)
        }
    }

    private mutating func rebuild(_ size: Int) {
        let old = (keys, rows)
        keys = [UInt64](repeating: 0, count: size)
        rows = [SIMD4<UInt32>](repeating: .zero, count: size)
        count = 0
        for (key, times) in zip(old.0, old.1) where key != 0 { add(key, times) }
    }

    package mutating func merge(_ other: HashTally) {
        if other.level > level {
            level = other.level
            rebuild(keys.count)
        }
        for (key, times) in zip(other.keys, other.rows) where key != 0 { add(key, times) }
    }

    /// Rows of training, validation and test of every value that was kept.
    package func forEach(_ body: (_ training: Int, _ validation: Int, _ test: Int) -> Void) {
        for (key, times) in zip(keys, rows) where key != 0 {
            body(Int(times[0]), Int(times[1]), Int(times[2]))
        }
    }
}
