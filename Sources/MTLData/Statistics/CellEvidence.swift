internal import MTLEngine

/// What the cells of a column say about how they are to be read.
struct CellEvidence {
    /// Ways to write numbers, the usual one first.
    static let numberFormats: [(decimal: String, thousands: String?)] = [
        (".", nil), (".", ","), (",", nil), (",", "."), (",", " "), (",", "\u{A0}"), (",", "\u{202F}"),
        (".", " "), (".", "'"), (".", "’"), (".", "_"),
    ]
    private static let readings = numberFormats.map { decimal, thousands in
        var format = CellFormat()
        format.decimal = decimal == "." ? nil : decimal
        format.thousands = thousands
        return CellReading(format)
    }
    static let dateOrders: [DateFormat] = [.dayFirst, .monthFirst, .yearFirst]
    /// Different words of a column that are kept.
    static let keptWords = 100

    struct Example: Equatable {
        var text: String
        var record: Int
        var line: Int
        var rows = 1
        /// The file, where it is not the first.
        var path: String?

        static func earlier(_ left: Example?, _ right: Example?) -> Example? {
            guard let left, let right else { return left ?? right }
            return left.record <= right.record ? left : right
        }
    }

    var present = 0
    /// Cells that are numbers in some way, and per way those it reads.
    var numbers = 0
    var readable = [Int](repeating: 0, count: numberFormats.count)
    /// The first number that the usual way does not read.
    var unusualNumber: Example?
    /// Cells that are times, and those whose parts have an order; per order the first cell that it does not read.
    var times = 0
    var orderedDates = 0
    var firstDate: Example?
    var unreadableDates: [Example?] = [nil, nil, nil]
    /// Digits that could be a date or a Unix time.
    var unclearDigits = 0
    var unclearDigit: Example?
    /// Cells that are neither number nor time.
    var words: [String: Example] = [:]
    var hasMoreWords = false
    var moreWord: Example?
    /// Cells of two capitals, and cells "NA" that the usual words make missing; the other usual words that there are.
    var codes = 0
    var notAvailable: Example?
    var missingWords: Set<String> = []
    /// Cells -1, and those 0 or 1.
    var minusOnes: Example?
    var truths = 0

    mutating func add(_ block: RowBlock, _ row: Int, _ column: Int) {
        guard let cell = block.value(row, column) else {
            addMissing(block, row, column)
            return
        }
        func example() -> Example {
            Example(
                text: String(decoding: cell.prefix(200), as: UTF8.self), record: block.record(row),
                line: block.line(row))
        }
        present += 1
        if cell.count == 1, cell[0] == 0x30 || cell[0] == 0x31 { truths += 1 }
        if cell.count == 2, cell.allSatisfy({ (0x41...0x5A).contains($0) }) { codes += 1 }
        if let mask = Self.numberMask(cell) {
            addNumber(mask, cell, example)
            return
        }
        switch Timestamp.read(cell, as: nil) {
        case .none: addWord(String(decoding: cell.prefix(200), as: UTF8.self), example)
        case .time, .ambiguous:
            times += 1
            let orders = Self.dateOrders.map { Timestamp.parse(cell, as: $0) }
            // A time that every order reads alike has none.
            if Set(orders).count == 1 { return }
            orderedDates += 1
            if firstDate == nil { firstDate = example() }
            for (index, order) in orders.enumerated() where order == nil && unreadableDates[index] == nil {
                unreadableDates[index] = example()
            }
        }
    }

    private mutating func addMissing(_ block: RowBlock, _ row: Int, _ column: Int) {
        let cell = Cell.trimmed(block.cell(row, column))
        if cell.isEmpty { return }
        let text = String(decoding: cell, as: UTF8.self)
        guard text == "NA" else {
            missingWords.insert(text)
            return
        }
        if notAvailable == nil {
            notAvailable = Example(
                text: text, record: block.record(row), line: block.line(row),
                path: block.source > 0 ? block.path : nil)
        } else {
            notAvailable?.rows += 1
        }
    }

    private mutating func addNumber(
        _ mask: UInt16, _ cell: UnsafeBufferPointer<UInt8>, _ example: () -> Example
    ) {
        numbers += 1
        for index in readable.indices where mask & (1 << UInt16(index)) != 0 { readable[index] += 1 }
        if mask & 1 == 0, unusualNumber == nil { unusualNumber = example() }
        if cell.count == 2, cell[0] == UInt8(ascii: "-"), cell[1] == UInt8(ascii: "1") {
            if minusOnes == nil { minusOnes = example() } else { minusOnes?.rows += 1 }
        }
        if cell.count == 10, case .ambiguous = Timestamp.read(cell, as: nil) {
            unclearDigits += 1
            if unclearDigit == nil { unclearDigit = example() }
        }
    }

    /// An example costs a count of the lines before it: it is made for words that are kept alone.
    private mutating func addWord(_ text: String, _ example: () -> Example) {
        if words[text] != nil {
            words[text]?.rows += 1
        } else if words.count < Self.keptWords {
            words[text] = example()
        } else {
            hasMoreWords = true
            if moreWord == nil { moreWord = example() }
        }
    }

    /// The ways that read a cell as a number; nil where none does.
    private static func numberMask(_ cell: UnsafeBufferPointer<UInt8>) -> UInt16? {
        guard cell[0] < UInt8(ascii: ":") else { return nil }
        var points = 0
        var fraction = 0
        let digits = cell[0] == UInt8(ascii: "-") ? cell.dropFirst() : cell[...]
        let isPlain = digits.allSatisfy { byte in
            if byte == UInt8(ascii: ".") { points += 1 } else if points > 0 { fraction += 1 }
            return byte == UInt8(ascii: ".") || (0x30...0x39).contains(byte)
        }
        // Most cells are these, and need no trial: whole numbers, and those with a point.
        if isPlain, digits.count > points, points <= 1 {
            if points == 0 { return 0x7FF }
            // Three digits behind the point may be thousands.
            let couldBeGroup = fraction == 3 && (5...7).contains(digits.count) && digits.first != 0x30
            return couldBeGroup ? 0x78B : 0x783
        }
        var mask: UInt16 = 0
        for (index, reading) in readings.enumerated() {
            if case .number = reading.number(cell) { mask |= 1 << UInt16(index) }
        }
        return mask == 0 ? nil : mask
    }

    mutating func merge(_ other: CellEvidence) {
        present += other.present
        numbers += other.numbers
        for index in readable.indices { readable[index] += other.readable[index] }
        unusualNumber = Example.earlier(unusualNumber, other.unusualNumber)
        times += other.times
        orderedDates += other.orderedDates
        firstDate = Example.earlier(firstDate, other.firstDate)
        for index in unreadableDates.indices {
            unreadableDates[index] = Example.earlier(unreadableDates[index], other.unreadableDates[index])
        }
        unclearDigits += other.unclearDigits
        unclearDigit = Example.earlier(unclearDigit, other.unclearDigit)
        moreWord = Example.earlier(moreWord, other.moreWord)
        hasMoreWords = hasMoreWords || other.hasMoreWords
        for (text, example) in other.words {
            words[text] = Self.sum(words[text], example)
        }
        hasMoreWords = hasMoreWords || words.count > Self.keptWords
        codes += other.codes
        notAvailable = Self.sum(notAvailable, other.notAvailable)
        missingWords.formUnion(other.missingWords)
        minusOnes = Self.sum(minusOnes, other.minusOnes)
        truths += other.truths
    }

    private static func sum(_ left: Example?, _ right: Example?) -> Example? {
        var sum = Example.earlier(left, right)
        sum?.rows = (left?.rows ?? 0) + (right?.rows ?? 0)
        return sum
    }

    /// Looks at all rows of some columns of a source.
    static func of(_ source: some RowSource, columns: [Int]) throws(InputError) -> [CellEvidence] {
        let workers = (0..<source.threads).map { _ in Worker(columns.count) }
        try source.read { (block, worker) throws(InputError) in
            for (index, column) in columns.enumerated() {
                for row in 0..<block.rowCount { workers[worker].evidence[index].add(block, row, column) }
            }
        }
        for other in workers.dropFirst() {
            for index in columns.indices { workers[0].evidence[index].merge(other.evidence[index]) }
        }
        return workers[0].evidence
    }

    private final class Worker: @unchecked Sendable {
        var evidence: [CellEvidence]

        init(_ count: Int) { evidence = [CellEvidence](repeating: CellEvidence(), count: count) }
    }
}
