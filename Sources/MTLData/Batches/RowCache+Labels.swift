internal import MTLEngine

extension RowCache {
    /// Per task of a model the rows with a label of it: one pass over the file.
    ///
    /// - Throws: `InputError` where the file is damaged.
    func labelledRows(of model: MultiTaskModel) throws(InputError) -> [Int] {
        let columns = model.tasks.map { task in layout.labels.firstIndex(of: task.name) }
        let memory = BlockMemory()
        var counts = [Int](repeating: 0, count: columns.count)
        for block in blocks.indices {
            let rows = try rows(block, into: memory)
            for (task, column) in columns.enumerated() {
                guard let column else { continue }
                for row in 0..<rows.count where !rows.labels[row * layout.labels.count + column].isNaN {
                    counts[task] += 1
                }
            }
        }
        return counts
    }
}
