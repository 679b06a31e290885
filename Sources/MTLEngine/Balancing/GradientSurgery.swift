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

    /// GradCraft. For gradient i and the set N of those against it, coordinates y solve C_NN y = ε - C_Ni: then its product with each of
    /// them is ε, in units of both lengths.
    func weighByCraft(_ relaxation: Double, _ momentum: Double, _ cosine: Double) {
        let (count, y, factors) = (problem.size, problem.vector(1), problem.vector(2))
        averageLengths(momentum)
        var longest = 0.0
        for index in 0..<count { longest = max(longest, averageLength(present.base[index], momentum)) }
        for index in 0..<count {
            let ratio = longest / averageLength(present.base[index], momentum)
            // How long it is to be, in units of the longest one of this step.
            factors[index] =
                problem.lengths[index] * (ratio.isFinite ? relaxation * ratio + 1 - relaxation : 1)
        }
        problem.fill(0)
        for task in 0..<count {
            var against = 0
            for other in 0..<count where problem.cosines[task * count + other] < 0 {
                order.base[against] = other
                y[against] = cosine - problem.cosines[task * count + other]
                against += 1
            }
            for row in 0..<against {
                for column in 0..<against {
                    problem.square[row * against + column] =
                        problem.cosines[order.base[row] * count + order.base[column]]
                        * (row == column ? 1 + 1e-9 : 1)
                }
            }
            // Of gradients that depend on each other the ridge takes the least that helps.
            SmallSymmetric.factor(problem.square, size: against, floor: 1e-12)
            SmallSymmetric.solve(problem.square, size: against, y)
            let size = factors[task] / Double(count)
            problem.weights[task] += size / problem.lengths[task]
            for place in 0..<against {
                problem.weights[order.base[place]] += size * y[place] / problem.lengths[order.base[place]]
            }
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
