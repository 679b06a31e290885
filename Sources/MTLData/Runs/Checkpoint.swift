internal import Foundation
internal import MTLEngine

/// The file of a run in progress.
enum Checkpoint {
    private static let format = "mtl-checkpoint"
    /// Version 1 counted no streams of rows, version 2 no epochs that a task has waited, version 3 not how tasks
    /// were weighed.
    private static let version = "4"

    /// Writes a snapshot, and the one that the run goes back to if its loss runs away.
    static func write(
        _ path: String, _ stage: RunStage, _ snapshot: TrainingSnapshot<Float>,
        retreat: TrainingSnapshot<Float>?
    ) throws(InputError) {
        var texts = ["format": format, "revision": version, "seed": stage.name]
        texts["state"] = try json(snapshot.state, path)
        var tensors = Self.tensors(snapshot, "")
        if let retreat {
            texts["retreat"] = try json(retreat.state, path)
            tensors += Self.tensors(retreat, "retreat.")
        }
        try SafetensorsFile.write(path, texts: texts, tensors: tensors)
    }

    private static func json(_ state: FitState, _ path: String) throws(InputError) -> String {
        do {
            return String(decoding: try RunFolder.encoder.encode(state), as: UTF8.self)
        } catch {
            throw InputError(.value, at: path, found: "\(error)", expected: "numbers that JSON holds")
        }
    }

    private static func tensors(
        _ snapshot: TrainingSnapshot<Float>, _ prefix: String
    ) -> [NamedTensor] {
        let parts = snapshot.parts.map { part in
            (
                name: prefix + part.name, shape: [part.values.count],
                content: TensorContent.storage(part.values, sums: part.sums)
            )
        }
        guard let stamps = snapshot.stamps else { return parts }
        let numbers = [
            ("steps", [stamps.steps]), ("segments", stamps.segments), ("rows", stamps.rows.map { Int($0) }),
        ]
        return parts
            + numbers.map { name, values in
                ("\(prefix)average.\(name)", [values.count], TensorContent.integers(values))
            }
    }

    /// Puts a trainer where a stage of the run was; nil where there is no checkpoint of it.
    ///
    /// - Parameter beginning: the parameters before the first step.
    static func restore(
        _ folder: RunFolder, _ stage: RunStage, _ trainer: Trainer<Float>, beginning: [Float],
        keepsRetreat: Bool
    ) throws(InputError) -> FitStart<Float>? {
        let path = folder.checkpointPath
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let file = try SafetensorsFile(path)
        guard file.texts["format"] == format, file.texts["revision"] == version else {
            throw InputError(
                .syntax, at: path, found: "a file of something else", expected: "a checkpoint of this version"
            )
        }
        guard file.texts["seed"] == stage.name else { return nil }
        let state = try state("state", file)
        var retreat: TrainingSnapshot<Float>?
        if keepsRetreat {
            let earlier = try Self.state("retreat", file)
            try fill(trainer, earlier, file, "retreat.")
            retreat = TrainingSnapshot(trainer, earlier)
        }
        try fill(trainer, state, file, "")
        var best: [Int: [Float]] = [:]
        for epoch in state.keptEpochs.union(retreat?.state.keptEpochs ?? []) {
            let path = folder.bestPath(stage, epoch)
            best[epoch] = try SafetensorsFile(path).values(
                "parameters", shape: [trainer.model.layout.count])
        }
        return FitStart(state: state, best: best, retreat: retreat, beginning: beginning)
    }

    private static func state(_ name: String, _ file: SafetensorsFile) throws(InputError) -> FitState {
        guard let text = file.texts[name],
            let state = try? RunFolder.decoder.decode(FitState.self, from: Data(text.utf8))
        else {
            throw InputError(
                .syntax, at: file.path, found: "no \(name) that can be read", expected: "a checkpoint")
        }
        return state
    }

    private static func fill(
        _ trainer: Trainer<Float>, _ state: FitState, _ file: SafetensorsFile, _ prefix: String
    ) throws(InputError) {
        let counts = trainer.trainingStep.counters.steps.count
        guard state.counters.steps.count == counts else {
            throw InputError(
                .shape, at: file.path, found: "\(state.counters.steps.count) counts of steps",
                expected: "\(counts), as the schedule has")
        }
        var stamps: AverageStamps?
        if let position = trainer.trainingStep.average?.position {
            let steps: [Int] = try file.list("\(prefix)average.steps")
            let segments: [Int] = try file.list("\(prefix)average.segments")
            let rows: [Int] = try file.list("\(prefix)average.rows")
            guard let count = steps.first, segments.count == position.segments.count,
                rows.count == position.rows.count, rows.allSatisfy({ Int32(exactly: $0) != nil })
            else {
                throw InputError(
                    .shape, at: file.path, found: "an average of \(rows.count) rows",
                    expected: "\(position.rows.count), as the model has")
            }
            stamps = AverageStamps(steps: count, segments: segments, rows: rows.map { Int32($0) })
        }
        guard (state.balancer == nil) == (trainer.trainingStep.balancer == nil) else {
            throw InputError(
                .shape, at: file.path, found: "balancing \(state.balancer?.kind.rawValue ?? "none")",
                expected: trainer.trainingStep.balancer?.balancing.kind.rawValue
                    ?? "none, as in the experiment")
        }
        try trainer.restore(state.balancer)
        try trainer.restore(state.counters, stamps) { (name, memory) throws(InputError) in
            let values = try file.values(prefix + name, shape: [memory.count])
            _ = memory.update(fromContentsOf: values)
        }
    }
}
