/// Where the gradient of each storage lies in a tile's workspace: those that never live at the same time share a place,
/// so that more of a tile stays in its core's cache.
///
/// A gradient lives from the backward pass of the last node that reads the value to that of the first one that writes it.
package struct GradientLayout: Sendable {
    /// Per storage the elements per row before it.
    package private(set) var offsets: [Int]
    package private(set) var elementsPerRow = 0

    /// - Parameters:
    ///   - strides: per storage its elements per row, 0 for none.
    ///   - roots: what losses write the gradient of.
    ///   - held: storages whose gradient several passes through the nodes above add to: it lives through all of them.
    ///   - sharesPlaces: false where tiles are neighbours in one workspace: rows of storages of other widths would overlap.
    package init(
        _ nodes: [Node], lists: [Int32], strides: [Int], roots: [GraphValue], held: Set<Int> = [],
        sharesPlaces: Bool = true
    ) {
        offsets = [Int](repeating: 0, count: strides.count)
        var first = [Int](repeating: Int.max, count: strides.count)
        var last = [Int](repeating: -1, count: strides.count)
        // Batch norms and rounds of routing cut the order into stages, which differ from turn to turn.
        var isStaged = false
        for (place, node) in nodes.enumerated() {
            let operation = node.operation
            let output = operation.output.storage
            first[output] = min(first[output], place)
            last[output] = max(last[output], place)
            for input in operation.inputs(lists) { last[input.storage] = max(last[input.storage], place) }
            if node.beginsStage { isStaged = true }
        }
        for root in roots { last[root.storage] = nodes.count }
        for storage in held { last[storage] = nodes.count }

        // Widest first, each as low as those placed before it allow.
        var placed: [Int] = []
        for storage in strides.indices.sorted(by: { (strides[$0], $1) > (strides[$1], $0) })
        where strides[storage] > 0 {
            let neighbours = placed.filter {
                isStaged || !sharesPlaces || (first[$0] <= last[storage] && first[storage] <= last[$0])
            }
            var offset = 0
            for other in neighbours.sorted(by: { offsets[$0] < offsets[$1] })
            where offset + strides[storage] > offsets[other] {
                offset = max(offset, offsets[other] + strides[other])
            }
            offsets[storage] = offset
            placed.append(storage)
            elementsPerRow = max(elementsPerRow, offset + strides[storage])
        }
    }
}
