/// The memory of the projected tables' part of a step, planned once: the turns, one at a time, share it.
package final class ProjectedTablesMemory<Scalar: BLASScalar> {
    /// Where the step keeps the values of a chunk's rows, and their gradients.
    struct Workspace {
        let base: UnsafeMutablePointer<Scalar>
        let capacity: Int
        /// Elements per row of all values, behind which their gradients lie, and per storage those before its own.
        let forwardElements: Int
        let gradientOffsets: [Int]

        /// A value's first column in row 0.
        func values(_ value: GraphValue) -> UnsafeMutablePointer<Scalar> {
            base + value.offsetPerRow * capacity + value.column
        }

        func gradients(_ value: GraphValue) -> UnsafeMutablePointer<Scalar> {
            base + (forwardElements + gradientOffsets[value.storage]) * capacity + value.column
        }
    }

    typealias Run = ProjectedTablesRun<Scalar>

    /// Per turn what its workers read.
    package private(set) var runs: [ProjectedTablesRun<Scalar>] = []
    private let plan: ProjectedTables
    private let workspace: Workspace
    private let products: AlignedStorage<Scalar>
    private let gradients: AlignedStorage<Scalar>
    /// The gate of a field without one.
    private let one = AlignedStorage<Scalar>(copying: [1])
    private var owners: [AnyObject] = []

    /// - Parameter turns: per turn the nodes that read projected tables, with the blocks that are active.
    init(
        _ plan: ProjectedTables, turns: [ProjectedNodes], embedding: EmbeddingPlan, workspace: Workspace,
        workers: Int
    ) {
        self.plan = plan
        self.workspace = workspace
        let widest = plan.tables.map { embedding.tables[$0.table].width }.max() ?? 0
        func elements(_ layer: ProjectedNodes.Layer) -> Int {
            Self.rows(plan.layers[layer.ordinal]?.reads ?? [], plan) * Self.stride(layer.node)
        }
        let count = turns.map { $0.layers.reduce(0) { $0 + elements($1) } }.max() ?? 0
        products = AlignedStorage(zeroed: count)
        gradients = AlignedStorage(zeroed: count)
        let meanGradients = AlignedStorage<Scalar>(zeroed: plan.rows)
        let tableGradients = AlignedStorage<Scalar>(zeroed: plan.rows * widest)
        owners += [tableGradients, meanGradients] as [AnyObject]
        // Neighbours to one worker, so that each has about as many fields.
        let owner = keep(
            plan.tables.map {
                ($0.fields.lowerBound + $0.fields.count / 2) * workers / plan.fields.count
            })
        let fields = keep(plan.fields)
        let tables = keep(plan.tables)
        let isTableProjected = keep(plan.isTableProjected)
        let isFieldProjected = keep(plan.isFieldProjected)
        for nodes in turns {
            var start = 0
            let layers = nodes.layers.map { layer in
                defer { start += elements(layer) }
                return self.layer(layer, from: start)
            }
            runs.append(
                ProjectedTablesRun(
                    layers: keep(layers),
                    gates: keep(nodes.gates.map { gates($0.node, $0.ordinal, nodes, layers) }),
                    fields: fields, tables: tables, isFieldProjected: isFieldProjected,
                    isTableProjected: isTableProjected, owners: owner, tableGradients: tableGradients.base,
                    meanGradients: meanGradients.base, widestTable: widest))
        }
    }

    private func keep<Element>(_ source: [Element]) -> UnsafeBufferPointer<Element> {
        let list = FixedList(source)
        owners.append(list)
        return list.elements
    }

    /// A list that is not empty.
    private func base<Element>(_ source: [Element]) -> UnsafePointer<Element> {
        guard let base = keep(source).baseAddress else { preconditionFailure("a list without elements") }
        return base
    }

    /// Room for the ids of so many fields.
    private func ids(_ count: Int) -> UnsafeMutableBufferPointer<UnsafePointer<Int32>?> {
        UnsafeMutableBufferPointer(mutating: keep([UnsafePointer<Int32>?](repeating: nil, count: count)))
    }

    /// Room for the means of so many rows.
    private func means(_ rows: Int) -> UnsafeMutablePointer<Scalar> {
        let storage = AlignedStorage<Scalar>(zeroed: rows)
        owners.append(storage)
        return storage.base
    }

    /// Between rows of a node's products: whole vectors.
    private static func stride(_ node: DenseNode) -> Int {
        let vector = 64 / MemoryLayout<Scalar>.stride
        return (node.columns.count + vector - 1) / vector * vector
    }

    private static func rows(_ reads: [ProjectedTables.Read], _ plan: ProjectedTables) -> Int {
        reads.reduce(0) { $0 + plan.fields[$1.field].tableRows }
    }

    /// Per table its reads, which are in the order of the fields.
    private func tablePlaces(_ reads: [ProjectedTables.Read]) -> UnsafeBufferPointer<Range<Int>> {
        keep(
            plan.tables.map { table in
                let first = reads.count { $0.field < table.fields.lowerBound }
                return first..<first + reads.count { table.fields.contains($0.field) }
            })
    }

    private func layer(_ layer: ProjectedNodes.Layer, from start: Int) -> Run.Layer {
        guard let its = plan.layers[layer.ordinal] else { preconditionFailure("a layer without a plan") }
        let stride = Self.stride(layer.node)
        var row = 0
        let reads = its.reads.map { read in
            let field = plan.fields[read.field]
            defer { row += field.tableRows }
            return Run.Read(
                field: field, columns: read.columns, start: row,
                means: read.isMean ? means(field.tableRows) : nil)
        }
        let ids = ids(reads.count)
        guard let firstID = UnsafePointer(ids.baseAddress) else { preconditionFailure("a layer of no field") }
        let isGated = its.reads.contains { $0.gate != nil }
        let gates = its.reads.map { UnsafePointer($0.gate.map { workspace.values($0.value) } ?? one.base) }
        let folded = _FoldedFields<Scalar>(
            count: reads.count, ids: firstID,
            products: base(reads.map { UnsafePointer(products.base + start + $0.start * stride) }),
            gradients: base(reads.map { gradients.base + start + $0.start * stride }), stride: stride,
            gates: isGated ? base(gates) : nil,
            gateStrides: isGated ? base(its.reads.map { $0.gate?.value.stride ?? 0 }) : nil)
        return Run.Layer(
            node: layer.node, isTrained: layer.isTrained, reads: keep(reads),
            tableReads: tablePlaces(its.reads), productRows: row, products: products.base + start,
            gradients: gradients.base + start, folded: folded, ids: ids, runs: keep(its.runs),
            gradientRuns: keep(its.gradientRuns))
    }

    private func gates(
        _ node: ProductNode, _ ordinal: Int, _ nodes: ProjectedNodes, _ layers: [Run.Layer]
    ) -> Run.Gates {
        var list: [Run.GatedReads] = []
        var columns: [Int: Int] = [:]
        for (index, layer) in nodes.layers.enumerated() where layer.isTrained {
            let all = plan.layers[layer.ordinal]?.reads ?? []
            let mine = all.indices.filter { place in
                guard let gate = all[place].gate else { return false }
                return gate.ordinal == ordinal && node.b.range.contains(gate.value.column)
            }
            guard !mine.isEmpty else { continue }
            let values = mine.compactMap { all[$0].gate?.value }
            for value in values { columns[value.column, default: 0] += 1 }
            list.append(
                Run.GatedReads(
                    layer: index, fields: keep(mine.map { layers[index].reads[$0].field }),
                    ids: ids(mine.count), products: base(mine.map { layers[index].folded.products[$0] }),
                    targets: base(values.map { workspace.gradients($0) }),
                    strides: base(values.map(\.stride))))
        }
        let projected = node.b.range.enumerated().filter { block, _ in
            plan.isColumnProjected[node.y.storage][node.y.column + block * node.per]
        }.map(\.element)
        let isSetOnce = projected.allSatisfy { columns[$0] == 1 }
        let cleared =
            node.db != .overwrite || isSetOnce
            ? [] : projected.map { node.b.columns($0 - node.b.column..<$0 - node.b.column + 1) }
        return Run.Gates(node: node, reads: keep(list), cleared: keep(cleared))
    }
}
