package import MTLEngine

/// Rows of a source and what a model makes of them, held in memory to be looked at from several sides.
package struct LookedRows {
    package let model: MultiTaskModel
    package let dataset: Dataset<Float>
    /// The tasks whose labels the source has.
    package let judged: [Int]
    /// Per task its predictions and labels; none of a task that is not judged.
    package let predictions: [[Float]]
    package let labels: [[Float]]
    /// The group of each row by numbers, where the schema has one.
    package let groups: [Int]?
    /// The scenarios' names and the scenario of each row; nil where the model has none.
    package let scenarios: (names: [String], ofRows: [Int32])?
    package let report: ServingReport
    /// Whether the source has more rows than were looked at.
    package let isPart: Bool
    package let encoded: EncodedRows
    /// Of rows whose cells were asked for, per feature what its columns say; nil where a cell is missing.
    package let cells: [Int: [String?]]
    /// What a column says that was asked for; nil where a cell is missing.
    package let column: [String?]

    package var count: Int { dataset.rowCount }

    /// A task's metrics over some of the rows; nil for all.
    package func evaluation(_ task: Int, rows: [Int]? = nil) -> TaskEvaluation {
        let (one, width) = (model.tasks[task], model.tasks[task].kind.predictions)
        func some<Value>(_ all: [Value], _ width: Int = 1) -> [Value] {
            guard let rows else { return all }
            return rows.flatMap { all[$0 * width..<($0 + 1) * width] }
        }
        return TaskEvaluation(
            task: one.name, kind: one.kind, predictions: some(predictions[task], width),
            labels: some(labels[task]), groups: groups.map { some($0) }, isDetailed: true)
    }
}

extension ModelBundle {
    /// Reads a source's rows, the first ones where it has more than are asked for, and predicts them.
    ///
    /// - Parameters:
    ///   - judged: the labels that the source has; nil for all, none for rows that are not judged.
    ///   - limit: the most rows, 1 or more.
    ///   - cells: rows whose cells are kept as they are written, counted from 0.
    ///   - column: one that is kept as it is written; nil for none.
    /// - Throws: `InputError` that names file, line and column of what is wrong, an unknown label, or a source without rows.
    package func look(
        at source: any RowSource, labels judged: [String]? = nil, badRows: BadRows = .refuse, limit: Int,
        cells wanted: Set<Int> = [], column: String? = nil, compute: ComputeOptions = ComputeOptions()
    ) throws(InputError) -> LookedRows {
        precondition(limit > 0, "\(limit) rows")
        let names = model.tasks.map(\.name)
        try checkLabels(judged)
        let labelled = Set(judged ?? names)
        let columns = preprocessor.schema.features.map { feature in
            feature.columns.compactMap { source.columns.firstIndex(of: $0) }
        }
        var (cells, texts) = ([Int: [String?]](), [String?]())
        var place: Int?
        if let column { place = try source.place(of: column) }
        var (all, groups, taken) = (EncodedRows(), GroupNumbers(), 0)
        let group = preprocessor.schema.group.flatMap { source.columns.firstIndex(of: $0) }
        let report = try encode(
            source, badRows: badRows, labels: labelled,
            where: { _, _ in
                taken += 1
                return taken <= limit
            }
        ) { (served, encoded) throws(InputError) in
            for (place, row) in served.rows.enumerated() where wanted.contains(all.count + place) {
                cells[all.count + place] = columns.map { served.block.texts(row, $0) }
            }
            if let place { texts += served.rows.map { served.block.texts($0, [place]) } }
            all.append(encoded)
            for row in served.rows { if let group { groups.add(served.block, row, group) } }
        }
        guard all.count > 0 else {
            throw InputError(.empty, at: source.path, found: "no rows", expected: "rows to look at")
        }
        let dataset = try preprocessor.dataset(all, hasLabels: !labelled.isEmpty)
        let predicted = try predictor(compute).predict(dataset)
        let tasks = names.indices.filter { labelled.contains(names[$0]) }
        var (predictions, labels) = ([[Float]](), [[Float]]())
        for (index, name) in names.enumerated() {
            predictions.append(tasks.contains(index) ? try predicted.values(name) : [])
            labels.append(tasks.contains(index) ? try dataset.labels(name) : [])
        }
        return LookedRows(
            model: model, dataset: dataset, judged: tasks, predictions: predictions, labels: labels,
            groups: group == nil ? nil : groups.numbers,
            scenarios: preprocessor.scenarios.map { known in
                ((0..<known.size).map { known.value($0) }, all.scenarios)
            }, report: report, isPart: taken > limit, encoded: all, cells: cells, column: texts)
    }

    /// How the gates weigh their experts over rows that were looked at; nil for a model without gates.
    package func expertUtilisation(
        of rows: LookedRows, compute: ComputeOptions = ComputeOptions()
    ) throws(InputError) -> ExpertUtilisation? {
        guard !model.plan.gateRecords.isEmpty else { return nil }
        return try predictor(compute).expertUtilisation(of: rows.dataset)
    }

    /// - Throws: `InputError` for a label that is no task's.
    func checkLabels(_ judged: [String]?) throws(InputError) {
        let names = model.tasks.map(\.name)
        guard let unknown = judged?.first(where: { !names.contains($0) }) else { return }
        throw InputError(
            .name, at: "label \"\(unknown)\"", found: "no task of that name",
            expected: "one of \(names.joined(separator: ", "))")
    }
}

extension RowBlock {
    /// What some cells of a row say; nil where one of them is missing.
    fileprivate func texts(_ row: Int, _ columns: [Int]) -> String? {
        let texts = columns.compactMap { value(row, $0).map { String(decoding: $0, as: UTF8.self) } }
        return texts.count == columns.count ? texts.joined(separator: " x ") : nil
    }
}

extension EncodedRows {
    /// The features of some rows, without labels.
    func picked(_ order: [Int]) -> EncodedRows {
        func rows<Value>(_ all: [Value]) -> [Value] {
            let width = all.count / max(1, count)
            return order.flatMap { all[$0 * width..<($0 + 1) * width] }
        }
        var picked = EncodedRows()
        picked.count = order.count
        (picked.dense, picked.ids, picked.scenarios) = (rows(dense), rows(ids), rows(scenarios))
        picked.bags = bags.map { $0.picked(order) }
        picked.unseen = unseen.map { _ in 0 }
        return picked
    }

    /// More rows of the same features and labels.
    mutating func append(_ more: EncodedRows) {
        guard count > 0 else {
            self = more
            return
        }
        count += more.count
        dense += more.dense
        ids += more.ids
        labels += more.labels
        weights += more.weights
        scenarios += more.scenarios
        self.groups += more.groups
        for index in bags.indices {
            let before = Int32(bags[index].ids.count)
            bags[index].offsets += more.bags[index].offsets.dropFirst().map { $0 + before }
            bags[index].ids += more.bags[index].ids
            bags[index].weights += more.bags[index].weights
        }
        for index in unseen.indices { unseen[index] += more.unseen[index] }
    }
}

extension EncodedRows.Bag {
    /// The bags of some rows.
    func picked(_ order: [Int]) -> EncodedRows.Bag {
        var bag = EncodedRows.Bag()
        for row in order {
            let part = Int(offsets[row])..<Int(offsets[row + 1])
            bag.ids += ids[part]
            if !weights.isEmpty { bag.weights += weights[part] }
            bag.offsets.append(Int32(bag.ids.count))
        }
        return bag
    }
}
