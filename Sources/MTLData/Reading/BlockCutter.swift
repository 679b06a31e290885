internal import MTLDataKernels
internal import MTLEngine

/// Takes blocks of whole records off a source of bytes, one caller at a time.
///
/// Where the blocks end depends on the source and `blockBytes` alone, not on who takes them.
final class BlockCutter {
    let source: ByteSource
    private let separator: UInt8
    private let blockBytes: Int
    private let longestRecord: Int
    private var index = 0
    private var record = 0
    private var line: Int
    /// What is read but belongs to the next block.
    private var carry: [UInt8] = []
    private var isAtEnd = false
    /// What comes behind the records that were handed out.
    private var failure: InputError?

    init(
        _ source: ByteSource, separator: UInt8, skipping offset: Int, line: Int, blockBytes: Int,
        longestRecord: Int
    ) throws(InputError) {
        self.source = source
        self.separator = separator
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
    /// - Throws: what is wrong behind the records of the blocks before.
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
        var extent = mtl_csv_extent()
        while true {
            block.reserve(text: limit + 1)
            fill(block, upTo: limit)
            extent = mtl_csv_measure(InstructionSet.best.rawValue, block.text, block.count)
            if isAtEnd || failure != nil || extent.complete > 0 { break }
            guard block.count < longestRecord else { break }
            limit *= 2
        }
        if failure == nil, extent.complete < block.count, isAtEnd || extent.complete == 0 {
            failure = unclosedQuote(
                UnsafeBufferPointer(
                    start: block.text + extent.complete, count: block.count - extent.complete),
                separator: separator, path: source.path, line: line + extent.lines)
        }
        guard extent.complete > 0 else {
            if let failure { throw failure }
            return false
        }
        carry.append(
            contentsOf: UnsafeBufferPointer(
                start: block.text + extent.complete, count: block.count - extent.complete))
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
}

/// A text ends, or goes on for too long, inside quotes: where they opened.
///
/// - Parameters:
///   - text: begins with a record, on `line`.
func unclosedQuote(
    _ text: UnsafeBufferPointer<UInt8>, separator: UInt8, path: String, line: Int
) -> InputError {
    enum Place {
        case beginning, plain, inside, closed, behindReturn
    }

    let quote = UInt8(ascii: "\"")
    let lineBreak = UInt8(ascii: "\n")
    var current = line
    var opened = line
    var place = Place.beginning
    // What follows a stray quote tells nothing any more.
    scan: for byte in text {
        let isEnd = byte == separator || byte == lineBreak
        switch place {
        case .beginning, .plain:
            if byte == quote { opened = current }
            if byte == quote && place == .plain { break scan }
            place = byte == quote ? .inside : isEnd ? .beginning : .plain
        case .inside:
            if byte == quote { place = .closed }
        case .closed:
            // A second quote right behind one that seemed to close: both are content.
            guard isEnd || byte == quote || byte == UInt8(ascii: "\r") else { break scan }
            place = isEnd ? .beginning : byte == quote ? .inside : .behindReturn
        case .behindReturn:
            guard byte == lineBreak else { break scan }
            place = .beginning
        }
        if byte == lineBreak { current += 1 }
    }
    return InputError(
        .syntax, at: "\(path), line \(opened)", found: "a quote that is not closed",
        expected: "a closing quote")
}
