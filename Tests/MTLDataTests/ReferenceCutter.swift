/// The slow and obvious twin of the reader: by RFC 4180, except that quotes inside a cell without quotes are signs like
/// others, blanks may stand around quotes, and of a broken record only the first line is lost where rows follow.
struct ReferenceCutter {
    enum Mistake: Equatable {
        case cells(Int, line: Int)
        case strayQuote(line: Int)
        case unclosedQuote(line: Int)

        var line: Int {
            switch self {
            case .cells(_, let line), .strayQuote(let line), .unclosedQuote(let line): line
            }
        }
    }

    var rows: [ReadRow] = []
    /// In order.
    var mistakes: [Mistake] = []
    /// Rows before the first mistake.
    var rowsBeforeMistake = 0

    private let text: [Character]
    private let columns: Int

    /// - Parameter body: what is below a header of one line.
    init(_ body: [Character], columns: Int) {
        text = body.last.map { $0 == "\n" } ?? true ? body : body + ["\n"]
        self.columns = columns
        var place = 0
        var record = 0
        while place < text.count {
            let line = 2 + text[..<place].count { $0 == "\n" }
            let (end, outcome) = judge(place)
            switch outcome {
            case .row(let cells): rows.append(ReadRow(record: record, line: line, cells: cells))
            case .blank: break
            case .mistake(let mistake):
                if mistakes.isEmpty { rowsBeforeMistake = rows.count }
                mistakes.append(mistake)
            }
            place = end
            record += 1
        }
        if mistakes.isEmpty { rowsBeforeMistake = rows.count }
    }

    private enum Outcome {
        case row([String])
        case blank
        case mistake(Mistake)
    }

    private func line(_ place: Int) -> Int { 2 + text[..<place].count { $0 == "\n" } }

    /// Behind the line break at or behind a place.
    private func behindLine(_ place: Int) -> Int {
        (text[place...].firstIndex(of: "\n") ?? text.count - 1) + 1
    }

    /// Of the lines behind the first one up to a place, whether each has the separators of a row.
    private func lookLikeRows(_ start: Int, _ end: Int) -> [Bool] {
        var judged: [Bool] = []
        var place = behindLine(start)
        while place < end, behindLine(place) <= end {
            judged.append(text[place..<behindLine(place)].count { $0 == "," } == columns - 1)
            place = behindLine(place)
        }
        return judged
    }

    /// Where a broken record that goes on to `end` is left.
    private func leave(_ start: Int, _ end: Int, judged place: Int? = nil) -> Int {
        let judged = lookLikeRows(start, place ?? end)
        return judged.isEmpty || 2 * judged.count { $0 } > judged.count ? behindLine(start) : end
    }

    private func judge(_ start: Int) -> (end: Int, Outcome) {
        switch cut(start) {
        case .open(let quote):
            return (leave(start, text.count), .mistake(.unclosedQuote(line: line(quote))))
        case .stray(let place, let quote):
            let end = leave(start, behindLine(place), judged: place)
            let isOfLaterRow = end == behindLine(start) && end <= place
            return (
                end,
                .mistake(
                    isOfLaterRow ? .unclosedQuote(line: line(quote)) : .strayQuote(line: line(place)))
            )
        case .whole(let cells, let end, let firstQuote):
            let lines = lookLikeRows(start, end)
            let hasInnerBreaks = behindLine(start) < end
            if hasInnerBreaks, cells.count != columns, leave(start, end) < end, let firstQuote {
                return (behindLine(start), .mistake(.unclosedQuote(line: line(firstQuote))))
            }
            let isFirstLong = text[start..<behindLine(start)].count { $0 == "," } == columns - 1
            let enough = columns >= 4 ? 4 : columns >= 2 ? 12 : Int.max
            if hasInnerBreaks, cells.count == columns, isFirstLong, lines.allSatisfy({ $0 }),
                lines.count >= enough, let firstQuote
            {
                return (behindLine(start), .mistake(.unclosedQuote(line: line(firstQuote))))
            }
            let content = text[start..<end - 1]
            if columns > 1 && (content.isEmpty || Array(content) == ["\r"]) { return (end, .blank) }
            return (
                end,
                cells.count == columns
                    ? .row(cells) : .mistake(.cells(cells.count, line: line(start)))
            )
        }
    }

    private enum Cut {
        case whole([String], end: Int, firstQuote: Int?)
        case stray(Int, quote: Int)
        case open(Int)
    }

    private func cut(_ start: Int) -> Cut {
        var cells: [String] = []
        var firstQuote: Int?
        var index = start
        while true {
            let begin = index
            while text[index] == " " || text[index] == "\t" { index += 1 }
            if text[index] == "\"" {
                let quote = index
                firstQuote = firstQuote ?? quote
                var cell: [Character] = []
                index += 1
                while true {
                    guard index < text.count else { return .open(quote) }
                    if text[index] == "\"" {
                        guard index + 1 < text.count, text[index + 1] == "\"" else { break }
                        index += 1
                    }
                    cell.append(text[index])
                    index += 1
                }
                index += 1
                while text[index] == " " || text[index] == "\t" { index += 1 }
                if text[index] == "\r", text[index + 1] == "\n" { index += 1 }
                guard text[index] == "," || text[index] == "\n" else { return .stray(index, quote: quote) }
                cells.append(
                    cell.reduce(into: "") { $0.unicodeScalars.append(contentsOf: $1.unicodeScalars) })
            } else {
                while text[index] != ",", text[index] != "\n" { index += 1 }
                var cell = text[begin..<index]
                // Characters, not a string: there "\r\n" is one.
                if text[index] == "\n", cell.last == "\r" { cell.removeLast() }
                cells.append(String(cell))
                if firstQuote == nil { firstQuote = text[begin..<index].firstIndex(of: "\"") }
            }
            index += 1
            if text[index - 1] == "\n" { return .whole(cells, end: index, firstQuote: firstQuote) }
        }
    }
}
