import Foundation
import MTLEngine
import Testing

/// A training step of a shared bottom as plain text: loops over rows, layers and units in Double, one array a parameter.
///
/// The engine's own step is compared with it element by element; it shares no code with it.
struct StepOracle {
    /// Weights or biases in PyTorch's shape and order, their gradient, and Adam's moments and count of steps per optimiser
    /// (one, or one per task, block or level).
    struct Parameter {
        let name: String
        fileprivate(set) var values: [Double]
        fileprivate(set) var gradient: [Double]
        fileprivate var moments: [(m: [Double], v: [Double], steps: Double)]
        /// What it was when the latest optimiser's turn began.
        fileprivate var anchor: [Double]
    }

    /// What a turn has losses of and trains.
    struct Turn {
        let tasks: [Int]
        var optimizer = 0
        /// The factor of the learning rate by name; 0 freezes.
        var rate: (String) -> Double = { _ in 1 }
        /// δ of δ‖θ - θ′‖², and whom it is on.
        var anchor = 0.0
        var isHeld: (String) -> Bool = { _ in false }
    }

    private struct Layer {
        let activation: Activation
        var weight, bias: Parameter
    }

    private struct Table {
        let width: Int
        var weight: Parameter
    }

    /// A row: its features as they are looked up, labels (NaN for none) and the labels' weight.
    struct Row {
        let dense: [Double]
        /// Per embedded feature its ids.
        let ids: [[Int]]
        let labels: [Double]
        var weight = 1.0
    }

    /// What a step does beside AdamW.
    struct Extras {
        /// The rate of row-wise Adagrad on tables; Adam where it is nil.
        var rowAdagrad: Double?
        var rowDecay = 0.0
        /// The decay of the parameters' average.
        var averaging: Double?
    }

    private let model: MultiTaskModel
    private let decay, learningRate: Double
    private let extras: Extras
    /// What every rate is multiplied with.
    var rateFactor = 1.0
    /// Per parameter its average, from the first step on.
    private(set) var averages: [String: [Double]] = [:]
    private var steps = 0.0
    private var layers: [Layer] = []
    /// Per task the layers that its rows pass.
    private var paths: [[Int]] = []
    private var tables: [Table]
    /// Per embedded feature its table.
    private let tableOf: [Int]
    private var latest: Int?
    /// δ‖θ - θ′‖² of the latest turn.
    private(set) var penalty = 0.0

    fileprivate static let (beta1, beta2, epsilon) = (0.9, 0.999, 1e-8)

    init(
        _ trainer: Trainer<Double>, trunk: [HiddenLayer], learningRate: Double, decay: Double,
        extras: Extras = Extras()
    ) throws {
        self.extras = extras
        let model = trainer.model
        func parameter(_ name: String) throws -> Parameter {
            let values = try trainer.parameter(name)
            let zeros = [Double](repeating: 0, count: values.count)
            return Parameter(
                name: name, values: values, gradient: zeros,
                moments: model.tasks.map { _ in (m: zeros, v: zeros, steps: 0) }, anchor: values)
        }
        func layers(_ hidden: [HiddenLayer], _ name: String) throws -> [Layer] {
            try hidden.enumerated().map { depth, layer in
                Layer(
                    activation: layer.activation, weight: try parameter("\(name).\(depth).weight"),
                    bias: try parameter("\(name).\(depth).bias"))
            }
        }
        (self.model, self.learningRate, self.decay) = (model, learningRate, decay)
        self.layers = try layers(trunk, "trunk")
        for task in model.tasks {
            let first = self.layers.count
            self.layers += try layers(
                task.tower + [.dense(task.kind.outputs, .identity)], "heads.\(task.name)")
            paths.append(Array(trunk.indices) + Array(first..<self.layers.count))
        }
        tables = try model.tables.map {
            Table(width: $0.dimension, weight: try parameter("embeddings.\($0.name).weight"))
        }
        tableOf = try model.embedded.map { feature in
            try #require(model.tables.firstIndex { $0.name == feature.table })
        }
    }

    /// The parameter of a name.
    subscript(name: String) -> Parameter? {
        (layers.flatMap { [$0.weight, $0.bias] } + tables.map(\.weight)).first { $0.name == name }
    }

    /// Takes a step of all tasks, or of one; returns the mean losses of those.
    mutating func step(_ rows: [Row], task: Int? = nil) -> [Double] {
        step(
            rows,
            Turn(tasks: task.map { [$0] } ?? Array(model.tasks.indices), optimizer: task ?? 0),
            skips: task != nil)
    }

    /// Takes a turn; returns the mean losses of its tasks.
    ///
    /// - Parameter skips: whether a turn without a label is skipped.
    mutating func step(_ rows: [Row], _ turn: Turn, skips: Bool = true) -> [Double] {
        penalty = 0
        if latest != turn.optimizer {
            latest = turn.optimizer
            for index in layers.indices {
                layers[index].weight.anchor = layers[index].weight.values
                layers[index].bias.anchor = layers[index].bias.values
            }
            for index in tables.indices { tables[index].weight.anchor = tables[index].weight.values }
        }
        for index in layers.indices {
            layers[index].weight.clear()
            layers[index].bias.clear()
        }
        for index in tables.indices { tables[index].weight.clear() }
        var losses: [Double] = []
        var isLabelled = false
        for index in turn.tasks {
            let labelled = rows.filter { !$0.labels[index].isNaN }
            let total = labelled.reduce(0) { $0 + $1.weight }
            isLabelled = isLabelled || !labelled.isEmpty
            losses.append(labelled.isEmpty ? .nan : 0)
            for row in labelled {
                let scale = model.tasks[index].weight * row.weight / total
                losses[losses.count - 1] += row.weight / total * backward(row, index, scale)
            }
        }
        guard isLabelled || !skips else { return losses }
        update(Set(turn.tasks.flatMap { paths[$0] }), turn, rows)
        average()
        return losses
    }

    private mutating func average() {
        guard let most = extras.averaging else { return }
        steps += 1
        let keep = min(most, (steps - 1) / (steps + 8))
        for one in layers.flatMap({ [$0.weight, $0.bias] }) + tables.map(\.weight) {
            averages[one.name] =
                averages[one.name].map { zip($0, one.values).map { keep * $0 + (1 - keep) * $1 } }
                ?? one.values
        }
    }

    // MARK: A row's forward and backward pass of one task

    private func features(_ row: Row) -> [Double] {
        var x = row.dense
        for (feature, ids) in row.ids.enumerated() {
            let table = tables[tableOf[feature]]
            for column in 0..<table.width {
                let sum = ids.reduce(0) { $0 + table.weight.values[$1 * table.width + column] }
                x.append(model.embedded[feature].pooling == .mean ? sum / Double(max(1, ids.count)) : sum)
            }
        }
        return x
    }

    private mutating func backward(_ row: Row, _ index: Int, _ scale: Double) -> Double {
        let path = paths[index]
        var inputs = [features(row)]
        var sums: [[Double]] = []
        for place in path {
            let (layer, x) = (layers[place], inputs[inputs.count - 1])
            let z = layer.bias.values.indices.map { unit in
                x.indices.reduce(layer.bias.values[unit]) {
                    $0 + layer.weight.values[unit * x.count + $1] * x[$1]
                }
            }
            sums.append(z)
            inputs.append(z.map { value(layer.activation, $0) })
        }
        var (loss, d) = Self.loss(model.tasks[index], sums[sums.count - 1], row.labels[index])
        d = d.map { $0 * scale }
        for (depth, place) in path.enumerated().reversed() {
            let x = inputs[depth]
            let activation = layers[place].activation
            let dz = zip(d, sums[depth]).map { $0 * slope(activation, $1) }
            for unit in dz.indices {
                layers[place].bias.gradient[unit] += dz[unit]
                for input in x.indices {
                    layers[place].weight.gradient[unit * x.count + input] += dz[unit] * x[input]
                }
            }
            let w = layers[place].weight.values
            d = x.indices.map { input in dz.indices.reduce(0) { $0 + dz[$1] * w[$1 * x.count + input] } }
        }
        var column = model.inputs
        for (feature, ids) in row.ids.enumerated() {
            let table = tableOf[feature]
            let width = tables[table].width
            let share = model.embedded[feature].pooling == .mean ? 1 / Double(max(1, ids.count)) : 1
            for id in ids {
                for offset in 0..<width {
                    tables[table].weight.gradient[id * width + offset] += share * d[column + offset]
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
        case .silu: z / (1 + exp(-z))
        case .leakyReLU: z > 0 ? z : 0.01 * z
        case .prelu, .dice: .nan
        }
    }

    private func slope(_ activation: Activation, _ z: Double) -> Double {
        switch activation {
        case .identity: 1
        case .relu: z > 0 ? 1 : 0
        case .tanh: 1 - tanh(z) * tanh(z)
        case .sigmoid: exp(-z) / ((1 + exp(-z)) * (1 + exp(-z)))
        case .silu: (1 + z * exp(-z) / (1 + exp(-z))) / (1 + exp(-z))
        case .leakyReLU: z > 0 ? 1 : 0.01
        case .prelu, .dice: .nan
        case .gelu: erfc(-z / 2.squareRoot()) / 2 + z * exp(-z * z / 2) / (2 * Double.pi).squareRoot()
        }
    }

    /// The loss of the label as it is, and the slope of that of the smoothed one.
    private static func loss(_ task: LearningTask, _ z: [Double], _ label: Double) -> (Double, [Double]) {
        let smoothing = task.smoothing
        switch task.kind {
        case .binary:
            let target = label * (1 - smoothing) + smoothing / 2
            return (log(1 + exp(z[0])) - label * z[0], [1 / (1 + exp(-z[0])) - target])
        case .squaredError: return ((z[0] - label) * (z[0] - label), [2 * (z[0] - label)])
        case .huber(let delta):
            let r = z[0] - label
            return abs(r) <= delta
                ? (r * r / 2, [r]) : (delta * (abs(r) - delta / 2), [r > 0 ? delta : -delta])
        case .quantile, .poisson, .tweedie, .zeroInflatedLognormal, .ordinal:
            preconditionFailure("no oracle of \(task.kind)")
        case .multiclass:
            let total = z.reduce(0) { $0 + exp($1) }
            let part = smoothing / Double(z.count)
            return (
                log(total) - z[Int(label)],
                z.indices.map { exp(z[$0]) / total - ($0 == Int(label) ? 1 - smoothing + part : part) }
            )
        }
    }

    /// AdamW on layers; `torch.optim.SparseAdam` on tables: no decay, only rows that the batch touches, and epsilon beside the
    /// root before its bias is corrected.
    private mutating func update(_ active: Set<Int>, _ turn: Turn, _ rows: [Row]) {
        func step(_ parameter: inout Parameter, _ elements: [Int], isTable: Bool, decay rowDecay: Double = 0)
        {
            let rate = learningRate * rateFactor * turn.rate(parameter.name)
            guard rate > 0 else { return }
            if turn.isHeld(parameter.name) { penalty += parameter.pull(elements, turn.anchor) }
            let kept = 1 - rate * decay
            parameter.adam(elements, turn.optimizer, decay: rowDecay) { value, m, v, first, second in
                isTable
                    ? value - rate * second.squareRoot() * m / (v.squareRoot() + Self.epsilon) / first
                    : value * kept - rate * m / ((v / second).squareRoot() + Self.epsilon) / first
            }
        }
        for index in active {
            step(&layers[index].weight, Array(layers[index].weight.values.indices), isTable: false)
            step(&layers[index].bias, Array(layers[index].bias.values.indices), isTable: false)
        }
        for index in tables.indices {
            let (width, features) = (tables[index].width, tableOf.indices.filter { tableOf[$0] == index })
            let touched = Set(rows.flatMap { row in features.flatMap { row.ids[$0] } })
            if let rate = extras.rowAdagrad {
                tables[index].weight.rowAdagrad(
                    touched, width, turn.optimizer,
                    rate: rate * rateFactor * turn.rate(tables[index].weight.name), decay: extras.rowDecay)
                continue
            }
            step(
                &tables[index].weight, touched.flatMap { $0 * width..<($0 + 1) * width }, isTable: true,
                decay: extras.rowDecay)
        }
    }
}

extension StepOracle.Parameter {
    fileprivate mutating func clear() {
        for element in gradient.indices { gradient[element] = 0 }
    }

    /// Adds the gradient of δ‖θ - θ′‖² over some elements, and returns the value.
    fileprivate mutating func pull(_ elements: [Int], _ delta: Double) -> Double {
        var value = 0.0
        for element in elements {
            let distance = values[element] - anchor[element]
            gradient[element] += 2 * delta * distance
            value += delta * distance * distance
        }
        return value
    }

    /// Moves the moments of some elements, and by them the values.
    fileprivate mutating func adam(
        _ elements: [Int], _ optimizer: Int, decay: Double = 0,
        _ step: (_ value: Double, _ m: Double, _ v: Double, _ first: Double, _ second: Double) -> Double
    ) {
        moments[optimizer].steps += 1
        let first = 1 - pow(StepOracle.beta1, moments[optimizer].steps)
        let second = 1 - pow(StepOracle.beta2, moments[optimizer].steps)
        for element in elements {
            let g = gradient[element] + decay * values[element]
            let m = StepOracle.beta1 * moments[optimizer].m[element] + (1 - StepOracle.beta1) * g
            let v = StepOracle.beta2 * moments[optimizer].v[element] + (1 - StepOracle.beta2) * g * g
            (moments[optimizer].m[element], moments[optimizer].v[element]) = (m, v)
            values[element] = step(values[element], m, v, first, second)
        }
    }

    /// One sum a row, of the mean of its squared gradients.
    fileprivate mutating func rowAdagrad(
        _ rows: some Sequence<Int>, _ width: Int, _ optimizer: Int, rate: Double, decay: Double
    ) {
        for row in rows {
            let elements = row * width..<(row + 1) * width
            let g = elements.map { gradient[$0] + decay * values[$0] }
            moments[optimizer].v[row] += g.reduce(0) { $0 + $1 * $1 } / Double(width)
            let step = rate / (moments[optimizer].v[row].squareRoot() + 1e-8)
            for (element, slope) in zip(elements, g) { values[element] -= step * slope }
        }
    }
}
