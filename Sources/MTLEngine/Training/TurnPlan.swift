/// One turn made ready: which layers and tasks run, which worker changes which parameters, and where the
/// optimiser's state for them lies.
package final class TurnPlan<Scalar: BLASScalar> {
    /// A task of the turn.
    package struct Seat {
        package let task: Int
        package let kind: LearningTask.Kind
        package let weight: Double
        package let layer: Int
        /// The first of its logits among the layer's columns.
        package let column: Int
    }

    /// What the workers read of a turn: lists that live as long as the plan.
    package struct View {
        package let seats: UnsafeBufferPointer<Seat>
        package let active: UnsafeBufferPointer<(layer: Int, active: Range<Int>)>
        package let descents: UnsafeBufferPointer<TaskSelection.Descent>
        /// Pieces of all sections, one after the other; section s is `starts[s]..<starts[s + 1]`.
        package let pieces: UnsafeBufferPointer<ParameterPiece>
        package let starts: UnsafeBufferPointer<Int>
        /// The same for the gradients of one half of the rows, by a team of half of the workers.
        package let teamPieces: UnsafeBufferPointer<ParameterPiece>
        package let teamStarts: UnsafeBufferPointer<Int>
        /// Added to a parameter's index to find its state.
        package let sharedStateOffset: Int
        package let headStateOffset: Int
        package let tableStateOffset: Int
        package let embeddedDescents: UnsafeBufferPointer<(layer: Int, active: Range<Int>)>
    }

    /// What the view points into.
    private let owners: [AnyObject]
    package let view: View

    package init(
        _ model: SharedBottom, task: Int?, sections: Int, rows: Int, sharedStateOffset: Int,
        headStateOffset: Int, tableStateOffset: Int = 0, fold: FoldPlan? = nil
    ) {
        let selection = model.selection(task)
        let seats = FixedList(
            selection.tasks.map { index in
                let seat = model.seats[index]
                let layer = model.groups[seat.group].layers.upperBound - 1
                return Seat(
                    task: index, kind: model.tasks[index].kind, weight: model.tasks[index].weight,
                    layer: layer,
                    column: seat.block * model.layers[layer].outputs)
            })
        let active = FixedList(selection.layers)
        let descents = FixedList(selection.descents)
        let whole = selection.layers.flatMap {
            model.layers[$0.layer].pieces(layer: $0.layer, active: $0.active)
        }.flatMap { piece in
            if piece.layer == 0, let fold { fold.cut(piece) } else { [piece] }
        }
        let cut = Self.cut(whole, of: model, into: sections, rows: rows)
        let fine = cut.map { section in section.flatMap { Self.split($0, of: model) } }
        let pieces = FixedList(fine.flatMap { $0 })
        let starts = FixedList(fine.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.count) })
        let teams = Self.cut(whole, of: model, into: (sections + 1) / 2, rows: rows)
        let teamPieces = FixedList(teams.flatMap { $0 })
        let teamStarts = FixedList(teams.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.count) })
        let embedded = FixedList(selection.embeddedDescents)
        owners = [seats, active, descents, pieces, starts, teamPieces, teamStarts, embedded]
        view = View(
            seats: seats.elements, active: active.elements, descents: descents.elements,
            pieces: pieces.elements,
            starts: starts.elements, teamPieces: teamPieces.elements, teamStarts: teamStarts.elements,
            sharedStateOffset: sharedStateOffset, headStateOffset: headStateOffset,
            tableStateOffset: tableStateOffset, embeddedDescents: embedded.elements)
    }

    /// The most weights whose gradient stays in the cache until the optimiser has used it.
    private static var pieceLimit: Int { 1 << 14 }

    private static func split(_ piece: ParameterPiece, of model: SharedBottom) -> [ParameterPiece] {
        let rows = max(8, pieceLimit / model.layers[piece.layer].rowLength / 8 * 8)
        return stride(from: piece.rows.lowerBound, to: piece.rows.upperBound, by: rows).map { start in
            ParameterPiece(
                layer: piece.layer, blocks: piece.blocks,
                rows: start..<min(start + rows, piece.rows.upperBound), isFolded: piece.isFolded)
        }
    }

    /// Cuts weight matrices between rows so that every section gets about the same work.
    private static func cut(
        _ pieces: [ParameterPiece], of model: SharedBottom, into sections: Int, rows: Int
    ) -> [[ParameterPiece]] {
        // In units of a sixteenth of a vector's cycle: one product per row of the batch, the optimiser's square root
        // and division, and the transposed copy (measured at batch 32, where the last two weigh most).
        func cost(_ piece: ParameterPiece) -> Int {
            let layer = model.layers[piece.layer]
            let perElement = (piece.isFolded ? 0 : rows) + 32 + (layer.transposed == nil ? 0 : 12)
            return piece.rows.count * workspaceStride(columns: layer.rowLength) * perElement
        }
        var left = pieces.reduce(0) { $0 + cost($1) }
        var result: [[ParameterPiece]] = []
        var queue = pieces[...]
        for section in 0..<sections {
            var share = left / (sections - section)
            var mine: [ParameterPiece] = []
            while let piece = queue.first, share > 0 || section == sections - 1 {
                let whole = cost(piece)
                let perRow = max(1, whole / piece.rows.count)
                let rows = (share / perRow + 2) / 4 * 4
                if section == sections - 1 || rows >= piece.rows.count {
                    queue.removeFirst()
                    mine.append(piece)
                    share -= whole
                    left -= whole
                } else {
                    if rows > 0 {
                        let middle = piece.rows.lowerBound + rows
                        mine.append(
                            ParameterPiece(
                                layer: piece.layer, blocks: piece.blocks,
                                rows: piece.rows.lowerBound..<middle,
                                isFolded: piece.isFolded))
                        queue[queue.startIndex] = ParameterPiece(
                            layer: piece.layer, blocks: piece.blocks, rows: middle..<piece.rows.upperBound,
                            isFolded: piece.isFolded)
                        left -= rows * perRow
                    }
                    share = 0
                }
            }
            result.append(mine)
        }
        return result
    }
}
