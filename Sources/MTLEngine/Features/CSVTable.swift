#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A CSV file with a header, held as bytes and cut into cells (RFC 4180: quotes, doubled quotes, line breaks
/// inside quotes, CRLF; a byte order mark and a missing last line break are fine).
public struct CSVTable: Sendable {
    /// The file it came from, for messages.
    public let path: String
    /// The header's names, in order.
    public let columns: [String]
    /// The number of rows below the header.
    public var rowCount: Int { lines.count }

    private let bytes: [UInt8]
    /// Per cell where it starts and ends, without its quotes; row-major.
    private let cells: [(start: Int, end: Int)]
    /// Per row the physical line it starts on, counted from 1.
    private let lines: [Int32]

    /// Reads and cuts a whole file.
    ///
    /// - Throws: `InputError` that names the file and line: it cannot be read, is empty or has a header only, a
    ///   row has another number of fields than the header, a quote is not closed, a name stands twice, or the text is no UTF-8.
    public init(path: String) throws(InputError) {
        try self.init(bytes: Self.read(path), path: path)
    }

    /// Cuts text that is in memory; `path` is what messages call it.
    public init(bytes: [UInt8], path: String) throws(InputError) {
        var cutter = CSVCutter(path: path)
        try cutter.cut(bytes)
        self.path = path
        self.bytes = bytes
        columns = cutter.header
        cells = cutter.cells
        lines = cutter.lines
    }

    /// The text of a cell, quotes resolved.
    public func text(row: Int, column: Int) -> String {
        withCell(row: row, column: column) { String(decoding: $0, as: UTF8.self) }
    }

    /// Where a cell stands, for messages: file, line and column.
    public func place(row: Int, column: Int) -> String {
        "\(path), line \(lines[row]), column \"\(columns[column])\""
    }

    /// The index of a column.
    ///
    /// - Throws: `InputError` with the names there are.
    public func column(_ name: String) throws(InputError) -> Int {
        guard let index = columns.firstIndex(of: name) else {
            throw InputError(
                .name, at: "\(path), column \"\(name)\"", found: "no such column",
                expected: "one of \(columns.joined(separator: ", "))")
        }
        return index
    }

    /// The bytes of a cell, doubled quotes resolved.
    func withCell<Result>(
        row: Int, column: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Result
    ) -> Result {
        let cell = cells[row * columns.count + column]
        let isQuoted = cell.start > 0 && bytes[cell.start - 1] == CSVCutter.quote
        return bytes.withUnsafeBufferPointer { all in
            let slice = UnsafeBufferPointer(rebasing: all[cell.start..<cell.end])
            guard isQuoted, slice.contains(CSVCutter.quote) else { return body(slice) }
            var resolved: [UInt8] = []
            var index = 0
            while index < slice.count {
                resolved.append(slice[index])
                index += slice[index] == CSVCutter.quote ? 2 : 1
            }
            return resolved.withUnsafeBufferPointer(body)
        }
    }

    private static func read(_ path: String) throws(InputError) -> [UInt8] {
        func failure() -> InputError {
            InputError(
                .file, at: path, found: String(cString: strerror(errno)), expected: "a readable CSV file")
        }
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else { throw failure() }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure() }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var filled = 0
        while filled < bytes.count {
            let count = bytes.withUnsafeMutableBytes { buffer in
                readBytes(descriptor, buffer.baseAddress.map { $0 + filled }, buffer.count - filled)
            }
            guard count >= 0 else { throw failure() }
            if count == 0 { break }
            filled += count
        }
        bytes.removeLast(bytes.count - filled)
        return bytes
    }
}

private func readBytes(_ descriptor: Int32, _ target: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(descriptor, target, count)
}
