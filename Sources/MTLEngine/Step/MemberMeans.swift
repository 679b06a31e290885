#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The mean of what the members of a packed ensemble predict for a tile's rows, and how far they are apart.
///
/// A member's logits z lie where the one's before it lay, so what is left of them is summed up as they come: σ(z) and σ(-z),
/// softmax(z), or z itself of a regression. The logits of the means take their place at the end, so that losses and
/// predictions are taken from them as from a single network's.
package final class MemberMeans<Scalar: BLASScalar> {
    package let members: Int
    private let outputs: FixedList<Program.TaskLoss>
    /// Per task of the model its first column among the sums; -1 for one that is not predicted.
    private let columns: FixedList<Int>
    private let width: Int
    private let rows: Int
    /// Per worker three sums `[rows, width]`: predictions; their complements, of classes in the first one's place the
    /// logarithms of Σ exp(z); squares of distances from the mean.
    private let sums: AlignedStorage<Double>
    /// Per worker how many members have been added.
    private let added: AlignedStorage<Int>

    init(_ outputs: [Program.TaskLoss], _ plan: MemberPlan, rows: Int, workers: Int) {
        members = plan.count
        self.outputs = FixedList(outputs)
        self.rows = rows
        var columns = [Int](repeating: -1, count: (outputs.map(\.task).max() ?? 0) + 1)
        var width = 0
        for output in outputs {
            columns[output.task] = width
            width += output.logits.width
        }
        self.columns = FixedList(columns)
        self.width = width
        sums = AlignedStorage(zeroed: 3 * rows * width * workers)
        added = AlignedStorage(zeroed: workers)
    }

    /// The elements of a predictor's memory for it.
    package static func count(outputs: Int, rows: Int, workers: Int) -> Int { 3 * rows * outputs * workers }

    private func part(_ index: Int, _ worker: Int) -> UnsafeMutablePointer<Double> {
        sums.base + (3 * worker + index) * rows * width
    }

    func begin(_ worker: Int) {
        added.base[worker] = 0
        part(0, worker).update(repeating: 0, count: 3 * rows * width)
    }

    /// Adds a member's predictions.
    func add(_ tile: ForwardTile<Scalar>, _ worker: Int) {
        let before = Double(added.base[worker])
        let (mean, complement, squares) = (part(0, worker), part(1, worker), part(2, worker))
        for output in outputs.elements {
            let z = tile.view(output.logits)
            let first = columns.elements[output.task]
            for row in 0..<z.rows {
                let logits = z.base + row * z.stride
                let place = row * width + first
                var (top, total) = (0.0, 1.0)
                if case .multiclass = output.kind {
                    top = Double(logits[0])
                    for column in 1..<z.columns { top = max(top, Double(logits[column])) }
                    total = 0
                    for column in 0..<z.columns { total += exp(Double(logits[column]) - top) }
                    complement[place] += top + log(total)
                }
                for column in 0..<z.columns {
                    let logit = Double(logits[column])
                    var value = logit
                    switch output.kind {
                    case .binary:
                        value = 1 / (1 + exp(-logit))
                        complement[place + column] += 1 / (1 + exp(logit))
                    case .multiclass: value = exp(logit - top) / total
                    case .squaredError, .huber: break
                    }
                    // Welford's sum of squares.
                    let distance = before > 0 ? value - mean[place + column] / before : 0
                    mean[place + column] += value
                    squares[place + column] += distance * (value - mean[place + column] / (before + 1))
                }
            }
        }
        added.base[worker] += 1
    }

    /// Puts the logits of the means where the members' were: ln(p / (1 - p)), of classes ln p and the
    /// mean of the members' ln Σ exp(z), of a regression the mean.
    func finish(_ tile: ForwardTile<Scalar>, _ worker: Int) {
        guard members > 1 else { return }
        let (mean, complement) = (part(0, worker), part(1, worker))
        let least = Double.leastNormalMagnitude
        for output in outputs.elements {
            let z = tile.view(output.logits)
            for row in 0..<z.rows {
                let place = row * width + columns.elements[output.task]
                // Of equal members the logits of the mean are theirs.
                let constant = complement[place] / Double(members)
                for column in 0..<z.columns {
                    let sum = mean[place + column]
                    let logit =
                        switch output.kind {
                        case .binary: log(max(sum, least)) - log(max(complement[place + column], least))
                        case .multiclass: log(max(sum, least) / Double(members)) + constant
                        case .squaredError, .huber: sum / Double(members)
                        }
                    z.base[row * z.stride + column] = Scalar(logit)
                }
            }
        }
    }

    /// The standard deviation of the members' predictions, √(Σ (p_m - p)² / k).
    func spread(_ task: Int, row: Int, column: Int, _ worker: Int) -> Double {
        let sum = part(2, worker)[row * width + columns.elements[task] + column]
        return (max(0, sum) / Double(members)).squareRoot()
    }
}
