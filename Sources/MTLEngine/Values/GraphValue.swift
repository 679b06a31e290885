/// A matrix of a graph, `[rows, width]`: the features, or what a node writes. Part of a value is a value.
public struct GraphValue: Sendable, Equatable {
    /// The number of columns.
    public let width: Int

    /// The storage it lies in, and its first column there; storage 0 is the features.
    package let storage: Int
    package let column: Int
    /// Elements of activations per row of all storages before this one.
    package let offsetPerRow: Int
    package let stride: Int
    /// The first column that may have a gradient, counted from its own first: dense features have none.
    package let gradientStart: Int
    /// Whether gradients end here.
    package let isStopped: Bool

    package var isFeatures: Bool { storage == 0 }
    package var range: Range<Int> { column..<column + width }

    /// Some of the columns; no copy.
    public func columns(_ range: Range<Int>) -> GraphValue {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= width, "columns \(range) of \(width)")
        return GraphValue(
            width: range.count, storage: storage, column: column + range.lowerBound,
            offsetPerRow: offsetPerRow, stride: stride,
            gradientStart: max(0, gradientStart - range.lowerBound), isStopped: isStopped)
    }

    /// The value cut into `count` blocks of equal width; no copy.
    public func blocks(_ count: Int) -> [GraphValue] {
        precondition(count > 0 && width % count == 0, "\(width) columns in \(count) blocks")
        let each = width / count
        return (0..<count).map { columns($0 * each..<($0 + 1) * each) }
    }

    /// The same numbers, through which no gradient flows back.
    public var stopped: GraphValue {
        GraphValue(
            width: width, storage: storage, column: column, offsetPerRow: offsetPerRow, stride: stride,
            gradientStart: gradientStart, isStopped: true)
    }

    /// The columns that may have a gradient.
    package var differentiable: GraphValue { columns(min(gradientStart, width)..<width) }
}

/// What a node does to the gradient of one of its inputs.
package enum GradientMode: Int32, Sendable {
    /// Nothing: no parameter lies behind it.
    case none = 0
    /// It is the first to write it.
    case overwrite = 1
    /// Others have written it before.
    case add = 2
}

/// A range of the parameter vector that a node reads, trained as one.
package struct ParameterRange: Sendable, Equatable {
    package var start: Int
    package var count: Int
    /// The length of a row of its matrix, between which it may be cut.
    package var rowLength: Int
    /// The scenario it belongs to; only its rows touch it.
    package var scenario: Int?
    /// Where the transposed copy of its first row begins, and the distance between the copy's rows.
    package var transposed: Int?
    package var transposedStride = 0
}
