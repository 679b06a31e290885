import MTLEngine
import MTLKernels
import Testing

struct InnerProductKernelTests {
    /// Eight chains of additions in Double, put together in one order: the same bits at every level.
    private func reference<T: BLASScalar>(_ x: ArraySlice<T>, _ y: ArraySlice<T>) -> Double {
        let products = zip(x, y).map { Double($0) * Double($1) }
        let whole = products.count / 8 * 8
        var s = [Double](repeating: 0, count: 8)
        for e in 0..<whole { s[e % 8] += products[e] }
        let rest = products[whole...].reduce(0, +)
        return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7])) + rest
    }

    @Test(arguments: 0...mtl_cpu_best_level())
    func sumsHaveTheReferencesBits(level: Int32) {
        check(ElementwiseKernels(Float.self, level: level))
        check(ElementwiseKernels(Double.self, level: level))
        func check<T>(_ kernels: ElementwiseKernels<T>) {
            for (vectors, count) in [(1, 0), (1, 7), (2, 8), (3, 65), (4, 1024), (5, 13), (9, 40)] {
                var noise = KernelNoise(vectors * 2000 + count)
                let ld = count + 3
                let x: [T] = noise.list(count, 2)
                let y: [T] = noise.list(vectors * ld, 2)
                var sums = [Double](repeating: .nan, count: vectors + 1)
                sums[vectors] = 7
                kernels.inner_products(vectors, count, x, y, ld, &sums)
                for v in 0..<vectors {
                    #expect(sums[v] == reference(x[...], y[(v * ld)..<(v * ld + count)]))
                }
                #expect(sums[vectors] == 7, "written behind the last sum")
            }
        }
    }
}
