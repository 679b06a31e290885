/// The members of a packed ensemble (Gorishniy et al., *TabM: Advancing Tabular Deep Learning with Parameter-Efficient
/// Ensembling*, arXiv 2410.24210, its TabM-mini): networks that share all parameters but the factors r of member m, which
/// multiply the features, and the last layers of the tasks' heads.
///
/// A tile of rows runs the nodes below the factors once, and those from there on once per member. Every member has its own
/// loss on its own logits, of which the step takes the mean; the answer is the mean of the members' probabilities.
package struct MemberPlan: Sendable {
    /// How many there are.
    package let count: Int
    /// The first node that every member runs for itself.
    package let start: Int
    /// Storages that nodes below write, or the features', and that members read.
    package let shared: Set<Int>

    package init(count: Int, start: Int, nodes: [Node], lists: [Int32]) {
        self.count = count
        self.start = start
        let below = Set(nodes[..<start].map(\.operation.output.storage)).union([0])
        shared = Set(
            nodes[start...].flatMap { $0.operation.inputs(lists) }.map(\.storage).filter(below.contains))
    }
}

extension ModelPlan {
    /// Where the parameters lie that members of a packed ensemble have of their own: those of the first, and how far apart the
    /// others' are.
    package var memberRanges: [(first: Range<Int>, stride: Int)] {
        nodes.flatMap { node -> [(first: Range<Int>, stride: Int)] in
            guard case .member(let member) = node else { return [] }
            return member.operation.parameters(lists).map {
                ($0.start..<$0.start + $0.count, member.stride)
            }
        }
    }
}

/// How the features are divided for the members' factors: the columns of one feature begin with the same factor.
///
/// Where all features are numbers a factor begins at 1 or -1, where some are embedded it is drawn from N(0, 1), as the paper's
/// authors have it.
package struct FeatureSections: Sendable {
    /// The widths of the sections, in the order of the columns.
    package let widths: [Int]
    package let isEmbedded: Bool

    init(_ parts: [FeaturePart]) {
        widths = parts.flatMap { part in
            part.field == nil ? [Int](repeating: 1, count: part.value.width) : [part.value.width]
        }
        isEmbedded = parts.contains { $0.field != nil }
    }

    /// Fills a member's factors `[sum of the widths]`.
    package func fill<Scalar: BLASScalar>(
        _ factors: UnsafeMutablePointer<Scalar>, generator: inout SeededGenerator
    ) {
        var column = 0
        for width in widths {
            let value = isEmbedded ? generator.normal() : generator.uniform() < 0.5 ? -1 : 1
            (factors + column).update(repeating: Scalar(value), count: width)
            column += width
        }
    }
}
