#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What losses for F1 keep of a step: per block of rows and task sums over the labelled rows.
package struct F1Sums {
    /// What the rows of a block add up to, by their weights.
    struct Counts: BitwiseCopyable {
        /// Rows with label 1.
        var positives = 0.0
        /// Predicted probabilities of rows with label 1, and of those with 0.
        var (hits, alarms) = (0.0, 0.0)
        /// The log loss of the rows with label 0.
        var negativeLoss = 0.0

        static func += (sum: inout Counts, other: Counts) {
            sum.positives += other.positives
            sum.hits += other.hits
            sum.alarms += other.alarms
            sum.negativeLoss += other.negativeLoss
        }

        /// What a row with label 0 counts.
        func weight(beta: Double) -> Double {
            let total = beta * beta * positives + alarms
            return total > 0 ? hits / total : 0
        }
    }

    let blocks: UnsafeMutablePointer<Counts>
}

/// What they point at.
final class F1Memory {
    let run: F1Sums
    private let blocks: AlignedStorage<F1Sums.Counts>

    /// Takes nothing where no loss is for F1.
    init(_ plan: ModelPlan, tasks: Int, blocks: Int) {
        let storage = AlignedStorage<F1Sums.Counts>(zeroed: plan.reweighs ? tasks * blocks : 0)
        self.blocks = storage
        run = F1Sums(blocks: storage.base)
    }
}

/// Losses whose rows with label 0 count what the batch's predictions say: all rows meet between forward and backward.
extension StepRun {
    /// Counts a block of rows.
    ///
    /// - Parameters:
    ///   - logits: of the block, `[rows, 1]`.
    ///   - labels: of the block, `stride` apart.
    ///   - weights: of the block's rows; nil for 1 each.
    func count(
        _ task: Int, block: Int, _ logits: MatrixView<Scalar>, labels: UnsafePointer<Scalar>, stride: Int,
        weights: UnsafePointer<Scalar>?
    ) {
        var sum = F1Sums.Counts()
        for row in 0..<logits.rows {
            let label = labels[row * stride]
            guard !label.isNaN else { continue }
            let (z, weight) = (Double(logits.base[row * logits.stride]), weights.map { Double($0[row]) } ?? 1)
            let probability = 1 / (1 + exp(-z))
            if label == 1 {
                sum.positives += weight
                sum.hits += weight * probability
            } else {
                sum.alarms += weight * probability
                sum.negativeLoss += weight * (max(z, 0) + log1p(exp(-abs(z))))
            }
        }
        fMeasures.blocks[block * tasks + task] = sum
    }

    /// What all blocks add up to.
    func counted(_ task: Int) -> F1Sums.Counts {
        var sum = F1Sums.Counts()
        for block in 0..<blockCount { sum += fMeasures.blocks[block * tasks + task] }
        return sum
    }

    /// Gives rows with label 0 their weight: so far their gradient is the plain loss's.
    func reweigh(_ chunk: Int, _ batch: BatchView<Scalar>, worker: Int) {
        for loss in turn.losses {
            guard let beta = loss.f1 else { continue }
            let weight = Scalar(counted(loss.task).weight(beta: beta))
            let gradient = self.chunk(chunk, batch).gradient(loss.logits)
            for index in chunkStarts[chunk]..<chunkStarts[chunk + 1] where tiles[index].worker == worker {
                let row = tiles[index]
                let source = sourceRows(row, batch)
                for place in 0..<row.count {
                    let label = batch.labels[
                        source.source(place) * batch.labelStride + batch.labelColumns[loss.task]]
                    if label == 0 { gradient.base[(row.first + place) * gradient.stride] *= weight }
                }
            }
        }
    }
}
