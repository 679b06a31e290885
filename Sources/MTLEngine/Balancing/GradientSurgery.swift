// Conflicts of two gradients at a time, in coordinates of unit gradients: y_t stands for y_t g_t/‖g_t‖.

extension BalancerMemory {
    func weighBySurgery() {
        let (count, y, projections) = (problem.size, problem.vector(1), problem.vector(2))
        var generator = generator
        problem.fill(0)
        for task in 0..<count {
            begin(task, y, projections)
            shuffle(&generator)
            for place in 0..<count {
                let other = order.base[place]
                guard other != task, projections[other] < 0 else { continue }
                add(-projections[other], of: other, y, projections)
            }
            finish(task, y)
        }
    }

    func weighByVaccine(_ momentum: Double) {
        let (count, y, projections) = (problem.size, problem.vector(1), problem.vector(2))
        var generator = generator
        problem.fill(0)
        for task in 0..<count {
            begin(task, y, projections)
            shuffle(&generator)
            let targets = row(present.base[task])
            for place in 0..<count where order.base[place] != task {
                let other = order.base[place]
                var square = 0.0
                for index in 0..<count { square += y[index] * projections[index] }
                let length = max(0, square).squareRoot()
                let cosine = length > 0 ? min(1, max(-1, projections[other] / length)) : 0
                let target = targets[present.base[other]]
                if cosine < target {
                    let (sine, aim) = (
                        (1 - cosine * cosine).squareRoot(), max(0, 1 - target * target).squareRoot()
                    )
                    add(
                        length * (target * sine - cosine * aim) / max(aim, 1e-8), of: other, y, projections)
                }
                targets[present.base[other]] = (1 - momentum) * target + momentum * cosine
            }
            finish(task, y)
        }
    }

    private func shuffle(_ generator: inout SeededGenerator) {
        for index in 0..<problem.size { order.base[index] = index }
        generator.shuffle(UnsafeMutableBufferPointer(start: order.base, count: problem.size))
    }

    private func begin(_ task: Int, _ y: Numbers, _ projections: Numbers) {
        for index in 0..<problem.size {
            y[index] = index == task ? 1 : 0
            projections[index] = problem.cosines[task * problem.size + index]
        }
    }

    private func add(_ share: Double, of other: Int, _ y: Numbers, _ projections: Numbers) {
        y[other] += share
        for index in 0..<problem.size {
            projections[index] += share * problem.cosines[other * problem.size + index]
        }
    }

    /// Adds what has become of a task's gradient.
    private func finish(_ task: Int, _ y: Numbers) {
        for index in 0..<problem.size {
            problem.weights[index] += y[index] * (problem.lengths[task] / problem.lengths[index])
        }
    }
}
