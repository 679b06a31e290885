internal import CSQLite
internal import MTLEngine

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A query of a database file that is opened to be read only; it is used by one caller at a time.
final class SQLiteQuery {
    let path: String
    private(set) var columns: [String] = []
    private var database: OpaquePointer?
    private var statement: OpaquePointer?
    private var isAtEnd = false

    /// How long a writer may hold the database before it is an error.
    private static let patienceMilliseconds: Int32 = 5000

    init(path: String, sql: String) throws(InputError) {
        self.path = path
        try Self.checkFile(path)
        // "./" because SQLite takes names such as ":memory:" for something else than a file. No mutex: callers come one
        // at a time.
        let name = path.hasPrefix("/") ? path : "./" + path
        let code = sqlite3_open_v2(name, &database, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nil)
        guard code == SQLITE_OK else { throw failure(.file, expected: "a readable SQLite database") }
        sqlite3_busy_timeout(database, Self.patienceMilliseconds)
        try checkDatabase()
        try prepare(sql)
        try readNames()
    }

    deinit {
        sqlite3_finalize(statement)
        sqlite3_close(database)
    }

    private static func checkFile(_ path: String) throws(InputError) {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw InputError(
                .file, at: path, found: String(cString: strerror(errno)),
                expected: "a readable SQLite database")
        }
        guard status.st_mode & S_IFMT != S_IFDIR else {
            throw InputError(.file, at: path, found: "a directory", expected: "an SQLite database")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw InputError(
                .file, at: path, found: "a pipe or a device", expected: "an SQLite database in a file")
        }
    }

    private var message: String {
        database.map { String(cString: sqlite3_errmsg($0)) } ?? "no memory for SQLite"
    }

    private func failure(
        _ kind: InputError.Kind, at place: String? = nil, expected: String
    ) -> InputError {
        InputError(kind, at: place ?? path, found: message, expected: expected)
    }

    /// Opening looks at nothing; what the file is shows when its header is read.
    private func checkDatabase() throws(InputError) {
        guard sqlite3_exec(database, "SELECT count(*) FROM sqlite_master", nil, nil, nil) == SQLITE_OK
        else { throw failure(.file, expected: "a readable SQLite database") }
    }

    private func prepare(_ sql: String) throws(InputError) {
        let place = "\(path), query"
        func refuse(_ found: String, _ expected: String) -> InputError {
            InputError(.syntax, at: place, found: found, expected: expected)
        }
        guard !sql.utf8.contains(0) else { throw refuse("a NUL character", "SQL") }
        // The length with the final NUL, which saves SQLite a copy.
        let bytes = sql.utf8.map { CChar(bitPattern: $0) } + [0]
        var used = 0
        let code = bytes.withUnsafeBufferPointer { text in
            var tail: UnsafePointer<CChar>?
            let code = sqlite3_prepare_v2(database, text.baseAddress, Int32(text.count), &statement, &tail)
            if let tail, let base = text.baseAddress { used = tail - base }
            return code
        }
        guard code == SQLITE_OK else { throw failure(.syntax, at: place, expected: "SQL") }
        guard let statement else { throw refuse("no statement", "SELECT …") }
        var second: OpaquePointer?
        defer { sqlite3_finalize(second) }
        let rest = bytes[used...].withUnsafeBufferPointer {
            sqlite3_prepare_v2(database, $0.baseAddress, Int32($0.count), &second, nil)
        }
        guard rest == SQLITE_OK, second == nil else { throw refuse("more than one statement", "one SELECT") }
        let word = Self.firstWord(bytes)
        guard ["SELECT", "WITH", "VALUES"].contains(word), sqlite3_stmt_readonly(statement) != 0,
            sqlite3_column_count(statement) > 0
        else {
            throw refuse(
                sqlite3_stmt_readonly(statement) == 0
                    ? "a statement that writes" : "a statement other than SELECT",
                "SELECT …")
        }
        guard sqlite3_bind_parameter_count(statement) == 0 else {
            let name = sqlite3_bind_parameter_name(statement, 1).map { String(cString: $0) } ?? "?"
            throw refuse("the parameter \(name)", "a query with its values")
        }
    }

    /// The first word of a statement, in capitals, after blanks and comments.
    private static func firstWord(_ sql: [CChar]) -> String {
        let bytes = sql.dropLast().map { UInt8(bitPattern: $0) }
        var start = 0
        func begins(_ mark: String, at place: Int) -> Bool { bytes[place...].starts(with: mark.utf8) }
        while start < bytes.count {
            if begins("--", at: start) {
                while start < bytes.count, bytes[start] != UInt8(ascii: "\n") { start += 1 }
            } else if begins("/*", at: start) {
                start += 2
                while start < bytes.count, !begins("*/", at: start) { start += 1 }
                start = min(start + 2, bytes.count)
            } else if [0x20, 0x09, 0x0A, 0x0C, 0x0D, UInt8(ascii: ";")].contains(bytes[start]) {
                start += 1
            } else {
                break
            }
        }
        let word = bytes[start...].prefix { (0x41...0x5A).contains($0 & 0xDF) }
        return String(decoding: word, as: UTF8.self).uppercased()
    }

    private func readNames() throws(InputError) {
        var seen = Set<String>()
        for index in 0..<sqlite3_column_count(statement) {
            let name = sqlite3_column_name(statement, index).map { String(cString: $0) } ?? ""
            guard !name.isEmpty else {
                throw InputError(
                    .name, at: "\(path), query, column \(index + 1)", found: "no name", expected: "a name")
            }
            guard seen.insert(name).inserted else {
                throw InputError(
                    .name, at: "\(path), query, column \"\(name)\"", found: "the name twice",
                    expected: "names that differ (AS gives a column another one)")
            }
            columns.append(name)
        }
    }

    // MARK: Rows

    /// Goes to the next row, `number` counted from 1; false after the last.
    func step(_ number: Int) throws(InputError) -> Bool {
        // SQLite would begin anew.
        guard !isAtEnd else { return false }
        switch sqlite3_step(statement) {
        case SQLITE_ROW: return true
        case SQLITE_DONE:
            isAtEnd = true
            return false
        default:
            isAtEnd = true
            throw failure(.file, at: "\(path), row \(number)", expected: "a query that runs to its end")
        }
    }

    /// What a row holds in a column; a text is valid until the next step.
    enum Value {
        case null
        case integer(Int64)
        case real(Double)
        case text(UnsafeBufferPointer<UInt8>)
        case blob
    }

    func value(_ column: Int) -> Value {
        let column = Int32(column)
        switch sqlite3_column_type(statement, column) {
        case SQLITE_INTEGER: return .integer(sqlite3_column_int64(statement, column))
        case SQLITE_FLOAT: return .real(sqlite3_column_double(statement, column))
        case SQLITE_TEXT:
            // The pointer first: asking for it may convert, which changes the length.
            let start = sqlite3_column_text(statement, column)
            return .text(
                UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column))))
        case SQLITE_BLOB: return .blob
        default: return .null
        }
    }
}
