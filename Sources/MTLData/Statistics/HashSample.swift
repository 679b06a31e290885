/// An even sample of rows that does not depend on who saw them: those whose records have the least hashes.
struct HashSample<Element> {
    private let limit: Int
    private var kept: [(hash: UInt64, element: Element)] = []
    /// Rows of a greater hash are in no sample of this size.
    private var threshold = UInt64.max
    private(set) var seen = 0

    init(limit: Int) { self.limit = limit }

    /// Whether there are more rows than the sample holds.
    var isPartial: Bool { seen > limit }

    /// Sees a row, which is only made into an element where it is wanted.
    mutating func add(record: Int, _ element: () -> Element) {
        seen += 1
        let hash = NumberStatistics.hash(record)
        guard hash <= threshold else { return }
        kept.append((hash, element()))
        if kept.count >= limit + max(1000, limit / 4) { prune() }
    }

    mutating func merge(_ other: HashSample) {
        seen += other.seen
        kept += other.kept
        prune()
    }

    private mutating func prune() {
        kept.sort { $0.hash < $1.hash }
        guard kept.count > limit else { return }
        kept.removeLast(kept.count - limit)
        threshold = kept.last?.hash ?? 0
    }

    /// The sampled rows, by their hashes.
    mutating func elements() -> [Element] {
        prune()
        return kept.map(\.element)
    }
}
