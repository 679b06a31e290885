internal import MTLEngine

/// Reads the cells of events.
struct EventReader: Sendable {
    private let spec: HistorySpec
    private let skipsBadRows: Bool
    private let user: Int
    private let time: Int
    private let kind: Int?
    private let value: Int?
    private let item: Int?
    private let condition: (column: Int, holds: Condition)?
    private let kinds: [[UInt8]]
    /// What an item may not hold, so that it is one in a cell of several: the separator and line breaks.
    private let forbidden: [UInt8]

    init(_ spec: HistorySpec, _ source: any RowSource, skipsBadRows: Bool) throws(InputError) {
        func optional(_ name: String?, _ aggregates: [HistorySpec.Aggregate]) throws(InputError) -> Int? {
            guard let name, aggregates.contains(where: spec.aggregates.contains) else { return nil }
            return try source.column(name)
        }
        self.spec = spec
        self.skipsBadRows = skipsBadRows
        user = try source.column(spec.user)
        time = try source.column(spec.time)
        kind = try optional(spec.kind, HistorySpec.Aggregate.allCases)
        value = try optional(spec.value, [.sum, .mean])
        item = try optional(spec.item, [.distinct, .last])
        if let holds = try spec.holds {
            condition = (try source.column(holds.column), holds)
        } else {
            condition = nil
        }
        kinds = spec.kinds.map { Array($0.utf8) }
        forbidden =
            spec.aggregates.contains(.last)
            ? Array(spec.separator.utf8) + [UInt8(ascii: "\n"), UInt8(ascii: "\r")] : []
    }

    func read(_ block: RowBlock) throws(InputError) -> EventPart {
        let part = EventPart(index: block.index)
        for row in 0..<block.rowCount {
            if let condition, !condition.holds.holds(block, row, condition.column) { continue }
            guard let kind = kindIndex(block, row) else { continue }
            do throws(InputError) {
                if try !add(block, row, kind, to: part) { part.ignored += 1 }
            } catch {
                guard skipsBadRows else { throw error }
                part.ignored += 1
            }
        }
        return part
    }

    /// The kind of an event, 0 where there are none; nil where it does not count.
    private func kindIndex(_ block: RowBlock, _ row: Int) -> Int? {
        guard let kind else { return 0 }
        let cell = Cell.trimmed(block.cell(row, kind))
        return kinds.firstIndex { $0.elementsEqual(cell) }
    }

    /// False where the event has no user or no time.
    private func add(_ block: RowBlock, _ row: Int, _ kind: Int, to part: EventPart) throws(InputError)
        -> Bool
    {
        guard let userCell = block.value(row, user), let at = try block.time(row, time) else { return false }
        var number = Double.nan
        if let value { number = try self.number(block, row, value) }
        var itemCell: UnsafeBufferPointer<UInt8>?
        if let item {
            itemCell = block.value(row, item)
            guard itemCell?.contains(where: forbidden.contains) != true else {
                throw InputError(
                    .value, at: block.place(row, item), found: block.quoted(row, item),
                    expected: "an item without the separator \"\(spec.separator)\" and line breaks")
            }
        }
        part.groups.append(part.users.insert(userCell) * max(1, kinds.count) + kind)
        part.times.append(at)
        if value != nil { part.values.append(number) }
        if item != nil { part.itemIDs.append(itemCell.map { Int32(part.items.insert($0)) } ?? -1) }
        return true
    }

    private func number(_ block: RowBlock, _ row: Int, _ column: Int) throws(InputError) -> Double {
        switch block.number(row, column) {
        case .missing: return .nan
        case .number(let number) where number.magnitude < PrefixSums.limit: return number
        case .number, .tooLarge:
            throw InputError(
                .value, at: block.place(row, column), found: block.quoted(row, column),
                expected: "a number below \(PrefixSums.limit)")
        case .text, .ambiguous:
            throw InputError(
                .value, at: block.place(row, column), found: block.quoted(row, column),
                expected: block.readings[column].expectedNumber(block.cell(row, column)))
        }
    }
}

extension RowBlock {
    /// A cell's time in milliseconds, nil where it is missing.
    func time(_ row: Int, _ column: Int) throws(InputError) -> Int64? {
        guard let cell = value(row, column) else { return nil }
        if case .time(let time) = readings[column].time(cell) { return time }
        throw InputError(
            .value, at: place(row, column), found: quoted(row, column),
            expected: readings[column].expectedTime(cell))
    }

    /// A cell for messages.
    func quoted(_ row: Int, _ column: Int) -> String {
        let text = string(row, column)
        return "\"" + (text.count > 60 ? text.prefix(60) + "…" : text) + "\""
    }
}
