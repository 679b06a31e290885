/// A column of ids for an embedded feature: one id a row, or a bag of ids a row with or without weights.
public struct IDColumn<Scalar: BLASScalar>: Sendable {
    /// The name, which the model's feature carries too.
    public let name: String
    /// The number of rows.
    package let rowCount: Int
    /// The largest id of all rows.
    package let largest: Int
    /// The most ids of a row.
    package let longest: Int

    package let ids: AlignedStorage<Int32>
    package let offsets: AlignedStorage<Int32>?
    package let weights: AlignedStorage<Scalar>?

    /// One id a row.
    ///
    /// - Throws: `InputError` for a negative id.
    public init(_ name: String, ids: [Int32]) throws(InputError) {
        try self.init(name, rowCount: ids.count, ids: ids, offsets: nil, weights: nil, longest: 1)
    }

    /// A bag of ids a row.
    ///
    /// - Parameters:
    ///   - name: the name of the embedded feature.
    ///   - bags: `[rows]`, each any number of ids.
    ///   - weights: the same shape, or nil for weights of 1.
    /// - Throws: `InputError` for a negative id, or weights that do not fit or are not finite.
    public init(_ name: String, bags: [[Int32]], weights: [[Scalar]]? = nil) throws(InputError) {
        var offsets: [Int32] = [0]
        for (row, bag) in bags.enumerated() {
            offsets.append(offsets[row] + Int32(bag.count))
            if let weights, weights.count != bags.count || weights[row].count != bag.count {
                throw InputError(
                    .shape, at: "id column \"\(name)\", row \(row)", found: "weights that do not fit",
                    expected: "\(bag.count)")
            }
        }
        try self.init(
            name, rowCount: bags.count, ids: bags.flatMap { $0 }, offsets: offsets,
            weights: weights.map { $0.flatMap { $0 } }, longest: bags.map(\.count).max() ?? 0)
    }

    private init(
        _ name: String, rowCount: Int, ids: [Int32], offsets: [Int32]?, weights: [Scalar]?, longest: Int
    ) throws(InputError) {
        for (index, id) in ids.enumerated() where id < 0 {
            throw InputError(
                .value, at: "id column \"\(name)\", id \(index)", found: "\(id)", expected: "0 or above")
        }
        for (index, weight) in (weights ?? []).enumerated() where !weight.isFinite {
            throw InputError(
                .value, at: "id column \"\(name)\", weight \(index)", found: "\(weight)",
                expected: "a finite number")
        }
        self.init(
            name, rowCount: rowCount, ids: AlignedStorage(copying: ids),
            offsets: offsets.map { AlignedStorage(copying: $0) },
            weights: weights.map { AlignedStorage(copying: $0) }, largest: Int(ids.max() ?? 0),
            longest: longest)
    }

    /// A column over memory that is known to be right.
    package init(
        _ name: String, rowCount: Int, ids: AlignedStorage<Int32>, offsets: AlignedStorage<Int32>?,
        weights: AlignedStorage<Scalar>?, largest: Int, longest: Int
    ) {
        self.name = name
        self.rowCount = rowCount
        self.ids = ids
        self.offsets = offsets
        self.weights = weights
        self.largest = largest
        self.longest = longest
    }

    /// What the kernels read; alive as long as the column.
    package var view: IDView<Scalar> {
        IDView(
            ids: UnsafePointer(ids.base), offsets: offsets.map { UnsafePointer($0.base) },
            weights: weights.map { UnsafePointer($0.base) })
    }
}
