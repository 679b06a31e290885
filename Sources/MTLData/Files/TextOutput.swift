package import MTLEngine

/// A text file that is written under a temporary name, and gets its own when it is whole and on the disk; a pipe or device is
/// written through.
package final class TextOutput {
    private let file: FileOutput

    /// Begins a file.
    ///
    /// - Parameter usesNames: takes a temporary name also where the file system could do without, for tests of that.
    /// - Throws: `InputError` that names it where it cannot be written.
    package init(_ path: String, usesNames: Bool = false) throws(InputError) {
        file = try FileOutput(path, usesNames: usesNames)
    }

    /// Writes a whole file.
    ///
    /// - Throws: `InputError` that names it.
    package static func write(_ text: String, to path: String) throws(InputError) {
        let output = try TextOutput(path)
        try output.write(text)
        try output.finish()
    }

    /// Writes more of it.
    ///
    /// - Throws: `InputError` that names the file, as where the disk is full.
    package func write(_ text: String) throws(InputError) { try write([UInt8](text.utf8)) }

    package func write(_ bytes: [UInt8]) throws(InputError) { try file.write(bytes) }

    /// Brings it to the disk and under its name; without this nothing is left behind.
    ///
    /// - Throws: `InputError` that names the file.
    package func finish() throws(InputError) { try file.finish() }
}
