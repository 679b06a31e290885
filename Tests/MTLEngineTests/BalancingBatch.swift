import Foundation
import MTLEngine

/// What a step tells a method: the losses and, as rows, the gradients.
struct BalancingBatch {
    var losses: [Double]
    var rows: [[Double]]
    /// The losses after the update.
    var after: [Double]

    init(losses: [Double], rows: [[Double]]) {
        (self.losses, self.rows) = (losses, rows)
        after = losses.enumerated().map { $1 * (0.7 + 0.1 * Double($0 % 5)) }
    }

    /// Independent gradients of similar lengths, some of them against each other.
    static func plain(_ count: Int, _ generator: inout SeededGenerator) -> BalancingBatch {
        let common = (0..<12).map { _ in generator.normal() }
        var rows: [[Double]] = []
        for _ in 0..<count {
            let (pull, size) = (generator.normal(), exp(0.5 * generator.normal()))
            rows.append(common.map { size * (generator.normal() + 0.8 * pull * $0) })
        }
        return BalancingBatch(losses: (0..<count).map { _ in exp(generator.normal()) }, rows: rows)
    }

    /// Gradients of any rank and of any scale that a Float has, with zeros, copies and opposites; losses of any size, below 0, infinite, none.
    static func any(_ count: Int, _ number: Int, _ generator: inout SeededGenerator) -> BalancingBatch {
        var batch = plain(count, &generator)
        let oddLosses = [0, 1e-300, 1e-12, 1e12, 1e200, -1, -1e9, .infinity, -.infinity]
        for task in 0..<count {
            let other = generator.below(count)
            switch (number + generator.below(10)) % 10 {
            case 0: batch.rows[task] = batch.rows[task].map { _ in 0 }
            case 1: batch.rows[task] = batch.rows[other]
            case 2: batch.rows[task] = batch.rows[other].map { -$0 }
            case 3: batch.rows[task] = batch.rows[other].map { -1e9 * $0 }
            case 4, 5:
                let scale = pow(10, 72 * generator.uniform() - 36)
                batch.rows[task] = batch.rows[task].map { scale * $0 }
            case 6: batch.rows[task] = batch.rows[task].enumerated().map { $0 < 2 ? $1 : 0 }
            default: break
            }
            switch generator.below(8) {
            case 0: batch.leaveOut(task)
            case 1, 2: batch.losses[task] = oddLosses[generator.below(oddLosses.count)]
            default: break
            }
        }
        if number % 6 == 5 {
            for task in 0..<count {
                batch.rows[task] = batch.rows[task].map { $0 * (number % 12 == 5 ? 1e-12 : 1e12) }
            }
        }
        batch.after = batch.losses.map { $0 * (0.5 + generator.uniform()) }
        return batch
    }

    mutating func leaveOut(_ task: Int) {
        losses[task] = .nan
        after[task] = .nan
        rows[task] = rows[task].map { _ in 0 }
    }

    func ordered(_ order: [Int]) -> BalancingBatch {
        var batch = BalancingBatch(losses: order.map { losses[$0] }, rows: order.map { rows[$0] })
        batch.after = order.map { after[$0] }
        return batch
    }

    /// Asks for the weights with all that the method needs. One batch's products stand for two's, one step's squares for all.
    func weights(_ memory: BalancerMemory) -> [Double] {
        let squares = rows.map { $0.reduce(0) { $0 + $1 * $1 } }
        return Array(
            memory.weights(
                losses: losses, gram: memory.balancing.needs.areOfGradients ? Balanced.products(rows) : nil,
                risks: zip(squares, losses).map { $0 / (1 + abs($1)) }))
    }

    func learn(_ memory: BalancerMemory) {
        memory.learn(losses: losses, after: after, gram: Balanced.products(rows))
    }
}

/// What the suites of balancing share.
enum Balanced {
    /// A balancing as an experiment says it.
    static func method(_ options: [String: OptionValue]) throws(InputError) -> Balancing {
        guard case .scalar(let name)? = options["type"], let kind = Balancing.Kind(rawValue: name) else {
            throw InputError(.name, at: "type", found: "\(options)", expected: "a method")
        }
        return try OptionReader.read(options.filter { $0.key != "type" }, for: name, hidden: { .relu($0) }) {
            (options) throws(InputError) -> Balancing in try Balancing(kind, &options)
        }
    }

    /// Tasks a, b, c and so on.
    static func tasks(_ count: Int, kind: LearningTask.Kind = .squaredError) -> [LearningTask] {
        (0..<count).map { number in
            let letter = String(UnicodeScalar(UInt8(97 + number % 26)))
            return LearningTask(number < 26 ? letter : letter + "\(number)", kind: kind)
        }
    }

    /// The products of rows.
    static func products(_ rows: [[Double]]) -> [Double] {
        rows.flatMap { row in rows.map { other in zip(row, other).reduce(0) { $0 + $1.0 * $1.1 } } }
    }

    /// Rows, weighted and added.
    static func sum(_ rows: [[Double]], _ weights: [Double]) -> [Double] {
        var result = [Double](repeating: 0, count: rows.first?.count ?? 0)
        for (row, weight) in zip(rows, weights) {
            for index in row.indices { result[index] += weight * row[index] }
        }
        return result
    }
}
