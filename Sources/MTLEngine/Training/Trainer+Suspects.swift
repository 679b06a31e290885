extension Trainer {
    /// The rows that may be why a step's loss or gradient ran away: of its batch, and of the one before, whose step may have
    /// thrown the parameters there.
    ///
    /// - Parameters:
    ///   - tasks: those whose losses the step was of.
    ///   - kept: the parameters to judge the rows by, of before it ran away; nil for those of now, or where they are not finite for
    ///     those that the seed draws.
    /// - Throws: what a stream throws that cannot give the batch again.
    func suspects(
        by tasks: [Int], in course: Course<Scalar>, _ state: FitState, by kept: [Scalar]?
    ) throws(InputError) -> [SuspectRow] {
        var suspects = SuspectRows()
        try withParameters(kept ?? (isFinite ? nil : drawn)) { () throws(InputError) in
            for place in [state.latest, state.before].compactMap({ $0 }) {
                let (batch, numbers) = try course.again(place)
                for row in 0..<batch.rows {
                    guard let loss = rowLoss(batch.row(row), tasks) else { continue }
                    suspects.add(
                        numbers[row], dataset: course.dataset(of: place.stream), isValidation: false,
                        loss: loss)
                }
            }
        }
        return suspects.found
    }

    /// Adds the rows of a batch whose losses are NaN or infinite.
    ///
    /// - Parameter number: the number of a row of the batch.
    package func addRunaways(
        _ batch: BatchView<Scalar>, tasks: Set<Int>, to suspects: inout SuspectRows, dataset: Int = 0,
        number: (Int) -> Int
    ) {
        let chunk = 256
        for first in stride(from: 0, to: batch.rows, by: chunk) where !suspects.isFull {
            let rows = first..<min(batch.rows, first + chunk)
            let sums = inference.lossSums(batch.rows(rows)).sums
            guard tasks.contains(where: { !sums[$0].isFinite }) else { continue }
            for row in rows {
                let sums = inference.lossSums(batch.row(row)).sums
                guard tasks.contains(where: { !sums[$0].isFinite }) else { continue }
                suspects.add(number(row), dataset: dataset, isValidation: true, loss: .infinity)
            }
        }
    }

    /// A row's loss of a task, or the weighted one of several; nil of a row without their labels.
    private func rowLoss(_ row: BatchView<Scalar>, _ tasks: [Int]) -> Double? {
        let (sums, counts) = inference.lossSums(row)
        let own = tasks.filter { counts[$0] > 0 }
        guard !own.isEmpty else { return nil }
        if tasks.count == 1 { return sums[tasks[0]] }
        return own.reduce(0) { $0 + model.tasks[$1].weight * sums[$1] }
    }

    /// The parameters that the seed draws.
    private var drawn: [Scalar] {
        let latest = Array(store.parameters.buffer)
        draw()
        defer { _ = store.parameters.buffer.update(fromContentsOf: latest) }
        return Array(store.parameters.buffer)
    }

    /// With other parameters in the place of the latest ones; nil for those.
    func withParameters<Value>(
        _ others: [Scalar]?, _ body: () throws(InputError) -> Value
    ) throws(InputError) -> Value {
        guard let others else { return try body() }
        let latest = Array(store.parameters.buffer)
        // The setter would settle the average, which rounds otherwise than its steps do.
        func write(_ values: [Scalar]) {
            _ = store.parameters.buffer.update(fromContentsOf: values)
            store.refreshTransposes()
        }
        write(others)
        defer { write(latest) }
        return try body()
    }
}
