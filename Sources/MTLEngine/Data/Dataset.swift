/// Encoded rows: a dense feature matrix and one label column per task, held in memory, never changed.
///
/// Features are row-major `[rows, features]`, labels row-major `[rows, labels]`. A missing label is NaN: it
/// contributes nothing to a loss or a metric. Binary labels are 0 or 1, multiclass labels a class index from 0.
public struct Dataset<Scalar: BLASScalar>: Sendable {
    /// The columns of the feature matrix, in order.
    public let featureNames: [String]
    /// The label columns, in order; a model's tasks find theirs by name.
    public let labelNames: [String]
    /// The number of rows.
    public let rowCount: Int

    // Code that takes a pointer from these keeps the dataset alive (`withExtendedLifetime`) while using it.
    package let features: AlignedStorage<Scalar>
    /// Columns of ids, for embedded features.
    public let idColumns: [IDColumn<Scalar>]
    /// Weights of the labels in the loss, `[rows, labels]`; nil where every label counts once.
    package let labelWeights: AlignedStorage<Scalar>?
    package let labels: AlignedStorage<Scalar>
    /// The scenario of every row, `[rows]`, or nil where rows have none.
    package let scenarios: AlignedStorage<Int32>?
    /// The group of every row that ranking losses compare it in, `[rows]`, negative for none; nil where rows have none.
    package let groups: AlignedStorage<Int32>?
    /// One more than the largest scenario; 0 without scenarios.
    package let scenarioCount: Int
    /// Per label column, whether no label is missing.
    package let labelIsComplete: [Bool]

    /// The number of feature columns.
    public var featureCount: Int { featureNames.count }

    /// A dataset from arrays.
    ///
    /// - Parameters:
    ///   - featureNames: the dense features; none is fine where there are id columns.
    ///   - features: row-major `[rows, featureNames.count]`, all finite.
    ///   - ids: columns of ids, `[rows]` each.
    ///   - labels: per label its name and `[rows]` values, NaN where missing.
    ///   - scenarios: the scenario of each row, `[rows]`, counted from 0; nil where rows have none.
    ///   - groups: the group of each row, `[rows]`, which ranking losses compare rows in: a session, a query; negative for a row
    ///     of no group, nil where rows have none.
    ///   - weights: how much each row counts in the losses, `[rows]`, finite and 0 or above; nil for once each.
    /// - Throws: `InputError` for no rows or columns, a doubled name, a count that does not fit, or a number out of range.
    public init(
        featureNames: [String], features: [Scalar], ids: [IDColumn<Scalar>] = [],
        labels: [(name: String, values: [Scalar])], weights: [Scalar]? = nil, scenarios: [Int32]? = nil,
        groups: [Int32]? = nil
    ) throws(InputError) {
        let width = featureNames.count
        guard width > 0 || !ids.isEmpty else {
            throw InputError(.empty, at: "features", found: "no columns", expected: "at least one")
        }
        guard width == 0 ? features.isEmpty : features.count % width == 0 else {
            throw InputError(
                .shape, at: "features", found: "\(features.count) values",
                expected: "a multiple of \(width) columns")
        }
        let rows = width > 0 ? features.count / width : ids[0].rowCount
        for label in labels where label.values.count != rows {
            throw InputError(
                .shape, at: "label \"\(label.name)\"", found: "\(label.values.count) values",
                expected: "\(rows) rows")
        }
        if let weights {
            guard weights.count == rows else {
                throw InputError(
                    .shape, at: "weights", found: "\(weights.count) values", expected: "\(rows) rows")
            }
            for (row, weight) in weights.enumerated() where !(weight >= 0 && weight.isFinite) {
                throw InputError(
                    .value, at: "weights, row \(row)", found: "\(weight)",
                    expected: "a finite weight, 0 or above")
            }
        }
        try self.init(
            rowCount: rows, featureNames: featureNames, labelNames: labels.map(\.name), ids: ids,
            labelWeights: weights.map { weights in
                AlignedStorage(copying: weights.flatMap { [Scalar](repeating: $0, count: labels.count) })
            }, scenarios: scenarios, groups: groups
        ) { (x, y) throws(InputError) in
            for index in 0..<features.count { x[index] = features[index] }
            for row in 0..<rows {
                for column in 0..<labels.count {
                    y[row * labels.count + column] = labels[column].values[row]
                }
            }
        }
    }

    /// A dataset whose memory is filled in place: `fill` gets zeroed `[rows, features]` and `[rows, labels]`.
    package init(
        rowCount: Int, featureNames: [String], labelNames: [String], ids: [IDColumn<Scalar>] = [],
        labelWeights: AlignedStorage<Scalar>? = nil, scenarios: [Int32]? = nil, groups: [Int32]? = nil,
        fill: (_ features: UnsafeMutableBufferPointer<Scalar>, _ labels: UnsafeMutableBufferPointer<Scalar>)
            throws(InputError) -> Void
    ) throws(InputError) {
        guard rowCount > 0 else {
            throw InputError(.empty, at: "dataset", found: "0 rows", expected: "at least one")
        }
        guard !featureNames.isEmpty || !ids.isEmpty else {
            throw InputError(.empty, at: "features", found: "no columns", expected: "at least one")
        }
        for column in ids where column.rowCount != rowCount {
            throw InputError(
                .shape, at: "id column \"\(column.name)\"", found: "\(column.rowCount) rows",
                expected: "\(rowCount)")
        }
        try Self.checkUnique(ids.map(\.name), what: "id column")
        for (row, scenario) in (scenarios ?? []).enumerated() where scenario < 0 {
            throw InputError(
                .value, at: "scenarios, row \(row)", found: "\(scenario)", expected: "0 or above")
        }
        if let scenarios, scenarios.count != rowCount {
            throw InputError(
                .shape, at: "scenarios", found: "\(scenarios.count) values", expected: "\(rowCount) rows")
        }
        if let groups, groups.count != rowCount {
            throw InputError(
                .shape, at: "groups", found: "\(groups.count) values", expected: "\(rowCount) rows")
        }
        self.groups = groups.map { AlignedStorage(copying: $0) }
        self.scenarios = scenarios.map { AlignedStorage(copying: $0) }
        scenarioCount = (scenarios?.max()).map { Int($0) + 1 } ?? 0
        idColumns = ids
        self.labelWeights = labelWeights
        try Self.checkUnique(featureNames, what: "feature")
        try Self.checkUnique(labelNames, what: "label")
        self.rowCount = rowCount
        self.featureNames = featureNames
        self.labelNames = labelNames
        features = AlignedStorage(zeroed: rowCount * featureNames.count)
        labels = AlignedStorage(zeroed: rowCount * labelNames.count)
        try fill(features.buffer, labels.buffer)

        let width = featureNames.count
        let x = features.buffer
        for index in 0..<x.count where !x[index].isFinite {
            throw InputError(
                .value, at: "row \(index / width), feature \"\(featureNames[index % width])\"",
                found: "\(x[index])", expected: "a finite number")
        }
        let y = labels.buffer
        var complete = [Bool](repeating: true, count: labelNames.count)
        for index in 0..<y.count where !y[index].isFinite {
            guard y[index].isNaN else {
                throw InputError(
                    .value,
                    at: "row \(index / labelNames.count), label \"\(labelNames[index % labelNames.count])\"",
                    found: "\(y[index])", expected: "a finite number, or NaN for a missing label")
            }
            complete[index % labelNames.count] = false
        }
        labelIsComplete = complete
    }

    /// The features of one row, `[features]`.
    public func features(row: Int) -> [Scalar] {
        precondition(row >= 0 && row < rowCount, "row \(row) of \(rowCount)")
        return Array(UnsafeBufferPointer(start: features.base + row * featureCount, count: featureCount))
    }

    /// A label column, `[rows]`, NaN where missing.
    ///
    /// - Throws: `InputError` if there is no such label.
    public func labels(_ name: String) throws(InputError) -> [Scalar] {
        let column = try labelColumn(name)
        return (0..<rowCount).map { labels.base[$0 * labelNames.count + column] }
    }

    package func labelColumn(_ name: String) throws(InputError) -> Int {
        guard let column = labelNames.firstIndex(of: name) else {
            throw InputError(
                .name, at: "task \"\(name)\"", found: "no label column of that name",
                expected: "one of \(labelNames.joined(separator: ", "))")
        }
        return column
    }

    private static func checkUnique(_ names: [String], what: String) throws(InputError) {
        var seen = Set<String>()
        for name in names where !seen.insert(name).inserted {
            throw InputError(
                .name, at: "\(what) \"\(name)\"", found: "the name twice", expected: "names that differ")
        }
    }
}
