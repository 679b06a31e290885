#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// How a model's gates weigh its experts over a dataset, as they do in prediction.
public struct ExpertUtilisation: Sendable, Equatable {
    /// How one gate weighs its experts, over the rows of a dataset.
    public struct Gate: Sendable, Equatable {
        /// The task (`MMoE`, `DSelectK`), "shared" (`MMoE` with one gate), "levels.l.TASK" or "levels.l.shared" (`PLE`), or the name of the gate's
        /// parameters (`SNR`).
        public let name: String
        /// The experts it weighs, as their parameters' names begin.
        public let experts: [String]
        /// The mean weight of every expert, `[experts]`.
        public let means: [Double]
        /// The same over the rows of every scenario, `[scenarios][experts]`; NaN for a scenario without rows.
        public let scenarioMeans: [[Double]]

        /// The entropy of the mean weights in nats: log(experts) where all are used alike, 0 where one is used alone.
        public var entropy: Double { ExpertUtilisation.entropy(means) }
    }

    /// The gates, in the order of the graph.
    public let gates: [Gate]

    /// Per expert that any gate sees its share of all gates' weight: sums to 1.
    public var loads: [(expert: String, share: Double)] {
        var (names, sums): ([String], [String: Double]) = ([], [:])
        var total = 0.0
        for gate in gates {
            for (expert, mean) in zip(gate.experts, gate.means) {
                if sums[expert] == nil { names.append(expert) }
                sums[expert, default: 0] += mean
                total += mean
            }
        }
        return names.map { ($0, (sums[$0] ?? 0) / total) }
    }

    /// The entropy of the loads in nats.
    public var loadEntropy: Double { Self.entropy(loads.map(\.share)) }

    private static func entropy(_ weights: [Double]) -> Double {
        let total = weights.reduce(0, +)
        return weights.reduce(0) { $1 > 0 ? $0 - $1 / total * log($1 / total) : $0 }
    }

    package init<Scalar>(
        _ dataset: Dataset<Scalar>, model: MultiTaskModel, inference: Inference<Scalar>
    ) throws(InputError) {
        let plan = model.plan
        guard !plan.gateRecords.isEmpty else {
            throw InputError(
                .value, at: "expert utilisation", found: "a model without gates",
                expected: "a mixture of experts")
        }
        let source = try BatchSource(dataset, for: model, checksLabels: false)
        let groups = withExtendedLifetime(source) {
            inference.gateSums(source.batch(start: 0, rows: dataset.rowCount))
        }
        var (gates, start) = ([Gate](), 0)
        for record in plan.gateRecords {
            let range = start..<start + record.experts.count
            start = range.upperBound
            gates.append(
                Gate(
                    name: record.name, experts: record.experts,
                    means: range.map { column in
                        groups.reduce(0) { $0 + $1.sums[column] } / Double(dataset.rowCount)
                    },
                    scenarioMeans: groups.map { group in
                        range.map { group.rows > 0 ? group.sums[$0] / Double(group.rows) : .nan }
                    }))
        }
        self.gates = gates
    }
}
