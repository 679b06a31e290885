internal import Foundation
public import MTLEngine

/// Doors for the fuzz targets, which are a package of their own and see no `package` access.
@_spi(Fuzzing) extension RowCache {
    /// Reads every number of a cache in memory, which is on a multiple of 64.
    ///
    /// - Returns: the sum of the numbers' bits.
    public static func readForFuzzing(_ bytes: UnsafeRawBufferPointer) throws(InputError) -> UInt64 {
        let cache = try RowCache(bytes: bytes, path: "fuzz.cache")
        var sum: UInt64 = 0
        func add<Element: BitwiseCopyable>(_ start: UnsafePointer<Element>?, _ count: Int) {
            guard let start else { return }
            for byte in UnsafeRawBufferPointer(start: start, count: count * MemoryLayout<Element>.stride) {
                sum &+= UInt64(byte)
            }
        }
        for index in cache.blocks.indices {
            let rows = try cache.rows(index)
            add(rows.dense, rows.count * cache.layout.denseNames.count)
            add(rows.ids, rows.count * cache.layout.singles.count)
            add(rows.labels, rows.count * cache.layout.labels.count)
            add(rows.weights, rows.count)
            add(rows.scenarios, rows.count)
            add(rows.groups, rows.count)
            for bag in rows.bags {
                for row in 0..<rows.count {
                    let (start, end) = (Int(bag.offsets[row]), Int(bag.offsets[row + 1]))
                    add(bag.ids + start, end - start)
                    add(bag.weights.map { $0 + start }, end - start)
                }
            }
        }
        return sum
    }

    /// The same bytes with right checksums wherever the places they are taken of can be told.
    public static func repairedForFuzzing(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        let header = CacheFormat.headerBytes
        guard bytes.count >= header else { return bytes }
        bytes.replaceSubrange(0..<8, with: CacheFormat.magic)
        bytes.replaceSubrange(8..<12, with: CacheFormat.bytes(of: [Int(CacheFormat.version)]).prefix(4))
        bytes.replaceSubrange(48..<56, with: CacheFormat.bytes(of: [bytes.count]))
        func number(_ offset: Int) -> Int {
            bytes.withUnsafeBytes {
                Int(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Int.self))
            }
        }
        func sum(_ range: Range<Int>, from start: UInt32 = 0) -> UInt32 {
            bytes.withUnsafeBytes {
                Checksum.crc32(UnsafeRawBufferPointer(rebasing: $0[range]), from: UInt(start))
            }
        }
        let (textBytes, blockCount, indexStart) = (number(16), number(24), number(40))
        guard textBytes >= 0, textBytes <= bytes.count - header, indexStart >= header,
            indexStart <= bytes.count
        else { return bytes }
        let layout = bytes.withUnsafeBytes {
            CacheFormat.decode(UnsafeRawBufferPointer(rebasing: $0[header..<header + textBytes]))
        }
        if let layout {
            let entry = 8 * (3 + layout.bags.count)
            for index in 0..<max(0, min(blockCount, (bytes.count - indexStart) / entry)) {
                let place = indexStart + index * entry
                let block = CacheBlock(
                    offset: number(place), rows: number(place + 8), checksum: 0,
                    bagCounts: layout.bags.indices.map { number(place + 24 + 8 * $0) })
                guard let places = block.places(layout), block.offset >= 0, block.offset <= bytes.count,
                    places.byteCount <= bytes.count - block.offset
                else { continue }
                let checksum = sum(block.offset..<block.offset + places.byteCount)
                bytes.replaceSubrange(
                    place + 16..<place + 24, with: CacheFormat.bytes(of: [Int(checksum)]))
            }
        }
        var whole = sum(16..<56)
        whole = sum(header..<header + textBytes, from: whole)
        whole = sum(indexStart..<bytes.count, from: whole)
        bytes.replaceSubrange(12..<16, with: CacheFormat.bytes(of: [Int(whole)]).prefix(4))
        return bytes
    }

    /// The bytes of a cache of five rows that has every part there is; none where no file can be written.
    public static func fuzzingExample() -> [UInt8] {
        var rows = EncodedRows()
        rows.count = 5
        rows.dense = (0..<10).map { Float($0) / 4 }
        rows.ids = [0, 1, 2, 3, 4]
        rows.labels = [0, 1, .nan, 0, 1]
        rows.weights = [1, 2, 0, 1, 1]
        rows.scenarios = [0, 1, 2, 1, 0]
        rows.bags = [EncodedRows.Bag(), EncodedRows.Bag()]
        rows.bags[0].offsets = [0, 2, 2, 3, 3, 5]
        rows.bags[0].ids = [1, 2, 3, 0, 1]
        rows.bags[1].offsets = [0, 0, 1, 2, 3, 3]
        rows.bags[1].ids = [6, 5, 4]
        rows.bags[1].weights = [0.5, 1, 2]
        let layout = CacheLayout(
            denseNames: ["a", "b"], singles: [.init(name: "c", tableRows: 5)],
            bags: [
                .init(name: "d", tableRows: 4, maximumCount: 3),
                .init(name: "e", tableRows: 7, maximumCount: 2, isWeighted: true),
            ], labels: ["y"], scenarioCount: 3, hasWeights: true, fingerprint: "fuzz")
        let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).cache").path
        do throws(InputError) {
            let writer = try CacheWriter(path, layout)
            try writer.append(rows)
            try writer.finish()
            defer { try? FileManager.default.removeItem(atPath: path) }
            return FileManager.default.contents(atPath: path).map { [UInt8]($0) } ?? []
        } catch {
            return []
        }
    }
}
