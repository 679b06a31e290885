public import MTLEngine

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Encoded rows in a file that is mapped into memory: what epochs read.
///
/// Inside a block rows lie one behind the other, numbers and ids apart, so that a row drawn at random is a few cache lines
/// whatever the number of columns; only bags lie column by column.
public final class RowCache: @unchecked Sendable {
    /// The path of the file.
    public let path: String
    /// The number of rows.
    public let rowCount: Int
    package let layout: CacheLayout
    package let blocks: [CacheBlock]
    private let base: UnsafeRawPointer
    private let byteCount: Int
    private let isMapped: Bool
    /// Whether a block's content was checked; only one thread reads a cache.
    private var isChecked: [Bool]

    /// Opens a cache.
    ///
    /// - Throws: `InputError` that names the file: it cannot be read, is no cache or one of another version, is cut short or
    ///   damaged. Blocks are checked when they are read first.
    public convenience init(path: String) throws(InputError) {
        func failure() -> InputError {
            InputError(.file, at: path, found: String(cString: strerror(errno)), expected: "a cache of rows")
        }
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else { throw failure() }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure() }
        guard status.st_mode & S_IFMT != S_IFDIR else {
            throw InputError(.file, at: path, found: "a directory", expected: "a cache of rows")
        }
        let count = Int(status.st_size)
        guard count >= CacheFormat.headerBytes else {
            throw InputError(.syntax, at: path, found: "\(count) bytes", expected: "a cache of rows")
        }
        guard let base = mmap(nil, count, PROT_READ, MAP_SHARED, descriptor, 0), base != MAP_FAILED else {
            throw failure()
        }
        do throws(InputError) {
            try self.init(path: path, base: UnsafeRawPointer(base), byteCount: count, isMapped: true)
        } catch {
            munmap(base, count)
            throw error
        }
    }

    /// A cache in memory that outlives it, for tests of damaged ones.
    package convenience init(bytes: UnsafeRawBufferPointer, path: String) throws(InputError) {
        guard let base = bytes.baseAddress, bytes.count >= CacheFormat.headerBytes else {
            throw InputError(.syntax, at: path, found: "\(bytes.count) bytes", expected: "a cache of rows")
        }
        try self.init(path: path, base: base, byteCount: bytes.count, isMapped: false)
    }

    private init(path: String, base: UnsafeRawPointer, byteCount: Int, isMapped: Bool) throws(InputError) {
        self.path = path
        self.base = base
        self.byteCount = byteCount
        self.isMapped = isMapped
        func damaged(_ found: String) -> InputError {
            InputError(.syntax, at: path, found: found, expected: "a whole cache of rows, as it was written")
        }
        func word(_ offset: Int) -> UInt32 {
            UInt32(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        }
        func number(_ offset: Int) -> Int {
            Int(
                truncatingIfNeeded: UInt64(
                    littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
        }
        guard (0..<8).allSatisfy({ base.load(fromByteOffset: $0, as: UInt8.self) == CacheFormat.magic[$0] })
        else {
            throw damaged("no cache")
        }
        guard word(8) == CacheFormat.version else {
            throw InputError(
                .syntax, at: path, found: "a cache of version \(word(8))",
                expected: "version \(CacheFormat.version); remove it to have it made again")
        }
        let (textBytes, blockCount, rows) = (number(16), number(24), number(32))
        let (indexStart, length) = (number(40), number(48))
        guard length == byteCount else { throw damaged("\(byteCount) bytes of \(length): it is cut short") }
        let header = CacheFormat.headerBytes
        guard textBytes > 0, textBytes <= byteCount - header, blockCount >= 0, blockCount <= byteCount,
            indexStart >= header + textBytes, indexStart <= byteCount
        else { throw damaged("places outside the file") }
        var sum = Checksum.crc32(UnsafeRawBufferPointer(start: base + 16, count: 40))
        sum = Checksum.crc32(
            UnsafeRawBufferPointer(start: base + header, count: textBytes), from: UInt(sum))
        sum = Checksum.crc32(
            UnsafeRawBufferPointer(start: base + indexStart, count: byteCount - indexStart), from: UInt(sum))
        guard sum == word(12) else { throw damaged("a wrong checksum of the header") }
        guard
            let layout = CacheFormat.decode(UnsafeRawBufferPointer(start: base + header, count: textBytes))
        else { throw damaged("a description of its columns that cannot be read") }
        let entry = 3 + layout.bags.count
        let (indexBytes, overflows) = blockCount.multipliedReportingOverflow(by: entry * 8)
        guard !overflows, byteCount - indexStart == indexBytes else {
            throw damaged("an index of another length")
        }
        var blocks: [CacheBlock] = []
        var total = 0
        for index in 0..<blockCount {
            let numbers = (0..<entry).map { number(indexStart + (index * entry + $0) * 8) }
            let block = CacheBlock(
                offset: numbers[0], rows: numbers[1], checksum: UInt32(truncatingIfNeeded: numbers[2]),
                bagCounts: Array(numbers[3...]))
            guard let places = block.places(layout), block.offset >= header, block.offset % 64 == 0,
                block.offset <= indexStart, places.byteCount <= indexStart - block.offset
            else { throw damaged("block \(index) outside the file") }
            blocks.append(block)
            total += block.rows
        }
        guard total == rows else { throw damaged("\(total) rows of \(rows)") }
        self.layout = layout
        self.blocks = blocks
        rowCount = rows
        isChecked = [Bool](repeating: false, count: blockCount)
    }

    deinit {
        if isMapped { munmap(UnsafeMutableRawPointer(mutating: base), byteCount) }
    }

    /// A block's numbers, checked when it is read first.
    package struct Rows {
        package let count: Int
        package let dense: UnsafePointer<Float>
        package let ids: UnsafePointer<Int32>
        package let labels: UnsafePointer<Float>
        package let weights: UnsafePointer<Float>?
        package let scenarios: UnsafePointer<Int32>?
        package let bags:
            [(offsets: UnsafePointer<Int32>, ids: UnsafePointer<Int32>, weights: UnsafePointer<Float>?)]
    }

    package func rows(_ index: Int) throws(InputError) -> Rows {
        let block = blocks[index]
        guard let places = block.places(layout) else { throw wrong(index, "counts that cannot be") }
        let start = base + block.offset
        if !isChecked[index] {
            let bytes = UnsafeRawBufferPointer(start: start, count: places.byteCount)
            guard Checksum.crc32(bytes) == block.checksum else {
                throw wrong(index, "a wrong checksum")
            }
        }
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
            bags: zip(layout.bags, places.bags).map { field, place in
                (integers(place.offsets), integers(place.ids), field.isWeighted ? floats(place.weights) : nil)
            })
        if !isChecked[index] {
            try check(rows, of: index)
            isChecked[index] = true
        }
        return rows
    }

    private func wrong(_ index: Int, _ found: String) -> InputError {
        InputError(
            .syntax, at: "\(path), block \(index)", found: found, expected: "a block as it was written")
    }

    /// Ids index tables: none may be outside, whatever a checksum says.
    private func check(_ rows: Rows, of index: Int) throws(InputError) {
        for (column, field) in layout.singles.enumerated() {
            for row in 0..<rows.count {
                let id = rows.ids[row * layout.singles.count + column]
                guard id >= 0, Int(id) < field.tableRows else {
                    throw wrong(index, "id \(id) of \"\(field.name)\"")
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
        for place in 0..<rows.count * layout.denseNames.count where !rows.dense[place].isFinite {
            throw wrong(index, "\(rows.dense[place]) as a feature")
        }
        if let scenarios = rows.scenarios {
            for row in 0..<rows.count where scenarios[row] < 0 || Int(scenarios[row]) >= layout.scenarioCount
            {
                throw wrong(index, "scenario \(scenarios[row])")
            }
        }
    }

    /// Lets the memory of a block go; its file stays where the system keeps files.
    package func release(_ index: Int) {
        guard isMapped, let places = blocks[index].places(layout) else { return }
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let start = blocks[index].offset / page * page
        let end = blocks[index].offset + places.byteCount
        madvise(UnsafeMutableRawPointer(mutating: base) + start, end - start, Int32(MADV_DONTNEED))
    }

    /// Tells the system that a block will be read soon.
    package func announce(_ index: Int) {
        guard isMapped, let places = blocks[index].places(layout) else { return }
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let start = blocks[index].offset / page * page
        madvise(
            UnsafeMutableRawPointer(mutating: base) + start, blocks[index].offset + places.byteCount - start,
            Int32(MADV_WILLNEED))
    }
}
