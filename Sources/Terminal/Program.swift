package import ArgumentParser
internal import Foundation
internal import MTLDataKernels
internal import MTLEngine

extension ParsableCommand {
    /// Runs a command with the arguments of the process, and ends it: with 0, or where anything failed, its output too, with a
    /// status that says so.
    package static func runAsProgram() -> Never {
        mtl_watch_interrupts()
        // Otherwise a file opened later could take a closed stream's number and receive our output.
        for descriptor in 0...2 where fcntl(Int32(descriptor), F_GETFD) < 0 { occupy() }
        var status: Int32 = 0
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            status = report(error)
        }
        fflush(nil)
        // Do not wait for library threads that are still retrying an allocation.
        _exit(status)
    }

    /// Opens the lowest free descriptor so that nothing can be written to it.
    private static func occupy() { _ = open("/dev/null", O_RDONLY) }

    /// Says what went wrong, or what was asked for: help is no error.
    private static func report(_ error: any Error) -> Int32 {
        let code = exitCode(for: error)
        let text = fullMessage(for: error)
        guard code.isSuccess else {
            if !text.isEmpty {
                let line = Array((MessageText.lines(text) + "\n").utf8)
                _ = mtl_write_all(STDERR_FILENO, line, line.count)
            }
            return code.rawValue
        }
        guard !text.isEmpty else { return 0 }
        do {
            try say(text)
            return 0
        } catch {
            note("Error: \(error)")
            return 1
        }
    }
}
