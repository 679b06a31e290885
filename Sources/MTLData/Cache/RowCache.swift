public import MTLEngine

/// Encoded rows in a file: what epochs read, block by block.
///
/// Inside a block rows lie one after the other, numbers and ids apart, so that a row drawn at random is a few cache lines
/// whatever the number of columns; only bags lie column by column.
public final class RowCache: Sendable {
    /// The path of the file.
    public let path: String
    /// The number of rows.
    public let rowCount: Int
    package let layout: CacheLayout
    package let blocks: [CacheBlock]
    /// A checksum of all that the file holds.
    let seal: String
    private let bytes: CacheBytes
    /// Per block where it is, where several caches are joined.
    private let parts: [(cache: RowCache, block: Int)]

    /// Opens a cache.
    ///
    /// - Throws: `InputError` that names the file: it cannot be read, is no cache or one of another version, is cut short or
    ///   damaged. Blocks are checked whenever they are read.
    public convenience init(path: String) throws(InputError) {
        try self.init(CacheBytes(path: path), path: path)
    }

    /// A cache in memory that outlives it, for tests of damaged ones.
    package convenience init(bytes: UnsafeRawBufferPointer, path: String) throws(InputError) {
        try self.init(CacheBytes(bytes), path: path)
    }

    private init(_ bytes: CacheBytes, path: String) throws(InputError) {
        self.path = path
        self.bytes = bytes
        func damaged(_ found: String) -> InputError {
            InputError(.syntax, at: path, found: found, expected: "a whole cache of rows, as it was written")
        }
        let header = CacheFormat.headerBytes
        guard let head = bytes.bytes(at: 0, count: header) else {
            throw InputError(.syntax, at: path, found: "\(bytes.count) bytes", expected: "a cache of rows")
        }
        func word(_ offset: Int) -> UInt32 {
            UInt32(
                littleEndian: head.withUnsafeBytes {
                    $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
                })
        }
        func number(_ bytes: [UInt8], _ offset: Int) -> Int {
            Int(
                truncatingIfNeeded: UInt64(
                    littleEndian: bytes.withUnsafeBytes {
                        $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                    }))
        }
        guard head.starts(with: CacheFormat.magic) else { throw damaged("no cache") }
        guard word(8) == CacheFormat.version else {
            throw InputError(
                .syntax, at: path, found: "a cache of version \(word(8))",
                expected: "version \(CacheFormat.version); remove it to have it made again")
        }
        let (textBytes, blockCount, rows) = (number(head, 16), number(head, 24), number(head, 32))
        let (indexStart, length) = (number(head, 40), number(head, 48))
        guard length == bytes.count else {
            throw damaged("\(bytes.count) bytes of \(length): it is cut short")
        }
        guard textBytes > 0, textBytes <= bytes.count - header, blockCount >= 0, blockCount <= bytes.count,
            indexStart >= header + textBytes, indexStart <= bytes.count
        else { throw damaged("places outside the file") }
        guard let text = bytes.bytes(at: header, count: textBytes),
            let index = bytes.bytes(at: indexStart, count: bytes.count - indexStart)
        else { throw damaged("fewer bytes than a moment ago") }
        var sum = head[16..<56].withUnsafeBytes { Checksum.crc32($0) }
        sum = text.withUnsafeBytes { Checksum.crc32($0, from: UInt(sum)) }
        sum = index.withUnsafeBytes { Checksum.crc32($0, from: UInt(sum)) }
        guard sum == word(12) else { throw damaged("a wrong checksum of the header") }
        guard let layout = text.withUnsafeBytes({ CacheFormat.decode($0) }) else {
            throw damaged("a description of its columns that cannot be read")
        }
        if let fault = layout.fault { throw damaged(fault) }
        let entry = 3 + layout.bags.count
        let (indexBytes, overflows) = blockCount.multipliedReportingOverflow(by: entry * 8)
        guard !overflows, index.count == indexBytes else { throw damaged("an index of another length") }
        var blocks: [CacheBlock] = []
        var total = 0
        for block in 0..<blockCount {
            let numbers = (0..<entry).map { number(index, (block * entry + $0) * 8) }
            let found = CacheBlock(
                offset: numbers[0], rows: numbers[1], checksum: UInt32(truncatingIfNeeded: numbers[2]),
                bagCounts: Array(numbers[3...]))
            guard let places = found.places(layout), found.offset >= header, found.offset % 64 == 0,
                found.offset <= indexStart, places.byteCount <= indexStart - found.offset
            else { throw damaged("block \(block) outside the file") }
            blocks.append(found)
            total += found.rows
        }
        guard total == rows else { throw damaged("\(total) rows of \(rows)") }
        let counts = layout.sourceBlocks ?? [blockCount]
        guard counts.reduce(0, +) == blockCount else { throw damaged("blocks of no source") }
        self.layout = layout
        self.blocks = blocks
        rowCount = rows
        seal = "\(bytes.count) \(sum)"
        parts = []
    }

    /// The rows of two caches of the same preparation: of each source those of the first, then those of the other.
    package init(_ first: RowCache, and other: RowCache) throws(InputError) {
        func alike(_ cache: RowCache) -> CacheLayout {
            var layout = cache.layout
            layout.sourceBlocks = nil
            layout.labelsAreComplete = true
            return layout
        }
        guard alike(first) == alike(other), first.sources.count == other.sources.count else {
            throw InputError(
                .shape, at: other.path, found: "rows of another preparation",
                expected: "those of \(first.path)")
        }
        var parts: [(cache: RowCache, block: Int)] = []
        var counts: [Int] = []
        for (own, others) in zip(first.sources, other.sources) {
            parts += own.map { (first, $0) } + others.map { (other, $0) }
            counts.append(own.count + others.count)
        }
        var layout = first.layout
        if layout.sourceBlocks != nil { layout.sourceBlocks = counts }
        layout.labelsAreComplete = layout.labelsAreComplete && other.layout.labelsAreComplete
        self.layout = layout
        self.parts = parts
        path = "\(first.path) and \(other.path)"
        blocks = parts.map { $0.cache.blocks[$0.block] }
        rowCount = first.rowCount + other.rowCount
        seal = "\(first.seal), \(other.seal)"
        bytes = first.bytes
    }

    /// Where a row of joined caches is: in which of them, and its number there, counted from 0.
    func origin(of row: Int) -> (cache: RowCache, row: Int) {
        var left = row
        for (cache, block) in parts {
            let rows = cache.blocks[block].rows
            if left < rows { return (cache, cache.blocks[..<block].reduce(left) { $0 + $1.rows }) }
            left -= rows
        }
        return (self, row)
    }

    /// The blocks of each source, one after the other; of one where none were joined.
    var sources: [Range<Int>] {
        var start = 0
        return (layout.sourceBlocks ?? [blocks.count]).map { count in
            defer { start += count }
            return start..<start + count
        }
    }

    /// The source whose rows have a label.
    ///
    /// - Throws: `InputError` where the rows have no label of that name.
    func source(of label: String) throws(InputError) -> Int {
        guard let column = layout.labels.firstIndex(of: label) else {
            throw InputError(
                .name, at: "task \"\(label)\"", found: "no label of that name in the prepared rows",
                expected: "one of \(layout.labels.joined(separator: ", "))")
        }
        return layout.labelSources?[column] ?? 0
    }

    /// A block's numbers, as long as it is held and its memory takes no other block.
    package struct Rows {
        package let count: Int
        package let dense: UnsafePointer<Float>
        package let ids: UnsafePointer<Int32>
        package let labels: UnsafePointer<Float>
        package let weights: UnsafePointer<Float>?
        package let scenarios: UnsafePointer<Int32>?
        package let groups: UnsafePointer<Int32>?
        package let bags:
            [(offsets: UnsafePointer<Int32>, ids: UnsafePointer<Int32>, weights: UnsafePointer<Float>?)]
        /// What holds them.
        let memory: BlockMemory
    }

    /// Reads a block and checks it: its checksum, and that no id is outside of its table, whatever the checksum says.
    ///
    /// - Parameter memory: what it is read into; it is good for one block at a time.
    /// - Throws: `InputError` that names the file and the block.
    package func rows(
        _ index: Int, into memory: BlockMemory = BlockMemory()
    ) throws(InputError) -> Rows {
        if !parts.isEmpty { return try parts[index].cache.rows(parts[index].block, into: memory) }
        let block = blocks[index]
        guard let places = block.places(layout) else { throw wrong(index, "counts that cannot be") }
        let target = memory.room(places.byteCount)
        guard bytes.read(at: block.offset, into: target) else {
            throw wrong(index, "fewer bytes than there were: it was cut short")
        }
        guard let start = target.baseAddress.map({ UnsafeRawPointer($0) }),
            Checksum.crc32(UnsafeRawBufferPointer(target)) == block.checksum
        else { throw wrong(index, "a wrong checksum") }
        func floats(_ place: Int) -> UnsafePointer<Float> {
            (start + place).assumingMemoryBound(to: Float.self)
        }
        func integers(_ place: Int) -> UnsafePointer<Int32> {
            (start + place).assumingMemoryBound(to: Int32.self)
        }
        let rows = Rows(
            count: block.rows, dense: floats(places.dense), ids: integers(places.ids),
            labels: floats(places.labels),
            weights: layout.weightCount > 0 ? floats(places.weights) : nil,
            scenarios: layout.scenarioCount > 0 ? integers(places.scenarios) : nil,
            groups: layout.hasGroups == true ? integers(places.groups) : nil,
            bags: zip(layout.bags, places.bags).map { field, place in
                (integers(place.offsets), integers(place.ids), field.isWeighted ? floats(place.weights) : nil)
            }, memory: memory)
        try check(rows, of: index)
        return rows
    }

    /// Whether every block is as it was written.
    func isWhole(threads: Int) -> Bool {
        let count = min(threads, blocks.count)
        guard count > 1, let pool = try? WorkerPool(count: count) else {
            return Self.areWhole(self, stride(from: 0, to: blocks.count, by: 1))
        }
        let isWhole = AlignedStorage<UInt8>(zeroed: count)
        pool.run { [self] worker in
            isWhole.base[worker] =
                Self.areWhole(self, stride(from: worker, to: blocks.count, by: count)) ? 1 : 0
        }
        return isWhole.buffer.allSatisfy { $0 == 1 }
    }

    private static func areWhole(_ cache: RowCache, _ places: StrideTo<Int>) -> Bool {
        let memory = BlockMemory()
        return places.allSatisfy { (try? cache.rows($0, into: memory)) != nil }
    }

    private func wrong(_ index: Int, _ found: String) -> InputError {
        InputError(
            .syntax, at: "\(path), block \(index)", found: found, expected: "a block as it was written")
    }

    /// Ids index tables: none may be outside, whatever a checksum says.
    private func check(_ rows: Rows, of index: Int) throws(InputError) {
        if !Self.areBelow(rows.ids, rows.count, layout.singles.map { UInt32(clamping: $0.tableRows) }) {
            for (column, field) in layout.singles.enumerated() {
                for row in 0..<rows.count {
                    let id = rows.ids[row * layout.singles.count + column]
                    guard id >= 0, Int(id) < field.tableRows else {
                        throw wrong(index, "id \(id) of \"\(field.name)\"")
                    }
                }
            }
        }
        for (number, field) in layout.bags.enumerated() {
            let bag = rows.bags[number]
            let count = blocks[index].bagCounts[number]
            guard bag.offsets[0] == 0, Int(bag.offsets[rows.count]) == count else {
                throw wrong(index, "offsets of \"\(field.name)\" that do not fit")
            }
            for row in 0..<rows.count {
                let length = Int(bag.offsets[row + 1]) - Int(bag.offsets[row])
                guard length >= 0, length <= field.maximumCount else {
                    throw wrong(index, "\(length) ids of \"\(field.name)\" in a row")
                }
            }
            for place in 0..<count where bag.ids[place] < 0 || Int(bag.ids[place]) >= field.tableRows {
                throw wrong(index, "id \(bag.ids[place]) of \"\(field.name)\"")
            }
        }
        let numbers = rows.count * layout.denseNames.count
        if !Self.areFinite(rows.dense, numbers) {
            for place in 0..<numbers where !rows.dense[place].isFinite {
                throw wrong(index, "\(rows.dense[place]) as a feature")
            }
        }
        if let scenarios = rows.scenarios {
            for row in 0..<rows.count where scenarios[row] < 0 || Int(scenarios[row]) >= layout.scenarioCount
            {
                throw wrong(index, "scenario \(scenarios[row])")
            }
        }
    }

    /// Without a way out of its loops, which so go over several numbers at a time.
    private static func areBelow(_ ids: UnsafePointer<Int32>, _ rows: Int, _ limits: [UInt32]) -> Bool {
        limits.withUnsafeBufferPointer { limits in
            var outside: UInt32 = 0
            var place = 0
            for _ in 0..<rows {
                for column in 0..<limits.count {
                    outside |= UInt32(bitPattern: ids[place &+ column]) >= limits[column] ? 1 : 0
                }
                place &+= limits.count
            }
            return outside == 0
        }
    }

    private static func areFinite(_ numbers: UnsafePointer<Float>, _ count: Int) -> Bool {
        var worst: UInt32 = 0
        for place in 0..<count { worst = max(worst, numbers[place].bitPattern & 0x7FFF_FFFF) }
        return worst < 0x7F80_0000
    }

    /// Tells the system that a block will be read soon.
    package func announce(_ index: Int) {
        if !parts.isEmpty { return parts[index].cache.announce(parts[index].block) }
        guard let places = blocks[index].places(layout) else { return }
        bytes.announce(at: blocks[index].offset, count: places.byteCount)
    }
}
