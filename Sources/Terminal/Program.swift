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
            try checkRoom()
            var command = try parseAsRoot()
            try command.run()
        } catch {
            status = report(error)
        }
        fflush(nil)
        // Do not wait for library threads that are still retrying an allocation.
        _exit(status)
    }

    /// Refuses an address space (`ulimit -v`) so small that some allocation of the language's own, which ends the process,
    /// might not find room.
    private static func checkRoom() throws(InputError) {
        // Each thread has a stack, and a part of the heap that the C library keeps for it alone.
        let megabytes = 128 + 64 * defaultThreads
        let least = megabytes << 20
        let room = mmap(
            nil, least, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0)
        guard room != MAP_FAILED else {
            throw InputError(
                .value, at: "address space", found: "less than \(megabytes) MB left by its limit",
                expected: "a higher limit (ulimit -v)")
        }
        munmap(room, least)
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
