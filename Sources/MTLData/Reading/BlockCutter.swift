internal import MTLDataKernels
internal import MTLEngine

/// Takes blocks of whole records off a source of bytes, one caller at a time.
///
/// Where the blocks end depends on the source and `blockBytes` alone, not on who takes them.
final class BlockCutter {
    let source: TextSource
    private let separator: UInt8
    /// The cells of a row.
    private let width: Int
    private let blockBytes: Int
    private let longestRecord: Int
    private var index = 0
    private var record = 0
    private var line: Int
    /// What is read but belongs to the next block.
    private var carry: [UInt8] = []
    private var isAtEnd = false
    /// What comes after the records that were handed out.
    private var failure: InputError?

    init(
        _ source: TextSource, separator: UInt8, width: Int, skipping offset: Int, line: Int, blockBytes: Int,
        longestRecord: Int
    ) throws(InputError) {
        self.source = source
        self.separator = separator
        self.width = width
        self.blockBytes = blockBytes
        self.longestRecord = longestRecord
        self.line = line
        var skipped = [UInt8](repeating: 0, count: offset)
        var failure: InputError?
        skipped.withUnsafeMutableBytes { buffer in
            do throws(InputError) { _ = try source.read(into: buffer) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Fills a block; false at the end of the source.
    ///
    /// - Throws: what is wrong after the records of the blocks before.
    func next(_ block: RowBlock) throws(InputError) -> Bool {
        if let failure { throw failure }
        guard !isAtEnd else { return false }
        block.begin()
        block.count = 0
        var limit = carry.count + blockBytes
        block.reserve(text: limit + 1)
        for (index, byte) in carry.enumerated() { block.text[index] = byte }
        block.count = carry.count
        carry.removeAll(keepingCapacity: true)
        var extent = Extent()
        while true {
            block.reserve(text: limit + 1)
            fill(block, upTo: limit)
            extent = measure(block)
            if isAtEnd || failure != nil || extent.complete > 0 { break }
            guard block.count < longestRecord else {
                failure = InputError(
                    .syntax, at: "\(source.path), line \(line)",
                    found: "a record of more than \(longestRecord) bytes", expected: "a shorter one")
                break
            }
            limit *= 2
        }
        guard extent.complete > 0 else {
            if let failure { throw failure }
            return false
        }
        carry.append(
            contentsOf: UnsafeBufferPointer(
                start: block.text + extent.complete, count: block.count - extent.complete))
        block.oddText = extent.isOdd ? (count: block.count, isLast: isAtEnd) : nil
        block.count = extent.complete
        block.index = index
        block.firstRecord = record
        block.firstLine = line
        block.reserve(records: extent.records)
        index += 1
        record += extent.records
        line += extent.lines
        return true
    }

    /// Reads on; at the end of the source the last line gets its line break.
    private func fill(_ block: RowBlock, upTo limit: Int) {
        do throws(InputError) {
            while block.count < limit {
                let count = try source.read(
                    into: UnsafeMutableRawBufferPointer(
                        start: block.text + block.count, count: limit - block.count))
                block.count += count
                if count == 0 {
                    isAtEnd = true
                    break
                }
            }
        } catch {
            failure = error
            return
        }
        if isAtEnd && block.count > 0 && block.text[block.count - 1] != UInt8(ascii: "\n") {
            block.text[block.count] = UInt8(ascii: "\n")
            block.count += 1
        }
    }

    private struct Extent {
        /// Bytes of whole records, their number and that of their line breaks.
        var complete = 0
        var records = 0
        var lines = 0
        /// Whether only the slow pass cuts them rightly.
        var isOdd = false
    }

    private func measure(_ block: RowBlock) -> Extent {
        let fast = mtl_csv_measure(InstructionSet.best.rawValue, block.text, block.count, separator)
        let isWhole = !isAtEnd || fast.complete == block.count
        // A quoted cell of several lines may be one that swallowed rows.
        if fast.stray == 0, fast.inner == 0, isWhole, fast.complete > 0 {
            return Extent(complete: fast.complete, records: fast.records, lines: fast.lines)
        }
        let slow = mtl_csv_scan_records(
            block.text, block.count, isAtEnd ? 1 : 0, separator, width, nil, nil, nil, 0)
        return Extent(
            complete: slow.complete, records: slow.records, lines: slow.lines, isOdd: slow.odd != 0)
    }
}
