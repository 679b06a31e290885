internal import MTLDataKernels
internal import MTLEngine

/// Takes blocks of whole records off a source of bytes, one caller at a time.
final class BlockCutter {
    let source: ByteSource
    private let blockBytes: Int
    private let longestRecord: Int
    private var index = 0
    private var record = 0
    private var line: Int
    /// What is read but belongs to the next block.
    private var carry: [UInt8] = []
    private var isAtEnd = false

    init(
        _ source: ByteSource, skipping offset: Int, line: Int, blockBytes: Int, longestRecord: Int
    ) throws(InputError) {
        self.source = source
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
    func next(_ block: RowBlock) throws(InputError) -> Bool {
        guard !isAtEnd else { return false }
        block.begin()
        block.count = 0
        // Not the block's room, which is larger where it held a longer text: blocks do not depend on who fills them.
        var limit = carry.count + blockBytes
        block.reserve(text: limit + 1)
        for (index, byte) in carry.enumerated() { block.text[index] = byte }
        block.count = carry.count
        carry.removeAll(keepingCapacity: true)
        var extent = mtl_csv_extent()
        while true {
            let room = limit - block.count
            let count = try source.read(
                into: UnsafeMutableRawBufferPointer(start: block.text + block.count, count: room))
            block.count += count
            if count < room {
                isAtEnd = true
                if block.count > 0 && block.text[block.count - 1] != UInt8(ascii: "\n") {
                    block.text[block.count] = UInt8(ascii: "\n")
                    block.count += 1
                }
            }
            extent = mtl_csv_measure(InstructionSet.best.rawValue, block.text, block.count)
            if isAtEnd || extent.complete > 0 { break }
            guard block.count < longestRecord else { break }
            limit *= 2
            block.reserve(text: limit + 1)
        }
        if (isAtEnd && extent.complete < block.count) || extent.complete == 0 && !isAtEnd {
            throw unclosed(block, behind: extent)
        }
        guard block.count > 0 else { return false }
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

    /// The text ends, or goes on for too long, inside quotes: where they opened.
    private func unclosed(_ block: RowBlock, behind extent: mtl_csv_extent) -> InputError {
        var place = line + extent.lines
        var opened = place
        var isInside = false
        for index in extent.complete..<block.count {
            if block.text[index] == UInt8(ascii: "\"") {
                isInside.toggle()
                if isInside { opened = place }
            }
            if block.text[index] == UInt8(ascii: "\n") { place += 1 }
        }
        return InputError(
            .syntax, at: "\(source.path), line \(opened)", found: "a quote that is not closed",
            expected: "a closing quote")
    }
}
