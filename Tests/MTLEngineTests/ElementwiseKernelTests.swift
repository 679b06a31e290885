import Foundation
import MTLKernels
import Testing

private func sigmoid(_ z: Double) -> Double { z >= 0 ? 1 / (1 + exp(-z)) : exp(z) / (1 + exp(z)) }
private func softplus(_ z: Double) -> Double { max(z, 0) + log1p(exp(-abs(z))) }

private func reference(_ activation: Int32, _ z: Double) -> Double {
    switch activation {
    case 1: z < 0 ? 0 : z
    case 2: tanh(z)
    case 3: sigmoid(z)
    case 4: z.isInfinite ? max(z, 0) : 0.5 * z * erfc(-z * 0.5.squareRoot())
    case 5: z == -.infinity ? 0 : z * sigmoid(z)
    case 6: z > 0 ? z : 0.01 * z
    default: z
    }
}

private func slope(_ activation: Int32, _ saved: Double) -> Double {
    switch activation {
    case 1: saved > 0 ? 1 : 0
    case 2: 1 - saved * saved
    case 3: saved * (1 - saved)
    case 4:
        0.5 * erfc(-saved * 0.5.squareRoot()) + saved * exp(-saved * saved / 2) / (2 * Double.pi).squareRoot()
    case 5: sigmoid(saved) * (1 + saved * sigmoid(-saved))
    case 6: saved > 0 ? 1 : 0.01
    default: 1
    }
}

private let levels = 0...mtl_cpu_best_level()
private let sizes = [1, 3, 7, 17, 64, 65, 129]

@Suite struct ElementwiseKernelTests {
    @Test func levelsHaveNames() {
        #expect(
            levels.map { String(cString: mtl_cpu_level_name($0)) }
                == Array(["baseline", "avx2", "avx512"].prefix(levels.count)))
        #expect(String(cString: mtl_cpu_level_name(9)) == "unknown")
    }

    @Test(arguments: levels) func activationsMatchTheReference(level: Int32) {
        check(ElementwiseKernels(Float.self, level: level))
        check(ElementwiseKernels(Double.self, level: level))
        func check<T>(_ kernels: ElementwiseKernels<T>) {
            let extremes: [T] = [
                .infinity, -.infinity, .nan, 0, 88, -88, 1000, -1000, T.leastNonzeroMagnitude,
                T.greatestFiniteMagnitude, -T.greatestFiniteMagnitude, 1e-6, -1e-6,
            ]
            for (activation, columns) in (Int32(0)...6).flatMap({ a in sizes.map { (a, $0) } }) {
                var noise = KernelNoise(columns)
                let z = PaddedGrid<T>(3, columns, gap: 2) { i, j in
                    i == 1 ? extremes[j % extremes.count] : noise.next(i == 0 ? 4 : 12)
                }
                // The reference rounds z / √2, which the tail of erfc multiplies by z².
                let room = activation == 4 ? kernels.relative + 4e-14 : kernels.relative
                var h = PaddedGrid<T>(3, columns, gap: 5) { _, _ in 0 }
                kernels.activate(activation, 3, columns, z.values, z.stride, &h.values, h.stride)
                #expect(h.difference(relative: room) { reference(activation, Double(z[$0, $1])) } == nil)

                var same = z
                same.values.withUnsafeMutableBufferPointer {
                    guard let base = $0.baseAddress else { return }
                    kernels.activate(activation, 3, columns, base, z.stride, base, z.stride)
                }
                #expect(same.difference(relative: 0) { Double(h[$0, $1]) } == nil)

                let saved =
                    activation == 4 || activation == 5
                    ? PaddedGrid<T>(3, columns) { noise.next(Double(4 * $0 + $1 / 8)) } : h
                let d = PaddedGrid<T>(3, columns, gap: 1) { _, _ in noise.next(2) }
                var result = d
                kernels.activate_backward(
                    activation, 3, columns, saved.values, saved.stride, &result.values, d.stride)
                #expect(
                    result.difference(relative: room, absolute: kernels.relative) {
                        Double(d[$0, $1]) * slope(activation, Double(saved[$0, $1]))
                    } == nil)
            }
        }
    }

    /// The promises of mtl_elementwise.h in units of the last place, 0.8 more allowed to level 0.
    @Test(arguments: levels) func floatActivationsKeepTheirPromisedAccuracy(level: Int32) {
        let sizes = (0..<20000).map { i in Float(100 * exp(-Double(i) / 1000)) }
        let z = sizes + sizes.map { -$0 }
        var h = z
        for (activation, promise) in [(Int32(2), 2.5), (3, 2.5), (4, 4.0), (5, 3.0)] {
            ElementwiseKernels(Float.self, level: level).activate(
                activation, 1, z.count, z, z.count, &h, z.count)
            let worst = zip(z, h).map { z, h in
                let wanted = reference(activation, Double(z))
                if abs(wanted) < Double(Float.leastNormalMagnitude) || activation == 5 && z < -87 {
                    return 0.0
                }
                let room = activation == 4 && z < -4 ? 7.0 / 4 : 1
                return abs(Double(h) - wanted) / Double(Float(wanted).ulp) / room
            }
            #expect((worst.max() ?? 9) <= promise + (level == 0 ? 0.8 : 0))
        }
    }

    @Test(arguments: levels) func elementLossesMatchTheReference(level: Int32) {
        check(ElementwiseKernels(Float.self, level: level))
        check(ElementwiseKernels(Double.self, level: level))
        func check<T>(_ kernels: ElementwiseKernels<T>) {
            for (kind, rows) in (0..<4).flatMap({ k in sizes.map { (k, $0) } }) {
                // The last one is the binary loss with smoothed labels.
                let smoothing = kind == 3 ? 0.2 : 0
                var noise = KernelNoise(rows)
                let z = PaddedGrid<T>(rows, 1, gap: rows % 3) { i, _ in noise.next(i % 5 == 0 ? 80 : 4) }
                let y = PaddedGrid<T>(rows, 1, gap: 2) { i, _ in
                    i % 4 == 3 ? .nan : kind % 3 == 0 ? T(i % 2) : noise.next(3)
                }
                func call(_ d: UnsafeMutablePointer<T>?, _ stride: Int) -> Double {
                    switch kind {
                    case 0, 3:
                        kernels.loss_binary(rows, z.values, z.stride, y.values, 3, 0.25, d, stride, smoothing)
                    case 1:
                        kernels.loss_squared(rows, z.values, z.stride, y.values, 3, 0.25, d, stride)
                    default:
                        kernels.loss_huber(rows, z.values, z.stride, y.values, 3, 0.25, d, stride, 1.5)
                    }
                }
                var d = PaddedGrid<T>(rows, 1, gap: 3) { _, _ in 7 }
                let sum = call(&d.values, d.stride)
                #expect(sum == call(nil, 0))
                #expect(kernels.count_labelled(rows, y.values, 3) == rows - rows / 4)

                var wanted = 0.0
                let difference = d.difference(
                    relative: 2 * kernels.relative, absolute: smoothing * kernels.relative
                ) { i, _ in
                    let (logit, label) = (Double(z[i, 0]), Double(y[i, 0]))
                    if label.isNaN { return 0 }
                    let residual = Double(z[i, 0] - y[i, 0])
                    switch kind {
                    case 0, 3:
                        wanted += softplus(label == 1 ? -logit : logit)
                        let slope = label == 1 ? -sigmoid(-logit) : sigmoid(logit)
                        return 0.25 * (slope - smoothing * (0.5 - label))
                    case 1:
                        wanted += residual * residual
                        return 0.5 * residual
                    default:
                        let size = abs(residual)
                        wanted += size <= 1.5 ? residual * residual / 2 : 1.5 * (size - 0.75)
                        return 0.25 * min(max(residual, -1.5), 1.5)
                    }
                }
                #expect(difference == nil)
                #expect(abs(sum - wanted) <= kernels.relative * wanted)

                var p = PaddedGrid<T>(rows, 1, gap: 1) { _, _ in 0 }
                kernels.sigmoid_rows(rows, z.values, z.stride, &p.values, p.stride)
                #expect(p.difference(relative: kernels.relative) { i, _ in sigmoid(Double(z[i, 0])) } == nil)
            }
        }
    }

    @Test(arguments: levels) func softmaxMatchesTheReference(level: Int32) {
        check(ElementwiseKernels(Float.self, level: level))
        check(ElementwiseKernels(Double.self, level: level))
        func check<T>(_ kernels: ElementwiseKernels<T>) {
            for (classes, rows) in [1, 2, 3, 7, 15, 16, 17, 65].flatMap({ c in sizes.map { (c, $0) } }) {
                var noise = KernelNoise(classes * 100 + rows)
                let z = PaddedGrid<T>(rows, classes, gap: 2) { i, _ in noise.next(i % 5 == 0 ? 200 : 4) }
                let y = (0..<rows).map { $0 % 4 == 3 ? T.nan : T($0 * 7 % classes) }
                let top = (0..<rows).map { i in (0..<classes).map { Double(z[i, $0]) }.max() ?? 0 }
                let sums = (0..<rows).map { i in
                    (0..<classes).reduce(0) { $0 + exp(Double(z[i, $1]) - top[i]) }
                }
                func probability(_ i: Int, _ j: Int) -> Double { exp(Double(z[i, j]) - top[i]) / sums[i] }
                // z - top is rounded once, up to 400 in size here, before exp.
                let room = kernels.relative + 400 * Double(T.ulpOfOne)

                var p = PaddedGrid<T>(rows, classes, gap: 1) { _, _ in 0 }
                kernels.softmax_rows(rows, classes, z.values, z.stride, &p.values, p.stride)
                #expect(p.difference(relative: room, probability) == nil)

                var sum = 0.0
                for smoothing in [0.3, 0] {
                    var d = PaddedGrid<T>(rows, classes, gap: 3) { _, _ in 7 }
                    sum = kernels.loss_softmax(
                        rows, classes, z.values, z.stride, y, 1, 0.5, &d.values, d.stride, smoothing)
                    #expect(
                        d.difference(relative: room, absolute: kernels.relative) { i, j in
                            let label = (T(j) == y[i] ? 1 - smoothing : 0) + smoothing / Double(classes)
                            return y[i].isNaN ? 0 : 0.5 * (probability(i, j) - label)
                        } == nil)
                }
                let wanted = (0..<rows).filter { !y[$0].isNaN }.reduce(0.0) {
                    $0 + log(sums[$1]) + top[$1] - Double(z[$1, Int(y[$1])])
                }
                #expect(abs(sum - wanted) <= kernels.relative * (wanted + Double(rows)))
                let unasked = kernels.loss_softmax(
                    rows, classes, z.values, z.stride, y, 1, 0.5, nil, 0, 0.3)
                #expect(unasked == sum)
                let stranger = Array(repeating: T(classes), count: rows)
                #expect(
                    kernels.loss_softmax(rows, classes, z.values, z.stride, stranger, 1, 1, nil, 0, 0)
                        .isNaN)
            }
        }
    }

    @Test(arguments: levels) func sgdMatchesTheReference(level: Int32) {
        check(ElementwiseKernels(Float.self, level: level))
        check(ElementwiseKernels(Double.self, level: level))
        func check<T>(_ kernels: ElementwiseKernels<T>) {
            for (n, variant) in sizes.flatMap({ n in (0..<6).map { (n, $0) } }) {
                var noise = KernelNoise(n)
                let (momentum, nesterov) = (variant > 1, variant > 3)
                let dampening: T = variant == 3 ? 0.25 : 0
                let decay: T = variant % 2 == 0 ? 0 : 0.125
                var p: [T] = noise.list(n, 1), buffer = [T](repeating: 9, count: n)
                var wanted = p.map { Double($0) }, velocity = [Double](repeating: 0, count: n)
                for step in 0..<4 {
                    let g: [T] = noise.list(n, 1)
                    buffer.withUnsafeMutableBufferPointer {
                        kernels.sgd(
                            n, &p, g, momentum ? $0.baseAddress : nil, 0.125, 0.875, Double(dampening),
                            nesterov, Double(decay), step == 0)
                    }
                    for i in 0..<n {
                        var slope = Double(g[i]) + Double(decay) * wanted[i]
                        velocity[i] =
                            step == 0 ? slope : 0.875 * velocity[i] + (1 - Double(dampening)) * slope
                        if momentum { slope = nesterov ? slope + 0.875 * velocity[i] : velocity[i] }
                        wanted[i] -= 0.125 * slope
                    }
                }
                let found = PaddedGrid<T>(1, n) { p[$1] }
                #expect(
                    found.difference(relative: kernels.relative, absolute: kernels.relative) { wanted[$1] }
                        == nil)
            }
        }
    }

    @Test(arguments: levels) func adamMatchesTheReference(level: Int32) {
        check(ElementwiseKernels(Float.self, level: level))
        check(ElementwiseKernels(Double.self, level: level))
        func check<T>(_ kernels: ElementwiseKernels<T>) {
            for (n, variant) in sizes.flatMap({ n in (0..<6).map { (n, $0) } }) {
                var noise = KernelNoise(n)
                let (beta1, beta2) = (variant < 3 ? 0.875 : 0.25, 0.96875)
                let (decay, decoupled) = (variant % 3 == 0 ? 0 : 0.125, variant % 3 == 2)
                var p: [T] = noise.list(n, 1), m = [T](repeating: 0, count: n), v = m
                var wanted = p.map { Double($0) }, first = [Double](repeating: 0, count: n), second = first
                for step in 1...4 {
                    let g: [T] = noise.list(n, 1)
                    let (correction1, correction2) = (
                        1 - pow(beta1, Double(step)), 1 - pow(beta2, Double(step))
                    )
                    kernels.adam(
                        n, &p, g, &m, &v, 0.03125, beta1, beta2, 1 - beta1, 1 - beta2,
                        1e-8,
                        decay, decoupled, correction1, correction2.squareRoot())
                    for i in 0..<n {
                        let slope = Double(g[i]) + (decoupled ? 0 : decay * wanted[i])
                        if decoupled { wanted[i] *= 1 - 0.03125 * decay }
                        first[i] = beta1 * first[i] + (1 - beta1) * slope
                        second[i] = beta2 * second[i] + (1 - beta2) * slope * slope
                        let root = (second[i] / correction2).squareRoot()
                        wanted[i] -= 0.03125 * first[i] / correction1 / (root + Double(T(1e-8)))
                    }
                }
                let found = [p, m, v].map { list in PaddedGrid<T>(1, n) { list[$1] } }
                for (grid, reference) in zip(found, [wanted, first, second]) {
                    #expect(
                        grid.difference(relative: kernels.relative, absolute: kernels.relative) {
                            reference[$1]
                        }
                            == nil)
                }
            }
        }
    }

    @Test(arguments: levels) func matricesMatchTheReferenceExactly(level: Int32) {
        check(ElementwiseKernels(Float.self, level: level))
        check(ElementwiseKernels(Double.self, level: level))
        func check<T>(_ kernels: ElementwiseKernels<T>) {
            for (rows, columns) in sizes.flatMap({ r in sizes.map { (r, $0) } }) {
                var noise = KernelNoise(rows * 200 + columns)
                let a = PaddedGrid<T>(rows, columns, gap: 3) { _, _ in noise.next(4) }
                var turned = PaddedGrid<T>(columns, rows, gap: 2) { _, _ in 0 }
                kernels.transpose(rows, columns, a.values, a.stride, &turned.values, turned.stride)
                #expect(turned.difference(relative: 0) { Double(a[$1, $0]) } == nil)

                for accumulate in [false, true] {
                    var sums = PaddedGrid<T>(1, columns, gap: 1) { _, j in T(j) }
                    kernels.column_sums(
                        rows, columns, a.values, a.stride, &sums.values, accumulate)
                    #expect(
                        sums.difference(relative: 0) { _, j in
                            Double((0..<rows).reduce(accumulate ? T(j) : 0) { $0 + a[$1, j] })
                        } == nil)
                }
                var b = PaddedGrid<T>(rows, columns, gap: 1) { _, _ in 1 }
                kernels.add(rows, columns, a.values, a.stride, &b.values, b.stride)
                #expect(b.difference(relative: 0) { Double(1 + a[$0, $1]) } == nil)

                let count = a.values.count
                var (scaled, moved) = (a.values, a.values)
                kernels.linear(1, count, 0.3, a.values, count, &scaled, count, false)
                kernels.linear(1, count, 2, a.values, count, &moved, count, true)
                #expect(scaled == a.values.map { $0 * 0.3 } && moved == a.values.map { $0 * 3 })

                let parts = a.values + a.values.map { 2 - $0 * 3 }
                for relu in [false, true] {
                    var sum = PaddedGrid<T>(rows, columns, gap: 1) { _, _ in 7 }
                    kernels.sum_parts(
                        rows, columns, 2, parts, count, a.stride, relu, &sum.values, sum.stride)
                    #expect(
                        sum.difference(relative: 0) { row, column in
                            let value = a[row, column] + (2 - a[row, column] * 3)
                            return Double(relu ? max(value, 0) : value)
                        } == nil)
                }
            }
        }
    }

    @Test(arguments: levels) func anySplitGivesTheSameBits(level: Int32) {
        check(ElementwiseKernels(Float.self, level: level))
        check(ElementwiseKernels(Double.self, level: level))
        func check<T>(_ k: ElementwiseKernels<T>) {
            typealias Operation = (Int, UnsafePointer<T>, [UnsafeMutablePointer<T>]) -> Void
            var operations: [Operation] = (Int32(0)...6).flatMap { code -> [Operation] in
                [
                    { n, x, o in k.activate(code, 1, n, x, n, o[0], n) },
                    { n, x, o in k.activate_backward(code, 1, n, x, n, o[0], n) },
                ]
            }
            operations += [
                { n, x, o in _ = k.loss_binary(n, x, 1, o[1], 1, 0.3, o[0], 1, 0.2) },
                { n, x, o in _ = k.loss_squared(n, x, 1, o[1], 1, 0.3, o[0], 1) },
                { n, x, o in _ = k.loss_huber(n, x, 1, o[1], 1, 0.3, o[0], 1, 0.7) },
                { n, x, o in k.sigmoid_rows(n, x, 1, o[0], 1) },
                { n, x, o in k.sgd(n, o[0], x, o[1], 0.1, 0.9, 0.3, true, 0.2, false) },
                { n, x, o in k.linear(1, n, 0.3, x, n, o[0], n, true) },
                { n, x, o in k.average(n, o[0], x, 0.9, 0.1) },
                { n, x, o in k.average(n, o[0], x, 0.2, 0.8) },
                { n, x, o in k.column_sums(1, n, x, n, o[0], true) },
            ]
            for (beta, decoupled) in [(0.9, false), (0.2, true)] {
                operations.append { n, x, o in
                    k.adam(
                        n, o[0], x, o[1], o[2], 0.1, beta, 0.99, 1 - beta, 0.01, 1e-8, 0.3, decoupled,
                        0.7,
                        0.3)
                }
            }
            for classes in [3, 16, 21] {
                operations.append { n, x, o in
                    _ = k.loss_softmax(n / classes, classes, x, classes, o[3], 1, 0.3, o[0], classes, 0.2)
                }
            }
            var noise = KernelNoise(5)
            let count = 16 * 21 * 3
            let x: [T] = noise.list(count, 6)
            let positive: [T] = noise.list(count, 1).map { (value: T) in abs(value) }
            for (number, operation) in operations.enumerated() {
                // One block for the four arrays: pieces begin at addresses of any alignment.
                func run(_ cuts: [Int]) -> [UInt8] {
                    var block = x.reversed() + positive + positive + [T](repeating: 1, count: count)
                    block.withUnsafeMutableBufferPointer { block in
                        guard let base = block.baseAddress else { return }
                        for (from, to) in zip(cuts, cuts.dropFirst()) {
                            x.withUnsafeBufferPointer { x in
                                guard let x = x.baseAddress else { return }
                                operation(to - from, x + from, (0..<4).map { base + $0 * count + from })
                            }
                        }
                    }
                    return block.withUnsafeBytes(Array.init)
                }
                let softmax = number >= operations.count - 3
                let unit = softmax ? [3, 16, 21][number - operations.count + 3] : 1
                let cuts = [0, 1, 4, 21, 38].map { $0 * unit } + [count]
                #expect(run([0, count]) == run(cuts), "operation \(number)")
            }
        }
    }
}
