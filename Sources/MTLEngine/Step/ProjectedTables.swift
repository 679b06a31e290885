/// Which embedded features a step takes through the first layers table by table instead of row by row.
///
/// For a feature of one id a row, x W = … + e[id] W_f: where its table is small, the products P_f = E_f W_f of all its rows are
/// taken once a step, and a row of the batch adds up its P_f[id]. Backward likewise: dP_f[id] sums dz over the rows, then
/// dW_f = E_fᵀ dP_f and dE_f = dP_f W_fᵀ. With V rows in the table, a batch of B rows costs additions instead of products of
/// its B rows and products of V rows; the sums are the same but for the order of their terms.
///
/// A table is projected where every reader of its columns is a dense node (a trunk, experts, gates) that can do so: then no
/// tile needs the vectors themselves.
package struct ProjectedTables: Sendable {
    package struct Table: Sendable {
        let table: Int
        /// Its readers among `fields`.
        let fields: Range<Int>
    }

    package struct Field: Sendable {
        /// Among the embedded features.
        let field: Int
        /// Its columns among the features.
        let columns: Range<Int>
        let tableRows: Int
        /// The first of its rows in the matrix of all products.
        let start: Int
    }

    package let tables: [Table]
    package let fields: [Field]
    /// Per embedded feature and per table whether it is projected.
    package let isFieldProjected: [Bool]
    package let isTableProjected: [Bool]
    /// Places among the plan's nodes of the dense nodes that read projected columns.
    package let nodes: Set<Int>
    /// Rows of all products of a node.
    package let productRows: Int

    /// What all products of a step may take: they are read at random.
    private static let productBytes = 1 << 19

    /// nil where there is nothing to project.
    package init?(_ plan: ModelPlan, batch: Int, backend: MatrixBackend, scalarBytes: Int) {
        let embedding = plan.embedding
        guard backend == .kernels, !embedding.isEmpty else { return nil }
        var isBlocked = [Bool](repeating: false, count: plan.inputWidth)
        var candidates: [Int: DenseNode] = [:]
        for (ordinal, node) in plan.nodes.enumerated() {
            if case .dense(let dense) = node, Self.canProject(dense, plan) {
                candidates[ordinal] = dense
                continue
            }
            for input in node.operation.inputs(plan.lists) where input.isFeatures {
                for column in input.range { isBlocked[column] = true }
            }
        }
        func columns(_ field: Int) -> Range<Int> {
            let start = plan.inputs + embedding.fields[field].column
            return start..<start + embedding.fields[field].columns
        }
        guard !candidates.isEmpty else { return nil }
        let width = candidates.values.reduce(0) { $0 + $1.layer.width }
        func isFree(_ field: Int) -> Bool {
            embedding.fields[field].pooling == .single && columns(field).allSatisfy { !isBlocked[$0] }
        }
        var left = Self.productBytes / scalarBytes
        var chosen: [Int] = []
        for table in embedding.tables.indices.sorted(by: {
            (embedding.tables[$0].rows, $0) < (embedding.tables[$1].rows, $1)
        }) {
            let fields = embedding.readers[table]
            let rows = embedding.tables[table].rows
            let size = rows * fields.count * width
            // A table as long as the batch saves nothing.
            guard 2 * rows <= batch, size <= left, fields.allSatisfy(isFree) else { continue }
            left -= size
            chosen.append(table)
        }
        guard !chosen.isEmpty else { return nil }
        var tables: [Table] = []
        var fields: [Field] = []
        var start = 0
        var isFieldProjected = [Bool](repeating: false, count: embedding.fields.count)
        for table in chosen.sorted() {
            let first = fields.count
            for reader in embedding.readers[table] {
                let rows = embedding.tables[table].rows
                fields.append(Field(field: reader, columns: columns(reader), tableRows: rows, start: start))
                start += rows
                isFieldProjected[reader] = true
            }
            tables.append(Table(table: table, fields: first..<fields.count))
        }
        self.tables = tables
        self.fields = fields
        self.isFieldProjected = isFieldProjected
        isTableProjected = embedding.tables.indices.map { chosen.contains($0) }
        nodes = Set(candidates.keys)
        productRows = start
    }

    private static func canProject(_ node: DenseNode, _ plan: ModelPlan) -> Bool {
        node.x.isFeatures && node.x.column == 0 && !node.x.isStopped
            && node.x.width == plan.inputs + plan.embedding.pooledWidth
            && node.layer.inputIsShared && node.layer.order == .inputMajor
    }

    /// The columns of the features that are projected, in order.
    var columns: [Range<Int>] { fields.map(\.columns).sorted { $0.lowerBound < $1.lowerBound } }

    /// The columns of `width` features that are left to a product.
    func runs(width: Int) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        var begin = 0
        for range in columns {
            if range.lowerBound > begin { runs.append(begin..<range.lowerBound) }
            begin = range.upperBound
        }
        if begin < width { runs.append(begin..<width) }
        return runs
    }
}
