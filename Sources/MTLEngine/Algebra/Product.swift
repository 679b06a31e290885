internal import CBLAS
internal import MTLKernels

/// The one place that multiplies matrices: shapes are checked here, once, and the back end is chosen here.
///
/// m rows of C · n columns of C · k length of a dot product
package struct Product<Scalar: BLASScalar>: Sendable {
    package let backend: MatrixBackend
    package let level: Int32

    package init(backend: MatrixBackend, instructions: InstructionSet) {
        self.backend = backend
        level = instructions.rawValue
        // Workers bring their own rows; a BLAS that started threads of its own under them would only get in the way.
        if backend == .openBLAS { openblas_set_num_threads(1) }
    }

    /// What happens to a product on its way into C.
    package enum Epilogue {
        /// C = A·B
        case none
        /// C = A·B + bias
        case bias(UnsafePointer<Scalar>)
        /// C = max(A·B + bias, 0)
        case biasReLU(UnsafePointer<Scalar>)
        /// C = A·B where gate > 0, else 0 (the backward pass of ReLU; the gate is its output)
        case gate(MatrixView<Scalar>)
    }

    /// C = epilogue(A·B), or epilogue(C + A·B) with `accumulate`: `[m, k]`·`[k, n]`.
    package func multiply(
        _ a: MatrixView<Scalar>, _ b: MatrixView<Scalar>, into c: MatrixView<Scalar>,
        accumulate: Bool = false,
        epilogue: Epilogue = .none
    ) {
        precondition(
            a.rows == c.rows && b.columns == c.columns && a.columns == b.rows,
            "[\(a.rows), \(a.columns)] x [\(b.rows), \(b.columns)] into [\(c.rows), \(c.columns)]")
        run(
            transposed: false, a, b, c, m: c.rows, n: c.columns, k: a.columns, accumulate: accumulate,
            epilogue: epilogue)
    }

    /// C = AᵀB, or C + AᵀB with `accumulate`: `[k, m]`ᵀ·`[k, n]`.
    package func multiplyTransposed(
        _ a: MatrixView<Scalar>, _ b: MatrixView<Scalar>, into c: MatrixView<Scalar>, accumulate: Bool
    ) {
        precondition(
            a.columns == c.rows && b.columns == c.columns && a.rows == b.rows,
            "[\(a.rows), \(a.columns)]ᵀ x [\(b.rows), \(b.columns)] into [\(c.rows), \(c.columns)]")
        run(
            transposed: true, a, b, c, m: c.rows, n: c.columns, k: a.rows, accumulate: accumulate,
            epilogue: .none)
    }

    /// C = A·Bᵀ + bias for a narrow C (logits): `[m, k]`·`[n, k]`ᵀ.
    package func multiplyNarrow(
        _ a: MatrixView<Scalar>, byTransposeOf b: MatrixView<Scalar>, bias: UnsafePointer<Scalar>,
        into c: MatrixView<Scalar>
    ) {
        precondition(
            a.rows == c.rows && b.rows == c.columns && a.columns == b.columns,
            "[\(a.rows), \(a.columns)] x [\(b.rows), \(b.columns)]ᵀ into [\(c.rows), \(c.columns)]")
        switch backend {
        case .kernels:
            Scalar._gemmDot(
                level: level, m: c.rows, n: c.columns, k: a.columns, a: a.base, lda: a.stride, b: b.base,
                ldb: b.stride, c: c.base, ldc: c.stride, bias: bias)
        case .openBLAS:
            spread(bias, over: c)
            Scalar._blas(
                transposeA: false, transposeB: true, m: c.rows, n: c.columns, k: a.columns, a: a.base,
                lda: a.stride, b: b.base, ldb: b.stride, accumulate: true, c: c.base, ldc: c.stride)
        }
    }

    private func run(
        transposed: Bool, _ a: MatrixView<Scalar>, _ b: MatrixView<Scalar>, _ c: MatrixView<Scalar>, m: Int,
        n: Int, k: Int, accumulate: Bool, epilogue: Epilogue
    ) {
        var flags = accumulate ? Int32(MTL_GEMM_ACCUMULATE) : 0
        var bias: UnsafePointer<Scalar>?
        var gate: MatrixView<Scalar>?
        switch epilogue {
        case .none: break
        case .bias(let values):
            bias = values
            flags |= Int32(MTL_GEMM_BIAS)
        case .biasReLU(let values):
            bias = values
            flags |= Int32(MTL_GEMM_BIAS | MTL_GEMM_RELU)
        case .gate(let outputs):
            precondition(
                outputs.rows == m && outputs.columns == n,
                "gate [\(outputs.rows), \(outputs.columns)] on [\(m), \(n)]")
            gate = outputs
            flags |= Int32(MTL_GEMM_RELU_GATE)
        }
        switch backend {
        case .kernels:
            Scalar._gemm(
                level: level, m: m, n: n, k: k, a: a.base, rowStride: transposed ? 1 : a.stride,
                columnStride: transposed ? a.stride : 1, b: b.base, ldb: b.stride, c: c.base, ldc: c.stride,
                flags: flags, bias: bias, gate: gate.map { UnsafePointer($0.base) }, ldgate: gate?.stride ?? 0
            )
        case .openBLAS:
            if let bias, !accumulate { spread(bias, over: c) }
            Scalar._blas(
                transposeA: transposed, transposeB: false, m: m, n: n, k: k, a: a.base, lda: a.stride,
                b: b.base,
                ldb: b.stride, accumulate: accumulate || bias != nil, c: c.base, ldc: c.stride)
            if case .biasReLU = epilogue {
                Scalar._activate(
                    level: level, activation: Activation.relu.code, rows: m, columns: n, z: c.base,
                    ldz: c.stride,
                    h: c.base, ldh: c.stride)
            }
            if let gate {
                Scalar._activateBackward(
                    level: level, activation: Activation.relu.code, rows: m, columns: n, saved: gate.base,
                    lds: gate.stride, d: c.base, ldd: c.stride)
            }
        }
    }

    private func spread(_ bias: UnsafePointer<Scalar>, over c: MatrixView<Scalar>) {
        for row in 0..<c.rows { (c.base + row * c.stride).update(from: bias, count: c.columns) }
    }
}
