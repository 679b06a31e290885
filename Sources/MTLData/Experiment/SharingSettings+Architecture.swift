internal import MTLEngine

extension SharingSettings {
    /// The architecture.
    ///
    /// - Throws: `InputError` that names an option.
    func architecture(_ hidden: ([Int]) -> [HiddenLayer]) throws(InputError) -> any Architecture {
        let layers = hidden(options.layers ?? [128, 64])
        let gate: [HiddenLayer] = (options.gate ?? []).map { .relu($0) }
        switch type {
        case .hard: return SharedBottom(trunk: layers)
        case .omoe:
            return OMoE(
                experts: options.experts ?? 8, layers: layers, gate: gate,
                temperature: options.temperature ?? 1, expertDropout: options.expertDropout ?? 0)
        case .mmoe:
            return MMoE(
                experts: options.experts ?? 8, layers: layers, gate: gate,
                temperature: options.temperature ?? 1, expertDropout: options.expertDropout ?? 0)
        case .cgc:
            let level = PLE.Level(own: options.own ?? 1, shared: options.shared ?? 1, layers: layers)
            return PLE(levels: [level], gate: gate, expertDropout: options.expertDropout ?? 0)
        case .ple:
            let levels = try levels(Level(own: 1, shared: 1, layers: [64]), \.networks, "networks")
            return PLE(
                levels: levels.map {
                    PLE.Level(own: $0.own ?? 1, shared: $0.shared ?? 1, layers: hidden($0.layers))
                }, gate: gate, expertDropout: options.expertDropout ?? 0)
        case .snr:
            let levels = try levels(Level(networks: 4, layers: [32]), \.own, "own")
            return SNR(
                levels: levels.map { SNR.Level(networks: $0.networks ?? 4, layers: hidden($0.layers)) },
                transforms: options.transforms ?? false, sparsity: options.sparsity ?? 1e-4)
        case .dselectK:
            return DSelectK(
                experts: options.experts ?? 8, layers: layers, selected: options.selected ?? 2,
                perExample: options.perExample ?? false, entropy: options.entropy ?? 1e-6)
        default:
            if type.isOfScenarios { return scenarios(hidden, layers, gate) }
            return type.takesParents ? try funnel(hidden, layers) : networks(layers)
        }
    }

    /// A network of its own for each task, tied in some way.
    private func networks(_ layers: [HiddenLayer]) -> any Architecture {
        let own = options.ownShare ?? 0.9
        switch type {
        case .soft:
            let distance: SoftSharing.Distance =
                switch options.distance {
                case .pairwise: .pairwise
                case .covariance: .covariance
                default: .mean
                }
            return SoftSharing(
                layers: layers, distance: distance, weight: options.weight ?? 1e-3,
                updateEvery: options.updateEvery ?? 100)
        case .sluice:
            return Sluice(
                layers: layers, subspaces: options.subspaces ?? 2, own: own,
                mixesLayers: options.mixesLayers ?? (Set(layers.map(\.units)).count == 1),
                orthogonality: options.orthogonality ?? 1e-3)
        case .nddr: return NDDR(layers: layers, own: own, isNormed: options.normalized ?? true)
        case .mtan: return MTAN(layers: layers, attention: options.attention ?? 16)
        case .lowRank: return LowRankSharing(layers: layers, rank: options.rank ?? 4)
        case .traceNorm:
            return TraceNormSharing(
                layers: layers, weight: options.weight ?? 1e-2, updateEvery: options.updateEvery ?? 10)
        case .alternatingStructure:
            return AlternatingStructure(
                layers: layers, rank: options.rank ?? 4, weight: options.weight ?? 1e-3,
                updateEvery: options.updateEvery ?? 100)
        default: return CrossStitch(layers: layers, own: own)
        }
    }

    /// Weights of the scenarios' own.
    private func scenarios(
        _ hidden: ([Int]) -> [HiddenLayer], _ layers: [HiddenLayer], _ gate: [HiddenLayer]
    ) -> any Architecture {
        switch type {
        case .star:
            return STAR(
                layers: layers, normalizes: options.normalized ?? true,
                scenarioWidth: options.scenarioWidth ?? 8, auxiliary: hidden(options.auxiliary ?? [16]))
        case .pepnet:
            return PEPNet(
                domain: options.domain ?? [], personal: options.personal ?? [],
                scenarioWidth: options.scenarioWidth ?? 8)
        case .sarnet:
            return SARNet(shared: options.shared ?? 2, own: options.own ?? 1, layers: layers, gate: gate)
        case .m3oe:
            return M3oE(
                starWidth: options.starWidth ?? 64, shared: options.shared ?? 4, layers: layers, gate: gate)
        case .adaptdhm: return AdaptDHM(layers: layers, clusters: options.clusters ?? 3)
        case .hamur:
            return HAMUR(
                trunk: layers, rank: options.rank ?? 8, adapterWidth: options.adapterWidth ?? 32,
                hyper: (options.generator ?? [64]).map { .relu($0) })
        case .apg:
            return APG(
                layers: layers, rank: options.rank ?? 8, condition: options.condition ?? "scenario",
                scenarioWidth: options.scenarioWidth ?? 8,
                generator: (options.generator ?? []).map { .relu($0) })
        default: return ScenarioTowers(trunk: layers)
        }
    }

    /// Tasks that follow one another.
    private func funnel(
        _ hidden: ([Int]) -> [HiddenLayer], _ layers: [HiddenLayer]
    ) throws(InputError) -> any Architecture {
        switch type {
        case .escm2:
            return ESCM2(
                parents: try parents(), trunk: hidden(options.layers ?? []),
                isDoublyRobust: options.doublyRobust ?? true, weight: options.weight ?? 0.5,
                maximumWeight: options.maximumWeight ?? 15)
        case .aitm:
            return AITM(parents: try parents(), layers: layers, calibration: options.calibration ?? 0.6)
        case .dbmtl:
            return DBMTL(
                parents: (options.parents ?? [:]).mapValues(\.all), trunk: hidden(options.trunk ?? []),
                layers: layers, relation: hidden(options.relation ?? [32]))
        case .resflow: return ResFlow(parents: try parents(), layers: layers)
        default: return ESMM(parents: try parents(), trunk: hidden(options.layers ?? []))
        }
    }

    /// The levels as they are said, or two like `example`; none says what another type's do.
    private func levels(
        _ example: Level, _ foreign: KeyPath<Level, Int?>, _ name: String
    ) throws(InputError) -> [Level] {
        guard let levels = options.levels else { return [example, example] }
        for (index, level) in levels.enumerated() where level[keyPath: foreign] != nil {
            throw InputError(
                .name, at: "levels, \(index), \(name)",
                found: "an option that \(type.rawValue) does not take",
                expected: type == .snr ? "networks and layers" : "own, shared and layers")
        }
        return levels
    }

    private func parents() throws(InputError) -> [String: String] {
        var result: [String: String] = [:]
        for (task, names) in options.parents ?? [:] {
            guard names.all.count == 1 else {
                throw InputError(
                    .value, at: "parents, \(task)", found: "\(names.all.count) tasks",
                    expected: "one; dbmtl takes several")
            }
            result[task] = names.all[0]
        }
        return result
    }

    private typealias Level = SharingOptions.Level
}
