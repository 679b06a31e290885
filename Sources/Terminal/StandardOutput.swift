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

/// Writes lines to the standard output, or to the standard error where an output goes to the standard output.
///
/// - Throws: `InputError` where the standard output cannot be written.
package func tell(_ text: String, beside output: String?) throws(InputError) {
    guard let output, isStandardOutput(output) else { return try say(text) }
    let lines = Array((MessageText.lines(text) + "\n").utf8)
    _ = mtl_write_all(STDERR_FILENO, lines, lines.count)
}

/// Whether a path leads to where the standard output goes, as /dev/stdout does: what is said there would stand in the midst
/// of the output.
private func isStandardOutput(_ path: String) -> Bool {
    var (named, standard) = (stat(), stat())
    return stat(path, &named) == 0 && fstat(STDOUT_FILENO, &standard) == 0
        && named.st_dev == standard.st_dev && named.st_ino == standard.st_ino
}

/// Writes a line about the data to the standard error, if there is one.
package func note(_ text: String) {
    let line = Array((MessageText.oneLine(text, 1000) + "\n").utf8)
    _ = mtl_write_all(STDERR_FILENO, line, line.count)
}
