internal import MTLKernels

/// The vector instructions a kernel is compiled for; every one gives the same results up to rounding.
public enum InstructionSet: Int32, Sendable, CaseIterable, Comparable {
    /// What the platform always has: SSE2 on x86-64, NEON on arm64.
    case baseline = 0
    /// AVX2 with fused multiply-add.
    case avx2 = 1
    /// AVX-512 (F, BW, DQ, VL).
    case avx512 = 2

    /// The widest one that this machine and its operating system support.
    public static let best = InstructionSet(rawValue: Int32(mtl_cpu_best_level())) ?? .baseline

    /// Whether this machine can run it.
    public var isAvailable: Bool { self <= .best }

    /// Narrower vectors come before wider ones.
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// Which code multiplies matrices.
public enum MatrixBackend: Sendable, Equatable {
    /// OpenBLAS, one thread per worker; the element-wise passes run after it.
    case openBLAS
    /// The engine's own kernels, with bias, activation and its backward pass fused into the product.
    case kernels

    /// The kernels where they have vector code of their own (AVX2, AVX-512: they keep up with OpenBLAS on
    /// large layers and pass it on small ones), OpenBLAS elsewhere.
    public static var automatic: MatrixBackend { InstructionSet.best == .baseline ? .openBLAS : .kernels }
}
