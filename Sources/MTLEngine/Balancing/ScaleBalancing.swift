// Weights that make what is measured of the tasks alike, found window by window of steps.

extension BalancerMemory {
    // MARK: AutoScale: the window's sums and counts, its steps, the inverse sizes, whether there are any

    func weighByScales() {
        let (scales, known) = (row(3), row(4))
        var (sum, count) = (0.0, 0.0)
        for index in 0..<problem.size where known[present.base[index]] > 0 {
            sum += scales[present.base[index]]
            count += 1
        }
        for index in 0..<problem.size {
            let task = present.base[index]
            problem.weights[index] = known[task] > 0 ? scales[task] / sum * count : 1
        }
    }

    func learnScales(
        _ losses: UnsafePointer<Double>, _ gram: UnsafePointer<Double>?, _ metric: Balancing.ScaleMetric,
        window: Int
    ) {
        let (sum, count, steps) = (row(0), row(1), row(2))
        for task in 0..<taskCount where losses[task].isFinite {
            let value =
                switch metric {
                case .magnitude: gram?[task * (taskCount + 1)] ?? .nan
                case .lossScale: losses[task]
                }
            guard value.isFinite, value > 0, (sum[task] + value).isFinite else { continue }
            sum[task] += value
            count[task] += 1
        }
        steps[0] += 1
        if Int(steps[0]) >= window { endWindow(metric) }
    }

    /// A window is over, be it because its epoch is. What it says of the weights counts once among the first phase's means.
    func endWindow(_ metric: Balancing.ScaleMetric) {
        let (sum, count, steps) = (row(0), row(1), row(2))
        let (scales, known) = (row(3), row(4))
        steps[0] = 0
        var (total, measured) = (0.0, 0)
        for task in 0..<taskCount where count[task] > 0 {
            let mean = sum[task] / count[task]
            let size = metric == .magnitude ? mean.squareRoot() : max(leastLoss, mean)
            (scales[task], known[task]) = (1 / max(size, 1e-150), 1)
            total += scales[task]
            measured += 1
        }
        for task in 0..<taskCount where count[task] > 0 {
            addToMeans(task, scales[task] / total * Double(measured))
            (sum[task], count[task]) = (0, 0)
        }
    }
}
