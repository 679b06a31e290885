/// A matrix of activations in the workspace, planned before the batch size is known.
package struct WorkspaceSlot: Sendable {
    /// Elements per row of all slots before this one.
    package var offsetPerRow = 0
    package var stride = 0
}

/// Where a network's numbers lie during a step. The owners (`AlignedStorage`) outlive every use of this.
package struct NetworkMemory<Scalar: BLASScalar> {
    package let parameters: UnsafeMutablePointer<Scalar>
    package let transposes: UnsafeMutablePointer<Scalar>
    package let workspace: UnsafeMutablePointer<Scalar>
    /// Rows the workspace is planned for.
    package let capacity: Int

    /// A slot as a matrix of `capacity` rows.
    package func view(_ slot: WorkspaceSlot, columns: Int) -> MatrixView<Scalar> {
        MatrixView(
            workspace + slot.offsetPerRow * capacity, rows: capacity, columns: columns, stride: slot.stride)
    }
}
