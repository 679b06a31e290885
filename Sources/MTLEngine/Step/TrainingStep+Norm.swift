/// What is known of the length of the latest step's gradient.
extension TrainingStep {
    /// The norm of the latest step's gradient before clipping, where clipping asks for it; 0 of a turn that was skipped.
    package var gradientNorm: Double { current.gradientNorm.pointee }
    /// The norm that a gradient may have at most.
    package var gradientLimit: Double? {
        if case .stop(let limit) = current.clipping { limit } else { nil }
    }
}
