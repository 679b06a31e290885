// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

/// The kernels of a graph's nodes; see mtl_graph.h.
public protocol _GraphKernels {
    typealias _In = UnsafePointer<Self>
    typealias _Out = UnsafeMutablePointer<Self>
    typealias _IDs = UnsafePointer<Int32>
    typealias _Doubles = UnsafeMutablePointer<Double>

    static func _linear(
        level: Int32, rows: Int, columns: Int, alpha: Self, x: _In, ldx: Int, y: _Out, ldy: Int, adds: Bool
    )
    static func _product(
        level: Int32, rows: Int, blocks: Int, width: Int, a: _In, lda: Int, b: _In, ldb: Int, y: _Out,
        ldy: Int, adds: Bool
    )
    static func _factorGradients(
        level: Int32, count: Int, d: _In, a: _In, da: _Out, addsA: Bool, b: _In, db: _Out, addsB: Bool
    )
    static func _dots(
        level: Int32, rows: Int, blocks: Int, width: Int, a: _In, lda: Int, b: _In, ldb: Int, y: _Out,
        ldy: Int, adds: Bool
    )
    static func _columnDots(
        level: Int32, rows: Int, columns: Int, a: _In, lda: Int, b: _In, ldb: Int, target: _Out, adds: Bool
    )
    static func _affine(
        level: Int32, rows: Int, columns: Int, x: _In, ldx: Int, gain: _In, shift: _In, y: _Out, ldy: Int
    )
    static func _affineBackward(
        level: Int32, rows: Int, columns: Int, gain: _In, dy: _In, lddy: Int, dx: _Out, lddx: Int, adds: Bool
    )
    static func _mixture(
        level: Int32, rows: Int, count: Int, width: Int, x: _In, ldx: Int, first: _IDs, g: _In, ldg: Int,
        y: _Out, ldy: Int
    )
    static func _mixtureBackward(
        level: Int32, rows: Int, count: Int, width: Int, x: _In, ldx: Int, first: _IDs, g: _In, ldg: Int,
        dy: _In, lddy: Int, dx: _Out, lddx: Int, modes: _IDs, dg: _Out?, lddg: Int, adds: Bool
    )
    static func _softmaxBackward(
        level: Int32, rows: Int, blocks: Int, width: Int, scale: Self, y: _In, ldy: Int, dy: _In, lddy: Int,
        dz: _Out, lddz: Int, adds: Bool
    )
    static func _stitch(
        level: Int32, rows: Int, outs: Int, ins: Int, width: Int, alpha: _In, rowStride: Int,
        columnStride: Int, x: _In, ldx: Int, y: _Out, ldy: Int, adds: Bool
    )
    static func _stitchGradient(
        level: Int32, rows: Int, outs: Int, ins: Int, width: Int, dy: _In, lddy: Int, x: _In, ldx: Int,
        dalpha: _Out, adds: Bool
    )
    static func _layerNorm(
        level: Int32, rows: Int, blocks: Int, width: Int, epsilon: Self, x: _In, ldx: Int, gain: _In,
        shift: _In, y: _Out, ldy: Int, statistics: _Out, lds: Int
    )
    static func _layerNormBackward(
        level: Int32, rows: Int, blocks: Int, width: Int, x: _In, ldx: Int, gain: _In, statistics: _In,
        lds: Int, dy: _In, lddy: Int, dx: _Out?, lddx: Int, adds: Bool, dgain: _Out, dshift: _Out,
        parametersAdd: Bool
    )
    static func _moments(
        level: Int32, rows: Int, columns: Int, x: _In, ldx: Int, mean: _Doubles, squares: _Doubles
    )
    static func _normalize(
        level: Int32, rows: Int, columns: Int, x: _In, ldx: Int, mean: _In, root: _In, gain: _In, shift: _In,
        y: _Out, ldy: Int
    )
    static func _normalizeSums(
        level: Int32, rows: Int, columns: Int, x: _In, ldx: Int, mean: _In, root: _In, dy: _In, lddy: Int,
        sums: _Doubles, dots: _Doubles
    )
    static func _normalizeBackward(
        level: Int32, rows: Int, columns: Int, x: _In, ldx: Int, mean: _In, root: _In, gain: _In, sum: _In,
        dot: _In, dy: _In, lddy: Int, dx: _Out, lddx: Int, adds: Bool
    )
    static func _dropout(
        level: Int32, rows: Int, columns: Int, key: UInt64, positions: _IDs?, start: Int, firstColumn: Int,
        rate: Double, x: _In, ldx: Int, y: _Out, ldy: Int, adds: Bool
    )
    static func _logitProduct(
        level: Int32, rows: Int, a: _In, lda: Int, b: _In, ldb: Int, z: _Out, ldz: Int
    )
    static func _logitProductBackward(
        level: Int32, rows: Int, a: _In, lda: Int, b: _In, ldb: Int, dz: _In, lddz: Int, da: _Out?, ldda: Int,
        addsA: Bool, db: _Out?, lddb: Int, addsB: Bool
    )
}
