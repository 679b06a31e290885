import Foundation
import MTLData
import MTLEngine

/// Ends this process with the one that began it: that one holds the other side of the standard input, which the system closes
/// however it ends, on Linux and macOS alike.
enum ParentWatch {
    /// Waits beside the rest for the end of the input, and then asks this process to end, as somebody at a terminal would.
    ///
    /// - Throws: `InputError` where the system has no room for another thread.
    static func begin() throws(InputError) {
        _ = try BackgroundThread("mtl parent") {
            var byte: UInt8 = 0
            while true {
                let count = read(STDIN_FILENO, &byte, 1)
                if count == 0 || count < 0 && errno != EINTR && errno != EAGAIN { break }
            }
            kill(getpid(), SIGTERM)
        }
    }
}
