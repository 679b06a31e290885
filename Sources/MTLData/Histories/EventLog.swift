internal import MTLEngine

/// The events of a log that count, sorted by group (user and kind), then time, then their order in the log.
struct EventLog {
    private(set) var users = ByteMap()
    private(set) var items = ByteMap()
    private(set) var ignored = 0
    /// Group g is events starts[g] ..< starts[g + 1].
    private(set) var starts: [Int] = []
    private(set) var times: [Int64] = []
    /// NaN where missing; empty where no column of values is read.
    private(set) var values: [Double] = []
    /// -1 where missing; empty where no column of items is read.
    private(set) var itemIDs: [Int32] = []

    init(_ spec: HistorySpec, _ source: any RowSource, skipsBadRows: Bool) throws(InputError) {
        let reader = try EventReader(spec, source, skipsBadRows: skipsBadRows)
        let collected = Collected<EventPart>()
        try source.read { (block, _) throws(InputError) in collected.add(try reader.read(block)) }
        let parts = collected.values.sorted { $0.index < $1.index }
        let count = parts.reduce(0) { $0 + $1.times.count }
        ignored = parts.reduce(0) { $0 + $1.ignored }
        guard count > 0 else {
            throw InputError(
                .empty, at: "history \"\(spec.name)\", \(source.path)", found: "no event that counts",
                expected: "at least one with a user, a time\(spec.kind == nil ? "" : ", one of the kinds")"
                    + (spec.condition.map { ", \($0)" } ?? ""))
        }
        guard count < Int(Int32.max) else {
            throw InputError(
                .shape, at: "history \"\(spec.name)\", \(source.path)", found: "\(count) events",
                expected: "fewer than \(Int32.max)")
        }
        place(parts, kinds: max(1, spec.kinds.count), count: count)
        sortGroups()
    }

    /// Puts the parts' events where their groups are, in the order of the log.
    private mutating func place(_ parts: [EventPart], kinds: Int, count: Int) {
        for part in parts {
            let userIDs = Self.merge(part.users, into: &users)
            for index in part.groups.indices {
                let (user, kind) = part.groups[index].quotientAndRemainder(dividingBy: kinds)
                part.groups[index] = userIDs[user] * kinds + kind
            }
            let itemNumbers = Self.merge(part.items, into: &items)
            for index in part.itemIDs.indices where part.itemIDs[index] >= 0 {
                part.itemIDs[index] = Int32(itemNumbers[Int(part.itemIDs[index])])
            }
        }
        starts = [Int](repeating: 0, count: users.count * kinds + 1)
        for part in parts {
            for group in part.groups { starts[group + 1] += 1 }
        }
        for group in starts.indices.dropFirst() { starts[group] += starts[group - 1] }
        times = [Int64](repeating: 0, count: count)
        if parts.contains(where: { !$0.values.isEmpty }) { values = [Double](repeating: .nan, count: count) }
        if parts.contains(where: { !$0.itemIDs.isEmpty }) { itemIDs = [Int32](repeating: -1, count: count) }
        var next = starts
        for part in parts {
            for (index, group) in part.groups.enumerated() {
                let target = next[group]
                next[group] += 1
                times[target] = part.times[index]
                if !values.isEmpty { values[target] = part.values[index] }
                if !itemIDs.isEmpty { itemIDs[target] = part.itemIDs[index] }
            }
            part.clear()
        }
    }

    /// The numbers that a part's keys have among all.
    private static func merge(_ part: ByteMap, into all: inout ByteMap) -> [Int] {
        (0..<part.count).map { key in part.key(key).withUnsafeBufferPointer { all.insert($0) } }
    }

    private mutating func sortGroups() {
        for (start, end) in zip(starts, starts.dropFirst()) where end - start > 1 {
            guard (start + 1..<end).contains(where: { times[$0] < times[$0 - 1] }) else { continue }
            let order = (start..<end).sorted { (times[$0], $0) < (times[$1], $1) }
            times.replaceSubrange(start..<end, with: order.map { times[$0] })
            if !values.isEmpty { values.replaceSubrange(start..<end, with: order.map { values[$0] }) }
            if !itemIDs.isEmpty { itemIDs.replaceSubrange(start..<end, with: order.map { itemIDs[$0] }) }
        }
    }
}

/// The events of one block that count, users and items numbered in the order of their coming.
final class EventPart: @unchecked Sendable {
    let index: Int
    var ignored = 0
    var users = ByteMap()
    var items = ByteMap()
    /// User · kinds + kind.
    var groups: [Int] = []
    var times: [Int64] = []
    var values: [Double] = []
    var itemIDs: [Int32] = []

    init(index: Int) { self.index = index }

    func clear() {
        groups = []
        times = []
        values = []
        itemIDs = []
    }
}
