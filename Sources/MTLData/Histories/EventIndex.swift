package import MTLEngine

/// A log of events in memory, sorted by user and time, that tells what was known of a user at a time.
///
/// Memory: 8 bytes an event for its time, 12 more for sums of values, 4 for an item and 4 more for distinct items; and the
/// names of users and items once. A question takes O(log n) in the user's events, see `DistinctCounts` for distinct items.
package struct EventIndex: Sendable {
    /// What it was made for.
    package let spec: HistorySpec
    /// The events that count.
    package var eventCount: Int { times.count }
    /// Events without a user or a time, and with wrong cells where those may be skipped.
    package let ignoredEvents: Int

    private let users: ByteMap
    private let items: ByteMap
    /// Group user · kinds + kind is events starts[group] ..< starts[group + 1], in the order of time and then of the log.
    private let starts: [Int]
    private let times: [Int64]
    private let itemIDs: [Int32]
    private let sums: PrefixSums?
    /// Events with a value, counted from a group's beginning; empty where all have one.
    private let valueCounts: [Int32]
    private let distinct: DistinctCounts?
    private let delay: Int64
    private let spans: [Int64?]
    private let kindCount: Int
    private let separator: UInt8

    /// Reads the log that the settings name.
    ///
    /// - Throws: what `openSource` and `init(_:_:)` throw.
    package init(
        _ spec: HistorySpec, options: ReadingOptions = ReadingOptions(), skipsBadRows: Bool = false
    ) throws(InputError) {
        try spec.check()
        try refusePipe(spec.events, "history \"\(spec.name)\", events")
        var options = options
        options.format = spec.format
        options.columns = nil
        let source = try openSource(spec.events, options: options)
        try self.init(spec, source, skipsBadRows: skipsBadRows)
    }

    /// Reads a log once.
    ///
    /// - Parameter skipsBadRows: leaves events with wrong cells out.
    /// - Throws: `InputError` for wrong settings, a missing column, a cell that is not a time or a number (with file, line and
    ///   column), an item with the separator or a line break in it, or where no event counts.
    package init(
        _ spec: HistorySpec, _ events: any RowSource, skipsBadRows: Bool = false
    ) throws(InputError) {
        try spec.check()
        let log = try EventLog(spec, events, skipsBadRows: skipsBadRows)
        self.spec = spec
        ignoredEvents = log.ignored
        users = log.users
        items = log.items
        starts = log.starts
        times = log.times
        let needsValues = spec.aggregates.contains { $0 == .sum || $0 == .mean }
        sums = needsValues ? PrefixSums(log.values, starts: log.starts) : nil
        valueCounts = needsValues ? Self.counts(log.values, starts: log.starts) : []
        distinct =
            spec.aggregates.contains(.distinct)
            ? DistinctCounts(log.itemIDs, itemCount: log.items.count, starts: log.starts) : nil
        itemIDs = spec.aggregates.contains(.last) ? log.itemIDs : []
        delay = spec.delayMilliseconds
        spans = spec.spans
        kindCount = max(1, spec.kinds.count)
        separator = spec.separator.utf8.first ?? UInt8(ascii: "|")
    }

    private static func counts(_ values: [Double], starts: [Int]) -> [Int32] {
        guard values.contains(where: \.isNaN) else { return [] }
        var counts = [Int32](repeating: 0, count: values.count)
        for (start, end) in zip(starts, starts.dropFirst()) {
            var count: Int32 = 0
            for index in start..<end {
                if !values[index].isNaN { count += 1 }
                counts[index] = count
            }
        }
        return counts
    }

    // MARK: Questions

    /// Appends the cells of a row, one after the other as `spec.columns` are.
    ///
    /// - Parameters:
    ///   - user: the row's cell without blanks around it.
    ///   - time: the row's time in milliseconds.
    ///   - end: is told when a cell is complete.
    func append(
        user: UnsafeBufferPointer<UInt8>, time: Int64, to block: RowBlock, end: () -> Void
    ) {
        let number = users.find(user)
        for kind in 0..<kindCount {
            let group = number.map { $0 * kindCount + kind }
            let start = group.map { starts[$0] } ?? 0
            let limit = group.map { starts[$0 + 1] } ?? 0
            let last = firstIndex(start, limit, from: time - delay)
            for aggregate in spec.aggregates {
                switch aggregate {
                case .count, .sum, .mean, .distinct:
                    for span in spans {
                        let first = span.map { firstIndex(start, last, from: time - $0) } ?? start
                        append(aggregate, first, last, start: start, to: block)
                        end()
                    }
                case .daysSince:
                    if last > start {
                        block.append(
                            plain: Double(time - times[last - 1]) / Double(Timestamp.millisecondsPerDay))
                    }
                    end()
                case .last:
                    appendItems(start, last, to: block)
                    end()
                }
            }
        }
    }

    private func append(
        _ aggregate: HistorySpec.Aggregate, _ first: Int, _ last: Int, start: Int, to block: RowBlock
    ) {
        switch aggregate {
        case .sum: block.append(plain: sums?.sum(first, last, start: start) ?? 0)
        case .mean:
            let count = values(first, last, start: start)
            if count > 0, let sums {
                block.append(plain: sums.sum(first, last, start: start) / Double(count))
            }
        case .distinct: block.append(Int64(distinct?.count(first, last, start: start) ?? 0))
        default: block.append(Int64(last - first))
        }
    }

    /// The first event of a group's that is not before a time.
    private func firstIndex(_ first: Int, _ last: Int, from time: Int64) -> Int {
        var (low, high) = (first, last)
        while low < high {
            let middle = (low + high) / 2
            if times[middle] < time { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private func values(_ first: Int, _ last: Int, start: Int) -> Int {
        guard first < last, !valueCounts.isEmpty else { return last - first }
        return Int(valueCounts[last - 1]) - (first > start ? Int(valueCounts[first - 1]) : 0)
    }

    private func appendItems(_ start: Int, _ last: Int, to block: RowBlock) {
        var first = last
        var count = 0
        while first > start, count < spec.length {
            first -= 1
            if itemIDs[first] >= 0 { count += 1 }
        }
        var cell: [UInt8] = []
        for index in first..<last where itemIDs[index] >= 0 {
            if !cell.isEmpty { cell.append(separator) }
            cell.append(contentsOf: items.key(Int(itemIDs[index])))
        }
        cell.withUnsafeBufferPointer { block.append(cell: $0) }
    }
}

extension RowBlock {
    /// Appends a number, a whole one without ".0".
    func append(plain number: Double) {
        if number.magnitude < 0x1p53, number == number.rounded(.towardZero) {
            append(Int64(number))
        } else {
            append(number)
        }
    }
}
