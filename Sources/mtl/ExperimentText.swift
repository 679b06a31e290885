import Foundation
import MTLEngine

/// What stands in a file of settings.
struct ExperimentText {
    let text: String

    /// More than any of them is long, and far less than memory holds.
    private static let mostBytes = 64 << 20

    /// Reads a file or a pipe to its end.
    ///
    /// - Parameter kind: what the file is to be, as "an experiment".
    /// - Throws: `InputError` that names it: it cannot be read, is too long or no UTF-8.
    init(_ path: String, _ kind: String) throws(InputError) {
        func wrong(_ found: String, _ more: String = "") -> InputError {
            InputError(.file, at: path, found: found, expected: "\(kind) file\(more)")
        }
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            throw wrong("no such file")
        }
        if isDirectory.boolValue { throw wrong("a folder") }
        guard let file = fopen(path, "r") else { throw wrong(String(cString: strerror(errno))) }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count == 0 { break }
            bytes += buffer[..<count]
            guard bytes.count <= Self.mostBytes else {
                throw wrong("more than \(Self.mostBytes >> 20) MiB", ", which is shorter")
            }
        }
        guard ferror(file) == 0 else { throw wrong(String(cString: strerror(errno))) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw wrong("text that is not UTF-8")
        }
        self.text = text
    }
}
