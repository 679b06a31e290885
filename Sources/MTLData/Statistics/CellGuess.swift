/// How a column's cells are to be read, by all of them.
struct CellGuess {
    private(set) var format = CellFormat()
    /// What was found, each with a cell and its line.
    private(set) var reasons: [String] = []
    /// What only a person can tell; the column cannot be read before.
    private(set) var question: String?

    private let evidence: CellEvidence

    init(_ evidence: CellEvidence, isLabel: Bool, isTime: Bool) {
        self.evidence = evidence
        guard evidence.present > 0 else { return }
        let isNumeric = 2 * evidence.numbers >= evidence.present
        let isDated = 2 * evidence.times >= evidence.present
        if isNumeric { guessNumbers() } else if isDated { guessDates() }
        if isNumeric || isDated { guessWords(isNumeric ? "number" : "time") }
        if isTime, evidence.unclearDigits == evidence.present, let example = evidence.unclearDigit {
            question =
                "\(Self.told(example)) could be a date and an hour or Unix seconds: say dates: compact or seconds"
        }
        guessCodes()
        if isLabel, let example = evidence.minusOnes, evidence.truths > 0,
            example.rows + evidence.truths == evidence.present
        {
            format.missingWords = [CellFormat.usual, example.text]
            reasons.append("\(Self.counted(example)): read as missing")
        }
    }

    private static func told(_ example: CellEvidence.Example) -> String {
        "\(Wording.quoted(example.text)) in line \(example.line)"
    }

    private static func counted(_ example: CellEvidence.Example) -> String {
        example.rows == 1
            ? told(example)
            : "\(Wording.quoted(example.text)) in \(Wording.count(example.rows)) cells, the first in line \(example.line)"
    }

    private mutating func guessNumbers() {
        let ways = evidence.readable.indices.filter { evidence.readable[$0] == evidence.numbers }
        if ways.first == 0 { return }
        let example = evidence.unusualNumber.map(Self.told) ?? ""
        guard let first = ways.first else {
            question = "numbers are written in several ways, as \(example): one of them must change"
            return
        }
        guard first != 1 || !ways.contains(2) else {
            question =
                "\(example) could have a fraction or thousands: say decimal: \",\" or thousands: \",\""
            return
        }
        let way = CellEvidence.numberFormats[first]
        if way.decimal != "." { format.decimal = way.decimal }
        format.thousands = way.thousands
        reasons.append("as \(example)")
    }

    private mutating func guessDates() {
        guard evidence.orderedDates > 0 else { return }
        let unreadable = evidence.unreadableDates
        let possible = unreadable.indices.filter { unreadable[$0] == nil }
        let orders = CellEvidence.dateOrders
        if possible.count == 1 {
            let order = orders[possible[0]]
            format.dates = order
            // The cell that spoke last against another order.
            let other = order == .dayFirst ? 1 : 0
            if let example = unreadable[other] { reasons.append("\(Self.told(example)) has no other order") }
        } else if possible.isEmpty {
            let examples = [0, 1].compactMap { unreadable[$0].map(Self.told) }
            question = "no order reads all dates, as \(examples.joined(separator: " and "))"
        } else {
            let names = possible.map { orders[$0].rawValue }
            question =
                "\(evidence.firstDate.map(Self.told) ?? "") has several orders, and no cell says which: say dates: "
                + names.joined(separator: " or ")
        }
    }

    private mutating func guessWords(_ kind: String) {
        let words = evidence.words.values.sorted { ($0.rows, $1.record) > ($1.rows, $0.record) }
        guard !words.isEmpty else { return }
        guard !evidence.hasMoreWords else {
            let first = words.min { $0.record < $1.record }.map(Self.told) ?? ""
            reasons.append(
                "more than \(CellEvidence.keptWords) texts that are no \(kind), the first \(first)")
            return
        }
        format.missingWords = [CellFormat.usual] + words.map(\.text)
        for word in words.prefix(3) {
            let isInfinite = CellReading.isInfinite(word.text)
            reasons.append(
                "\(Self.counted(word)): \(isInfinite ? "no finite number" : "no \(kind)"), read as missing")
        }
        if words.count > 3 { reasons.append("\(words.count - 3) more texts likewise") }
    }

    /// "NA" among codes of two letters is one of them.
    private mutating func guessCodes() {
        guard let example = evidence.notAvailable, evidence.codes == evidence.present,
            evidence.words.count > 1
        else { return }
        format.missingWords = evidence.missingWords.sorted()
        reasons.append("\(Self.counted(example)) is read as a value, as the others are codes of two letters")
    }
}
