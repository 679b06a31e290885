/// A step of the forward pass with its backward pass: static shapes, no memory.
///
/// Convention: a node's `backward` finds the gradient of its output complete, writes or adds its inputs' gradients as
/// `setGradient` said, and writes its parameters' gradients with the first tile of a shard and adds with later ones.
package protocol NodeOperation: Sendable {
    /// What it writes.
    var output: GraphValue { get }
    /// The output's columns that only run together.
    var blockWidth: Int { get }
    /// Whether a part is a single block, so that neighbours run apart.
    var partsAreSingle: Bool { get }
    /// The same for some of the output's blocks: in a task's turn the other tasks' blocks rest.
    func part(_ blocks: Range<Int>) -> Self
    /// What it reads, in the order of `setGradient`.
    func inputs(_ lists: [Int32]) -> [GraphValue]
    /// The parameters it trains.
    var parameters: [ParameterRange] { get }
    /// The same for a node that keeps some of its plan among the lists.
    func parameters(_ lists: [Int32]) -> [ParameterRange]
    /// Multiplications and additions of its forward products, per row.
    var multiplyAdds: Int { get }
    mutating func setGradient(_ mode: GradientMode, of input: Int, lists: inout [Int32])

    func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>)
    func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>)
}

extension NodeOperation {
    package var blockWidth: Int { 1 }
    package var partsAreSingle: Bool { false }
    package var parameters: [ParameterRange] { [] }
    package func parameters(_: [Int32]) -> [ParameterRange] { parameters }
    package var multiplyAdds: Int { 0 }
}

/// A node whose every column of output is made of the same column of one input.
package protocol ColumnwiseNode: NodeOperation {
    var x: GraphValue { get set }
    var y: GraphValue { get set }
    /// How the gradient of x is written.
    var dx: GradientMode { get set }
}

extension ColumnwiseNode {
    package var output: GraphValue { y }

    package func part(_ some: Range<Int>) -> Self {
        var copy = self
        copy.x = x.columns(some)
        copy.y = y.columns(some)
        return copy
    }

    package func inputs(_ lists: [Int32]) -> [GraphValue] { [x] }

    package mutating func setGradient(_ mode: GradientMode, of _: Int, lists: inout [Int32]) { dx = mode }
}
