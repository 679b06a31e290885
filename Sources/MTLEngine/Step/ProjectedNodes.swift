/// The nodes of a turn that read projected tables, and what is left of the others.
///
/// A copy, a gate or a mean of a field whose table is projected rests; the dense nodes above look its products up. So only the other
/// columns of such a node run as they are.
struct ProjectedNodes {
    struct Layer {
        let ordinal: Int
        let node: DenseNode
        /// Whether a gradient comes back to it.
        var isTrained = false
    }

    let plan: ProjectedTables
    private(set) var layers: [Layer] = []
    /// Gates whose gradient is taken from the products of the layers above.
    private(set) var gates: [(ordinal: Int, node: ProductNode)] = []
    private let lists: [Int32]

    init(_ plan: ProjectedTables, _ program: Program) {
        self.plan = plan
        lists = program.lists
        for entry in program.forward.joined() {
            guard case .dense(let node) = entry.node, plan.layers[entry.ordinal] != nil else { continue }
            layers.append(Layer(ordinal: entry.ordinal, node: node))
        }
        for entry in program.backward.joined() {
            switch entry.node {
            case .dense(let node):
                if let place = place(of: node, entry.ordinal) { layers[place].isTrained = true }
            case .product(let node) where node.db != .none && isProjected(node).contains(true):
                gates.append((entry.ordinal, node))
            default: break
            }
        }
    }

    private func place(of node: DenseNode, _ ordinal: Int) -> Int? {
        layers.firstIndex { $0.ordinal == ordinal && $0.node.blocks == node.blocks }
    }

    private func isProjected(_ value: GraphValue) -> [Bool] {
        Array(plan.isColumnProjected[value.storage][value.range])
    }

    /// Per block, which is a field where it is projected.
    private func isProjected(_ node: ProductNode) -> [Bool] {
        let columns = isProjected(node.y)
        return (0..<node.b.width).map { columns[$0 * node.per] }
    }

    /// An entry of the program as it runs beside projected tables.
    func split(_ entry: Program.Entry) -> [Turn.Entry] {
        switch entry.node {
        case .dense(let node):
            return [Turn.Entry(entry, projection: place(of: node, entry.ordinal) ?? -1)]
        case .linear(let node):
            let isKept = isProjected(node.y).map { !$0 }
            guard isKept.contains(false) else { break }
            return Program.runs(isKept).map { Turn.Entry(node.part($0), of: entry) }
        case .product(let node):
            let isKept = isProjected(node).map { !$0 }
            guard isKept.contains(false) else { break }
            let gate = gates.firstIndex { $0.ordinal == entry.ordinal && $0.node.b == node.b }
            return Program.runs(isKept).map { Turn.Entry(node.part($0), of: entry) }
                + (node.db == .none ? [] : gate.map { [Turn.Entry(entry, projection: $0)] } ?? [])
        case .fieldMeans(let node):
            let isKept = isProjected(node.y).map { !$0 }
            guard isKept.contains(false) else { break }
            return Program.runs(isKept).map { Turn.Entry(node.fields($0, lists), of: entry) }
        default: break
        }
        return [Turn.Entry(entry)]
    }
}
