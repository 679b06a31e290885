/// What a model takes of the memory, told before any of it is asked for.
///
/// Counted are parameters, what the optimiser remembers of them, gradients, the copies of the best epoch's, and what a batch's
/// rows pass through. Bytes are `Double`s, so that no product overflows.
package struct MemoryNeed: Sendable {
    /// One part of it, and what it is for.
    package struct Part: Sendable {
        /// What messages name: a table, a layer, the batch.
        package let place: String
        /// "a table of 1,000,000 x 16".
        package let what: String
        package let bytes: Double
    }

    package private(set) var parts: [Part] = []
    package var bytes: Double { parts.reduce(0) { $0 + $1.bytes } }

    /// Nothing yet.
    package init() {}

    /// What training takes.
    ///
    /// - Parameters:
    ///   - stateVectors: what the optimiser remembers of each of the layers' parameters.
    ///   - rowState: what that of the tables remembers of them; nil for as much.
    ///   - sets: how often they do: once per task where tasks take turns.
    ///   - averages: whether a moving average of all parameters is kept.
    ///   - anchors: whether a schedule holds parameters to a copy of them.
    ///   - balancing: how the tasks are weighed against each other.
    ///   - turns: the turns in which they are; none for one of all tasks.
    package init(
        training model: MultiTaskModel, batch: Int, workers: Int, stateVectors: Int,
        rowState: Optimizer.RowState? = nil, sets: Int, averages: Bool = false, anchors: Bool = false,
        balancing: Balancing = .fixed, turns: [TurnSpec] = [], backend: MatrixBackend = .kernels,
        scalarBytes: Int
    ) {
        let plan = model.plan
        let size = Double(scalarBytes)
        let workspace = WorkspacePlan(
            plan,
            projection: ProjectedTables(plan, batch: batch, backend: backend, scalarBytes: scalarBytes),
            isSliced: false, meets: balancing.meets, batch: batch, backend: backend, workers: workers,
            scalarBytes: scalarBytes)
        // The transposes are a layer's weights again.
        let copies = 1 + (averages ? 1 : 0) + (anchors ? 1 : 0)
        let ofRows = rowState ?? Optimizer.RowState(perElement: stateVectors, perRow: 0)
        let rowSets = ofRows.isShared ? 1 : sets
        add(
            model, each: size * Double(copies + ofRows.perElement * rowSets),
            eachRow: size * Double(ofRows.perRow * rowSets) + (averages ? 4 : 0),
            denseMore: size
                * Double(workspace.shards + 1 + stateVectors * sets - ofRows.perElement * rowSets))
        let columns = Double(plan.embedding.width)
        let rows = Double(workspace.rows.capacity) * (workspace.rows.keepsChunk ? 1 : Double(workers))
        let perRow = Double(workspace.elementsPerRow)
        add(
            "batch",
            "\(Self.text(Double(batch))) rows, \(Self.text(rows)) at a time of \(Self.text(perRow)) numbers",
            size
                * (perRow * rows
                    + Double(batch)
                    * (columns + Double(plan.embedding.occurrencesPerRow * 2)
                        + Double(2 * model.tasks.count)))
        )
        if balancing.needs.areOfGradients {
            let all = [TurnSpec(tasks: Array(model.tasks.indices))]
            let frontiers = (turns.isEmpty ? all : turns).map { ($0, TaskFrontier(plan, turn: $0)) }
            let each: Double
            let what: String
            if balancing.gradients == .representation {
                let width = Double(frontiers.map(\.1.width).max() ?? 0)
                each = Double(batch) * width
                what = "\(Self.text(width)) numbers a row each"
            } else {
                let layers = frontiers.flatMap { $0.1.parameters(plan, tasks: model.tasks, turn: $0.0) }
                let end = layers.map { $0.start + $0.count }.max() ?? 0
                each = Double(end) + Double(plan.embedding.sumCount(batch: batch))
                what = "\(Self.text(each)) parameters each"
            }
            add(
                "balancing", "the gradients of \(model.tasks.count) tasks, \(what)",
                size * Double(model.tasks.count) * each)
        }
        addScratch(plan, workers: workers, size: size)
    }

    /// What copies of all parameters take.
    package init(keeping model: MultiTaskModel, times: Int, scalarBytes: Int) {
        add(model, each: Double(scalarBytes * times), denseMore: 0)
    }

    /// What prediction takes.
    ///
    /// - Parameter members: how many vectors of parameters predict, each in memory of its own.
    package init(predicting model: MultiTaskModel, members: Int = 1, workers: Int, scalarBytes: Int) {
        let size = Double(scalarBytes * members)
        add(model, each: size, denseMore: size)
        add(
            "rows", "128 rows of \(Self.text(Double(model.plan.forwardElementsPerRow))) numbers",
            size * 128 * Double(model.plan.forwardElementsPerRow) * Double(workers))
        if model.plan.members != nil {
            add(
                "ensemble", "sums of its members' predictions",
                Double(members) * MemberMeans<Double>.byteCount(model.tasks, rows: 128, workers: workers))
        }
        addScratch(model.plan, workers: workers, size: size)
    }

    private mutating func addScratch(_ plan: ModelPlan, workers: Int, size: Double) {
        add("layers", "their scratch", size * Double(plan.scratchCount) * Double(workers))
    }

    private mutating func add(
        _ model: MultiTaskModel, each: Double, eachRow: Double = 0, denseMore: Double
    ) {
        let tables = model.plan.layout.denseCount
        for table in model.plan.embedding.namedTables {
            add(
                "embedding table \"\(table.name)\"",
                "a table of \(Self.text(Double(table.rows))) x \(Self.text(Double(table.dimension)))",
                Double(table.rows) * (each * Double(table.dimension) + eachRow))
        }
        var named: [String: (bytes: Double, shape: [Int])] = [:]
        for segment in model.layout.segments where segment.offset < tables {
            // The blocks of a layer, and a scenario's or task's share of it, are one to the eye.
            let name = Self.layer(of: segment.name)
            let bytes = (each + denseMore) * Double(segment.count)
            let before = named[name] ?? (0, segment.shape)
            named[name] = (
                before.bytes + bytes, before.shape.count > segment.shape.count ? before.shape : segment.shape
            )
        }
        for (name, part) in named.sorted(by: { $0.key < $1.key }) {
            add(
                "layer \"\(name)\"",
                "weights of \(part.shape.map { Self.text(Double($0)) }.joined(separator: " x "))", part.bytes)
        }
    }

    private static func layer(of name: String) -> String {
        for ending in [".weight", ".bias"] where name.hasSuffix(ending) {
            return String(name.dropLast(ending.count))
        }
        return name
    }

    /// Adds a part.
    package mutating func add(_ place: String, _ what: String, _ bytes: Double) {
        if bytes > 0 { parts.append(Part(place: place, what: what, bytes: bytes)) }
    }

    /// Refuses what the machine does not have.
    ///
    /// - Throws: `InputError` that names the largest part.
    package func check(free: Double? = FreeMemory.bytes) throws(InputError) {
        guard let free, bytes > free, let largest = parts.max(by: { $0.bytes < $1.bytes }) else { return }
        let rest = bytes - largest.bytes
        let more = rest > 0.05 * bytes ? ", and \(Self.size(rest)) for the rest" : ""
        throw InputError(
            .shape, at: largest.place, found: "\(Self.size(largest.bytes)) needed for \(largest.what)\(more)",
            expected: "at most \(Self.size(free)), which are free")
    }

    /// "64 GB".
    package static func size(_ bytes: Double) -> String {
        let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
        var (value, unit) = (bytes, 0)
        while value >= 1000, unit < units.count - 1 {
            value /= 1000
            unit += 1
        }
        let number =
            value < 10 && unit > 0 ? "\((value * 10).rounded() / 10)" : "\(Int(min(value, 1e6).rounded()))"
        return "\(number) \(units[unit])"
    }

    /// "1,000,000".
    private static func text(_ number: Double) -> String {
        var digits = "\(Int(min(number, 1e18)))"
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return ([digits] + groups).joined(separator: ",")
    }
}
