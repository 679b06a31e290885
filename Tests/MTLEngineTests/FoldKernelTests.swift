import MTLEngine
import MTLKernels
import MTLTestSupport
import Testing

private let levels = (0...mtl_cpu_best_level()).map { Int32($0) }

/// The kernels of projected tables against loops.
@Suite struct FoldKernelTests {
    static let shapes = [(1, 1), (2, 3), (4, 17), (5, 64), (7, 65), (9, 128), (3, 129), (4, 256)]

    @Test(arguments: levels, [false, true]) func foldsAreTheirLoops(level: Int32, gathered: Bool) throws {
        for (fields, width) in Self.shapes {
            for gated in [false, true] {
                try Fold<Float>(fields, width, gathered: gathered, gated: gated).check(level, 4e-6)
                try Fold<Double>(fields, width, gathered: gathered, gated: gated).check(level, 1e-14)
            }
        }
    }
}

/// Rows with an id per field, a matrix per field to look them up in, and gates of which every third field has none of its own.
private struct Fold<T: BLASScalar> {
    private let fields: Int, width: Int
    /// Between a table's rows: whole vectors, of which the columns behind `width` are 0.
    private let stride: Int
    private let rows = 70, tableRows = 6, first = 3
    let ids: [[Int32]]
    let products: [[T]]
    let gates: [[T]]
    let gateStrides: [Int]
    let isGated: Bool
    let indices: [Int32]?
    let dz: PaddedGrid<T>
    let bias: [T]

    init(_ fields: Int, _ width: Int, gathered: Bool, gated: Bool) {
        var noise = KernelNoise(fields * 1000 + width)
        (self.fields, self.width) = (fields, width)
        let vector = 64 / MemoryLayout<T>.stride
        let stride = (width + vector - 1) / vector * vector
        self.stride = stride
        let (rows, tableRows, first) = (rows, tableRows, first)
        ids = (0..<fields).map { field in
            (0..<rows + 5).map { Int32(($0 * (field + 3) + $0 / 7) % tableRows) }
        }
        products = (0..<fields).map { _ in
            (0..<tableRows * stride).map { $0 % stride < width ? noise.next(1) : 0 }
        }
        gates = (0..<fields).map { $0 % 3 == 2 ? [1] : noise.list((rows + first) * 5, 1) }
        gateStrides = (0..<fields).map { $0 % 3 == 2 ? 0 : 5 }
        isGated = gated
        indices = gathered ? (0..<Int32(rows)).map { $0 * 31 % Int32(rows) } : nil
        dz = PaddedGrid(rows, width, gap: 3) { _, _ in noise.next(1) }
        bias = noise.list(width, 1)
    }

    private func id(_ field: Int, _ row: Int) -> Int {
        Int(ids[field][indices.map { Int($0[row]) } ?? row + 5])
    }

    private func gate(_ field: Int, _ row: Int) -> Double {
        isGated ? Double(gates[field][(first + row) * gateStrides[field]]) : 1
    }

    private func pointers<E, R>(_ lists: [[E]], _ body: ([UnsafePointer<E>?]) throws -> R) rethrows -> R {
        func next(_ index: Int, _ found: [UnsafePointer<E>?]) throws -> R {
            guard index < lists.count else { return try body(found) }
            return try lists[index].withUnsafeBufferPointer { try next(index + 1, found + [$0.baseAddress]) }
        }
        return try next(0, [])
    }

    func check(_ level: Int32, _ relative: Double) throws {
        let kernels = ElementwiseKernels(T.self, level: level)
        let start = indices == nil ? 5 : 0
        var z = PaddedGrid<T>(rows, width, gap: 2) { _, _ in 0 }
        let sums = products.map { AlignedStorage<T>(copying: $0.map { _ in 0.5 }) }
        var dots = PaddedGrid<T>(rows + first, fields, gap: 1) { _, _ in 0.25 }
        let strides = [Int](repeating: dots.stride, count: fields)

        pointers(ids) { ids in
            pointers(products) { products in
                pointers(gates) { gates in
                    let gates: [UnsafePointer<T>?]? = isGated ? gates : nil
                    func withGates(_ body: (UnsafeRawPointer?) -> Void) {
                        guard let gates else { return body(nil) }
                        gates.withUnsafeBytes { body($0.baseAddress) }
                    }
                    withGates { gates in
                        kernels.fold_gather(
                            rows, indices, start, fields, ids, products, width, stride, gates, gateStrides,
                            first, bias,
                            false, &z.values, z.stride)
                        kernels.fold_scatter(
                            rows, indices, start, fields, ids, sums.map(\.base), width, stride, gates,
                            gateStrides,
                            first, dz.values, dz.stride)
                    }
                    dots.values.withUnsafeMutableBufferPointer { target in
                        let targets = (0..<fields).map { field in target.baseAddress.map { $0 + field } }
                        kernels.fold_dots(
                            rows, indices, start, fields, ids, products, width, stride, dz.values, dz.stride,
                            targets,
                            strides, first, true)
                    }
                }
            }
        }

        #expect(
            z.difference(relative: relative, absolute: relative * Double(fields)) { row, column in
                (0..<fields).reduce(Double(bias[column])) {
                    $0 + gate($1, row) * Double(products[$1][id($1, row) * stride + column])
                }
            } == nil, "gather")
        #expect(
            dots.difference(relative: relative, absolute: relative * Double(width)) { row, field in
                guard row >= first else { return 0.25 }
                return (0..<width).reduce(0.25) {
                    $0 + Double(products[field][id(field, row - first) * stride + $1])
                        * Double(dz[row - first, $1])
                }
            } == nil, "dots")
        for field in 0..<fields {
            var expected = [Double](repeating: 0.5, count: tableRows * stride)
            for row in 0..<rows {
                let id = id(field, row)
                for column in 0..<width {
                    expected[id * stride + column] += gate(field, row) * Double(dz[row, column])
                }
            }
            expectClose(
                UnsafeBufferPointer(start: sums[field].base, count: expected.count).map { Double($0) },
                expected, relative: relative, absolute: relative * 70,
                "scatter, field \(field) of \(fields), \(width) columns")
        }
    }
}
