internal import CBLAS
internal import MTLKernels

/// The scalar types the numeric core is compiled for: `Float` to run in, `Double` to check in.
///
/// The underscored requirements are not API.
public protocol BLASScalar: BinaryFloatingPoint, BitwiseCopyable, Sendable {
    /// The table of the type's C kernels (`mtl_kernels`) for the instruction set `level`.
    static func _kernels(level: Int32) -> UnsafeRawPointer

    /// C = A·B of `[m, k]` and `[k, n]`, or C + A·B with `accumulate`, by OpenBLAS.
    static func _blas(
        transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, a: UnsafePointer<Self>, lda: Int,
        b: UnsafePointer<Self>, ldb: Int, accumulate: Bool, c: UnsafeMutablePointer<Self>, ldc: Int)
}

extension Float: BLASScalar {
    /// Not API.
    public static func _kernels(level: Int32) -> UnsafeRawPointer {
        UnsafeRawPointer(mtl_float_kernels(level))
    }

    /// Not API.
    public static func _blas(
        transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, a: UnsafePointer<Float>, lda: Int,
        b: UnsafePointer<Float>, ldb: Int, accumulate: Bool, c: UnsafeMutablePointer<Float>, ldc: Int
    ) {
        cblas_sgemm(
            CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
            blasint(m), blasint(n), blasint(k), 1, a, blasint(lda), b, blasint(ldb), accumulate ? 1 : 0, c,
            blasint(ldc))
    }
}

extension Double: BLASScalar {
    /// Not API.
    public static func _kernels(level: Int32) -> UnsafeRawPointer {
        UnsafeRawPointer(mtl_double_kernels(level))
    }

    /// Not API.
    public static func _blas(
        transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, a: UnsafePointer<Double>, lda: Int,
        b: UnsafePointer<Double>, ldb: Int, accumulate: Bool, c: UnsafeMutablePointer<Double>, ldc: Int
    ) {
        cblas_dgemm(
            CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
            blasint(m), blasint(n), blasint(k), 1, a, blasint(lda), b, blasint(ldb), accumulate ? 1 : 0, c,
            blasint(ldc))
    }
}

extension BLASScalar {
    package typealias _In = UnsafePointer<Self>
    package typealias _Out = UnsafeMutablePointer<Self>
    package typealias _IDs = UnsafePointer<Int32>

    /// `level` is the number of an available `InstructionSet`.
    @inline(__always)
    static func kernels(_ level: Int32) -> UnsafePointer<mtl_kernels> {
        _kernels(level: level).assumingMemoryBound(to: mtl_kernels.self)
    }
}
