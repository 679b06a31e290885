/// Cuts the bytes of a CSV file into cells, in one pass.
struct CSVCutter {
    static let quote = UInt8(ascii: "\"")
    private static let comma = UInt8(ascii: ",")
    private static let newline = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")

    let path: String
    private(set) var header: [String] = []
    private(set) var cells: [(start: Int, end: Int)] = []
    private(set) var lines: [Int32] = []
    private var line: Int32 = 1

    init(path: String) { self.path = path }

    private func failure(_ kind: InputError.Kind, found: String, expected: String) -> InputError {
        InputError(kind, at: "\(path), line \(line)", found: found, expected: expected)
    }

    mutating func cut(_ bytes: [UInt8]) throws(InputError) {
        var position = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        guard position < bytes.count else {
            throw InputError(.empty, at: path, found: "no text", expected: "a header and rows")
        }
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw InputError(.syntax, at: path, found: "bytes that are no UTF-8", expected: "UTF-8 text")
        }
        try cutRow(bytes, &position)
        header = cells.map { cell in
            String(decoding: bytes[cell.start..<cell.end], as: UTF8.self)
                .split(separator: "\"\"", omittingEmptySubsequences: false).joined(separator: "\"")
        }
        cells.removeAll(keepingCapacity: true)
        var seen = Set<String>()
        for name in header where !seen.insert(name).inserted {
            throw InputError(
                .name, at: "\(path), line 1, column \"\(name)\"", found: "the name twice",
                expected: "names that differ")
        }
        while position < bytes.count {
            let start = line
            let before = cells.count
            try cutRow(bytes, &position)
            let fields = cells.count - before
            let isBlank = fields == 1 && cells[before].start == cells[before].end && header.count > 1
            if isBlank {
                cells.removeLast()
                continue
            }
            guard fields == header.count else {
                line = start
                throw failure(
                    .syntax, found: "\(fields) fields", expected: "\(header.count), as in the header")
            }
            lines.append(start)
        }
        guard !lines.isEmpty else {
            throw InputError(.empty, at: path, found: "a header only", expected: "at least one row")
        }
    }

    /// Cuts one row and its line break.
    private mutating func cutRow(_ bytes: [UInt8], _ position: inout Int) throws(InputError) {
        while true {
            if position < bytes.count && bytes[position] == Self.quote {
                try cutQuoted(bytes, &position)
            } else {
                let start = position
                while position < bytes.count && bytes[position] != Self.comma
                    && bytes[position] != Self.newline
                {
                    guard bytes[position] != Self.quote else {
                        throw failure(
                            .syntax, found: "a quote inside a field that does not start with one",
                            expected: "a field that is quoted as a whole")
                    }
                    position += 1
                }
                let endsInReturn =
                    position > start && bytes[position - 1] == Self.carriageReturn
                    && (position == bytes.count || bytes[position] == Self.newline)
                cells.append((start, endsInReturn ? position - 1 : position))
            }
            guard position < bytes.count else { return }
            let separator = bytes[position]
            position += 1
            if separator == Self.newline {
                line += 1
                return
            }
        }
    }

    /// Cuts a quoted field; leaves `position` at the separator behind it, or at the end.
    private mutating func cutQuoted(_ bytes: [UInt8], _ position: inout Int) throws(InputError) {
        let opening = line
        position += 1
        let start = position
        while true {
            guard position < bytes.count else {
                line = opening
                throw failure(.syntax, found: "a quote that is not closed", expected: "a closing quote")
            }
            if bytes[position] == Self.newline { line += 1 }
            if bytes[position] == Self.quote {
                guard position + 1 < bytes.count && bytes[position + 1] == Self.quote else { break }
                position += 1
            }
            position += 1
        }
        cells.append((start, position))
        position += 1
        if position + 1 < bytes.count && bytes[position] == Self.carriageReturn
            && bytes[position + 1] == Self.newline
        {
            position += 1
        }
        if position == bytes.count - 1 && bytes[position] == Self.carriageReturn { position += 1 }
        guard position >= bytes.count || bytes[position] == Self.comma || bytes[position] == Self.newline
        else {
            throw failure(.syntax, found: "text behind a closing quote", expected: "a comma or a line break")
        }
    }
}
