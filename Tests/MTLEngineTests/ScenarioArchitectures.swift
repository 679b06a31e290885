import MTLEngine

/// The architectures that know scenarios, for their gradients and their laws.
enum ScenarioArchitectures {
    /// Every architecture with small odd sizes; PEPNet takes embedded features and so is not among them.
    static let all: [(name: String, architecture: any Architecture)] = [
        ("towers", ScenarioTowers(trunk: [.dense(7, .tanh)])),
        (
            "star",
            STAR(
                layers: [.dense(7, .tanh), .dense(5, .gelu)], scenarioWidth: 3, auxiliary: [.dense(4, .tanh)])
        ),
        (
            "sarnet",
            SARNet(shared: 2, own: 1, layers: [.dense(6, .tanh), .dense(5, .gelu)], gate: [.dense(3, .tanh)])
        ),
        ("m3oe", M3oE(starWidth: 0, shared: 2, layers: [.dense(5, .tanh)])),
        ("m3oe star", M3oE(starWidth: 8, shared: 2, layers: [.dense(5, .tanh)])),
        (
            "apg",
            APG(
                layers: [.dense(6, .tanh), .dense(5, .gelu)], rank: 3, condition: .mixWise, scenarioWidth: 2)
        ),
        (
            "hamur",
            HAMUR(
                trunk: [.dense(6, .tanh), .dense(5, .gelu)], rank: 3, adapterWidth: 4,
                hyper: [.dense(4, .tanh)])
        ),
        ("adaptdhm", AdaptDHM(layers: [.dense(6, .tanh), .dense(5, .gelu)], clusters: 3)),
        (
            "hinet",
            HiNet(
                shared: 2, own: 3, layers: [.dense(5, .tanh)], gate: [.dense(3, .tanh)], scenarioWidth: 2,
                tasks: PLE.Level(own: 1, shared: 2, layers: [.dense(4, .gelu)]))
        ),
        (
            "m2m",
            M2M(
                experts: 3, layers: [.dense(6, .tanh), .dense(4, .tanh)], taskWidth: 2, scenarioWidth: 2,
                scenario: [.dense(3, .tanh)], unitDepth: 2, towerDepth: 1)
        ),
        (
            "adasparse",
            AdaSparse(
                layers: [.dense(6, .tanh), .dense(5, .gelu)], scenarioWidth: 3, threshold: 0.9, sharpness: 2)
        ),
    ]
    static let pepnet = PEPNet(personal: ["user"], scenarioWidth: 3, gateWidth: 4)
}
