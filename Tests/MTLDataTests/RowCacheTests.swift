import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Rows of every part there is, the awkward numbers among them.
private struct Sample {
    let layout: CacheLayout
    /// What is appended, one call each.
    var parts: [EncodedRows] = []

    init(parts sizes: [Int], isFull: Bool = true, missing: Bool = true, seed: UInt64 = 31) {
        layout = CacheLayout(
            denseNames: ["price", "größe"], singles: isFull ? [.init(name: "shop", tableRows: 9)] : [],
            bags: isFull
                ? [
                    .init(name: "tags", tableRows: 50, maximumCount: 4),
                    .init(name: "views", tableRows: 7, maximumCount: 3, isWeighted: true),
                ] : [], labels: ["click", "buy"], scenarioCount: isFull ? 3 : 0, hasWeights: isFull,
            fingerprint: "f/1")
        var generator = SeededGenerator(seed: seed)
        let awkward: [Float] = [
            0, -0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, .pi,
        ]
        for size in sizes {
            var rows = EncodedRows()
            rows.count = size
            rows.dense = (0..<2 * size).map { _ in
                generator.below(2) == 0
                    ? awkward[generator.below(awkward.count)] : Float(generator.normal())
            }
            rows.labels = (0..<2 * size).map { _ in
                missing && generator.below(5) == 0 ? .nan : Float(generator.below(2))
            }
            if isFull {
                rows.ids = (0..<size).map { _ in Int32(generator.below(9)) }
                rows.weights = (0..<size).map { _ in Float(generator.uniform()) }
                rows.scenarios = (0..<size).map { _ in Int32(generator.below(3)) }
                rows.bags = layout.bags.map { field in
                    var bag = EncodedRows.Bag()
                    for _ in 0..<size {
                        for _ in 0..<generator.below(field.maximumCount + 1) {
                            bag.ids.append(Int32(generator.below(field.tableRows)))
                            if field.isWeighted { bag.weights.append(Float(generator.normal())) }
                        }
                        bag.offsets.append(Int32(bag.ids.count))
                    }
                    return bag
                }
            }
            parts.append(rows)
        }
    }

    func write(_ path: String) throws(InputError) {
        let writer = try CacheWriter(path, layout)
        for part in parts { try writer.append(part) }
        try writer.finish()
    }

    func bytes() throws -> [UInt8] {
        let folder = try TemporaryFolder()
        try write(folder.file("rows.cache"))
        return Array(try Data(contentsOf: URL(filePath: folder.path).appending(path: "rows.cache")))
    }

    /// The bits of every row, part by part.
    var bits: [[UInt32]] {
        parts.flatMap { part in
            (0..<part.count).map { row in
                var bits = part.dense[2 * row..<2 * row + 2].map(\.bitPattern)
                bits += part.labels[2 * row..<2 * row + 2].map(\.bitPattern)
                guard !layout.singles.isEmpty else { return bits }
                bits += [UInt32(part.ids[row]), part.weights[row].bitPattern, UInt32(part.scenarios[row])]
                for bag in part.bags {
                    let range = Int(bag.offsets[row])..<Int(bag.offsets[row + 1])
                    bits += [UInt32(range.count)] + bag.ids[range].map { UInt32($0) }
                    if !bag.weights.isEmpty { bits += bag.weights[range].map(\.bitPattern) }
                }
                return bits
            }
        }
    }
}

extension RowCache {
    fileprivate func bits() throws(InputError) -> [[UInt32]] {
        var all: [[UInt32]] = []
        for index in blocks.indices {
            let rows = try rows(index)
            for row in 0..<rows.count {
                var bits = (0..<2).map { rows.dense[2 * row + $0].bitPattern }
                bits += (0..<2).map { rows.labels[2 * row + $0].bitPattern }
                if let weights = rows.weights, let scenarios = rows.scenarios {
                    bits += [UInt32(rows.ids[row]), weights[row].bitPattern, UInt32(scenarios[row])]
                }
                for bag in rows.bags {
                    let range = Int(bag.offsets[row])..<Int(bag.offsets[row + 1])
                    bits += [UInt32(range.count)] + range.map { UInt32(bag.ids[$0]) }
                    if let weights = bag.weights { bits += range.map { weights[$0].bitPattern } }
                }
                all.append(bits)
            }
        }
        return all
    }
}

@Suite struct RowCacheTests {
    /// The bytes of a cache in memory that is aligned as a mapped file is.
    private func read(_ bytes: [UInt8]) throws(InputError) -> [[UInt32]] {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes.count, 1), alignment: 64)
        defer { copy.deallocate() }
        copy.copyBytes(from: bytes)
        let whole = UnsafeRawBufferPointer(rebasing: copy[..<bytes.count])
        return try RowCache(bytes: whole, path: "rows.cache").bits()
    }

    private func refused(_ bytes: [UInt8]) -> InputError? {
        failure { () throws(InputError) in _ = try read(bytes) }
    }

    @Test(arguments: [[1], [5, 0, 3], [8192], [8191, 1, 1], [10_000, 7, 20_000]], [true, false])
    func rowsComeBackToTheBit(sizes: [Int], isFull: Bool) throws {
        for missing in [true, false] {
            let sample = Sample(parts: sizes, isFull: isFull, missing: missing)
            let folder = try TemporaryFolder()
            try sample.write(folder.file("rows.cache"))
            #expect(folder.files == ["rows.cache"])
            let cache = try RowCache(path: folder.file("rows.cache"))
            #expect(cache.rowCount == sizes.reduce(0, +))
            var layout = sample.layout
            layout.labelsAreComplete = !sample.parts.contains { $0.labels.contains(where: \.isNaN) }
            #expect(cache.layout == layout)
            #expect(try cache.bits() == sample.bits)
            for index in cache.blocks.indices { cache.announce(index) }
            #expect(try cache.bits() == sample.bits)
        }
    }

    @Test func aCacheWithoutRowsIsOne() throws {
        let bytes = try Sample(parts: []).bytes()
        #expect(try read(bytes).isEmpty)
    }

    @Test func theSameRowsMakeTheSameBytes() throws {
        let whole = try Sample(parts: [300], seed: 5).bytes()
        #expect(try Sample(parts: [300], seed: 5).bytes() == whole)
        #expect(try Sample(parts: [300], seed: 6).bytes() != whole)
    }

    @Test func anotherVersionIsTold() throws {
        var bytes = try Sample(parts: [3]).bytes()
        bytes[8] = 200
        #expect(
            refused(bytes)
                == InputError(
                    .syntax, at: "rows.cache", found: "a cache of version 200",
                    expected: "version \(CacheFormat.version); remove it to have it made again"))
    }

    @Test func whatIsNoCacheIsTold() throws {
        let folder = try TemporaryFolder()
        for bytes in [[], Array("a,b\n1,2\n".utf8), [UInt8](repeating: 0x61, count: 500)] as [[UInt8]] {
            let path = try folder.write(bytes, as: "rows.cache")
            let mapped = failure { () throws(InputError) in _ = try RowCache(path: path) }
            #expect(mapped?.kind == .syntax && mapped?.place == path)
            #expect(mapped?.found == (bytes.count < 64 ? "\(bytes.count) bytes" : "no cache"))
            #expect(refused(bytes)?.found == mapped?.found)
        }
        for (path, found) in [
            (folder.file(""), "a directory"), (folder.file("none"), "No such file or directory"),
        ] {
            let error = failure { () throws(InputError) in _ = try RowCache(path: path) }
            #expect(error == InputError(.file, at: path, found: found, expected: "a cache of rows"))
        }
    }

    @Test func aCacheCutShortAnywhereIsRefused() throws {
        let bytes = try Sample(parts: [40]).bytes()
        for count in 0..<bytes.count {
            let error = refused(Array(bytes.prefix(count)))
            #expect(error?.place == "rows.cache", "\(count) bytes")
            #expect(
                error?.found
                    == (count < 64 ? "\(count) bytes" : "\(count) bytes of \(bytes.count): it is cut short"))
        }
        #expect(refused(bytes + [0])?.kind == .syntax)
    }

    /// Every byte but the few that nothing is read from: what fills up the header, and the gap behind the layout.
    @Test func everyFlippedByteIsFound() throws {
        let sample = Sample(parts: [40])
        let bytes = try sample.bytes()
        let textEnd = 64 + bytes.withUnsafeBytes { Int($0.load(fromByteOffset: 16, as: UInt32.self)) }
        let dataStart = (textEnd + 63) / 64 * 64
        for place in bytes.indices {
            var damaged = bytes
            damaged[place] ^= 1 << UInt8(place % 8)
            let isFiller = (56..<64).contains(place) || (textEnd..<max(dataStart, textEnd)).contains(place)
            if isFiller {
                #expect(try read(damaged) == sample.bits, "byte \(place)")
            } else {
                #expect(refused(damaged) != nil, "byte \(place)")
            }
        }
        var damaged = bytes
        damaged[dataStart + 3] ^= 0x10
        #expect(
            refused(damaged)
                == InputError(
                    .syntax, at: "rows.cache, block 0", found: "a wrong checksum",
                    expected: "a block as it was written"))
    }

    /// Where every checksum is right, numbers that lead outside of a table or a bag are found one by one.
    @Test func numbersThatCannotBeAreRefusedWhateverTheChecksum() throws {
        func refused(_ change: (inout EncodedRows) -> Void) throws -> String? {
            var sample = Sample(parts: [6])
            sample.parts[0].bags[0].offsets = [0, 2, 2, 3, 4, 4, 6]
            sample.parts[0].bags[0].ids = [0, 1, 2, 3, 4, 5]
            change(&sample.parts[0])
            let error = self.refused(try sample.bytes())
            #expect(error == nil || error?.place == "rows.cache, block 0")
            return error?.found
        }
        #expect(try refused { _ in } == nil)
        #expect(try refused { $0.ids[4] = 9 } == "id 9 of \"shop\"")
        #expect(try refused { $0.ids[4] = -1 } == "id -1 of \"shop\"")
        #expect(try refused { $0.bags[0].ids[5] = 50 } == "id 50 of \"tags\"")
        #expect(try refused { $0.bags[0].ids[0] = .min } == "id -2147483648 of \"tags\"")
        #expect(try refused { $0.scenarios[0] = 3 } == "scenario 3")
        #expect(try refused { $0.dense[3] = .infinity } == "inf as a feature")
        #expect(try refused { $0.dense[3] = .nan } == "nan as a feature")
        #expect(try refused { $0.bags[0].offsets[6] = 5 } == "offsets of \"tags\" that do not fit")
        #expect(try refused { $0.bags[0].offsets[2] = 1 } == "-1 ids of \"tags\" in a row")
        #expect(try refused { $0.bags[0].offsets[1] = 5 } == "5 ids of \"tags\" in a row")
        #expect(try refused { $0.bags[0].offsets[2] = .min } == "-2147483650 ids of \"tags\" in a row")
    }

    @Test func aFolderThatIsNotThereIsTold() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("none/rows.cache")
        let error = failure { () throws(InputError) in try Sample(parts: [3]).write(path) }
        #expect(
            error
                == InputError(
                    .file, at: path, found: "No such file or directory",
                    expected: "a file that can be written"))
    }

    @Test func aWriterThatIsLeftLeavesTheOldCacheAndNothingElse() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("rows.cache")
        let sample = Sample(parts: [10])
        try sample.write(path)
        do {
            let writer = try CacheWriter(path, sample.layout)
            try writer.append(Sample(parts: [9000]).parts[0])
        }
        #expect(folder.files == ["rows.cache"])
        #expect(try RowCache(path: path).bits() == sample.bits)
    }

    /// A disk without room, as a limit on the size of files that no other test's files come near.
    @Test func aFullDiskIsAnErrorAndLeavesNoFile() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("rows.cache")
        let sample = Sample(parts: [10], isFull: false)
        try sample.write(path)
        var rows = EncodedRows()
        rows.count = 6 << 20
        rows.dense = [Float](repeating: 1, count: 2 * rows.count)
        rows.labels = rows.dense
        signal(SIGXFSZ, SIG_IGN)
        var limit = rlimit()
        try #require(getrlimit(RLIMIT_FSIZE.kind, &limit) == 0)
        let before = limit
        limit.rlim_cur = 64 << 20
        try #require(setrlimit(RLIMIT_FSIZE.kind, &limit) == 0)
        limit = before
        defer { setrlimit(RLIMIT_FSIZE.kind, &limit) }
        let error = failure { () throws(InputError) in
            let writer = try CacheWriter(path, sample.layout)
            try writer.append(rows)
            try writer.finish()
        }
        #expect(
            error
                == InputError(
                    .file, at: path, found: "File too large", expected: "a file that can be written"))
        #expect(folder.files == ["rows.cache"])
        #expect(try RowCache(path: path).bits() == sample.bits)
    }
}

#if canImport(Glibc)
    extension __rlimit_resource {
        fileprivate var kind: __rlimit_resource_t { __rlimit_resource_t(rawValue) }
    }
#else
    extension Int32 { fileprivate var kind: Int32 { self } }
#endif
