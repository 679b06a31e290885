/// A matrix in the workspace, planned before the number of rows is known.
package struct WorkspaceSlot: Sendable {
    /// Elements per row of all slots before this one.
    package var offsetPerRow = 0
    package var stride = 0
}
