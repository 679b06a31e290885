/// The slow and obvious twin of the reader: one character after the other, strictly by RFC 4180, where only quotes decide
/// which line breaks end a record.
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

    private struct Stray: Error {
        /// Of the quote that is out of place, or of whatever is behind a closing one.
        let line: Int
        /// Of the quote that opened the cell.
        let opened: Int
    }

    /// - Parameter body: what is below a header of one line.
    init(_ body: [Character], columns: Int) {
        var rest = body
        if let last = rest.last, last != "\n" { rest.append("\n") }
        var line = 2
        var record = 0
        while !rest.isEmpty {
            var end = 0
            var quotes = 0
            while end < rest.count, rest[end] != "\n" || quotes % 2 == 1 {
                if rest[end] == "\"" { quotes += 1 }
                end += 1
            }
            let text = Array(rest[..<end])
            let isWhole = end < rest.count
            rest.removeFirst(isWhole ? end + 1 : end)
            let mistake: Mistake?
            switch Self.judge(text, line: line, isWhole: isWhole, columns: columns) {
            case .row(let cells):
                rows.append(ReadRow(record: record, line: line, cells: cells))
                mistake = nil
            case .blank: mistake = nil
            case .mistake(let found): mistake = found
            }
            if let mistake {
                if mistakes.isEmpty { rowsBeforeMistake = rows.count }
                mistakes.append(mistake)
            }
            line += text.count { $0 == "\n" } + 1
            record += 1
        }
        if mistakes.isEmpty { rowsBeforeMistake = rows.count }
    }

    private enum Outcome {
        case row([String])
        case blank
        case mistake(Mistake)
    }

    private static func judge(_ text: [Character], line: Int, isWhole: Bool, columns: Int) -> Outcome {
        let found: (cells: [String], opened: Int?)
        do {
            found = try cut(text, line: line)
        } catch {
            guard let stray = error as? Stray else { preconditionFailure("\(error)") }
            return .mistake(isWhole ? .strayQuote(line: stray.line) : .unclosedQuote(line: stray.opened))
        }
        if let opened = found.opened { return .mistake(.unclosedQuote(line: opened)) }
        if columns > 1 && (text.isEmpty || text == ["\r"]) { return .blank }
        return found.cells.count == columns
            ? .row(found.cells) : .mistake(.cells(found.cells.count, line: line))
    }

    /// The cells of a record, and the line of the quote that is open at its end.
    private static func cut(_ record: [Character], line: Int) throws -> (cells: [String], opened: Int?) {
        var cells: [String] = []
        var line = line
        var index = 0
        while true {
            var cell = ""
            if index < record.count, record[index] == "\"" {
                let opened = line
                index += 1
                while true {
                    guard index < record.count else { return (cells, opened) }
                    if record[index] == "\"" {
                        guard index + 1 < record.count, record[index + 1] == "\"" else { break }
                        index += 1
                    }
                    if record[index] == "\n" { line += 1 }
                    cell.append(record[index])
                    index += 1
                }
                index += 1
                if index == record.count - 1, record[index] == "\r" { index += 1 }
                guard index == record.count || record[index] == "," else {
                    throw Stray(line: line, opened: opened)
                }
            } else {
                while index < record.count, record[index] != "," {
                    guard record[index] != "\"" else { throw Stray(line: line, opened: line) }
                    cell.append(record[index])
                    index += 1
                }
                // Characters, not a string: there "\r\n" is one.
                if index == record.count, cell.last == "\r" { cell.removeLast() }
            }
            cells.append(cell)
            if index == record.count { return (cells, nil) }
            index += 1
        }
    }
}
