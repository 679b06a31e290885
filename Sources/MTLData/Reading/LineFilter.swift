/// Writes text anew as RFC 4180 has it: lines that end with a line feed, comments left out, escaped characters in quotes.
///
/// A comment's line break stays, so that lines are counted as in the file.
struct LineFilter {
    /// Whether lines end with a carriage return alone.
    let endsWithReturns: Bool
    private let comment: [UInt8]
    private let escape: UInt8?
    private let separator: UInt8

    private enum Place {
        /// At the beginning of a line, of which so many bytes are those of what comments begin with.
        case line(Int)
        case cell, plain, quoted
        /// After a quote that closes, unless another one follows.
        case closed
        case comment
    }

    private var place = Place.line(0)
    /// Whether the character before took the meaning from the next.
    private var isEscaped = false
    /// A carriage return that a line feed may follow.
    private var hasReturn = false
    /// The cell's place in the output, and whether it was put into quotes that it did not have.
    private var cellStart = 0
    private var isRequoted = false
    private var output: [UInt8] = []

    init(endsWithReturns: Bool, comment: String?, escape: UInt8?, separator: UInt8) {
        self.endsWithReturns = endsWithReturns
        self.comment = comment.map { Array($0.utf8) } ?? []
        self.escape = escape
        self.separator = separator
    }

    private static let quote = UInt8(ascii: "\"")
    private static let lineFeed = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")

    /// Takes bytes, and gives what is certain by now: all but a cell that may get quotes.
    mutating func add(_ bytes: [UInt8]) -> [UInt8] {
        for byte in bytes {
            guard endsWithReturns else {
                take(byte)
                continue
            }
            if hasReturn && byte == Self.lineFeed {
                hasReturn = false
                continue
            }
            hasReturn = byte == Self.carriageReturn
            take(hasReturn ? Self.lineFeed : byte)
        }
        guard escape != nil else { return release(output.count) }
        return release(cellStart)
    }

    /// What is left at the end of the text.
    mutating func finish() -> [UInt8] {
        if case .line(let matched) = place { takePlain(comment[..<matched]) }
        if isEscaped, let escape { output.append(escape) }
        if isRequoted { output.append(Self.quote) }
        return release(output.count)
    }

    private mutating func release(_ count: Int) -> [UInt8] {
        if count == output.count {
            let all = output
            output.removeAll(keepingCapacity: true)
            cellStart = 0
            return all
        }
        let ready = Array(output[..<count])
        output.removeFirst(count)
        cellStart -= count
        return ready
    }

    private mutating func takePlain(_ bytes: ArraySlice<UInt8>) {
        place = .cell
        for byte in bytes { takeCell(byte) }
    }

    private mutating func take(_ byte: UInt8) {
        switch place {
        case .line(let matched):
            if matched < comment.count, byte == comment[matched] {
                place = matched + 1 == comment.count ? .comment : .line(matched + 1)
            } else {
                takePlain(comment[..<matched])
                takeCell(byte)
            }
        case .comment:
            guard byte == Self.lineFeed else { return }
            output.append(byte)
            endCell()
            place = .line(0)
        default: takeCell(byte)
        }
    }

    private mutating func endCell() {
        cellStart = output.count
        isRequoted = false
        isEscaped = false
    }

    private mutating func takeCell(_ byte: UInt8) {
        if isEscaped {
            isEscaped = false
            takeEscaped(byte)
            return
        }
        let isEnd = byte == separator || byte == Self.lineFeed
        switch place {
        case .quoted:
            if byte == escape {
                isEscaped = true
                return
            }
            if byte == Self.quote { place = .closed }
        case .closed where byte == Self.quote: place = .quoted
        case .cell, .plain, .closed, .line, .comment:
            if isEnd {
                if isRequoted {
                    if byte == Self.lineFeed, output.last == Self.carriageReturn { output.removeLast() }
                    output.append(Self.quote)
                }
                output.append(byte)
                endCell()
                place = byte == Self.lineFeed ? .line(0) : .cell
                return
            }
            if byte == escape {
                isEscaped = true
                return
            }
            if case .cell = place {
                place = byte == Self.quote ? .quoted : byte == 0x20 || byte == 0x09 ? .cell : .plain
            }
            if byte == Self.quote, isRequoted { output.append(byte) }
        }
        output.append(byte)
    }

    /// A character without its meaning. Before any other the escaping one stands for itself: "\N", "\n".
    private mutating func takeEscaped(_ byte: UInt8) {
        guard let escape else { return }
        let hasMeaning =
            byte == Self.quote || byte == separator || byte == Self.lineFeed || byte == escape
        if case .quoted = place {
            if !hasMeaning { output.append(escape) }
            if byte == Self.quote { output.append(byte) }
            output.append(byte)
            return
        }
        place = .plain
        guard hasMeaning else {
            output.append(escape)
            output.append(byte)
            return
        }
        if byte != escape, !isRequoted {
            isRequoted = true
            let cell = output[cellStart...].flatMap { $0 == Self.quote ? [$0, $0] : [$0] }
            output.replaceSubrange(cellStart..., with: [Self.quote] + cell)
        }
        if byte == Self.quote { output.append(byte) }
        output.append(byte)
    }
}
