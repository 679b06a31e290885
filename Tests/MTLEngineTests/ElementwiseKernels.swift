import MTLEngine
import MTLKernels

/// The C kernels of one scalar type and instruction set, so that one test serves all.
@dynamicMemberLookup
struct ElementwiseKernels<T: BLASScalar> {
    let table: mtl_kernels
    /// What the header promises of an element, with room for the reference's own rounding.
    let relative = T.self == Float.self ? 8e-7 : 1e-14

    init(_: T.Type, level: Int32) { table = T._kernels(level: level).load(as: mtl_kernels.self) }

    subscript<Kernel>(dynamicMember kernel: KeyPath<mtl_kernels, Kernel>) -> Kernel { table[keyPath: kernel] }
}

/// A row-major matrix with unused columns behind each row, filled with a value that no kernel may change.
struct PaddedGrid<T: BinaryFloatingPoint> {
    static var untouched: T { 12345 }
    let rows: Int, columns: Int, stride: Int
    var values: [T]

    init(_ rows: Int, _ columns: Int, gap: Int = 0, _ value: (Int, Int) -> T) {
        (self.rows, self.columns, stride) = (rows, columns, columns + gap)
        values = Array(repeating: Self.untouched, count: rows * stride)
        for i in 0..<rows { for j in 0..<columns { values[i * stride + j] = value(i, j) } }
    }

    subscript(i: Int, j: Int) -> T { values[i * stride + j] }

    /// The first element that is farther from `expected` than `relative` allows, or a gap written to.
    func difference(relative: Double, absolute: Double = 0, _ expected: (Int, Int) -> Double) -> String? {
        for i in 0..<rows {
            for j in 0..<stride {
                let found = Double(self[i, j])
                let wanted = j < columns ? expected(i, j) : Double(Self.untouched)
                if found == wanted || found.isNaN && wanted.isNaN { continue }
                let room = relative * abs(wanted) + absolute + Double(T.leastNormalMagnitude)
                if !(abs(found - wanted) <= room) { return "[\(i), \(j)] is \(found), not \(wanted)" }
            }
        }
        return nil
    }
}

struct KernelNoise {
    var state: UInt64
    init(_ seed: Int) { state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1 }
    /// Uniform in -bound ..< bound.
    mutating func next<T: BinaryFloatingPoint>(_ bound: Double) -> T {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return T((Double(state >> 11) / 4_503_599_627_370_496 - 1) * bound)
    }
    mutating func list<T: BinaryFloatingPoint>(_ count: Int, _ bound: Double) -> [T] {
        (0..<count).map { _ in next(bound) }
    }
}
