internal import MTLEngine

/// Whether a seed's run learned anything, by what its losses were before and after.
struct SeedJudge {
    /// What a run began with.
    struct Beginning {
        let parameters: [Float]
        let losses: [Double]
    }

    let model: MultiTaskModel
    let data: PreparedData
    let audit: LabelAudit
    /// The parameters that training went on from; nil for those that were drawn.
    let start: [Float]?
    let stage: RunStage
    /// Is told of a task that learned nothing where others did.
    let note: (String) -> Void

    private var place: String { "training, \(stage.title)" }
    private var advice: String { audit.outliers.isEmpty ? "" : ", or labels without outliers" }

    /// Of a trainer whose run has not begun.
    func beginning(_ trainer: Trainer<Float>) throws(InputError) -> Beginning {
        Beginning(parameters: trainer.denseParameters, losses: try losses(trainer))
    }

    /// Why a seed's run is left out; nil where it learned something.
    ///
    /// - Parameter suspects: what is said of rows, where a loss ran away.
    func failure(
        of trainer: Trainer<Float>, _ report: TrainingReport, since begun: Beginning, suspects: String
    ) throws(InputError) -> InputError? {
        guard report.reason != .diverged else {
            let found = report.divergence.map { place in
                let relation = place.gradientNorm == nil ? "and so is" : "most of it of"
                return "\(place.summary) at step \(place.step)"
                    + (place.parameter.map { ", \(relation) parameter \"\($0)\"" } ?? "") + suspects
            }
            return InputError(
                .value, at: "\(place), epoch \(report.divergence?.epoch ?? report.epochs.count)",
                found: found ?? "a loss that is NaN or infinite",
                expected: "a smaller learning_rate\(advice)")
        }
        let members = trainer.members
        guard members.vectors.allSatisfy({ $0.allSatisfy(\.isFinite) }) else {
            return InputError(
                .value, at: place, found: "parameters that are NaN or infinite",
                expected: "a smaller learning_rate\(advice)")
        }
        guard trainer.denseParameters != begun.parameters else {
            return InputError(
                .value, at: place, found: "parameters unchanged by training",
                expected: "a larger learning_rate, or larger row weights")
        }
        let ended = try losses(of: members, trainer, losses)
        if let failure = try failure(of: trainer, before: begun.losses, after: ended) { return failure }
        for (index, task) in model.tasks.enumerated() where task.weight > 0 && isComparable(index) {
            let constant = audit.labels[index].constantLoss(task)
            guard ended[index] > Self.slightly(above: constant) else { continue }
            note(
                "\(stage.title), task \"\(task.name)\": a loss of \(Wording.number(ended[index])), no better than a constant's \(Wording.number(constant)): it learned nothing of its label"
            )
        }
        return nil
    }

    /// Whether a task's losses are over rows as they are: of training rows some of whose negatives were left out, predictions are
    /// corrected for all rows, and their loss says little.
    private func isComparable(_ task: Int) -> Bool {
        model.tasks[model.plan.events.root(task)].negativeRate == 1 && model.tasks[task].negativeRate == 1
            || data.validation != nil
    }

    /// - Returns: an error that names the seed, of a run that went astray or did not get anywhere.
    private func failure(
        of trainer: Trainer<Float>, before: [Double], after: [Double]
    ) throws(InputError) -> InputError? {
        var hasFallen = false
        for (index, task) in model.tasks.enumerated() where task.weight > 0 {
            guard isComparable(index) else {
                hasFallen = true
                continue
            }
            let constant = audit.labels[index].constantLoss(task)
            let (first, last) = (before[index], after[index])
            guard last.isFinite, last <= 10 * max(constant, 1e-6) || last <= first else {
                return InputError(
                    .value, at: "\(place), task \"\(task.name)\"",
                    found:
                        "a loss of \(Wording.number(last)), where a constant has \(Wording.number(constant)): it diverged",
                    expected: "a smaller learning_rate\(advice)")
            }
            hasFallen = hasFallen || last <= Self.slightly(above: constant) || Self.hasFallen(first, last)
        }
        if !hasFallen { hasFallen = try hasLearnedTraining(trainer) }
        guard hasFallen else {
            return InputError(
                .value, at: place, found: "no loss that decreased during training: it learned nothing",
                expected: "another learning_rate, or features that say something of the labels\(advice)")
        }
        let largest = trainer.largestTrained
        let labels =
            zip(model.tasks, audit.labels).map { max(1, $0.labelScale.encode($1.furthest).magnitude) }.max()
            ?? 1
        guard largest < Self.largestParameter * labels else {
            return InputError(
                .value, at: place, found: "parameters up to \(Wording.number(largest)): it diverged",
                expected: "a smaller learning_rate\(advice)")
        }
        return nil
    }

    /// Whether any task's loss over the training rows has fallen: few watched rows may hide it, or show that it was learned by
    /// heart. The losses before are those of parameters drawn once more.
    private func hasLearnedTraining(_ trainer: Trainer<Float>) throws(InputError) -> Bool {
        guard data.validation != nil else { return false }
        let learned = trainer.members
        let ended = try losses(of: learned, trainer) { (trainer) throws(InputError) in
            try trainer.losses(data.training)
        }
        if let start { trainer.parameters = start } else { trainer.initialize() }
        let begun = try trainer.losses(data.training)
        trainer.keep(learned)
        return model.tasks.indices.contains { index in
            model.tasks[index].weight > 0
                && (ended[index]
                    <= Self.slightly(above: audit.labels[index].constantLoss(model.tasks[index]))
                    || Self.hasFallen(begun[index], ended[index]))
        }
    }

    /// Losses of densities may be below 0.
    private static func slightly(above loss: Double) -> Double { loss + 0.02 * loss.magnitude }
    private static func hasFallen(_ first: Double, _ last: Double) -> Bool {
        last < first - 0.001 * first.magnitude
    }

    /// Parameters beyond this many times the labels, as they are learned, have run away, whatever the loss is.
    private static let largestParameter = 1e4

    /// The same of members: every task's loss is that of its own one.
    private func losses(
        of members: ModelMembers<Float>, _ trainer: Trainer<Float>,
        _ losses: (Trainer<Float>) throws(InputError) -> [Double]
    ) throws(InputError) -> [Double] {
        guard members.vectors.count > 1 else { return try losses(trainer) }
        defer { trainer.keep(members) }
        var found = [Double](repeating: .nan, count: model.tasks.count)
        for (member, vector) in members.vectors.enumerated() {
            trainer.parameters = vector
            let all = try losses(trainer)
            for task in members.tasks(of: member) { found[task] = all[task] }
        }
        return found
    }

    /// The tasks' losses over the watched rows, and where those have no label over the training rows.
    private func losses(_ trainer: Trainer<Float>) throws(InputError) -> [Double] {
        var watched: [Double]?
        if let rows = data.validation { watched = try trainer.losses(rows) }
        if let watched, !watched.contains(where: \.isNaN) { return watched }
        let all = try trainer.losses(data.training)
        return zip(watched ?? all, all).map { $0.isNaN ? $1 : $0 }
    }
}
