/// A piece of weight · Σ (θ - θ′)² that one worker computes at once: successive regularization, θ′ being what the parameters
/// were when the turn began (Hashimoto et al., arXiv 1611.01587).
struct AnchorTerm: BitwiseCopyable {
    let start: Int
    let count: Int
    let weight: Double

    /// The most elements of a piece.
    private static let limit = 1 << 12

    /// The pieces of what a turn trains and holds.
    static func terms(_ plan: ModelPlan, _ spec: TurnSpec, trained: [ParameterRange]) -> [AnchorTerm] {
        guard let anchor = spec.anchor else { return [] }
        var result: [AnchorTerm] = []
        for (segment, isHeld) in zip(plan.layout.segments, anchor.holds) where isHeld {
            let isTrained = trained.contains {
                $0.start <= segment.offset && segment.offset < $0.start + $0.count
            }
            guard isTrained else { continue }
            for start in stride(from: 0, to: segment.count, by: limit) {
                result.append(
                    AnchorTerm(
                        start: segment.offset + start, count: min(limit, segment.count - start),
                        weight: anchor.weight))
            }
        }
        return result
    }

    /// Adds the gradient and returns the value.
    func add<Scalar: BLASScalar>(
        parameters: UnsafePointer<Scalar>, anchor: UnsafePointer<Scalar>,
        gradients: UnsafeMutablePointer<Scalar>
    ) -> Double {
        var value = 0.0
        let slope = Scalar(2 * weight)
        for index in start..<start + count {
            let distance = parameters[index] - anchor[index]
            value += Double(distance) * Double(distance)
            gradients[index] += slope * distance
        }
        return weight * value
    }
}

extension EmbeddingRun {
    /// The same of a table's rows that the batch touches: their gradient, and the value.
    func addAnchor(
        of table: Int, weight: Double, parameters: UnsafePointer<Scalar>, anchor: UnsafePointer<Scalar>
    ) -> Double {
        let plan = tables[table]
        let rows = touched + plan.occurrencesBefore * batchLimit
        let target = sums + sumOffsets[table]
        var value = 0.0
        let slope = Scalar(2 * weight)
        for slot in 0..<counts[table] {
            let row = plan.parameters + Int(rows[slot]) * plan.width
            for column in 0..<plan.width {
                let distance = parameters[row + column] - anchor[row + column]
                value += Double(distance) * Double(distance)
                target[slot * plan.width + column] += slope * distance
            }
        }
        return weight * value
    }
}
