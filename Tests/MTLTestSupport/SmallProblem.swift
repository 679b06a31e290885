package import MTLEngine
import Testing

/// Six numbers, a user and a history of items, and three tasks: what laws are tried with.
package enum SmallProblem {
    private static let tower: [HiddenLayer] = [.dense(5, .tanh)]
    package static let tasks: [LearningTask] = [
        .binary("a", weight: 0.7, tower: tower), .regression("b", weight: 1.3),
        .binary("c", weight: 0.4, tower: tower),
    ]
    package static let tables = [
        EmbeddingTable("user", rows: 9, dimension: 3), EmbeddingTable("item", rows: 7, dimension: 5),
    ]
    package static let embedded: [EmbeddedFeature] = [
        .single("user"), .bag("history", table: "item", pooling: .mean, maximumCount: 4),
    ]

    /// The scenario of a row: of `count`, in no simple order.
    package static func scenario(_ row: Int, of count: Int) -> Int { (row * 7 + row / 3) % count }

    /// Rows that are the same whatever is asked for beside them.
    ///
    /// - Parameters:
    ///   - scenario: The scenario of a row, where it is another than that of so many scenarios.
    ///   - some: The rows wanted, in this order; all where it is nil.
    ///   - labelled: Whether a row has a task's label.
    package static func data<Scalar: BLASScalar>(
        _: Scalar.Type, rows: Int, scenarios: Int = 1, embedded: Bool = false,
        scenario: ((Int) -> Int)? = nil, of some: [Int]? = nil,
        labelled: (_ row: Int, _ task: Int) -> Bool = { ($0 + $1) % 5 != 0 }
    ) throws -> Dataset<Scalar> {
        var generator = SeededGenerator(seed: 21)
        let x = (0..<rows * 6).map { _ in Scalar(generator.normal()) }
        let ids = (0..<rows).map { _ in Int32(generator.below(9)) }
        let bags = (0..<rows).map { _ in (0..<generator.below(5)).map { _ in Int32(generator.below(7)) } }
        let order = some ?? Array(0..<rows)
        return try Dataset(
            featureNames: (0..<6).map { "x\($0)" }, features: order.flatMap { x[$0 * 6..<($0 + 1) * 6] },
            ids: embedded
                ? [
                    IDColumn("user", ids: order.map { ids[$0] }),
                    IDColumn("history", bags: order.map { bags[$0] }),
                ] : [],
            labels: tasks.enumerated().map { index, task in
                (
                    task.name,
                    order.map { row in !labelled(row, index) ? .nan : x[row * 6 + index] > 0 ? 1 : 0 }
                )
            }, scenarios: order.map { Int32(scenario?($0) ?? Self.scenario($0, of: scenarios)) })
    }

    /// A trainer of batches of 60 rows without tables.
    package static func trainer(
        _ architecture: some Architecture, tasks: [LearningTask] = tasks, optimizer: Optimizer = .adam(),
        seed: UInt64 = 3
    ) throws -> Trainer<Double> {
        try Trainer(
            MultiTaskModel(inputs: 6, architecture: architecture, tasks: tasks), optimizer: optimizer,
            batchSize: 60, seed: seed)
    }

    /// What the error says with which a model of the architecture is refused.
    package static func refusal(_ architecture: some Architecture) -> String {
        failure { _ = try MultiTaskModel(inputs: 6, architecture: architecture, tasks: tasks) }?.description
            ?? "no error"
    }
}
