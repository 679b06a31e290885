/// Where a loss became NaN or infinite, or a gradient too long.
public struct Divergence: Sendable, Equatable, Codable {
    /// The task whose loss it is; of a gradient the turn's first.
    public let task: String
    /// The epoch, counted from 1.
    public let epoch: Int
    /// Steps (batches) since the start.
    public let step: Int
    /// The first parameter that is not finite, of a gradient the one whose part is the longest; nil where all are finite.
    public let parameter: String?
    /// The norm of the gradient, where that is what ran away.
    public var gradientNorm: Double?
    /// Rows of the batch, and of the one before, whose losses stand out, the largest first, five at most: those whose loss is NaN or
    /// infinite by the best parameters there were, or else the largest. A loss that ran away over validation rows names those.
    public var rows: [SuspectRow]?

    init(task: String, epoch: Int, step: Int, parameter: String?, gradientNorm: Double? = nil) {
        self.task = task
        self.epoch = epoch
        self.step = step
        self.parameter = parameter
        self.gradientNorm = gradientNorm
    }

    /// What ran away, as text.
    public var summary: String {
        gradientNorm.map { "a gradient of norm \($0) of task \"\(task)\"" }
            ?? "a loss of task \"\(task)\" that is NaN or infinite"
    }
}

/// A row that may be why a loss ran away.
public struct SuspectRow: Sendable, Equatable, Codable {
    /// Its place, counted from 0, among the rows that training was given.
    public let row: Int
    /// The place of its dataset where training was given several (`TaskRows`), counted from 0; else 0.
    public let dataset: Int
    /// Whether these are the rows to watch, not those to learn from.
    public let isValidation: Bool
    /// The weighted loss of the tasks in question; nil where it is NaN or infinite.
    public let loss: Double?

    package init(row: Int, dataset: Int = 0, isValidation: Bool, loss: Double?) {
        self.row = row
        self.dataset = dataset
        self.isValidation = isValidation
        self.loss = loss
    }
}

/// A batch that was taken of a stream, by numbers from 0.
package struct BatchPlace: Sendable, Equatable, Codable {
    package var stream: Int
    package var batch: Int
}

/// Picks the rows whose losses stand out.
package struct SuspectRows {
    /// As many rows as a message names.
    package static let limit = 5
    /// A row whose loss is that many times smaller than the largest does not stand out.
    private static let range = 100.0

    private var rows: [SuspectRow] = []

    package init() {}

    /// Whether there are as many rows without a finite loss as are named: others change nothing.
    package var isFull: Bool { rows.count == Self.limit && rows.allSatisfy { $0.loss == nil } }

    package mutating func add(_ row: Int, dataset: Int = 0, isValidation: Bool, loss: Double) {
        let found = SuspectRow(
            row: row, dataset: dataset, isValidation: isValidation, loss: loss.isFinite ? loss : nil)
        func size(_ row: SuspectRow) -> Double { row.loss ?? .infinity }
        let place = rows.firstIndex { size($0) < size(found) } ?? rows.count
        guard place < Self.limit else { return }
        rows.insert(found, at: place)
        if rows.count > Self.limit { rows.removeLast() }
    }

    package var found: [SuspectRow] {
        guard let first = rows.first else { return [] }
        guard let largest = first.loss else { return rows.filter { $0.loss == nil } }
        // Some losses are below 0.
        let least = largest - (1 - 1 / Self.range) * largest.magnitude
        return rows.filter { ($0.loss ?? .infinity) >= least }
    }
}
