package import MTLEngine

extension Trainer where Scalar == Float {
    /// Fits the intercepts and what the training rows do not have, in every vector that the latest `fit` keeps.
    package func completedMembers(
        _ training: RowCache, continuing preprocessor: Preprocessor? = nil
    ) throws(InputError) -> ModelMembers<Float> {
        let counted = try countedRows(training, preprocessor)
        try completeMembers { (tasks) throws(InputError) in
            try fitIntercepts(training)
            if let (rows, seen) = counted { try completeUnseen(rows, seen, tasks: tasks) }
        }
        return members
    }

    /// Gives what the training rows do not have, or have too rarely, a meaning; see `completeUnseen(_:)` of a dataset. To be called
    /// once training is over, and before the model is judged or written.
    ///
    /// - Parameter preprocessor: where training went on from a model, that model's: what its rows had is trained, too.
    /// - Throws: `InputError` where the rows do not fit the model, or the file is damaged.
    package func completeUnseen(
        _ training: RowCache, continuing preprocessor: Preprocessor? = nil
    ) throws(InputError) {
        guard let (rows, seen) = try countedRows(training, preprocessor) else { return }
        try completeUnseen(rows, seen, tasks: Array(model.tasks.indices))
    }

    /// Nil where there is nothing that rows may lack, which spares a pass over them.
    private func countedRows(
        _ training: RowCache, _ preprocessor: Preprocessor?
    ) throws(InputError) -> (CacheBatches, SeenRows)? {
        try training.check(model)
        guard hasUnseen else { return nil }
        let rows = try CacheBatches(
            training, features: model.plan.embedding.features, tasks: model.tasks.map(\.name),
            teachers: model.tasks.map { $0.teacher?.column }, batchSize: batchSize, seed: unseenSeed)
        var seen = try seenRows(rows)
        if let preprocessor { seen.add(preprocessor, model) }
        for table in model.plan.embedding.tables.indices {
            for id in [Vocabulary.unknown, Vocabulary.missing]
            where Int(id) < model.plan.embedding.tables[table].rows {
                seen.forget(Int(id), table: table, below: Preprocessor.enoughRows)
            }
        }
        seen.forgetMissingNumbers(below: Preprocessor.enoughRows)
        return (rows, seen)
    }
}

extension SeenRows {
    /// Adds what the rows of a model had; of hashed values, buckets and missing numbers it is not known, and all are taken for
    /// trained.
    fileprivate mutating func add(_ preprocessor: Preprocessor, _ model: MultiTaskModel) {
        let plan = model.plan.embedding
        var added: Set<Int> = []
        // The counts of a vocabulary are of all features that share it.
        for (feature, field) in zip(plan.features, plan.fields) where added.insert(field.table).inserted {
            guard let index = preprocessor.schema.features.firstIndex(where: { $0.name == feature.name })
            else { continue }
            let counts = preprocessor.fitted[preprocessor.owner(of: index)].vocabulary?.counts
            for id in 0..<plan.tables[field.table].rows {
                add(counts?[id] ?? Preprocessor.enoughRows, ofID: id, table: field.table)
            }
        }
        addMissingNumbers(Preprocessor.enoughRows)
        for (scenario, count) in (preprocessor.scenarios?.counts ?? []).enumerated() {
            add(count, ofScenario: scenario)
        }
    }
}
