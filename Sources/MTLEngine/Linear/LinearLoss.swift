#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What a linear task's score z = xᵀw + b is held against.
public enum LinearLoss: String, Sendable {
    /// ½(z - y)²; the prediction is z.
    case squared
    /// log(1 + exp(z)) - y z for y 0 or 1; the prediction is the probability 1/(1 + exp(-z)).
    case logistic

    /// What a score predicts.
    func prediction(_ score: Double) -> Double {
        switch self {
        case .squared: score
        case .logistic: sigmoid(score)
        }
    }
}

/// Scores of one task and its labels (NaN: missing), both with a stride.
package struct TaskColumn {
    let loss: LinearLoss
    let scores: UnsafePointer<Double>
    let labels: UnsafePointer<Double>
    let rows: Int
    let stride: Int
    /// Labelled rows.
    let count: Int

    package init(
        loss: LinearLoss, scores: UnsafePointer<Double>, labels: UnsafePointer<Double>, rows: Int,
        stride: Int,
        count: Int
    ) {
        self.loss = loss
        self.scores = scores
        self.labels = labels
        self.rows = rows
        self.stride = stride
        self.count = count
    }

    /// Sum of the losses at scores + intercept; their derivatives go to `residuals`, 0 where no label is.
    func losses(intercept: Double, residuals: UnsafeMutablePointer<Double>) -> Double {
        var sum = 0.0
        for row in 0..<rows {
            let index = row * stride
            let y = labels[index]
            if y.isNaN {
                residuals[index] = 0
                continue
            }
            let z = scores[index] + intercept
            switch loss {
            case .squared:
                residuals[index] = z - y
                sum += (z - y) * (z - y) / 2
            case .logistic:
                let e = exp(-abs(z))
                residuals[index] = (z >= 0 ? 1 / (1 + e) : e / (1 + e)) - y
                sum += log1p(e) + max(z, 0) - y * z
            }
        }
        return sum
    }

    /// The intercept that minimises the sum of the losses, and so needs no place in the solver's variables.
    package func bestIntercept(startingAt guess: Double) -> Double {
        switch loss {
        case .squared:
            var sum = 0.0
            for row in 0..<rows where !labels[row * stride].isNaN {
                sum += labels[row * stride] - scores[row * stride]
            }
            return sum / Double(count)
        case .logistic:
            return bestLogisticIntercept(startingAt: guess)
        }
    }

    /// Newton's method on a convex function of one variable, kept inside a bracket of its minimum.
    private func bestLogisticIntercept(startingAt guess: Double) -> Double {
        var positives = 0.0
        var (smallest, largest) = (Double.infinity, -Double.infinity)
        for row in 0..<rows where !labels[row * stride].isNaN {
            positives += labels[row * stride]
            smallest = min(smallest, scores[row * stride])
            largest = max(largest, scores[row * stride])
        }
        // All scores alike at the largest (smallest) would want an intercept no larger (smaller) than this.
        let logOdds = log(positives / (Double(count) - positives))
        var (low, high) = (logOdds - largest, logOdds - smallest)
        var intercept = min(max(guess, low), high)
        for _ in 0..<100 {
            var slope = -positives
            var curvature = 0.0
            for row in 0..<rows where !labels[row * stride].isNaN {
                let p = sigmoid(scores[row * stride] + intercept)
                slope += p
                curvature += p * (1 - p)
            }
            if abs(slope) <= 1e-14 * Double(count) { break }
            if slope > 0 { high = intercept } else { low = intercept }
            let step = intercept - slope / curvature
            let next = step > low && step < high ? step : (low + high) / 2
            if next == intercept { break }
            intercept = next
        }
        return intercept
    }
}
