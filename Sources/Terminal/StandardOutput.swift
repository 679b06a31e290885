internal import Foundation
internal import MTLDataKernels
package import MTLEngine

/// The standard output, which may be full or closed: what cannot be written is an error.
package enum StandardOutput {
    /// Writes bytes as they are.
    ///
    /// - Throws: `InputError` with what the system says.
    package static func write(_ bytes: [UInt8]) throws(InputError) {
        guard mtl_write_all(STDOUT_FILENO, bytes, bytes.count) == 0 else {
            throw InputError(
                .file, at: "standard output", found: String(cString: strerror(errno)),
                expected: "one that can be written")
        }
    }
}

/// Writes lines to the standard output; characters that a terminal would obey are written out.
///
/// - Throws: `InputError` where it cannot be written.
package func say(_ text: String = "") throws(InputError) {
    try StandardOutput.write(Array((MessageText.lines(text) + "\n").utf8))
}

/// Writes a line about the data to the standard error, if there is one.
package func note(_ text: String) {
    let line = Array((MessageText.oneLine(text, 1000) + "\n").utf8)
    _ = mtl_write_all(STDERR_FILENO, line, line.count)
}
