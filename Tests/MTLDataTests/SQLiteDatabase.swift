import CSQLite
import Testing

/// A database that a test writes.
final class SQLiteDatabase {
    enum Value {
        case null
        case integer(Int64)
        case real(Double)
        case text([UInt8])
        case blob([UInt8])

        static func text(_ text: String) -> Value { .text(Array(text.utf8)) }
    }

    private var handle: OpaquePointer?

    init(_ path: String) throws {
        let code = sqlite3_open(path, &handle)
        try #require(code == SQLITE_OK)
    }

    deinit { sqlite3_close(handle) }

    func run(_ sql: String) throws {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        try #require(code == SQLITE_OK, "\(String(cString: sqlite3_errmsg(handle)))")
    }

    /// Writes rows into a table that there is.
    func insert(into table: String, _ rows: [[Value]]) throws {
        try run("BEGIN")
        let marks = (rows.first ?? []).map { _ in "?" }.joined(separator: ",")
        var statement: OpaquePointer?
        let code = sqlite3_prepare_v2(handle, "INSERT INTO \(table) VALUES (\(marks))", -1, &statement, nil)
        try #require(code == SQLITE_OK)
        let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        for row in rows {
            for (index, value) in row.enumerated() {
                let place = Int32(index + 1)
                switch value {
                case .null: sqlite3_bind_null(statement, place)
                case .integer(let number): sqlite3_bind_int64(statement, place, number)
                case .real(let number): sqlite3_bind_double(statement, place, number)
                case .text(let bytes):
                    // The final NUL is not part of the text, but without it an empty array would bind NULL.
                    (bytes + [0]).withUnsafeBufferPointer { buffer in
                        _ = buffer.withMemoryRebound(to: CChar.self) {
                            sqlite3_bind_text(
                                statement, place, $0.baseAddress, Int32(bytes.count), transient)
                        }
                    }
                case .blob(let bytes):
                    sqlite3_bind_blob(statement, place, bytes, Int32(bytes.count), transient)
                }
            }
            let code = sqlite3_step(statement)
            try #require(code == SQLITE_DONE)
            sqlite3_reset(statement)
        }
        sqlite3_finalize(statement)
        try run("COMMIT")
    }
}
