extension GraphBuilder {
    /// What the names of a member's own parameters of a layer begin with.
    static func title(_ name: String, member: Int) -> String { "\(name).members.\(member)" }

    /// Puts the members' factors between the features and what the architecture makes of them, "ensemble.m.scale", with
    /// features by owner "ensemble.m.OWNER.scale".
    mutating func beginMembers(owners: [String]) {
        guard let members else { return }
        memberStart = nodes.count
        for (task, name) in owners.prefix(tasks.count).enumerated() {
            taskFeatures[task] = scaled(taskFeatures[task], sections[task], members) {
                "ensemble.\($0).\(name).scale"
            }
        }
        guard owners.count != tasks.count else { return }
        let owner = owners.last.map { ".\($0)" } ?? ""
        features = scaled(features, sections[sections.count - 1], members) { "ensemble.\($0)\(owner).scale" }
        if owners.isEmpty { taskFeatures = tasks.map { _ in features } }
        // Fields that the architecture reads by name are scaled too.
        parts = moved(parts, features)
    }

    private mutating func scaled(
        _ x: GraphValue, _ sections: FeatureSections, _ members: Int, title: (Int) -> String
    ) -> GraphValue {
        let width = x.width
        let start = place(members * width)
        for member in 0..<members {
            let offset = start + member * width
            name(title(member), offset, [width])
            beginnings.append(.scaling(offset, sections, name: title(member)))
        }
        let y = reserve(width)
        note(y, hasParameters: true, from: [])
        nodes.append(
            .member(
                MemberNode(
                    .scale(ScaleNode(x: x, y: y, factors: start)), members: members, stride: width,
                    transposedStride: 0)))
        return y
    }

    /// Batch normalisation of all features, `[rows, features.width]`; called before any other node is added. In a packed
    /// ensemble it comes before the members' factors, whose size it would take back, and `features` stay what it gives.
    ///
    /// - Parameters:
    ///   - isPartitioned: whether every scenario has statistics and factors of its own.
    ///   - title: NAME of `batchNorm`.
    public mutating func normalizedFeatures(isPartitioned: Bool, name title: String) -> GraphValue {
        guard members != nil, nodes.count == memberStart + 1, case .member(var member)? = nodes.last,
            case .scale(var scale) = member.inner
        else { return batchNorm(features, isPartitioned: isPartitioned, name: title) }
        nodes.removeLast()
        scale.x = batchNorm(scale.x, isPartitioned: isPartitioned, name: title)
        member.inner = .scale(scale)
        memberStart = nodes.count
        nodes.append(.member(member))
        return features
    }

    /// Refuses what members that run one after the other cannot do.
    ///
    /// - Throws: `InputError` that names the ensemble and what stands against it.
    func checkMembers(_ plan: ModelPlan) throws(InputError) {
        guard members != nil else { return }
        for node in nodes[memberStart...] {
            switch node {
            case .batchNorm:
                throw InputError(
                    .value, at: "ensemble", found: "batch normalisation of what members compute",
                    expected:
                        "layer normalisation or none: a member's statistics would take all of its rows at "
                        + "once, and members follow each other")
            case .routing:
                throw InputError(
                    .value, at: "ensemble", found: "clusters of rows",
                    expected: "an architecture without: members would move the same centres to and fro")
            default: break
            }
        }
        for task in tasks.indices {
            let pass = Program(plan, tasks: tasks, task: task).forward.joined()
            let hasOwn = pass.contains { entry in
                guard case .member(let node) = entry.node else { return false }
                if case .scale = node.inner { return false }
                return true
            }
            guard hasOwn else {
                throw InputError(
                    .value, at: "ensemble",
                    found: "an architecture that makes the logits of task "
                        + "\"\(tasks[task].name)\" without its builder's heads",
                    expected: "heads by heads(_:), logits(_:outputs:names:inputIsShared:) or scenarioLogits, "
                        + "whose last layers are a member's own")
            }
        }
    }
}
