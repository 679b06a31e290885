import MTLKernels

/// The C kernels of one scalar type, so that one test serves both.
struct ElementwiseKernels<T: BinaryFloatingPoint> {
    typealias In = UnsafePointer<T>
    typealias Out = UnsafeMutablePointer<T>
    typealias Loss = (Int32, Int, In, Int, In, Int, T, Out?, Int) -> Double

    var activate: (Int32, Int32, Int, Int, In, Int, Out, Int) -> Void
    var activateBackward: (Int32, Int32, Int, Int, In, Int, Out, Int) -> Void
    var countLabelled: (Int32, Int, In, Int) -> Int
    var lossBinary: Loss
    var lossSquared: Loss
    var lossHuber: (Int32, Int, In, Int, In, Int, T, Out?, Int, T) -> Double
    var lossSoftmax: (Int32, Int, Int, In, Int, In, Int, T, Out?, Int) -> Double
    var sigmoidRows: (Int32, Int, In, Int, Out, Int) -> Void
    var softmaxRows: (Int32, Int, Int, In, Int, Out, Int) -> Void
    var sgd: (Int32, Int, Out, In, Out?, T, T, T, Int32, T, Int32) -> Void
    var adam: (Int32, Int, Out, In, Out, Out, T, T, T, T, T, T, T, Int32, T, T) -> Void
    var transpose: (Int32, Int, Int, In, Int, Out, Int) -> Void
    var columnSums: (Int32, Int, Int, In, Int, Out, Int32) -> Void
    var add: (Int32, Int, Int, In, Int, Out, Int) -> Void
    var addRows: (Int32, Int, Int, In, Out, Int) -> Void
    var axpy: (Int32, Int, T, In, Out) -> Void
    var scale: (Int32, Int, T, Out) -> Void
    /// What the header promises of an element, with room for the reference's own rounding.
    var relative: Double
}

extension ElementwiseKernels where T == Float {
    static var single: Self {
        Self(
            activate: mtl_activate_f32, activateBackward: mtl_activate_backward_f32,
            countLabelled: mtl_count_labelled_f32, lossBinary: mtl_loss_binary_f32,
            lossSquared: mtl_loss_squared_f32, lossHuber: mtl_loss_huber_f32,
            lossSoftmax: mtl_loss_softmax_f32,
            sigmoidRows: mtl_sigmoid_rows_f32, softmaxRows: mtl_softmax_rows_f32, sgd: mtl_sgd_f32,
            adam: mtl_adam_f32, transpose: mtl_transpose_f32, columnSums: mtl_column_sums_f32,
            add: mtl_add_f32,
            addRows: mtl_add_rows_f32, axpy: mtl_axpy_f32, scale: mtl_scale_f32, relative: 8e-7)
    }
}

extension ElementwiseKernels where T == Double {
    static var double: Self {
        Self(
            activate: mtl_activate_f64, activateBackward: mtl_activate_backward_f64,
            countLabelled: mtl_count_labelled_f64, lossBinary: mtl_loss_binary_f64,
            lossSquared: mtl_loss_squared_f64, lossHuber: mtl_loss_huber_f64,
            lossSoftmax: mtl_loss_softmax_f64,
            sigmoidRows: mtl_sigmoid_rows_f64, softmaxRows: mtl_softmax_rows_f64, sgd: mtl_sgd_f64,
            adam: mtl_adam_f64, transpose: mtl_transpose_f64, columnSums: mtl_column_sums_f64,
            add: mtl_add_f64,
            addRows: mtl_add_rows_f64, axpy: mtl_axpy_f64, scale: mtl_scale_f64, relative: 1e-14)
    }
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
