import Benchmark
import CBLAS
import MTLEngine
import MTLKernels

/// A block of numbers with the spare elements behind it that the kernels may read.
final class Numbers {
    let base: UnsafeMutablePointer<Float>

    init(_ count: Int, seed: UInt64 = 1) {
        base = .allocate(capacity: count + 64)
        var generator = SeededGenerator(seed: seed)
        for index in 0..<count + 64 { base[index] = Float(generator.uniform()) - 0.5 }
    }

    deinit { base.deallocate() }
}

/// The table of the widest instruction set.
let kernels = mtl_float_kernels(InstructionSet.best.rawValue).pointee
let relu: Int32 = 1

/// x W + b with ReLU, the gradients of x and of W: one dense layer there and back.
func layerPair(rows: Int, inputs: Int, outputs: Int) -> () -> Void {
    let (x, w, b) = (Numbers(rows * inputs), Numbers(inputs * outputs), Numbers(outputs))
    let (h, dz, dx, dw) = (
        Numbers(rows * outputs), Numbers(rows * outputs), Numbers(rows * inputs), Numbers(inputs * outputs)
    )
    let transposed = Numbers(inputs * outputs)
    return {
        kernels.gemm(
            rows, outputs, inputs, x.base, inputs, 1, w.base, outputs, h.base, outputs,
            Int32(MTL_GEMM_BIAS | MTL_GEMM_RELU), b.base, nil, 0)
        kernels.gemm(
            rows, inputs, outputs, dz.base, outputs, 1, transposed.base, inputs, dx.base, inputs, 0,
            nil, nil, 0)
        kernels.gemm(
            inputs, outputs, rows, x.base, 1, inputs, dz.base, outputs, dw.base, outputs, 0, nil, nil,
            0)
        blackHole(dw.base[0])
    }
}

let benchmarks: @Sendable () -> Void = {
    openblas_set_num_threads(1)
    Benchmark.defaultConfiguration = .init(
        metrics: [.wallClock, .throughput, .peakMemoryResident], warmupIterations: 10, scalingFactor: .kilo,
        maxDuration: .milliseconds(500))

    for (m, n, k) in [(16, 64, 100), (128, 64, 100), (256, 64, 64), (256, 512, 512)] {
        let (a, b, c) = (Numbers(m * k), Numbers(k * n), Numbers(m * n))
        let scale: BenchmarkScalingFactor = m * n * k > 1 << 24 ? .one : .kilo
        Benchmark("product \(m)x\(n)x\(k), kernels", configuration: .init(scalingFactor: scale)) {
            benchmark in
            for _ in benchmark.scaledIterations {
                kernels.gemm(m, n, k, a.base, k, 1, b.base, n, c.base, n, 0, nil, nil, 0)
            }
        }
        Benchmark("product \(m)x\(n)x\(k), OpenBLAS", configuration: .init(scalingFactor: scale)) {
            benchmark in
            for _ in benchmark.scaledIterations {
                cblas_sgemm(
                    CblasRowMajor, CblasNoTrans, CblasNoTrans, Int32(m), Int32(n), Int32(k), 1, a.base,
                    Int32(k),
                    b.base, Int32(n), 0, c.base, Int32(n))
            }
        }
    }

    for (rows, inputs, outputs) in [(32, 100, 64), (256, 100, 64), (256, 64, 64)] {
        let pair = layerPair(rows: rows, inputs: inputs, outputs: outputs)
        Benchmark("dense \(inputs) -> \(outputs), \(rows) rows, there and back") { benchmark in
            for _ in benchmark.scaledIterations { pair() }
        }
    }

    for activation in [Activation.relu, .tanh, .sigmoid, .gelu] {
        let (z, h) = (Numbers(256 * 64), Numbers(256 * 64))
        let code = Int32(Activation.allCases.firstIndex(of: activation) ?? 0)
        Benchmark("\(activation) 256 x 64") { benchmark in
            for _ in benchmark.scaledIterations {
                kernels.activate(code, 256, 64, z.base, 64, h.base, 64)
            }
        }
    }

    let (logits, slopes) = (Numbers(256 * 8), Numbers(256 * 8))
    let labels = Numbers(256)
    for row in 0..<256 { labels.base[row] = Float(row % 2) }
    Benchmark("binary loss, 256 rows") { benchmark in
        for _ in benchmark.scaledIterations {
            blackHole(kernels.loss_binary(256, logits.base, 8, labels.base, 1, 0.01, slopes.base, 8, 0))
        }
    }
    Benchmark("softmax loss, 256 rows of 8 classes") { benchmark in
        for _ in benchmark.scaledIterations {
            blackHole(
                kernels.loss_softmax(256, 8, logits.base, 8, labels.base, 1, 0.01, slopes.base, 8, 0))
        }
    }
    Benchmark("Huber loss, 256 rows") { benchmark in
        for _ in benchmark.scaledIterations {
            blackHole(kernels.loss_huber(256, logits.base, 8, labels.base, 1, 0.01, slopes.base, 8, 1))
        }
    }

    for count in [10_000, 500_000] {
        let (p, g, m, v) = (Numbers(count), Numbers(count), Numbers(count), Numbers(count))
        for index in 0..<count { v.base[index] = abs(v.base[index]) }
        let scale: BenchmarkScalingFactor = count > 100_000 ? .one : .kilo
        Benchmark("Adam, \(count) parameters", configuration: .init(scalingFactor: scale)) { benchmark in
            for _ in benchmark.scaledIterations {
                kernels.adam(
                    count, p.base, g.base, m.base, v.base, 1e-3, 0.9, 0.999, 0.1, 0.001, 1e-8, 0, false,
                    0.5, 0.5)
            }
        }
        Benchmark("SGD with momentum, \(count) parameters", configuration: .init(scalingFactor: scale)) {
            benchmark in
            for _ in benchmark.scaledIterations {
                kernels.sgd(count, p.base, g.base, m.base, 1e-9, 0.9, 0, false, 0, false)
            }
        }
    }
}
