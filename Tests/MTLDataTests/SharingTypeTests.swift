import Foundation
import MTLData
import MTLEngine
import Testing
import Yams

/// Every type of sharing is its own architecture, with the defaults that this has in Swift, and reads its options by itself.
@Suite struct SharingTypeTests {
    /// A layer of the model's kind, which layers of gates and generators are not.
    private static func layer(_ units: Int) -> HiddenLayer {
        .dense(units, .tanh, normalization: .layer, dropout: 0.1)
    }

    private struct Case {
        let options: [String: OptionValue]
        let expected: any Architecture & Equatable
        let usual: any Architecture & Equatable
    }

    /// Experts inside a funnel.
    private static let expertOptions: [String: OptionValue] = [
        "experts": 2, "expert_layers": [9], "gate": [5], "temperature": 2, "expert_dropout": 0.25,
    ]
    private static let experts = MMoE(
        experts: 2, layers: [layer(9)], gate: [.relu(5)], temperature: 2, expertDropout: 0.25)

    private static func expectation(_ type: SharingType) -> Case {
        let usual = [layer(128), layer(64)]
        let one = [layer(7)]
        let parents = ["buy": "click"]
        switch type {
        case .sharedBottom:
            return Case(
                options: ["layers": [7], "attach": ["click": 1]],
                expected: SharedBottom(trunk: one, attached: ["click": 1]),
                usual: SharedBottom(trunk: usual))
        case .omoe, .mmoe:
            let gating: MMoE.Gating = type == .omoe ? .shared : .perTask
            return Case(
                options: [
                    "experts": 3, "layers": [7], "gate": [5], "temperature": 2, "expert_dropout": 0.25,
                ],
                expected: MMoE(
                    experts: 3, layers: one, gate: [.relu(5)], temperature: 2, expertDropout: 0.25,
                    gating: gating),
                usual: MMoE(experts: 8, layers: usual, gating: gating))
        case .cgc:
            return Case(
                options: ["own": 2, "shared": 3, "layers": [7], "gate": [5], "expert_dropout": 0.25],
                expected: PLE(
                    levels: [PLE.Level(own: 2, shared: 3, layers: one)], gate: [.relu(5)], expertDropout: 0.25
                ), usual: PLE(levels: [PLE.Level(own: 1, shared: 1, layers: usual)]))
        case .ple:
            let level = PLE.Level(own: 1, shared: 1, layers: [layer(64)])
            return Case(
                options: [
                    "levels": [["own": 0, "shared": 3, "layers": [7]], ["layers": [6]]], "gate": [5],
                    "expert_dropout": 0.25,
                ],
                expected: PLE(
                    levels: [
                        PLE.Level(own: 0, shared: 3, layers: one),
                        PLE.Level(own: 1, shared: 1, layers: [layer(6)]),
                    ], gate: [.relu(5)], expertDropout: 0.25), usual: PLE(levels: [level, level]))
        case .crossStitch:
            return Case(
                options: ["layers": [7], "own_share": 0.5], expected: CrossStitch(layers: one, own: 0.5),
                usual: CrossStitch(layers: usual, own: 0.9))
        case .esmm:
            return Case(
                options: ["parents": ["buy": ["click"]], "layers": [7]].merging(expertOptions) { $1 },
                expected: ESMM(parents: parents, trunk: one, experts: experts),
                usual: ESMM(parents: [:]))
        case .escm2:
            return Case(
                options: [
                    "parents": ["buy": "click"], "layers": [7], "doubly_robust": false, "weight": 2,
                    "maximum_weight": 4.5,
                ].merging(expertOptions) { $1 },
                expected: ESCM2(
                    parents: parents, trunk: one, experts: experts, isDoublyRobust: false, weight: 2,
                    maximumWeight: 4.5),
                usual: ESCM2(
                    parents: [:], trunk: [], isDoublyRobust: true, weight: 0.5, maximumWeight: 15))
        case .aitm:
            return Case(
                options: ["parents": ["buy": "click"], "layers": [7], "calibration": 0].merging(
                    expertOptions
                ) { $1 },
                expected: AITM(parents: parents, experts: experts, layers: one, calibration: 0),
                usual: AITM(parents: [:], layers: usual, calibration: 0.6))
        case .dbmtl:
            return Case(
                options: [
                    "parents": ["buy": ["click", "view"]], "trunk": [9], "layers": [7], "relation": [6],
                ].merging(expertOptions) { $1 },
                expected: DBMTL(
                    parents: ["buy": ["click", "view"]], trunk: [layer(9)], experts: experts, layers: one,
                    relation: [layer(6)]),
                usual: DBMTL(parents: [:], layers: usual, relation: [layer(32)]))
        case .resflow:
            return Case(
                options: ["parents": ["buy": "click"], "layers": [7]],
                expected: ResFlow(parents: parents, layers: one), usual: ResFlow(parents: [:], layers: usual))
        case .separate:
            return Case(
                options: ["layers": [7]], expected: SeparateNetworks(layers: one),
                usual: SeparateNetworks(layers: usual))
        case .soft:
            return Case(
                options: ["layers": [7], "distance": "covariance", "weight": 0.5, "update_every": 3],
                expected: SoftSharing(layers: one, distance: .covariance, weight: 0.5, updateEvery: 3),
                usual: SoftSharing(layers: usual, distance: .mean, weight: 1e-3, updateEvery: 100))
        case .sluice:
            return Case(
                options: [
                    "layers": [8, 8], "subspaces": 4, "own_share": 0.5, "mixes_layers": false,
                    "orthogonality": 0,
                ],
                expected: Sluice(
                    layers: [layer(8), layer(8)], subspaces: 4, own: 0.5, mixesLayers: false, orthogonality: 0
                ), usual: Sluice(layers: usual, mixesLayers: false))
        case .nddr:
            return Case(
                options: ["layers": [7], "own_share": 0.5, "normalized": false, "fused_activation": "tanh"],
                expected: NDDR(layers: one, own: 0.5, isNormed: false, activation: .tanh),
                usual: NDDR(layers: usual, own: 0.9, isNormed: true, activation: .relu))
        case .mtan:
            return Case(
                options: ["layers": [7], "attention": 3], expected: MTAN(layers: one, attention: 3),
                usual: MTAN(layers: usual, attention: 16))
        case .snr:
            let level = SNR.Level(networks: 4, layers: [layer(32)])
            return Case(
                options: [
                    "levels": [["networks": 2, "layers": [7]], ["layers": [6]]], "transforms": true,
                    "sparsity": 0.5,
                ],
                expected: SNR(
                    levels: [
                        SNR.Level(networks: 2, layers: one), SNR.Level(networks: 4, layers: [layer(6)]),
                    ],
                    transforms: true, sparsity: 0.5),
                usual: SNR(levels: [level, level], transforms: false, sparsity: 1e-4))
        case .lowRank:
            return Case(
                options: ["layers": [7], "rank": 2], expected: LowRankSharing(layers: one, rank: 2),
                usual: LowRankSharing(layers: usual, rank: 4))
        case .traceNorm:
            return Case(
                options: ["layers": [7], "weight": 0.5, "update_every": 3],
                expected: TraceNormSharing(layers: one, weight: 0.5, updateEvery: 3),
                usual: TraceNormSharing(layers: usual, weight: 1e-2, updateEvery: 10))
        case .alternatingStructure:
            return Case(
                options: ["layers": [7], "rank": 2, "weight": 0.5, "update_every": 3],
                expected: AlternatingStructure(layers: one, rank: 2, weight: 0.5, updateEvery: 3),
                usual: AlternatingStructure(layers: usual, rank: 4, weight: 1e-3, updateEvery: 100))
        case .dselectK:
            return Case(
                options: ["experts": 5, "layers": [7], "selected": 3, "per_example": true, "entropy": 0.5],
                expected: DSelectK(experts: 5, layers: one, selected: 3, perExample: true, entropy: 0.5),
                usual: DSelectK(experts: 8, layers: usual, selected: 2, perExample: false, entropy: 1e-6))
        case .scenarioTowers:
            return Case(
                options: ["layers": [7]], expected: ScenarioTowers(trunk: one),
                usual: ScenarioTowers(trunk: usual))
        case .star:
            return Case(
                options: [
                    "layers": [7], "normalized": false, "scenario_width": 3, "auxiliary": [5],
                    "star_heads": false,
                ],
                expected: STAR(
                    layers: one, normalizes: false, scenarioWidth: 3, auxiliary: [layer(5)], starsHeads: false
                ),
                usual: STAR(
                    layers: usual, normalizes: true, scenarioWidth: 8, auxiliary: [layer(16)],
                    starsHeads: true))
        case .pepnet:
            return Case(
                options: ["domain": ["country"], "personal": ["user", "item"], "scenario_width": 3],
                expected: PEPNet(domain: ["country"], personal: ["user", "item"], scenarioWidth: 3),
                usual: PEPNet(domain: [], personal: [], scenarioWidth: 8))
        case .sarnet:
            return Case(
                options: ["shared": 3, "own": 2, "layers": [7], "gate": [5]],
                expected: SARNet(shared: 3, own: 2, layers: one, gate: [.relu(5)]),
                usual: SARNet(shared: 2, own: 1, layers: usual))
        case .m3oe:
            return Case(
                options: ["star_width": 9, "shared": 3, "layers": [7], "gate": [5]],
                expected: M3oE(starWidth: 9, shared: 3, layers: one, gate: [.relu(5)]),
                usual: M3oE(starWidth: 64, shared: 4, layers: usual))
        case .adaptdhm:
            return Case(
                options: ["layers": [7], "clusters": 5], expected: AdaptDHM(layers: one, clusters: 5),
                usual: AdaptDHM(layers: usual, clusters: 3))
        case .hamur:
            return Case(
                options: ["layers": [7], "rank": 2, "adapter_width": 3, "generator": [5], "adapters": 2],
                expected: HAMUR(trunk: one, rank: 2, adapterWidth: 3, hyper: [.relu(5)], adapters: 2),
                usual: HAMUR(trunk: usual, rank: 8, adapterWidth: 32, hyper: [.relu(64)], adapters: 1))
        case .apg:
            return Case(
                options: [
                    "layers": [7], "rank": 2, "condition": "mix", "fields": ["country"], "scenario_width": 3,
                    "generator": [5], "generated_bias": false,
                ],
                expected: APG(
                    layers: one, rank: 2, condition: .mixWise, fields: ["country"], scenarioWidth: 3,
                    generator: [.relu(5)], generatesBias: false),
                usual: APG(
                    layers: usual, rank: 32, condition: .selfWise, scenarioWidth: 8, generatesBias: true))
        case .stem:
            return Case(
                options: ["own": 2, "shared": 3, "layers": [7], "gate": [5]],
                expected: STEM(own: 2, shared: 3, layers: one, gate: [.relu(5)]),
                usual: STEM(own: 1, shared: 1, layers: usual))
        case .home:
            return Case(
                options: [
                    "groups": ["1": ["click", "view"], "2": ["buy"]], "shared": 3, "grouped": 2, "own": 4,
                    "layers": [7], "gate": [5], "views": 3, "view_rank": 6,
                ],
                expected: HoME(
                    groups: ["1": ["click", "view"], "2": ["buy"]], shared: 3, grouped: 2, own: 4,
                    layers: one, gate: [.relu(5)], views: 3, viewRank: 6),
                usual: HoME(layers: [layer(64)]))
        case .hinet:
            return Case(
                options: [
                    "shared": 3, "own": 4, "layers": [9, 7], "gate": [5], "scenario_width": 3, "task_own": 2,
                    "task_shared": 0, "task_layers": [6],
                ],
                expected: HiNet(
                    shared: 3, own: 4, layers: [layer(9), layer(7)], gate: [.relu(5)], scenarioWidth: 3,
                    tasks: PLE.Level(own: 2, shared: 0, layers: [layer(6)])),
                usual: HiNet(
                    layers: [layer(64)], tasks: PLE.Level(own: 1, shared: 1, layers: [layer(64)])))
        case .m2m:
            return Case(
                options: [
                    "experts": 3, "layers": [7], "task_width": 2, "fields": ["country"], "scenario_width": 3,
                    "generator": [5], "unit_depth": 2, "tower_depth": 0,
                ],
                expected: M2M(
                    experts: 3, layers: one, taskWidth: 2, fields: ["country"], scenarioWidth: 3,
                    scenario: [.relu(5)], unitDepth: 2, towerDepth: 0),
                usual: M2M(layers: [layer(64), layer(32)]))
        case .dc2vr:
            return Case(
                options: [
                    "parents": ["buy": ["click", "view"]], "trunk": [9], "layers": [7], "rank": 2,
                ].merging(expertOptions) { $1 },
                expected: DC2VR(
                    parents: ["buy": ["click", "view"]], trunk: [layer(9)], experts: experts, layers: one,
                    rank: 2),
                usual: DC2VR(parents: [:], layers: usual, rank: 4))
        case .adasparse:
            return Case(
                options: [
                    "layers": [7], "fields": ["country"], "scenario_width": 3, "scale": 1.5, "threshold": 0.5,
                    "sharpness": 0.2, "limit": 4, "steps": 70,
                ],
                expected: AdaSparse(
                    layers: one, fields: ["country"], scenarioWidth: 3, scale: 1.5, threshold: 0.5,
                    sharpness: 0.2, limit: 4, steps: 70),
                usual: AdaSparse(layers: usual))
        }
    }

    private static func same(_ one: any Architecture, _ other: any Architecture & Equatable) -> Bool {
        func equals<Type: Equatable>(_ other: Type) -> Bool { one as? Type == other }
        return equals(other)
    }

    @Test(arguments: SharingType.allCases)
    func itIsItsOwnArchitectureAndReadsItsOptions(type: SharingType) throws {
        let expected = Self.expectation(type)
        let usual = try SharingSettings(type).architecture(Self.layer)
        let settings = SharingSettings(type, expected.options)
        let chosen = try settings.architecture(Self.layer)
        #expect(Self.same(usual, expected.usual), "\(usual)")
        #expect(Self.same(chosen, expected.expected), "\(chosen)")
        // No other type's would do, so that a type which builds another's architecture is seen.
        for other in SharingType.allCases where other != type {
            #expect(!Self.same(usual, Self.expectation(other).usual), "\(other)")
            #expect(!Self.same(chosen, Self.expectation(other).expected), "\(other)")
        }

        let json = try JSONEncoder().encode(settings)
        #expect(try JSONDecoder().decode(SharingSettings.self, from: json) == settings)
        let yaml = try YAMLEncoder().encode(settings)
        let read = try YAMLDecoder().decode(SharingSettings.self, from: yaml)
        #expect(Self.same(try read.architecture(Self.layer), expected.expected), "\(yaml)")

        // Every option is taken, and no other.
        for name in ["rank_", "type_"] + SharingType.allCases.flatMap({ Self.expectation($0).options.keys }) {
            let isTaken = expected.options[name] != nil
            var one = SharingSettings(type, [name: expected.options[name] ?? 3])
            if isTaken {
                // Options of experts are refused without their number.
                if Self.expertOptions[name] != nil { one.options["experts"] = expected.options["experts"] }
                #expect(throws: Never.self) { try one.architecture(Self.layer) }
            } else {
                let error = #expect(throws: InputError.self) { try one.architecture(Self.layer) }
                #expect(error?.place == name)
                #expect(error?.found == "an option that \(type.rawValue) does not take")
            }
        }
    }

    @Test func outputsOfEqualWidthAreMixed() throws {
        let settings = SharingSettings(.sluice, ["layers": [8, 8]])
        let layers = [Self.layer(8), Self.layer(8)]
        #expect(Self.same(try settings.architecture(Self.layer), Sluice(layers: layers)))
    }

    @Test func scalarsAreWhatReadsThem() throws {
        let yaml =
            "{type: escm2, parents: {yes: 1, 01: [no]}, doubly_robust: no, weight: 1, maximum_weight: 1e1}"
        let settings = try YAMLDecoder().decode(SharingSettings.self, from: yaml)
        let expected = ESCM2(
            parents: ["yes": "1", "01": "no"], isDoublyRobust: false, weight: 1, maximumWeight: 10)
        #expect(Self.same(try settings.architecture(Self.layer), expected))
        let again = try JSONDecoder().decode(
            SharingSettings.self, from: try JSONEncoder().encode(settings))
        #expect(again == settings)
        #expect(Self.same(try again.architecture(Self.layer), expected))
        #expect(try YAMLDecoder().decode(SharingSettings.self, from: "{type: mmoe, gate: ~}").options.isEmpty)
    }
}
