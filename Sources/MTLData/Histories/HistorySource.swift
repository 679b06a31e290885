internal import MTLDataKernels
package import MTLEngine

/// The rows of a source with further columns: what logs of events say of each row's user as of the row's time.
///
/// A row without a user or a time has nothing in them. A user without events has counts and sums of 0, and nothing else.
package final class HistorySource: RowSource {
    /// What messages call it: as the source of the rows.
    package var path: String { base.path }
    /// The columns of the rows, then those of each history.
    package let columns: [String]
    /// Workers that call at the same time.
    package var threads: Int { base.threads }
    /// How the cells of the rows are read.
    package var format: TableFormat { base.format }
    /// What was found out about the rows.
    package var notes: [String] { base.notes }
    private let base: any RowSource
    private let histories: [Joined]
    private let skipsBadRows: Bool
    private let readings: [CellReading]

    /// A history and where the rows have its user and time; a class, since copying an index counts many references.
    private final class Joined: Sendable {
        let index: EventIndex
        let user: Int
        let time: Int
        let columnCount: Int

        init(_ index: EventIndex, user: Int, time: Int) {
            self.index = index
            self.user = user
            self.time = time
            columnCount = index.spec.columns.count
        }
    }

    /// Joins histories to rows.
    ///
    /// - Parameters:
    ///   - user: the rows' column of the user, where a history names none; nil for the name that it has in the log.
    ///   - time: the same of the time.
    ///   - skipsBadRows: leaves the new columns empty where a row's time is none, instead of an error.
    /// - Throws: `InputError` where the rows have no such column, or already one of a new name.
    package init(
        _ base: any RowSource, _ histories: [EventIndex], user: String? = nil, time: String? = nil,
        skipsBadRows: Bool = false
    ) throws(InputError) {
        self.base = base
        self.skipsBadRows = skipsBadRows
        var names = base.columns
        var seen = Set(names)
        var joined: [Joined] = []
        for history in histories {
            let spec = history.spec
            joined.append(
                Joined(
                    history, user: try base.column(spec.rowUser ?? user ?? spec.user),
                    time: try base.column(spec.rowTime ?? time ?? spec.time)))
            for name in spec.columns {
                guard seen.insert(name).inserted else {
                    throw InputError(
                        .name, at: "history \"\(spec.name)\", column \"\(name)\"", found: "the name twice",
                        expected: "names that differ from those of \(base.path) and of other histories")
                }
                names.append(name)
            }
        }
        self.histories = joined
        columns = names
        // What a history says is written as numbers are, whatever those of the rows look like.
        let own = names.count - base.columns.count
        readings =
            CellReading.of(base.columns, base.format) + [CellReading](repeating: .usual, count: own)
    }

    /// Calls `consume` for every block of rows, with the further columns.
    ///
    /// - Throws: the first error in the order of the source; also a row's time that cannot be read, with file and line.
    @discardableResult
    package func read(
        _ consume: (RowBlock, _ worker: Int) throws(InputError) -> Void
    ) throws(InputError) -> ReadingReport {
        let blocks = (0..<threads).map { _ in newBlock() }
        return try base.read { (block, worker) throws(InputError) in
            try widen(block, into: blocks[worker])
            try consume(blocks[worker], worker)
        }
    }

    /// The first block of rows, to look at.
    ///
    /// - Throws: what `read` throws of it.
    package func first() throws(InputError) -> RowBlock {
        let wide = newBlock()
        try widen(base.first(), into: wide)
        return wide
    }

    private func newBlock() -> RowBlock { RowBlock(path: path, columns: columns, readings: readings) }

    /// Copies a block's rows and appends the new cells to each. What stands between rows is copied too, so that lines are
    /// counted as in the file.
    private func widen(_ block: RowBlock, into wide: RowBlock) throws(InputError) {
        wide.begin()
        wide.count = 0
        wide.index = block.index
        wide.firstRecord = block.firstRecord
        wide.firstLine = block.firstLine
        wide.unit = block.unit
        wide.reserve(rows: block.rowCount)
        let width = block.width
        let named = block.columns.count
        var copied = 0
        for row in 0..<block.rowCount {
            let shift = wide.count - copied
            let first = row * width
            var end = Int(block.ends[first + named - 1])
            let lastStart =
                named == 1 ? Int(block.rows[row].start) : Int(block.ends[first + named - 2]) + 1
            if end > lastStart, block.text[end - 1] == UInt8(ascii: "\r") { end -= 1 }
            wide.append(raw: UnsafeBufferPointer(start: block.text + copied, count: end - copied))
            copied = end
            var place = row * columns.count
            for column in 0..<named - 1 {
                wide.ends[place + column] = UInt32(
                    truncatingIfNeeded: Int(block.ends[first + column]) + shift)
            }
            wide.ends[place + named - 1] = UInt32(truncatingIfNeeded: wide.count)
            wide.rows[row] = block.rows[row]
            wide.rows[row].start = UInt32(truncatingIfNeeded: Int(block.rows[row].start) + shift)
            place += named
            for history in histories { try append(history, block, row, to: wide, &place) }
            guard wide.count < Int(UInt32.max) else {
                throw InputError(
                    .shape, at: "\(path), \(block.unit) \(block.line(row))",
                    found: "a block of more than 4 GiB with its histories", expected: "smaller blocks")
            }
        }
        wide.rowCount = block.rowCount
    }

    private func append(
        _ history: Joined, _ block: RowBlock, _ row: Int, to wide: RowBlock, _ place: inout Int
    ) throws(InputError) {
        var time: Int64?
        do throws(InputError) { time = try block.time(row, history.time) } catch {
            guard skipsBadRows else { throw error }
        }
        let last = place + history.columnCount
        wide.append(UInt8(ascii: ","))
        func end() {
            wide.ends[place] = UInt32(truncatingIfNeeded: wide.count)
            place += 1
            if place < last { wide.append(UInt8(ascii: ",")) }
        }
        if let time, let user = block.value(row, history.user) {
            history.index.append(user: user, time: time, to: wide, end: end)
        } else {
            while place < last { end() }
        }
    }
}
