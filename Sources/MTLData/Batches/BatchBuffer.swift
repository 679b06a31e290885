internal import MTLDataKernels
internal import MTLEngine

/// Memory of one batch in columns, filled row by row from the blocks of a cache.
final class BatchBuffer {
    private let layout: CacheLayout
    private let dense: AlignedStorage<Float>
    /// Per feature of one id `[rows]`.
    private let ids: [AlignedStorage<Int32>]
    private let columns: [UnsafeMutablePointer<UInt32>?]
    private let bags:
        [(offsets: AlignedStorage<Int32>, ids: AlignedStorage<Int32>, weights: AlignedStorage<Float>?)]
    private let labels: AlignedStorage<Float>
    private let weights: AlignedStorage<Float>?
    private let scenarios: AlignedStorage<Int32>?
    private let groups: AlignedStorage<Int32>?
    private let labelColumns: FixedList<Int>
    private let views: FixedList<IDView<Float>>
    private(set) var rows = 0

    /// - Parameters:
    ///   - features: the embedded features in the order of the model.
    ///   - tasks: the model's tasks, whose labels are looked up by name.
    ///   - teachers: per task the column of its teacher, where it learns from one; none to read labels alone.
    init(
        _ layout: CacheLayout, capacity: Int, features: [EmbeddedFeature], tasks: [String],
        teachers: [String?] = []
    )
        throws(InputError)
    {
        self.layout = layout
        dense = AlignedStorage(zeroed: capacity * layout.denseNames.count)
        ids = layout.singles.map { _ in AlignedStorage(zeroed: capacity) }
        bags = layout.bags.map { bag in
            (
                AlignedStorage(zeroed: capacity + 1), AlignedStorage(zeroed: capacity * bag.maximumCount),
                bag.isWeighted ? AlignedStorage(zeroed: capacity * bag.maximumCount) : nil
            )
        }
        columns = ids.map { column in
            UnsafeMutableRawPointer(column.base).assumingMemoryBound(to: UInt32.self)
        }
        labels = AlignedStorage(zeroed: capacity * layout.labels.count)
        weights = layout.weightCount > 0 ? AlignedStorage(zeroed: capacity * layout.labels.count) : nil
        scenarios = layout.scenarioCount > 0 ? AlignedStorage(zeroed: capacity) : nil
        groups = layout.hasGroups == true ? AlignedStorage(zeroed: capacity) : nil
        var labelColumns: [Int] = []
        for task in tasks {
            guard let column = layout.labels.firstIndex(of: task) else {
                throw InputError(
                    .name, at: "task \"\(task)\"", found: "no label of that name in the prepared rows",
                    expected: "one of \(layout.labels.joined(separator: ", "))")
            }
            labelColumns.append(column)
        }
        for index in tasks.indices {
            guard index < teachers.count, let teacher = teachers[index] else {
                labelColumns.append(BatchSource<Float>.unread)
                continue
            }
            guard let column = layout.labels.firstIndex(of: teacher) else {
                throw InputError(
                    .name, at: "task \"\(tasks[index])\", teacher",
                    found: "no column \"\(teacher)\" in the prepared rows",
                    expected: "one of \(layout.labels.joined(separator: ", "))")
            }
            labelColumns.append(column)
        }
        self.labelColumns = FixedList(labelColumns)
        var views: [IDView<Float>] = []
        for feature in features {
            if let index = layout.singles.firstIndex(where: { $0.name == feature.name }) {
                views.append(IDView(ids: UnsafePointer(ids[index].base), offsets: nil, weights: nil))
            } else if let index = layout.bags.firstIndex(where: { $0.name == feature.name }) {
                let bag = bags[index]
                views.append(
                    IDView(
                        ids: UnsafePointer(bag.ids.base), offsets: UnsafePointer(bag.offsets.base),
                        weights: bag.weights.map { UnsafePointer($0.base) }))
            } else {
                throw InputError(
                    .name, at: "embedded feature \"\(feature.name)\"",
                    found: "no ids of that name in the prepared rows",
                    expected: "one of \((layout.singles + layout.bags).map(\.name).joined(separator: ", "))")
            }
        }
        self.views = FixedList(views)
    }

    func clear() { rows = 0 }

    /// Takes rows of blocks after those that are there: entry e is row `order[e] & 0xFFFF_FFFF` of block `order[e] >> 32`.
    func append(_ blocks: HeldBlocks, _ order: UnsafeBufferPointer<UInt64>) {
        guard let entries = order.baseAddress else { return }
        let count = order.count
        let width = layout.denseNames.count
        gather(blocks.dense, entries, count, width, dense.base + rows * width)
        gather(blocks.labels, entries, count, layout.labels.count, labels.base + rows * layout.labels.count)
        if !ids.isEmpty {
            columns.withUnsafeBufferPointer { columns in
                blocks.ids.withUnsafeBufferPointer { bases in
                    mtl_gather_columns(
                        bases.baseAddress, entries, count, ids.count, columns.baseAddress, rows)
                }
            }
        }
        if let scenarios {
            blocks.scenarios.withUnsafeBufferPointer { bases in
                scenarios.base.withMemoryRebound(to: UInt32.self, capacity: rows + count) {
                    mtl_gather_rows(bases.baseAddress, entries, count, 1, $0 + rows)
                }
            }
        }
        if let groups {
            for (entry, packed) in order.enumerated() {
                groups.base[rows + entry] = blocks.group(packed)
            }
        }
        for (entry, packed) in order.enumerated() where weights != nil || !bags.isEmpty {
            let block = blocks.rows[Int(packed >> 32)]
            let row = Int(UInt32(truncatingIfNeeded: packed))
            appendBags(block, row, at: rows + entry)
            if let weights, let theirs = block.weights {
                let count = layout.labels.count
                let target = weights.base + (rows + entry) * count
                if layout.labelsHaveWeights == true {
                    target.update(from: theirs + row * count, count: count)
                } else {
                    target.update(repeating: theirs[row], count: count)
                }
            }
        }
        rows += count
    }

    private func gather(
        _ blocks: [UnsafePointer<UInt32>?], _ order: UnsafePointer<UInt64>, _ count: Int, _ width: Int,
        _ target: UnsafeMutablePointer<Float>
    ) {
        guard width > 0 else { return }
        blocks.withUnsafeBufferPointer { bases in
            target.withMemoryRebound(to: UInt32.self, capacity: count * width) {
                mtl_gather_rows(bases.baseAddress, order, count, width, $0)
            }
        }
    }

    private func appendBags(_ block: RowCache.Rows, _ row: Int, at place: Int) {
        for index in bags.indices {
            let bag = bags[index]
            let from = block.bags[index]
            let start = Int(bag.offsets.base[place])
            let first = Int(from.offsets[row])
            let count = Int(from.offsets[row + 1]) - first
            (bag.ids.base + start).update(from: from.ids + first, count: count)
            if let weights = bag.weights, let theirs = from.weights {
                (weights.base + start).update(from: theirs + first, count: count)
            }
            bag.offsets.base[place + 1] = Int32(start + count)
        }
    }

    /// What is in it, as a step reads it; good as long as the buffer and until it is filled again.
    var batch: BatchView<Float> {
        BatchView(
            features: MatrixView(
                dense.base, rows: rows, columns: layout.denseNames.count, stride: layout.denseNames.count),
            labels: UnsafePointer(labels.base), labelWeights: weights.map { UnsafePointer($0.base) },
            labelStride: layout.labels.count, labelColumns: labelColumns.elements, ids: views.elements,
            scenarios: scenarios.map { UnsafePointer($0.base) },
            groups: groups.map { UnsafePointer($0.base) }, indices: nil,
            start: 0, rows: rows, isComplete: layout.labelsAreComplete)
    }
}

/// Blocks of a cache that rows are drawn from.
struct HeldBlocks {
    private(set) var rows: [RowCache.Rows] = []
    private(set) var dense: [UnsafePointer<UInt32>?] = []
    private(set) var labels: [UnsafePointer<UInt32>?] = []
    private(set) var ids: [UnsafePointer<UInt32>?] = []
    private(set) var scenarios: [UnsafePointer<UInt32>?] = []

    mutating func append(_ block: RowCache.Rows) {
        func words(_ pointer: UnsafeRawPointer) -> UnsafePointer<UInt32> {
            pointer.assumingMemoryBound(to: UInt32.self)
        }
        rows.append(block)
        dense.append(words(block.dense))
        labels.append(words(block.labels))
        ids.append(words(block.ids))
        scenarios.append(block.scenarios.map { words($0) })
    }

    /// The group of a row, whose block is in the upper half of `place`; -1 for none.
    func group(_ place: UInt64) -> Int32 {
        rows[Int(place >> 32)].groups?[Int(UInt32(truncatingIfNeeded: place))] ?? -1
    }

    mutating func removeAll() {
        rows.removeAll(keepingCapacity: true)
        dense.removeAll(keepingCapacity: true)
        labels.removeAll(keepingCapacity: true)
        ids.removeAll(keepingCapacity: true)
        scenarios.removeAll(keepingCapacity: true)
    }
}
