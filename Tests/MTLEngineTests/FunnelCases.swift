import MTLEngine

/// Architectures in which a task's event needs another's, and rows of such tasks.
enum FunnelCases {
    static let tower: [HiddenLayer] = [.dense(4, .tanh)]
    static let tasks: [LearningTask] = [
        .binary("click", weight: 0.6, tower: tower), .regression("spend", weight: 0.3),
        .binary("buy", weight: 1.1), .binary("cart", weight: 0.8, tower: tower),
    ]
    static let parents = ["cart": "click", "buy": "cart"]
    static let layers: [HiddenLayer] = [.dense(6, .tanh), .dense(5, .tanh)]
    private static let experts = MMoE(experts: 3, layers: [.dense(5, .tanh)], gate: [.dense(4, .tanh)])
    static let architectures: [(name: String, architecture: any Architecture)] = [
        ("esmm", ESMM(parents: parents, trunk: [.dense(6, .tanh)])),
        (
            "ips",
            ESCM2(parents: parents, trunk: [.dense(6, .tanh)], isDoublyRobust: false, maximumWeight: 4)
        ),
        ("dr", ESCM2(parents: parents, trunk: [.dense(6, .tanh)], maximumWeight: 4)),
        ("aitm", AITM(parents: parents, layers: layers)),
        ("resflow", ResFlow(parents: parents, layers: layers)),
        (
            "dbmtl",
            DBMTL(
                parents: ["cart": ["click"], "buy": ["click", "cart"], "spend": ["buy"]],
                trunk: [.dense(8, .tanh)], layers: [.dense(5, .tanh)], relation: [.dense(3, .tanh)])
        ),
        ("esmm_experts", ESMM(parents: parents, trunk: [.dense(6, .tanh)], experts: experts)),
        (
            "dr_experts",
            ESCM2(parents: parents, trunk: [.dense(6, .tanh)], experts: experts, maximumWeight: 4)
        ),
        ("aitm_experts", AITM(parents: parents, experts: experts, layers: layers)),
        (
            "dbmtl_experts",
            DBMTL(
                parents: ["cart": ["click"], "buy": ["click", "cart"], "spend": ["buy"]],
                trunk: [.dense(8, .tanh)], experts: experts, layers: [.dense(5, .tanh)],
                relation: [.dense(3, .tanh)])
        ),
    ]
    /// Losses with a propensity, a constant of the loss that differences see move.
    static let counterfactual: Set = ["ips", "dr", "dr_experts"]
    static let numbers = Array(architectures.indices)
    /// Those whose gradient differences of the loss show.
    static let differentiable = numbers.filter { !counterfactual.contains(architectures[$0].name) }

    /// Rows of the funnel: a cart without a click has label 0; some labels are missing.
    static func data<Scalar: BLASScalar>(_: Scalar.Type, rows: Int, missing: Int = 7) throws -> Dataset<
        Scalar
    > {
        var generator = SeededGenerator(seed: 5)
        let x = (0..<rows * 7).map { _ in Scalar(generator.normal()) }
        func label(_ task: String, _ row: Int) -> Scalar {
            let (a, b, c) = (x[row * 7], x[row * 7 + 1], x[row * 7 + 2])
            switch task {
            case "click": return a > -0.5 ? 1 : 0
            case "cart": return a > -0.5 && b > -0.3 ? 1 : 0
            case "buy": return a > -0.5 && b > -0.3 && c > 0 ? 1 : 0
            default: return a + b
            }
        }
        return try Dataset(
            featureNames: (0..<7).map { "x\($0)" }, features: x,
            labels: tasks.enumerated().map { index, task in
                (
                    task.name,
                    (0..<rows).map { ($0 + 2 * index) % missing == 0 ? .nan : label(task.name, $0) }
                )
            })
    }
}
