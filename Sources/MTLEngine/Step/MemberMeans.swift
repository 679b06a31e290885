#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The mean of what the members of a packed ensemble predict for a tile's rows, and how far they are apart.
///
/// A member's logits z lie where the one's before it lay, so what is left of them is summed up as they come, as its predictions are made
/// of them. The logits of the means take their place at the end, so that losses and predictions are taken from them as from a single
/// network's.
package final class MemberMeans<Scalar: BLASScalar> {
    package let members: Int
    private let outputs: FixedList<Program.TaskLoss>
    /// Per task of the model its first column among the logits' sums and among the predictions'; -1 for one that is not predicted.
    private let columns: FixedList<Int>
    private let answers: FixedList<Int>
    private let width: Int
    private let answerWidth: Int
    private let rows: Int
    /// Per worker two sums `[rows, width]`, what the logits' means are taken of: predictions; their complements, of classes in the first
    /// one's place the logarithms of Σ exp(z). Then, of predictions `[rows, answerWidth]`, means and squares of distances from them.
    private let sums: AlignedStorage<Double>
    /// Per worker a member's predictions.
    private let found: AlignedStorage<Scalar>
    /// Per worker how many members have been added.
    private let added: AlignedStorage<Int>

    init(_ outputs: [Program.TaskLoss], _ plan: MemberPlan, rows: Int, workers: Int) {
        members = plan.count
        self.outputs = FixedList(outputs)
        self.rows = rows
        var columns = [Int](repeating: -1, count: (outputs.map(\.task).max() ?? 0) + 1)
        var answers = columns
        var (width, answerWidth) = (0, 0)
        for output in outputs {
            columns[output.task] = width
            answers[output.task] = answerWidth
            width += output.kind.outputs
            answerWidth += output.kind.predictions
        }
        self.columns = FixedList(columns)
        self.answers = FixedList(answers)
        self.width = width
        self.answerWidth = answerWidth
        sums = AlignedStorage(zeroed: 2 * rows * (width + answerWidth) * workers)
        found = AlignedStorage(zeroed: rows * answerWidth * workers)
        added = AlignedStorage(zeroed: workers)
    }

    /// The bytes of a predictor's memory for it.
    package static func byteCount(_ tasks: [LearningTask], rows: Int, workers: Int) -> Double {
        let each = tasks.reduce(0.0) { sum, task in
            let (outputs, predictions) = (Double(task.kind.outputs), Double(task.kind.predictions))
            return sum + 16 * (outputs + predictions) + Double(MemoryLayout<Scalar>.stride) * predictions
        }
        return each * Double(rows) * Double(workers)
    }

    private func part(_ index: Int, _ worker: Int) -> UnsafeMutablePointer<Double> {
        let start = sums.base + 2 * rows * (width + answerWidth) * worker
        return index < 2
            ? start + index * rows * width : start + rows * (2 * width + (index - 2) * answerWidth)
    }

    func begin(_ worker: Int) {
        added.base[worker] = 0
        part(0, worker).update(repeating: 0, count: 2 * rows * (width + answerWidth))
    }

    /// Adds a member's predictions.
    func add(_ tile: ForwardTile<Scalar>, _ worker: Int) {
        let before = Double(added.base[worker])
        for output in outputs.elements {
            let z = tile.view(output.logits)
            for row in 0..<z.rows { addLogits(output, z.base + row * z.stride, row, worker) }
            let first = answers.elements[output.task]
            let answer = MatrixView(
                found.base + worker * rows * answerWidth + first, rows: z.rows,
                columns: output.kind.predictions, stride: answerWidth)
            output.kind.predict(z, into: answer, level: tile.level)
            output.labelScale.decode(answer)
            let (mean, squares) = (part(2, worker), part(3, worker))
            for row in 0..<z.rows {
                for column in 0..<answer.columns {
                    let value = Double(answer.base[row * answerWidth + column])
                    let place = row * answerWidth + first + column
                    // Welford's sum of squares.
                    let distance = value - mean[place]
                    mean[place] += distance / (before + 1)
                    squares[place] += distance * (value - mean[place])
                }
            }
        }
        added.base[worker] += 1
    }

    /// Adds what the logits of the mean are made of.
    @inline(__always)
    private func addLogits(
        _ output: Program.TaskLoss, _ logits: UnsafeMutablePointer<Scalar>, _ row: Int, _ worker: Int
    ) {
        let place = row * width + columns.elements[output.task]
        let (mean, complement) = (part(0, worker) + place, part(1, worker) + place)
        func addShare(_ column: Int, _ logit: Double) {
            mean[column] += sigmoid(logit)
            complement[column] += sigmoid(-logit)
        }
        switch output.kind {
        case .binary: addShare(0, Double(logits[0]))
        case .multiclass(let classes):
            var (top, total) = (Double(logits[0]), 0.0)
            for column in 1..<classes { top = max(top, Double(logits[column])) }
            for column in 0..<classes { total += exp(Double(logits[column]) - top) }
            complement[0] += top + log(total)
            for column in 0..<classes { mean[column] += exp(Double(logits[column]) - top) / total }
        case .squaredError, .huber, .quantile: mean[0] += output.labelScale.decode(Double(logits[0]))
        case .poisson, .tweedie: mean[0] += exp(Double(logits[0]))
        case .ordinal:
            var logit = 0.0
            for column in 0..<output.kind.outputs {
                logit = column == 0 ? Double(logits[0]) : logit - softplus(Double(logits[column]))
                addShare(column, logit)
            }
        case .zeroInflatedLognormal:
            addShare(0, Double(logits[0]))
            mean[1] += Double(lognormalMean(logits))
            mean[2] += Double(logits[2])
        }
    }

    /// Puts the logits of the means where the members' were: ln(p / (1 - p)), of classes ln p and the mean of the members'
    /// ln Σ exp(z), of a number what it is predicted by.
    func finish(_ tile: ForwardTile<Scalar>, _ worker: Int) {
        guard members > 1 else { return }
        for output in outputs.elements {
            let z = tile.view(output.logits)
            for row in 0..<z.rows { putLogits(output, z.base + row * z.stride, row, worker) }
        }
    }

    @inline(__always)
    private func putLogits(
        _ output: Program.TaskLoss, _ logits: UnsafeMutablePointer<Scalar>, _ row: Int, _ worker: Int
    ) {
        let place = row * width + columns.elements[output.task]
        let (mean, complement) = (part(0, worker) + place, part(1, worker) + place)
        let (least, count) = (Double.leastNormalMagnitude, Double(members))
        func logit(_ column: Int) -> Double {
            log(max(mean[column], least)) - log(max(complement[column], least))
        }
        switch output.kind {
        case .binary: logits[0] = Scalar(logit(0))
        case .multiclass(let classes):
            // Of equal members the logits of the mean are theirs.
            let constant = complement[0] / count
            for column in 0..<classes {
                logits[column] = Scalar(log(max(mean[column], least) / count) + constant)
            }
        case .squaredError, .huber, .quantile:
            // What no logarithm is of, and what leaves the type's range, has a loss too.
            let most = Double.greatestFiniteMagnitude
            let bounded = max(
                output.labelScale.isLogarithmic ? (-1.0).nextUp : -most, min(most, mean[0] / count))
            logits[0] = Scalar(output.labelScale.encode(mean[0].isNaN ? mean[0] : bounded))
        case .poisson, .tweedie: logits[0] = Scalar(log(max(mean[0] / count, least)))
        case .ordinal:
            // The cumulative logits fall by softplus(z) each.
            var last = logit(0)
            logits[0] = Scalar(last)
            for column in 1..<output.kind.outputs {
                let next = logit(column)
                let fall = max(last - next, least)
                logits[column] = Scalar(fall > 30 ? fall : log(expm1(fall)))
                last = next
            }
        case .zeroInflatedLognormal:
            // The mean is p exp(μ + σ² / 2), of the mean p and σ.
            let deviation = softplus(mean[2] / count)
            logits[0] = Scalar(logit(0))
            logits[1] = Scalar(
                log(max(mean[1], least)) - log(max(mean[0], least)) - deviation * deviation / 2)
            logits[2] = Scalar(mean[2] / count)
        }
    }

    /// The standard deviation of the members' predictions, √(Σ (p_m - p)² / k), in the label's unit.
    func spread(_ task: Int, row: Int, column: Int, _ worker: Int) -> Double {
        let sum = part(3, worker)[row * answerWidth + answers.elements[task] + column]
        return (max(0, sum) / Double(members)).squareRoot()
    }
}
