/// How a batch is cut, and what its rows' values and gradients take: known before any memory is.
package struct WorkspacePlan: Sendable {
    package let rows: RowPlan
    package let gradients: GradientLayout
    /// Elements of values, gradients and looked-up vectors per row.
    package let elementsPerRow: Int
    /// Gradient vectors of all dense parameters.
    package let shards: Int
    /// Elements of all workspaces.
    package let elements: Int

    /// - Parameter meets: whether all rows of a batch meet between forward and backward.
    package init(
        _ plan: ModelPlan, projection: ProjectedTables?, isSliced: Bool, meets: Bool = false, batch: Int,
        backend: MatrixBackend, workers: Int, scalarBytes: Int
    ) {
        func elements(_ layout: GradientLayout) -> Int {
            plan.forwardElementsPerRow + layout.elementsPerRow
                + workspaceStride(columns: plan.embedding.width)
        }
        // Tiles that share a workspace need all of their gradients until the chunk ends.
        let kept = plan.gradientLayout(sharesPlaces: false)
        var traits = RowPlan.Traits(
            elementsPerRow: elements(kept), parameterBytes: plan.layout.denseCount * scalarBytes,
            matrixBytes: plan.largestMatrix * scalarBytes, scalarBytes: scalarBytes,
            isDense: plan.trainsDenseAlone, isStaged: meets || plan.isStaged,
            hasProjection: projection != nil,
            scenarios: plan.usesScenarios ? plan.scenarios : 1)
        traits.isSliced = isSliced
        traits.isEnsemble = plan.members != nil
        traits.idleElementsPerRow = projection?.idleElements ?? 0
        if !RowPlan(traits, batch: batch, backend: backend, workers: workers).keepsChunk {
            traits.elementsPerRow = elements(plan.gradients)
        }
        let rows = RowPlan(traits, batch: batch, backend: backend, workers: workers)
        self.rows = rows
        gradients = rows.keepsChunk ? kept : plan.gradients
        elementsPerRow = traits.elementsPerRow
        shards = (1...batch.bitWidth).map { rows.shards(batch: min(batch, 1 << $0)) }.max() ?? 1
        self.elements = rows.capacity * elementsPerRow * (rows.keepsChunk ? 1 : workers)
    }
}
