extension ModelPlan {
    /// What a scenario has of its own: the ranges of its weights, vectors, factors and moving statistics. Per node in order, so
    /// that those of two scenarios stand side by side; nil where a node has none for this one.
    package func ownRanges(of scenario: Int) -> [Range<Int>?] {
        func own(_ dense: ScenarioDenseNode) -> Range<Int>? {
            let count = dense.inputs * dense.outputs + dense.outputs
            let slot = dense.slots.map { Int(lists[$0 + scenario]) } ?? scenario
            return slot < 0 ? nil : dense.own + slot * count..<dense.own + (slot + 1) * count
        }
        return nodes.flatMap { node -> [Range<Int>?] in
            switch node {
            case .scenarioDense(let dense) where dense.cluster == nil: return [own(dense)]
            case .member(let node):
                guard case .scenarioDense(let dense) = node.inner, dense.cluster == nil else { return [] }
                return (0..<node.members).map { member in
                    own(dense).map {
                        $0.lowerBound + member * node.stride..<$0.upperBound + member * node.stride
                    }
                }
            case .scenarioVector(let vector):
                let start = vector.start + scenario * vector.y.width
                return [start..<start + vector.y.width]
            case .affine(let affine) where affine.scenarioStride > 0:
                let start = affine.gain + scenario * affine.scenarioStride
                return [start..<start + affine.scenarioStride]
            case .batchNorm(let norm) where norm.isPartitioned:
                let vectors = [norm.ownGain, norm.ownShift, norm.movingMean, norm.movingVariance].compactMap {
                    start in
                    start.map { $0 + scenario * norm.width..<$0 + (scenario + 1) * norm.width }
                }
                let counts = norm.tracked.map {
                    $0 + scenario * norm.blocks..<$0 + (scenario + 1) * norm.blocks
                }
                return vectors + (counts.map { [$0] } ?? [])
            default: return []
            }
        }
    }
}
