/// The way back of a turn whose tasks' gradients are weighed where they meet: first each task's own nodes, one task after the
/// other, then what they share. Where the gradients are those of the shared parameters, every task goes all the way.
struct TaskPasses {
    /// A value at the frontier, and its first column among those of all.
    struct Place {
        let value: GraphValue
        let column: Int
    }

    /// The tasks' own nodes, as many lists as the turn has losses.
    let own: UnsafeBufferPointer<Turn.Entry>
    let ownStarts: UnsafeBufferPointer<Int>
    let ownLists: UnsafeBufferPointer<UnsafePointer<Int32>>
    /// Per stage what the tasks share.
    let shared: UnsafeBufferPointer<Turn.Entry>
    let sharedStarts: UnsafeBufferPointer<Int>
    let sharedLists: UnsafePointer<Int32>
    let frontier: UnsafeBufferPointer<Place>
    /// Columns of the frontier, and the first of them among those of all turns.
    let width: Int
    let start: Int
    /// What the gradients are of, and of those of parameters the pieces whose products are taken one by one.
    let gradients: Balancing.GradientSource
    let ranges: UnsafeBufferPointer<GradientRange>
}
