/// Bins over the values of a column, of equally many rows where values allow it: what `PiecewiseLinear` reads a number through.
///
/// A value that very many rows have (0 for most customers) is an edge of its own and takes no other's place: the rest of the bins are over
/// the rest of the rows.
public struct PiecewiseBins: Sendable, Equatable {
    /// The bins' edges, rising; one more than there are bins.
    public let edges: [Double]

    /// The number of bins.
    public var count: Int { edges.count - 1 }

    /// The most bins of a column.
    package static var mostBins: Int { 4096 }

    /// Bins between edges that are known.
    ///
    /// - Throws: `InputError` where the edges are fewer than two, not finite or not rising.
    public init(edges: [Double]) throws(InputError) {
        guard edges.count >= 2, edges.allSatisfy(\.isFinite),
            zip(edges, edges.dropFirst()).allSatisfy({ $0 < $1 })
        else {
            throw InputError(
                .value, at: "bins", found: "\(edges.count) edges, \(edges.prefix(5))",
                expected: "at least 2 finite numbers that rise")
        }
        self.edges = edges
    }

    /// Bins over the values of a column.
    ///
    /// - Parameters:
    ///   - values: the column of the training rows; those that are not finite do not count.
    ///   - count: the most bins, at least 1; fewer where there are fewer values that differ.
    public init(_ values: [Double], count: Int) {
        precondition(count >= 1, "\(count) bins")
        var runs: [(value: Double, rows: Int)] = []
        for value in values.lazy.filter(\.isFinite).sorted() {
            if runs.last?.value == value { runs[runs.count - 1].rows += 1 } else { runs.append((value, 1)) }
        }
        var edges: Set<Double> = []
        if runs.count <= count + 1 {
            edges = Set(runs.map(\.value))
        } else {
            edges = [runs[0].value, runs[runs.count - 1].value]
            var rest = runs.dropFirst().dropLast()
            // A value of more rows than a bin is to have is an edge; fewer are then left for the others, and their bins smaller.
            while edges.count <= count {
                let size = Double(rest.reduce(0) { $0 + $1.rows }) / Double(count + 1 - edges.count)
                let frequent = rest.filter { Double($0.rows) > size }
                if frequent.isEmpty { break }
                edges.formUnion(frequent.map(\.value))
                rest.removeAll { Double($0.rows) > size }
            }
            let bins = count + 1 - edges.count
            let total = rest.reduce(0) { $0 + $1.rows }
            var (seen, next) = (0, 1)
            for run in rest where next <= bins {
                seen += run.rows
                guard seen * (bins + 1) >= next * total else { continue }
                edges.insert(run.value)
                while next <= bins, seen * (bins + 1) >= next * total { next += 1 }
            }
        }
        // A column of one value has one bin, at whose beginning all its rows are.
        let first = edges.min() ?? 0
        if edges.count < 2 { edges = [first, max(first.nextUp, first + 1)] }
        self.edges = edges.sorted()
    }

    /// The bin of a value, counted from 0, and the share of the bin that lies below it, as one number of 0 to `count`; -1 for NaN, a
    /// missing value. Values beyond the first and last edge are at the first and last.
    public func position(of value: Double) -> Double {
        if value.isNaN { return -1 }
        guard value > edges[0] else { return 0 }
        guard value < edges[count] else { return Double(count) }
        var (low, high) = (0, count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if edges[middle] <= value { low = middle } else { high = middle }
        }
        // Halves, since the distance of two numbers may be none.
        return Double(low) + (value / 2 - edges[low] / 2) / (edges[low + 1] / 2 - edges[low] / 2)
    }
}
