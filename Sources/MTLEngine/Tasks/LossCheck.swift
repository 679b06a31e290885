/// Whether a task's loss is one: what a model refuses.
struct LossCheck {
    private let task: LearningTask
    private let place: String

    init(_ task: LearningTask, _ place: String) {
        self.task = task
        self.place = place
    }

    func check() throws(InputError) {
        try checkKind()
        try checkScale()
        try task.ranking?.check(task, place)
        try task.teacher?.check(task, place)
        try checkF1()
        let isOfClasses: Bool
        switch task.kind {
        case .binary, .multiclass: isOfClasses = true
        default: isOfClasses = false
        }
        if task.smoothing != 0 {
            guard isOfClasses else {
                throw refused(
                    "smoothing", "\(task.smoothing)", "0 of a task without classes, or with ordered ones")
            }
            try requireRate(task.smoothing, "\(place), smoothing")
        }
        if task.focusing != 0 {
            guard isOfClasses else {
                throw refused(
                    "focusing", "\(task.focusing)", "0 of a task without classes, or with ordered ones")
            }
            try require(task.focusing, atLeast: 0, "\(place), focusing")
        }
        try checkWeights(isOfClasses)
        guard task.smoothing == 0 || !task.isReweighted else {
            throw refused(
                "smoothing", "smoothed labels beside \(task.focusing > 0 ? "focusing" : "class weights")",
                "one of them: predictions are corrected for labels as they are")
        }
    }

    private func refused(_ setting: String, _ found: String, _ expected: String) -> InputError {
        InputError(.value, at: "\(place), \(setting)", found: found, expected: expected)
    }

    private func checkKind() throws(InputError) {
        func fault(_ found: String, _ expected: String) -> InputError {
            InputError(.value, at: place, found: found, expected: expected)
        }
        switch task.kind {
        case .multiclass(let classes) where classes < 2, .ordinal(let classes) where classes < 2:
            throw fault("\(classes) classes", "at least 2")
        case .huber(let delta) where !(delta > 0 && delta.isFinite):
            throw fault("delta \(delta)", "a finite delta above 0")
        case .quantile(let level) where !(level > 0 && level < 1):
            throw fault("quantile \(level)", "a level above 0 and below 1")
        case .tweedie(let power) where !(power > 1 && power < 2):
            throw fault("power \(power)", "a power above 1 and below 2")
        default: break
        }
    }

    private func checkScale() throws(InputError) {
        let scale = task.labelScale
        guard scale.shift.isFinite, scale.scale > 0, scale.scale.isFinite else {
            throw refused(
                "label scale", "shift \(scale.shift), scale \(scale.scale)",
                "a finite shift, and a finite scale above 0")
        }
        switch task.kind {
        case .squaredError, .huber, .quantile: break
        case .binary, .multiclass, .ordinal:
            guard scale.isIdentity else {
                throw refused("label scale", "a scale of classes", "none: they have no unit")
            }
        case .poisson, .tweedie, .zeroInflatedLognormal:
            guard scale.shift == 0, !scale.isLogarithmic else {
                throw refused(
                    "label scale", scale.isLogarithmic ? "a logarithm" : "shift \(scale.shift)",
                    "a scale alone: the loss has a logarithm of its own")
            }
        }
    }

    private func checkF1() throws(InputError) {
        guard let beta = task.f1 else { return }
        guard task.kind == .binary else {
            throw refused("F1", "a task of another kind", "a binary one")
        }
        guard beta > 0, beta.isFinite else { throw refused("F1", "beta \(beta)", "a finite number above 0") }
        let others: [(Bool, String)] = [
            (task.ranking != nil, "a ranking"), (task.focusing > 0, "focusing"),
            (!task.classWeights.isEmpty, "class weights"),
            (task.smoothing > 0, "smoothed labels"), (task.teacher != nil, "a teacher"),
            (task.negativeRate < 1, "left-out negatives"),
        ]
        if let other = others.first(where: \.0) {
            throw refused("F1", other.1, "one of them: the loss weighs rows with label 0 itself")
        }
    }

    private func checkWeights(_ isOfClasses: Bool) throws(InputError) {
        guard !task.classWeights.isEmpty else { return }
        guard isOfClasses else {
            throw refused("class weights", "some", "none of a task without classes, or with ordered ones")
        }
        let classes = max(2, task.kind.outputs)
        guard task.classWeights.count == classes else {
            throw refused("class weights", "\(task.classWeights.count)", "\(classes), one per class")
        }
        for weight in task.classWeights where !(weight > 0 && weight.isFinite) {
            throw refused("class weights", "\(weight)", "finite weights above 0")
        }
    }
}
