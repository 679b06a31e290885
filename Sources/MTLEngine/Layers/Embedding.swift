#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A table of learned vectors, one row per id.
public struct EmbeddingTable: Sendable, Equatable, Codable {
    /// The name, which parameters carry: "embeddings.NAME.weight".
    public let name: String
    /// The number of ids, 0 ..< rows.
    public let rows: Int
    /// The length of a vector.
    public let dimension: Int

    /// A table; without a dimension it gets `suggestedDimension(rows:)`.
    public init(_ name: String, rows: Int, dimension: Int? = nil) {
        self.name = name
        self.rows = rows
        self.dimension = dimension ?? Self.suggestedDimension(rows: rows)
    }

    /// Vectors begin uniform in ± this.
    package static let initialBound = 0.3

    /// min(50, 1.6 V^0.56), rounded: the rule of thumb of fastai's tabular models.
    package static func suggestedDimension(rows: Int) -> Int {
        max(1, min(50, Int((1.6 * pow(Double(max(1, rows)), 0.56)).rounded())))
    }
}

/// A feature of ids whose vectors come from a table. Several features may share one table.
public struct EmbeddedFeature: Sendable, Equatable, Codable {
    /// How the vectors of a row's ids become one.
    public enum Pooling: String, Sendable, Codable {
        /// One id a row.
        case single
        /// Σ wᵢ eᵢ over the row's ids (weights 1 where the column has none); 0 for no id.
        case sum
        /// Σ wᵢ eᵢ / Σ wᵢ; 0 for no id.
        case mean
        /// All of them, in order, for a feature layer that attends to them.
        case positions
    }

    /// The name of the dataset's id column.
    public let name: String
    /// The name of the table.
    public let table: String
    /// How several ids become one vector.
    public let pooling: Pooling
    /// The most ids of a row, which memory is planned for; 1 for `single`.
    public let maximumCount: Int

    /// One id a row, from a table of the same name unless another is named.
    public static func single(_ name: String, table: String? = nil) -> EmbeddedFeature {
        EmbeddedFeature(name: name, table: table ?? name, pooling: .single, maximumCount: 1)
    }

    /// Up to `maximumCount` ids a row, pooled.
    public static func bag(
        _ name: String, table: String? = nil, pooling: Pooling = .mean, maximumCount: Int
    ) -> EmbeddedFeature {
        EmbeddedFeature(name: name, table: table ?? name, pooling: pooling, maximumCount: maximumCount)
    }

    /// Up to `maximumCount` ids a row, in order, the latest last; only feature layers read it.
    public static func sequence(_ name: String, table: String? = nil, maximumCount: Int) -> EmbeddedFeature {
        bag(name, table: table, pooling: .positions, maximumCount: maximumCount)
    }
}

/// Where embedded features and their tables lie: the layer below all others.
///
/// Forward: x[row, field] = Σ w table[id]. Backward: the gradient of x is added up by id, over the rows that the
/// batch touches only, in batch order; which worker adds what changes no bit.
package struct EmbeddingPlan: Sendable {
    package struct Field: Sendable {
        package let table: Int
        package let pooling: EmbeddedFeature.Pooling
        package let width: Int
        /// The first of its columns among the embedded ones.
        package let column: Int
        /// Occurrences per batch row of the fields before it.
        package let occurrencesBefore: Int
        package let maximumCount: Int

        /// Its columns: a vector, or one for every position and a column for how many there are.
        package var columns: Int { pooling == .positions ? maximumCount * width + 1 : width }
    }

    package struct Table: Sendable {
        package let rows: Int
        package let width: Int
        /// The offset in the parameter vector.
        package let parameters: Int
        /// Rows and elements of the tables before it.
        package let rowsBefore: Int
        package let elementsBefore: Int
        /// Occurrences per batch row: of the tables before it, and its own.
        package let occurrencesBefore: Int
        package let occurrences: Int

        /// Elements of the gradients of all its rows that a batch touches, up to where the next table's begin.
        package func sumCount(batch: Int) -> Int { (min(rows, occurrences * batch) * width + 15) / 16 * 16 }
    }

    package let features: [EmbeddedFeature]
    /// The tables as they are named, and where they lie.
    package let namedTables: [EmbeddingTable]
    package let fields: [Field]
    package let tables: [Table]
    /// Per table the fields that read it.
    package let readers: [[Int]]
    /// Columns of all fields; those of positions stand behind the others.
    package let width: Int
    /// Columns of the fields that are one vector a row.
    package let pooledWidth: Int
    /// How many features each task has for itself, one task after the other, and behind them all tasks, where they keep shared
    /// ones; 0 where all tasks read the same.
    package let featuresPerOwner: Int
    package var isEmpty: Bool { fields.isEmpty }
    package var rowCount: Int { tables.last.map { $0.rowsBefore + $0.rows } ?? 0 }
    package var elementCount: Int { tables.last.map { $0.elementsBefore + $0.rows * $0.width } ?? 0 }
    /// Elements of the gradients of all rows that a batch touches, with what lies between tables.
    package func sumCount(batch: Int) -> Int { tables.reduce(0) { $0 + $1.sumCount(batch: batch) } }
    package var occurrencesPerRow: Int { fields.last.map { $0.occurrencesBefore + $0.maximumCount } ?? 0 }

    /// - Parameters:
    ///   - start: where the tables begin in the parameter vector.
    ///   - owners: who has a copy of every table each, "OWNER.TABLE", and of the features that read it: the tasks, and all of
    ///     them; none where all tasks read the same.
    package init(
        _ shared: [EmbeddedFeature], tables given: [EmbeddingTable], start: Int, owners: [String] = []
    ) throws(InputError) {
        try Self.check(shared, given)
        let (features, source) =
            owners.isEmpty ? (shared, given) : try Self.copies(of: shared, given, owners: owners)
        self.features = features
        featuresPerOwner = owners.isEmpty ? 0 : shared.count
        namedTables = source
        var fields: [Field] = []
        var occurrences = 0
        let table = features.map { feature in source.firstIndex { $0.name == feature.table } ?? 0 }
        pooledWidth = zip(features, table).reduce(0) {
            $1.0.pooling == .positions ? $0 : $0 + source[$1.1].dimension
        }
        var (pooled, width) = (0, pooledWidth)
        for (feature, table) in zip(features, table) {
            let isSequence = feature.pooling == .positions
            let field = Field(
                table: table, pooling: feature.pooling, width: source[table].dimension,
                column: isSequence ? width : pooled, occurrencesBefore: occurrences,
                maximumCount: feature.maximumCount)
            fields.append(field)
            if isSequence { width += field.columns } else { pooled += field.columns }
            occurrences += feature.maximumCount
        }
        var tables: [Table] = []
        var readers: [[Int]] = []
        var (rows, elements, before) = (0, 0, 0)
        for (index, table) in source.enumerated() {
            let mine = fields.indices.filter { fields[$0].table == index }
            readers.append(mine)
            let own = mine.reduce(0) { $0 + fields[$1].maximumCount }
            tables.append(
                Table(
                    rows: table.rows, width: table.dimension, parameters: start + elements, rowsBefore: rows,
                    elementsBefore: elements, occurrencesBefore: before, occurrences: own))
            rows += table.rows
            elements += table.rows * table.dimension
            before += own
        }
        self.fields = fields
        self.tables = tables
        self.readers = readers
        self.width = width
    }

    /// Every owner's features, one owner after the other, and the tables that they read.
    private static func copies(
        of features: [EmbeddedFeature], _ tables: [EmbeddingTable], owners: [String]
    ) throws(InputError) -> ([EmbeddedFeature], [EmbeddingTable]) {
        let ownTables = owners.flatMap { owner in
            tables.map { EmbeddingTable("\(owner).\($0.name)", rows: $0.rows, dimension: $0.dimension) }
        }
        var names = Set<String>()
        for table in ownTables where !names.insert(table.name).inserted {
            throw InputError(
                .name, at: "embedding table \"\(table.name)\"",
                found: "the name twice, of a task and its table",
                expected: "tasks and tables whose names differ when joined")
        }
        let ownFeatures = owners.flatMap { owner in
            features.map {
                EmbeddedFeature(
                    name: $0.name, table: "\(owner).\($0.table)", pooling: $0.pooling,
                    maximumCount: $0.maximumCount)
            }
        }
        return (ownFeatures, ownTables)
    }

    private static func check(
        _ features: [EmbeddedFeature], _ tables: [EmbeddingTable]
    ) throws(InputError) {
        var names = Set<String>()
        for table in tables {
            let place = "embedding table \"\(table.name)\""
            guard names.insert(table.name).inserted else {
                throw InputError(.name, at: place, found: "the name twice", expected: "names that differ")
            }
            guard table.rows >= 1, table.rows <= Int(Int32.max) else {
                throw InputError(
                    .shape, at: place, found: "\(table.rows) rows", expected: "1 to \(Int32.max)")
            }
            guard (1...SizeLimit.dimension).contains(table.dimension) else {
                throw InputError(
                    .shape, at: place, found: "\(table.dimension) dimensions",
                    expected: table.dimension < 1 ? "at least 1" : "at most \(SizeLimit.dimension)")
            }
            guard features.contains(where: { $0.table == table.name }) else {
                throw InputError(
                    .name, at: place, found: "no feature that reads it", expected: "at least one")
            }
        }
        var seen = Set<String>()
        for feature in features {
            let place = "embedded feature \"\(feature.name)\""
            guard seen.insert(feature.name).inserted else {
                throw InputError(.name, at: place, found: "the name twice", expected: "names that differ")
            }
            guard names.contains(feature.table) else {
                throw InputError(
                    .name, at: place, found: "no table \"\(feature.table)\"",
                    expected: "one of \(tables.map(\.name).joined(separator: ", "))")
            }
            guard feature.maximumCount <= SizeLimit.dimension else {
                throw InputError(
                    .shape, at: place, found: "up to \(feature.maximumCount) ids",
                    expected: "up to \(SizeLimit.dimension)")
            }
            guard feature.maximumCount >= 1, feature.pooling != .single || feature.maximumCount == 1 else {
                throw InputError(
                    .shape, at: place, found: "up to \(feature.maximumCount) ids",
                    expected: feature.pooling == .single ? "one" : "at least 1")
            }
        }
    }
}

extension EmbeddingPlan.Field {
    /// Looks up the vectors of some rows of a batch, into the field's columns of x.
    package func forward<Scalar: BLASScalar>(
        _ ids: IDView<Scalar>, rows: _SourceRows, table: EmbeddingPlan.Table,
        parameters: UnsafeMutablePointer<Scalar>, x: MatrixView<Scalar>, level: Int32
    ) {
        let weights = UnsafePointer(parameters + table.parameters)
        if let offsets = ids.offsets, pooling == .positions {
            for row in 0..<rows.count {
                let source = rows.source(row)
                let (first, count) = (Int(offsets[source]), Int(offsets[source + 1] - offsets[source]))
                let target = x.base + row * x.stride + column
                Scalar._embed(
                    level: level, _SourceRows(count: count, indices: nil, start: first), ids: ids.ids,
                    table: weights, width: width, x: target, ldx: width)
                (target + count * width).update(repeating: 0, count: (maximumCount - count) * width)
                target[maximumCount * width] = Scalar(count)
            }
        } else if let offsets = ids.offsets {
            Scalar._embedBags(
                level: level, rows, offsets: offsets, ids: ids.ids, weights: ids.weights,
                mean: pooling == .mean, table: weights, width: width, x: x.base + column, ldx: x.stride)
        } else {
            Scalar._embed(
                level: level, rows, ids: ids.ids, table: weights, width: width, x: x.base + column,
                ldx: x.stride)
        }
    }

    /// Adds the gradient of the field's columns of x to the sums of the slots in `range`.
    ///
    /// - Returns: the first slot not seen yet.
    package func backward<Scalar: BLASScalar>(
        _ ids: IDView<Scalar>, rows: _SourceRows, slots: UnsafePointer<Int32>, range: Range<Int>, next: Int,
        dx: MatrixView<Scalar>, sums: UnsafeMutablePointer<Scalar>, level: Int32
    ) -> Int {
        if let offsets = ids.offsets, pooling == .positions {
            var (slots, next) = (slots, next)
            for row in 0..<rows.count {
                let source = rows.source(row)
                let count = Int(offsets[source + 1] - offsets[source])
                next = Scalar._embedScatter(
                    level: level, rows: count, slots: slots, range: range, next: next,
                    dx: dx.base + row * dx.stride + column, ldx: width, width: width, sums: sums)
                slots += count
            }
            return next
        }
        if let offsets = ids.offsets {
            return Scalar._embedScatterBags(
                level: level, rows, offsets: offsets, weights: ids.weights, mean: pooling == .mean,
                slots: slots, range: range, next: next, dx: dx.base + column, ldx: dx.stride, width: width,
                sums: sums)
        }
        return Scalar._embedScatter(
            level: level, rows: rows.count, slots: slots, range: range, next: next, dx: dx.base + column,
            ldx: dx.stride, width: width, sums: sums)
    }
}

/// A column of ids as the kernels read it: one id a row, or bags between offsets.
package struct IDView<Scalar: BLASScalar> {
    package let ids: UnsafePointer<Int32>
    package let offsets: UnsafePointer<Int32>?
    package let weights: UnsafePointer<Scalar>?

    package init(
        ids: UnsafePointer<Int32>, offsets: UnsafePointer<Int32>?, weights: UnsafePointer<Scalar>?
    ) {
        self.ids = ids
        self.offsets = offsets
        self.weights = weights
    }

    /// Where the ids of a row of the data lie.
    package func places(of row: Int) -> Range<Int> {
        guard let offsets else { return row..<row + 1 }
        return Int(offsets[row])..<Int(offsets[row + 1])
    }

    /// The ids of some rows.
    package func count(_ rows: _SourceRows) -> Int {
        guard let offsets else { return rows.count }
        if rows.indices == nil { return Int(offsets[rows.start + rows.count] - offsets[rows.start]) }
        var count = 0
        for row in 0..<rows.count {
            let source = rows.source(row)
            count += Int(offsets[source + 1] - offsets[source])
        }
        return count
    }
}
