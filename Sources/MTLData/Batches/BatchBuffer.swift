internal import MTLEngine

/// Memory of one batch in columns, filled row by row from the blocks of a cache.
final class BatchBuffer {
    private let layout: CacheLayout
    private let dense: AlignedStorage<Float>
    /// Per feature of one id `[rows]`.
    private let ids: [AlignedStorage<Int32>]
    private let bags:
        [(offsets: AlignedStorage<Int32>, ids: AlignedStorage<Int32>, weights: AlignedStorage<Float>?)]
    private let labels: AlignedStorage<Float>
    private let weights: AlignedStorage<Float>?
    private let scenarios: AlignedStorage<Int32>?
    private let labelColumns: FixedList<Int>
    private let views: FixedList<IDView<Float>>
    private(set) var rows = 0

    /// - Parameters:
    ///   - features: the embedded features in the order of the model.
    ///   - tasks: the model's tasks, whose labels are looked up by name.
    init(_ layout: CacheLayout, capacity: Int, features: [EmbeddedFeature], tasks: [String])
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
        labels = AlignedStorage(zeroed: capacity * layout.labels.count)
        weights = layout.hasWeights ? AlignedStorage(zeroed: capacity * layout.labels.count) : nil
        scenarios = layout.scenarioCount > 0 ? AlignedStorage(zeroed: capacity) : nil
        var columns: [Int] = []
        for task in tasks {
            guard let column = layout.labels.firstIndex(of: task) else {
                throw InputError(
                    .name, at: "task \"\(task)\"", found: "no label of that name in the prepared rows",
                    expected: "one of \(layout.labels.joined(separator: ", "))")
            }
            columns.append(column)
        }
        labelColumns = FixedList(columns)
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

    /// Takes a row of a block behind those that are there.
    func append(_ block: RowCache.Rows, _ row: Int) {
        let width = layout.denseNames.count
        (dense.base + rows * width).update(from: block.dense + row * width, count: width)
        let source = block.ids + row * ids.count
        for column in ids.indices { ids[column].base[rows] = source[column] }
        for (bag, from) in zip(bags, block.bags) {
            let start = Int(bag.offsets.base[rows])
            let count = Int(from.offsets[row + 1] - from.offsets[row])
            (bag.ids.base + start).update(from: from.ids + Int(from.offsets[row]), count: count)
            if let weights = bag.weights, let theirs = from.weights {
                (weights.base + start).update(from: theirs + Int(from.offsets[row]), count: count)
            }
            bag.offsets.base[rows + 1] = Int32(start + count)
        }
        let count = layout.labels.count
        (labels.base + rows * count).update(from: block.labels + row * count, count: count)
        if let weights, let theirs = block.weights {
            (weights.base + rows * count).update(repeating: theirs[row], count: count)
        }
        if let scenarios, let theirs = block.scenarios { scenarios.base[rows] = theirs[row] }
        rows += 1
    }

    /// What is in it, as a step reads it; good as long as the buffer and until it is filled again.
    var batch: BatchView<Float> {
        BatchView(
            features: MatrixView(
                dense.base, rows: rows, columns: layout.denseNames.count, stride: layout.denseNames.count),
            labels: UnsafePointer(labels.base), labelWeights: weights.map { UnsafePointer($0.base) },
            labelStride: layout.labels.count, labelColumns: labelColumns.elements, ids: views.elements,
            indices: nil,
            start: 0, rows: rows, isComplete: layout.labelsAreComplete)
    }
}
