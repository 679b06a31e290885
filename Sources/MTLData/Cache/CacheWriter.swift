package import MTLEngine

/// Writes encoded rows into the file of a cache, which `RowCache` reads.
package final class CacheWriter {
    /// Rows of a block: large enough to read at once, small enough to shuffle.
    package static let blockRows = 8192

    private(set) var layout: CacheLayout
    private(set) var rowCount = 0
    private let file: FileOutput
    private let dataStart: Int
    private var blocks: [CacheBlock] = []
    private var pending = EncodedRows()
    /// The source of what is pending: no block has rows of two.
    private var source = 0
    private var buffer: [UInt8] = []

    package init(_ path: String, _ layout: CacheLayout) throws(InputError) {
        self.layout = layout
        file = try FileOutput(path, access: .personal)
        // The layout is written again at the end, when it is known whether labels are missing and how many blocks there are;
        // "false" is the longer word.
        var longest = layout
        longest.labelsAreComplete = false
        longest.sourceBlocks = layout.sourceBlocks?.map { _ in Int(Int32.max) }
        dataStart = (CacheFormat.headerBytes + CacheFormat.encode(longest).count + 63) / 64 * 64
        try file.write([UInt8](repeating: 0, count: dataStart))
        begin()
    }

    private func begin() {
        pending = EncodedRows()
        pending.bags = layout.bags.map { _ in EncodedRows.Bag() }
    }

    package func append(_ rows: EncodedRows, of source: Int = 0) throws(InputError) {
        guard rows.count > 0 else { return }
        if source != self.source {
            try flush()
            self.source = source
        }
        precondition(
            rows.dense.count == rows.count * layout.denseNames.count
                && rows.ids.count == rows.count * layout.singles.count
                && rows.labels.count == rows.count * layout.labels.count
                && rows.weights.count == rows.count * layout.weightCount
                && rows.scenarios.count == (layout.scenarioCount > 0 ? rows.count : 0)
                && rows.groups.count == (layout.hasGroups == true ? rows.count : 0)
                && rows.bags.count == layout.bags.count
                && zip(rows.bags, layout.bags).allSatisfy { bag, field in
                    bag.offsets.count == rows.count + 1
                        && bag.weights.count == (field.isWeighted ? bag.ids.count : 0)
                },
            "\(rows.count) rows that hold something else than the layout says")
        pending.count += rows.count
        pending.dense += rows.dense
        pending.ids += rows.ids
        pending.labels += rows.labels
        pending.weights += rows.weights
        pending.scenarios += rows.scenarios
        pending.groups += rows.groups
        for (index, bag) in rows.bags.enumerated() {
            let before = pending.bags[index].offsets.last ?? 0
            pending.bags[index].offsets += bag.offsets.dropFirst().map { $0 + before }
            pending.bags[index].ids += bag.ids
            pending.bags[index].weights += bag.weights
        }
        if rows.labels.contains(where: \.isNaN) { layout.labelsAreComplete = false }
        if pending.count >= Self.blockRows { try flush() }
    }

    private func flush() throws(InputError) {
        guard pending.count > 0 else { return }
        buffer.removeAll(keepingCapacity: true)
        func add<Element: BitwiseCopyable>(_ values: [Element]) {
            values.withUnsafeBytes { buffer.append(contentsOf: $0) }
            buffer.append(contentsOf: repeatElement(0, count: (64 - buffer.count % 64) % 64))
        }
        add(pending.dense)
        add(pending.ids)
        add(pending.labels)
        if layout.weightCount > 0 { add(pending.weights) }
        if layout.scenarioCount > 0 { add(pending.scenarios) }
        if layout.hasGroups == true { add(pending.groups) }
        for (bag, field) in zip(pending.bags, layout.bags) {
            add(bag.offsets)
            add(bag.ids)
            if field.isWeighted { add(bag.weights) }
        }
        blocks.append(
            CacheBlock(
                offset: file.position, rows: pending.count,
                checksum: buffer.withUnsafeBytes { Checksum.crc32($0) },
                bagCounts: pending.bags.map(\.ids.count)))
        try file.write(buffer)
        rowCount += pending.count
        layout.sourceBlocks?[source] += 1
        begin()
    }

    /// Writes what is left, the index and the header, and gives the file its name.
    package func finish() throws(InputError) {
        try flush()
        let text = CacheFormat.encode(layout)
        let index = CacheFormat.bytes(
            of: blocks.flatMap { [$0.offset, $0.rows, Int($0.checksum)] + $0.bagCounts })
        let indexStart = file.position
        try file.write(index)
        let numbers = CacheFormat.bytes(of: [text.count, blocks.count, rowCount, indexStart, file.position])
        let checked = numbers + text + index
        let sum = checked.withUnsafeBytes { Checksum.crc32($0) }
        var header = CacheFormat.magic
        for word in [CacheFormat.version, sum] {
            withUnsafeBytes(of: word.littleEndian) { header.append(contentsOf: $0) }
        }
        header += numbers
        header += [UInt8](repeating: 0, count: CacheFormat.headerBytes - header.count)
        header += text
        var failure: InputError?
        header.withUnsafeBytes { raw in
            do throws(InputError) { try file.write(raw, at: 0) } catch { failure = error }
        }
        if let failure { throw failure }
        try file.finish()
    }
}
