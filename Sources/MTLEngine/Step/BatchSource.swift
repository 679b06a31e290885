/// A dataset matched to a model: checked once, then cut into batches without allocating.
package final class BatchSource<Scalar: BLASScalar> {
    package let dataset: Dataset<Scalar>
    private let columns: FixedList<Int>
    private let ids: FixedList<IDView<Scalar>>
    private let isComplete: Bool
    /// Those whose labels are read, nil for all.
    private let tasks: Set<String>?
    /// The column of a task whose labels are not read.
    package static var unread: Int { -1 }

    /// - Parameter tasks: those whose labels are read; nil for all. Batches are then for turns of these tasks alone.
    package init(
        _ dataset: Dataset<Scalar>, for model: MultiTaskModel, tasks: Set<String>? = nil,
        checksLabels: Bool = true
    ) throws(InputError) {
        self.tasks = tasks
        let embedding = model.plan.embedding
        guard dataset.featureCount == model.inputs else {
            throw InputError(
                .shape, at: "features", found: "\(dataset.featureCount) columns",
                expected: "\(model.inputs), the model's inputs")
        }
        var columns: [Int] = []
        if checksLabels {
            for task in model.tasks {
                guard tasks?.contains(task.name) ?? true else {
                    columns.append(Self.unread)
                    continue
                }
                columns.append(try dataset.labelColumn(task.name))
                try task.checkLabels(dataset)
            }
        }
        var views: [IDView<Scalar>] = []
        for (feature, field) in zip(embedding.features, embedding.fields) {
            views.append(
                try Self.view(of: feature, table: embedding.namedTables[field.table], dataset))
        }
        ids = FixedList(views)
        try Self.checkSequences(of: dataset, model)
        try Self.checkScenarios(of: dataset, model)
        if checksLabels { try Self.checkAbsentTasks(of: dataset, model, columns) }
        self.dataset = dataset
        isComplete = columns.allSatisfy { $0 == Self.unread || dataset.labelIsComplete[$0] }
        var teachers = [Int](repeating: Self.unread, count: columns.count)
        for (index, task) in model.tasks.enumerated() where checksLabels && columns[index] != Self.unread {
            guard let teacher = task.teacher else { continue }
            try teacher.check(dataset, task)
            teachers[index] = dataset.labelNames.firstIndex(of: teacher.column) ?? Self.unread
        }
        if checksLabels { try Self.checkAbsentTasks(of: dataset, model, teachers) }
        self.columns = FixedList(columns + teachers)
    }

    /// Checks that rows have what a task is said to learn from beside its labels.
    package func checkTeachers(_ model: MultiTaskModel) throws(InputError) {
        for (index, task) in model.tasks.enumerated() {
            guard let teacher = task.teacher, columns.elements[index] != Self.unread,
                columns.elements[model.tasks.count + index] == Self.unread
            else { continue }
            throw InputError(
                .name, at: "task \"\(task.name)\", teacher", found: "no column \"\(teacher.column)\"",
                expected: "one of \(dataset.labelNames.joined(separator: ", "))")
        }
    }

    /// Checks that rows have groups where a loss compares those of one.
    package func checkGroups(_ model: MultiTaskModel) throws(InputError) {
        let task = model.tasks.first { $0.ranking != nil && (tasks?.contains($0.name) ?? true) }
        guard let task, dataset.groups == nil else { return }
        throw InputError(
            .name, at: "groups", found: "none in the dataset",
            expected: "one per row: task \"\(task.name)\" learns the order of the rows of a group")
    }

    /// Sequences of the same behaviours have as many of them in each row.
    private static func checkSequences(
        of dataset: Dataset<Scalar>, _ model: MultiTaskModel
    ) throws(InputError) {
        for names in model.plan.alignedSequences {
            let columns = names.compactMap { name in dataset.idColumns.first { $0.name == name } }
            for column in columns.dropFirst() {
                let (first, other) = (columns[0].view, column.view)
                guard let a = first.offsets, let b = other.offsets,
                    let row = (0..<dataset.rowCount).first(where: { a[$0 + 1] - a[$0] != b[$0 + 1] - b[$0] })
                else { continue }
                throw InputError(
                    .shape, at: "embedded feature \"\(column.name)\", row \(row)",
                    found: "\(b[row + 1] - b[row]) ids",
                    expected: "\(a[row + 1] - a[row]) as of \"\(columns[0].name)\", whose behaviours they are"
                )
            }
        }
    }

    private static func checkScenarios(
        of dataset: Dataset<Scalar>, _ model: MultiTaskModel
    ) throws(InputError) {
        guard model.plan.usesScenarios else { return }
        guard dataset.scenarios != nil else {
            throw InputError(
                .name, at: "scenarios", found: "none in the dataset",
                expected: "one per row, as the model asks")
        }
        guard dataset.scenarioCount <= model.scenarios else {
            throw InputError(
                .value, at: "scenarios", found: "scenario \(dataset.scenarioCount - 1)",
                expected: "below \(model.scenarios), the model's scenarios")
        }
    }

    /// A task has no labels where it does not exist.
    private static func checkAbsentTasks(
        of dataset: Dataset<Scalar>, _ model: MultiTaskModel, _ columns: [Int]
    ) throws(InputError) {
        guard let scenarios = dataset.scenarios else { return }
        for (task, column) in zip(model.tasks, columns) where task.scenarios != nil && column != unread {
            let exists = (0..<model.scenarios).map { task.exists(in: $0) }
            for row in 0..<dataset.rowCount where !exists[Int(scenarios.base[row])] {
                let label = dataset.labels.base[row * dataset.labelNames.count + column]
                guard label.isNaN else {
                    throw InputError(
                        .value, at: "label \"\(task.name)\", row \(row)",
                        found: "\(label) in scenario \(scenarios.base[row])",
                        expected: "none: the task exists in scenarios \(task.scenarios ?? []) only")
                }
            }
        }
    }

    private static func view(
        of feature: EmbeddedFeature, table: EmbeddingTable, _ dataset: Dataset<Scalar>
    ) throws(InputError) -> IDView<Scalar> {
        let place = "embedded feature \"\(feature.name)\""
        guard let column = dataset.idColumns.first(where: { $0.name == feature.name }) else {
            throw InputError(
                .name, at: place, found: "no id column of that name",
                expected: "one of \(dataset.idColumns.map(\.name).joined(separator: ", "))")
        }
        guard (feature.pooling == .single) == (column.offsets == nil) else {
            throw InputError(
                .shape, at: place, found: column.offsets == nil ? "one id a row" : "bags of ids",
                expected: column.offsets == nil ? "bags of ids" : "one id a row")
        }
        guard feature.pooling != .positions || column.weights == nil else {
            throw InputError(
                .value, at: place, found: "ids with weights", expected: "none for a sequence")
        }
        guard column.largest < table.rows else {
            throw InputError(
                .value, at: place, found: "id \(column.largest)",
                expected: "below \(table.rows), the rows of table \"\(table.name)\"")
        }
        guard column.longest <= feature.maximumCount else {
            throw InputError(
                .shape, at: place, found: "\(column.longest) ids in a row",
                expected: "at most \(feature.maximumCount)")
        }
        return column.view
    }

    /// Rows `start..<start + rows`, or those that `indices` lists from `start` on.
    package func batch(
        _ indices: UnsafePointer<Int32>? = nil, start: Int, rows: Int
    ) -> BatchView<Scalar> {
        BatchView(
            features: MatrixView(
                dataset.features.base, rows: dataset.rowCount, columns: dataset.featureCount,
                stride: dataset.featureCount),
            labels: UnsafePointer(dataset.labels.base),
            labelWeights: dataset.labelWeights.map { UnsafePointer($0.base) },
            labelStride: dataset.labelNames.count,
            labelColumns: columns.elements, ids: ids.elements,
            scenarios: dataset.scenarios.map { UnsafePointer($0.base) },
            groups: dataset.groups.map { UnsafePointer($0.base) }, indices: indices.map { $0 + start },
            start: start, rows: rows, isComplete: isComplete)
    }
}
