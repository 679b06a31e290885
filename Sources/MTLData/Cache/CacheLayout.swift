internal import Foundation
internal import MTLEngine

/// What the rows of a cache hold: the first thing in its file.
package struct CacheLayout: Codable, Equatable {
    package struct Field: Codable, Equatable {
        package let name: String
        /// Ids are below this.
        package let tableRows: Int
        /// The most ids of a row; 0 for one id a row, outside of bags.
        package let maximumCount: Int
        package let isWeighted: Bool

        package init(name: String, tableRows: Int, maximumCount: Int = 0, isWeighted: Bool = false) {
            self.name = name
            self.tableRows = tableRows
            self.maximumCount = maximumCount
            self.isWeighted = isWeighted
        }
    }

    package let denseNames: [String]
    /// Fields of one id a row, then bags.
    package let singles: [Field]
    package let bags: [Field]
    /// The labels, then what their teachers predicted.
    package let labels: [String]
    /// Rows of the scenarios' vocabulary; 0 for none.
    package let scenarioCount: Int
    package let hasWeights: Bool
    /// Whether every label has a weight, and not the row one for all; nil for not.
    package var labelsHaveWeights: Bool?
    /// Whether rows have groups, which some loss compares them in; nil for not.
    package var hasGroups: Bool?
    /// Weights of a row.
    package var weightCount: Int { labelsHaveWeights == true ? labels.count : hasWeights ? 1 : 0 }
    /// Whether no label is missing.
    package var labelsAreComplete = true
    /// Per label the source whose rows have it, and per source its blocks, one source after the other; nil for one source.
    package var labelSources: [Int]?
    package var sourceBlocks: [Int]?
    /// What the cache was made from.
    package let fingerprint: String

    package init(
        denseNames: [String], singles: [Field], bags: [Field], labels: [String], scenarioCount: Int,
        hasWeights: Bool, fingerprint: String
    ) {
        self.denseNames = denseNames
        self.singles = singles
        self.bags = bags
        self.labels = labels
        self.scenarioCount = scenarioCount
        self.hasWeights = hasWeights
        self.fingerprint = fingerprint
    }

    init(_ preprocessor: Preprocessor, fingerprint: String) {
        let schema = preprocessor.schema
        denseNames = preprocessor.denseNames
        var singles: [Field] = []
        var bags: [Field] = []
        for index in preprocessor.embeddedIndices {
            let feature = schema.features[index]
            let isBag = feature.kind == .tags || feature.kind == .sequence
            let field = Field(
                name: feature.name, tableRows: preprocessor.fitted[preprocessor.owner(of: index)].idCount,
                maximumCount: isBag ? feature.length : 0, isWeighted: isBag && feature.weightSeparator != nil)
            if isBag { bags.append(field) } else { singles.append(field) }
        }
        self.singles = singles
        self.bags = bags
        labels = schema.labelColumns
        scenarioCount = preprocessor.scenarios?.size ?? 0
        hasWeights = schema.weight != nil
        hasGroups = schema.ranks ? true : nil
        labelsHaveWeights = schema.labels.contains { $0.weightColumn != nil } ? true : nil
        self.fingerprint = fingerprint
    }
}

extension CacheLayout {
    /// Ids of 32 bits are below this.
    private static let mostIDs = Int(Int32.max)

    /// What cannot be, whatever a checksum says: memory is taken by these numbers. Nil where all can.
    var fault: String? {
        for field in singles + bags where !(1...Self.mostIDs).contains(field.tableRows) {
            return "\(field.tableRows) rows in the table of \"\(field.name)\""
        }
        for field in singles where field.maximumCount != 0 || field.isWeighted {
            return "several ids of \"\(field.name)\" in a row"
        }
        for field in bags where !(1...SizeLimit.dimension).contains(field.maximumCount) {
            return "up to \(field.maximumCount) ids of \"\(field.name)\" in a row"
        }
        guard (0...Self.mostIDs).contains(scenarioCount) else { return "\(scenarioCount) scenarios" }
        let columns = denseNames.count + singles.count + bags.count + labels.count
        guard columns <= SizeLimit.columns else { return "\(columns) columns" }
        if labelSources != nil || sourceBlocks != nil {
            let (owners, counts) = (labelSources ?? [], sourceBlocks ?? [])
            guard owners.count == labels.count, counts.allSatisfy({ (0...Self.mostIDs).contains($0) }),
                owners.allSatisfy(counts.indices.contains)
            else { return "labels of sources that are not there" }
        }
        return nil
    }
}

/// One block of a cache's file.
package struct CacheBlock: Equatable {
    package var offset: Int
    package var rows: Int
    package var checksum: UInt32
    /// Per bag its ids.
    package var bagCounts: [Int]

    /// Where the parts of a block lie, and its length; nil where a count is absurd.
    package func places(_ layout: CacheLayout) -> CachePlaces? {
        guard rows > 0, rows <= 1 << 26 else { return nil }
        var end = 0
        var fits = true
        func take(_ count: Int) -> Int {
            let start = end
            guard fits, count >= 0, count <= 1 << 34 else {
                fits = false
                return 0
            }
            end += (count * 4 + 63) / 64 * 64
            return start
        }
        let dense = take(rows * layout.denseNames.count)
        let ids = take(rows * layout.singles.count)
        let labels = take(rows * layout.labels.count)
        let weights = take(rows * layout.weightCount)
        let scenarios = take(layout.scenarioCount > 0 ? rows : 0)
        let groups = take(layout.hasGroups == true ? rows : 0)
        var bags: [(offsets: Int, ids: Int, weights: Int)] = []
        for (bag, count) in zip(layout.bags, bagCounts) {
            bags.append((take(rows + 1), take(count), take(bag.isWeighted ? count : 0)))
        }
        guard fits else { return nil }
        return CachePlaces(
            dense: dense, ids: ids, labels: labels, weights: weights, scenarios: scenarios, groups: groups,
            bags: bags, byteCount: end)
    }
}

/// Offsets of the parts of a block from its beginning.
package struct CachePlaces {
    package let dense, ids, labels, weights, scenarios, groups: Int
    package let bags: [(offsets: Int, ids: Int, weights: Int)]
    package let byteCount: Int
}

/// The numbers around a cache's blocks.
///
/// File: header (64 bytes) · layout (JSON) · blocks, each on a multiple of 64 · index. All numbers are little-endian.
/// Header: "MTLCACHE", version, checksum of the rest of the header, layout and index; lengths and places of those.
package enum CacheFormat {
    package static let magic = Array("MTLCACHE".utf8)
    package static let version: UInt32 = 1
    package static let headerBytes = 64

    static func encode(_ layout: CacheLayout) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return (try? encoder.encode(layout)).map { [UInt8]($0) } ?? []
    }

    static func decode(_ bytes: UnsafeRawBufferPointer) -> CacheLayout? {
        try? JSONDecoder().decode(CacheLayout.self, from: Data(bytes))
    }

    static func bytes(of numbers: [Int]) -> [UInt8] {
        numbers.flatMap { number in
            withUnsafeBytes(of: UInt64(bitPattern: Int64(number)).littleEndian) { Array($0) }
        }
    }
}
