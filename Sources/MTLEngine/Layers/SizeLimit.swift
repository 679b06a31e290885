/// The most that sizes of a model may be. They are far above what trains anywhere, and low enough that no product of three
/// of them leaves an `Int`; whether a model fits the machine is `MemoryNeed`'s to say.
package enum SizeLimit {
    /// Units of a layer.
    package static let units = 1 << 17
    /// Layers in a row.
    package static let layers = 1 << 10
    /// Experts, networks, clusters and their like.
    package static let count = 1 << 10
    /// Members of a packed ensemble.
    package static let members = 1 << 10
    /// The rank of a product.
    package static let rank = 1 << 12
    /// The dimension of a table, and the values of a row's sequence.
    package static let dimension = 1 << 16
    /// Columns that a model reads.
    package static let columns = 1 << 24
    /// Scenarios.
    package static let scenarios = 1 << 20
    /// Parameters of a model, and elements of a row in the workspace.
    package static let elements = 1 << 42
    /// What sums of sizes end at: more cannot be asked for, and one more size added is no overflow.
    package static let sum = 1 << 60
}
