import MTLData
import MTLEngine

extension TrainingRun {
    /// The parameters of a run that keeps one vector; empty where it keeps none or several.
    var parameters: [Float] {
        guard let members, members.vectors.count == 1 else { return [] }
        return members.vectors[0]
    }
}

extension ModelBundle {
    /// The parameters of a model of one member; empty for several.
    var parameters: [Float] { members.vectors.count == 1 ? members.vectors[0] : [] }
}
