import Foundation
import MTLEngine

/// A training step of a shared bottom as plain text: loops over rows, layers and units in Double, one array a parameter.
///
/// The engine's own step is compared with it element by element; it shares no code with it.
struct StepOracle {
    let model: MultiTaskModel
    let trunk: [HiddenLayer]
    let decay: Double
    let learningRate: Double
    /// Per parameter its values, PyTorch's shape and order.
    private(set) var values: [String: [Double]] = [:]
    private(set) var gradients: [String: [Double]] = [:]
    /// Adam's moments per optimiser (one, or one per task), and how often each has stepped.
    private var moments: [[String: (m: [Double], v: [Double])]]
    private var steps: [Int]

    private static let (beta1, beta2, epsilon) = (0.9, 0.999, 1e-8)

    init(_ trainer: Trainer<Double>, trunk: [HiddenLayer], learningRate: Double, decay: Double) throws {
        model = trainer.model
        self.trunk = trunk
        self.learningRate = learningRate
        self.decay = decay
        for segment in model.layout.segments { values[segment.name] = try trainer.parameter(segment.name) }
        moments = Array(repeating: [:], count: model.tasks.count)
        steps = Array(repeating: 0, count: model.tasks.count)
    }

    /// A row: its features as they are looked up, labels (NaN for none) and the labels' weight.
    struct Row {
        let dense: [Double]
        /// Per embedded feature its ids.
        let ids: [[Int]]
        let labels: [Double]
        var weight = 1.0
    }

    /// Takes a step of all tasks, or of one; returns the mean losses of those.
    mutating func step(_ rows: [Row], task: Int? = nil) -> [Double] {
        gradients = values.mapValues { [Double](repeating: 0, count: $0.count) }
        var losses: [Double] = []
        var touched: [String: Set<Int>] = [:]
        var isLabelled = false
        for index in task.map({ [$0] }) ?? Array(model.tasks.indices) {
            let labelled = rows.filter { !$0.labels[index].isNaN }
            let total = labelled.reduce(0) { $0 + $1.weight }
            isLabelled = isLabelled || !labelled.isEmpty
            losses.append(labelled.isEmpty ? .nan : 0)
            for row in labelled {
                let scale = model.tasks[index].weight * row.weight / total
                losses[losses.count - 1] += row.weight / total * backward(row, index, scale)
            }
        }
        guard isLabelled || task == nil else { return losses }
        for (feature, number) in model.embedded.enumerated().map({ ($1, $0) }) {
            for row in rows {
                touched["embeddings.\(feature.table).weight", default: []].formUnion(row.ids[number])
            }
        }
        let active = task.map { name in
            values.keys.filter { $0.hasPrefix("trunk.") || $0.hasPrefix("embeddings.") }
                + values.keys.filter { $0.hasPrefix("heads.\(model.tasks[name].name).") }
        }
        adam(active ?? Array(values.keys), optimizer: task ?? 0, touched)
        return losses
    }

    // MARK: A row's forward and backward pass of one task

    private func features(_ row: Row) -> [Double] {
        var x = row.dense
        for (feature, ids) in zip(model.embedded, row.ids) {
            let table = model.tables.first { $0.name == feature.table }!
            let all = values["embeddings.\(feature.table).weight"]!
            for column in 0..<table.dimension {
                let sum = ids.reduce(0) { $0 + all[$1 * table.dimension + column] }
                x.append(feature.pooling == .mean ? sum / Double(max(1, ids.count)) : sum)
            }
        }
        return x
    }

    private mutating func backward(_ row: Row, _ index: Int, _ scale: Double) -> Double {
        let task = model.tasks[index]
        var layers = trunk.enumerated().map { ("trunk.\($0)", $1) }
        layers += (task.tower + [.dense(task.kind.outputs, .identity)]).enumerated().map {
            ("heads.\(task.name).\($0)", $1)
        }
        var inputs = [features(row)]
        var sums: [[Double]] = []
        for (name, layer) in layers {
            let (w, b, x) = (values[name + ".weight"]!, values[name + ".bias"]!, inputs[inputs.count - 1])
            let z = (0..<layer.units).map { unit in
                x.indices.reduce(b[unit]) { $0 + w[unit * x.count + $1] * x[$1] }
            }
            sums.append(z)
            inputs.append(z.map { value(layer.activation, $0) })
        }
        var (loss, d) = Self.loss(task.kind, sums[sums.count - 1], row.labels[index])
        d = d.map { $0 * scale }
        for (place, (name, layer)) in layers.enumerated().reversed() {
            let x = inputs[place]
            let dz = zip(d, sums[place]).map { $0 * slope(layer.activation, $1) }
            let w = values[name + ".weight"]!
            for unit in 0..<layer.units {
                gradients[name + ".bias"]![unit] += dz[unit]
                for input in x.indices {
                    gradients[name + ".weight"]![unit * x.count + input] += dz[unit] * x[input]
                }
            }
            d = x.indices.map { input in dz.indices.reduce(0) { $0 + dz[$1] * w[$1 * x.count + input] } }
        }
        var column = model.inputs
        for (feature, ids) in zip(model.embedded, row.ids) {
            let width = model.tables.first { $0.name == feature.table }!.dimension
            let share = feature.pooling == .mean ? 1 / Double(max(1, ids.count)) : 1
            for id in ids {
                for offset in 0..<width {
                    gradients["embeddings.\(feature.table).weight"]![id * width + offset] +=
                        share * d[column + offset]
                }
            }
            column += width
        }
        return loss
    }

    private func value(_ activation: Activation, _ z: Double) -> Double {
        switch activation {
        case .identity: z
        case .relu: max(z, 0)
        case .tanh: tanh(z)
        case .sigmoid: 1 / (1 + exp(-z))
        case .gelu: z * erfc(-z / 2.squareRoot()) / 2
        }
    }

    private func slope(_ activation: Activation, _ z: Double) -> Double {
        switch activation {
        case .identity: 1
        case .relu: z > 0 ? 1 : 0
        case .tanh: 1 - tanh(z) * tanh(z)
        case .sigmoid: exp(-z) / ((1 + exp(-z)) * (1 + exp(-z)))
        case .gelu: erfc(-z / 2.squareRoot()) / 2 + z * exp(-z * z / 2) / (2 * Double.pi).squareRoot()
        }
    }

    private static func loss(_ kind: LearningTask.Kind, _ z: [Double], _ label: Double) -> (Double, [Double])
    {
        switch kind {
        case .binary: return (log(1 + exp(z[0])) - label * z[0], [1 / (1 + exp(-z[0])) - label])
        case .squaredError: return ((z[0] - label) * (z[0] - label), [2 * (z[0] - label)])
        case .huber(let delta):
            let r = z[0] - label
            return abs(r) <= delta
                ? (r * r / 2, [r]) : (delta * (abs(r) - delta / 2), [r > 0 ? delta : -delta])
        case .multiclass:
            let total = z.reduce(0) { $0 + exp($1) }
            return (
                log(total) - z[Int(label)], z.indices.map { exp(z[$0]) / total - ($0 == Int(label) ? 1 : 0) }
            )
        }
    }

    /// AdamW on layers; `torch.optim.SparseAdam` on tables: no decay, only rows that the batch touches, and epsilon beside the
    /// root before its bias is corrected.
    private mutating func adam(_ names: [String], optimizer: Int, _ touched: [String: Set<Int>]) {
        steps[optimizer] += 1
        let t = Double(steps[optimizer])
        for name in names {
            let isTable = name.hasPrefix("embeddings.")
            let count = values[name]!.count
            var state =
                moments[optimizer][name] ?? (
                    [Double](repeating: 0, count: count), [Double](repeating: 0, count: count)
                )
            let width =
                isTable ? count / model.tables.first { name == "embeddings.\($0.name).weight" }!.rows : 1
            for index in 0..<count {
                if isTable && touched[name]?.contains(index / width) != true { continue }
                let g = gradients[name]![index]
                state.m[index] = Self.beta1 * state.m[index] + (1 - Self.beta1) * g
                state.v[index] = Self.beta2 * state.v[index] + (1 - Self.beta2) * g * g
                if !isTable { values[name]![index] *= 1 - learningRate * decay }
                let (first, second) = (1 - pow(Self.beta1, t), 1 - pow(Self.beta2, t))
                let step =
                    isTable
                    ? second.squareRoot() * state.m[index] / (state.v[index].squareRoot() + Self.epsilon)
                    : state.m[index] / ((state.v[index] / second).squareRoot() + Self.epsilon)
                values[name]![index] -= learningRate * step / first
            }
            moments[optimizer][name] = state
        }
    }
}
