/// What the columns of a plan's values hold of embedded fields: vectors as they are looked up, copied, or times a gate, and means.
///
/// Copies, means and gates (a factor per field and row, as `FieldGate` makes them) are looked through: a dense node over such a
/// column can do without it, as over the looked-up vector itself. A field is *held* where something else reads a column of it:
/// then its vectors have to be in the workspace.
struct FieldColumns {
    /// A gate: the node that multiplies with it, and its one column.
    struct Gate: Equatable, Sendable {
        let ordinal: Int
        let value: GraphValue
    }

    private enum Column: Equatable {
        /// Anything else, and a dense feature: it has no gradient, wherever it is copied to.
        case other, number
        case vector(field: Int, offset: Int, gate: Gate?)
        case mean(field: Int)

        var field: Int? {
            switch self {
            case .vector(let field, _, _), .mean(let field): field
            case .other, .number: nil
            }
        }
    }

    /// A field that a node reads as a whole, or the mean of: in which of its columns, and what it is multiplied with.
    struct Read {
        let field: Int
        let columns: Range<Int>
        let gate: Gate?
        let isMean: Bool

        /// Whether it is the vector itself.
        var isLookedUp: Bool { gate == nil && !isMean }
    }

    /// Per dense node over fields what it reads of them.
    private(set) var layers: [Int: (node: DenseNode, reads: [Read])] = [:]
    private(set) var isHeld: [Bool]

    private let fields: [EmbeddingPlan.Field]
    private var columns: [[Column]]
    private var isWritten: [[Bool]]

    init(_ plan: ModelPlan) {
        fields = plan.embedding.fields
        isHeld = fields.map { $0.pooling != .single }
        columns = plan.widths.map { [Column](repeating: .other, count: $0) }
        isWritten = plan.widths.map { [Bool](repeating: false, count: $0) }
        for column in 0..<plan.inputs { columns[0][column] = .number }
        for (index, field) in fields.enumerated() where !isHeld[index] {
            for offset in 0..<field.columns {
                columns[0][plan.inputs + field.column + offset] = .vector(
                    field: index, offset: offset, gate: nil)
            }
        }
        for (ordinal, node) in plan.nodes.enumerated() {
            let output = node.operation.output
            write(hold(node, ordinal, plan.lists), to: output)
        }
        for root in plan.logits + plan.joints.flatMap(\.reads) { hold(column(root)) }
    }

    /// The field that a value's column holds an element of, looked up, copied or gated, or the mean of.
    func field(_ storage: Int, _ column: Int) -> Int? { columns[storage][column].field }

    /// Whether a column of a value has no gradient, because dense features are copied there.
    func isNumber(_ storage: Int, _ column: Int) -> Bool { columns[storage][column] == .number }

    private func column(_ value: GraphValue) -> ArraySlice<Column> { columns[value.storage][value.range] }

    private mutating func hold(_ some: some Sequence<Column>) {
        for column in some {
            if let field = column.field { isHeld[field] = true }
        }
    }

    /// Holds what a node reads in a way of its own.
    ///
    /// - Returns: what its output holds, or nil for nothing of the fields.
    private mutating func hold(_ node: Node, _ ordinal: Int, _ lists: [Int32]) -> [Column]? {
        switch node {
        case .linear(let copy) where copy.alpha == 1 && !copy.adds && !copy.x.isStopped:
            return Array(column(copy.x))
        case .product(let product) where !product.a.isStopped && !product.b.isFeatures:
            return gated(product, ordinal)
        case .dense(let dense)
        where dense.layer.inputIsShared && dense.layer.order == .inputMajor && !dense.x.isStopped:
            let reads = wholeFields(of: dense.x)
            if !reads.isEmpty { layers[ordinal] = (dense, reads) }
        case .fieldMeans(let means) where !means.x.isStopped:
            var first = 0
            return (0..<means.y.width).map { place in
                let width = Int(lists[means.first + place])
                let x = Array(column(means.x.columns(first..<first + width)))
                first += width
                if let read = field(at: 0, of: x), read.isLookedUp, x.count == read.columns.count {
                    return .mean(field: read.field)
                }
                hold(x)
                return .other
            }
        default:
            for input in node.operation.inputs(lists) { hold(column(input)) }
        }
        return nil
    }

    /// y = a ⊙ b, where blocks of a are whole fields.
    private mutating func gated(_ node: ProductNode, _ ordinal: Int) -> [Column] {
        hold(column(node.b))
        var result: [Column] = []
        for block in 0..<node.b.width {
            let a = Array(column(node.a.columns(block * node.per..<(block + 1) * node.per)))
            if let read = field(at: 0, of: a), read.isLookedUp, a.count == read.columns.count {
                let gate = Gate(ordinal: ordinal, value: node.b.columns(block..<block + 1))
                result += (0..<node.per).map { .vector(field: read.field, offset: $0, gate: gate) }
            } else {
                hold(a)
                result += a.map { _ in .other }
            }
        }
        return result
    }

    /// The fields of a value, each once and in neighbouring columns; others are held.
    private mutating func wholeFields(of value: GraphValue) -> [Read] {
        let all = Array(column(value))
        var reads: [Read] = []
        var place = 0
        while place < all.count {
            if let read = field(at: place, of: all),
                !reads.contains(where: { $0.field == read.field && $0.isMean == read.isMean })
            {
                reads.append(read)
                place = read.columns.upperBound
            } else {
                hold([all[place]])
                place += 1
            }
        }
        return reads
    }

    /// The field whose columns begin at a place, or whose mean stands there.
    private func field(at place: Int, of all: [Column]) -> Read? {
        switch all[place] {
        case .mean(let field):
            return Read(field: field, columns: place..<place + 1, gate: nil, isMean: true)
        case .vector(let field, 0, let gate):
            let range = place..<place + fields[field].columns
            guard range.upperBound <= all.count,
                range.allSatisfy({ all[$0] == .vector(field: field, offset: $0 - place, gate: gate) })
            else { return nil }
            return Read(field: field, columns: range, gate: gate, isMean: false)
        default: return nil
        }
    }

    /// What several nodes write is no field's.
    private mutating func write(_ some: [Column]?, to output: GraphValue) {
        for (index, place) in output.range.enumerated() {
            let new = some?[index] ?? .other
            if isWritten[output.storage][place] {
                hold([new, columns[output.storage][place]])
                columns[output.storage][place] = .other
            } else {
                columns[output.storage][place] = new
                isWritten[output.storage][place] = true
            }
        }
    }
}
