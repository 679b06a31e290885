import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// Weights step by step as TorchJD, LibMTL's formulas or the papers' make them; `make_balancing_goldens.py` says which.
@Suite struct BalancingGoldenTests {
    struct Case: Decodable, CustomTestStringConvertible {
        struct Step: Decodable {
            let losses: [Double?]
            let gram, risks, indicators, weights, rows, direction: [Double]?
            let after: [Double?]?
            let end: Bool?
        }

        let name: String
        let options: [String: OptionValue]
        let tasks: Int
        let kind: String
        let seed: UInt64
        let tolerance: Double
        let steps: [Step]

        var testDescription: String { name }
    }

    private static let cases = (try? fixture([Case].self, "balancing.json")) ?? []

    @Test func everyMethodHasOne() throws {
        let cases = try fixture([Case].self, "balancing.json")
        let kinds = Set(try cases.map { try Balanced.method($0.options).kind })
        #expect(Set(Balancing.Kind.allCases).subtracting(kinds) == [.fixed])
    }

    @Test(arguments: cases) func weightsAreTheReferences(_ golden: Case) throws {
        let memory = try BalancerMemory(
            Balanced.method(golden.options),
            tasks: Balanced.tasks(golden.tasks, kind: golden.kind == "binary" ? .binary : .squaredError),
            width: (golden.steps.first?.rows?.count ?? 0) / golden.tasks, seed: golden.seed)
        let needs = memory.balancing.needs
        var tracked = [[Double]](repeating: [], count: golden.tasks)
        for (index, step) in golden.steps.enumerated() {
            let losses = step.losses.map { $0 ?? .nan }
            var (gram, rows) = (step.gram, chunks(step.rows, golden.tasks))
            if needs.contains(.trackedGradients) {
                track(&tracked, rows, losses, memory)
                (gram, rows) = (Balanced.products(tracked), tracked)
            }
            let place = "\(golden.name), step \(index)"
            if let expected = step.risks, let slopes = step.rows {
                var risks = [Double](repeating: 0, count: golden.tasks)
                memory.takeRisks(slopes, first: 0, count: slopes.count / golden.tasks, into: &risks)
                expectClose(risks, expected, relative: 1e-12, absolute: 0, "\(place), risks")
            }
            let weights = Array(memory.weights(losses: losses, gram: gram, risks: step.risks))
            if let expected = step.weights {
                expectClose(
                    weights, expected, relative: golden.tolerance, absolute: golden.tolerance,
                    "\(place), weights"
                )
            }
            if let expected = step.direction {
                let direction = Balanced.sum(rows, weights)
                let size = expected.reduce(0) { max($0, abs($1)) }
                expectClose(direction, expected, absolute: golden.tolerance * size, "\(place), direction")
            }
            #expect(step.weights != nil || step.direction != nil)
            memory.learn(losses: losses, after: step.after?.map { $0 ?? .nan }, gram: step.gram)
            if step.end == true { memory.endEpoch(indicators: step.indicators) }
        }
    }

    /// What whoever has the gradients does for the methods that follow them.
    private func track(
        _ tracked: inout [[Double]], _ rows: [[Double]], _ losses: [Double], _ memory: BalancerMemory
    ) {
        var factors = [Double](repeating: 0, count: rows.count)
        let lengths = rows.map { sqrt($0.reduce(0) { $0 + $1 * $1 }) }
        let share = memory.track(losses: losses, lengths: lengths, factors: &factors)
        for (task, row) in rows.enumerated() {
            if tracked[task].isEmpty { tracked[task] = row.map { _ in 0 } }
            for index in row.indices {
                tracked[task][index] += share * (factors[task] * row[index] - tracked[task][index])
            }
        }
    }

    private func chunks(_ values: [Double]?, _ count: Int) -> [[Double]] {
        guard let values else { return [] }
        let size = values.count / count
        return (0..<count).map { Array(values[$0 * size..<($0 + 1) * size]) }
    }
}
