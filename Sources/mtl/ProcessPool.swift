import Foundation
import MTLEngine

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Runs of this very command side by side, as processes of their own.
///
/// Their standard input is a pipe whose other side this process holds: when it ends, however it does, the input of the others ends, and
/// `mtl train --ends-with-input` stops with a checkpoint. Each is in a process group of its own, so that a terminal's Ctrl-C
/// reaches this process alone, which tells the others once.
final class ProcessPool {
    /// How a process ended.
    struct Ended {
        let name: Int
        /// Its status; of one that a signal ended 128 and the signal's number.
        let status: Int32
        /// From its beginning to its end.
        let seconds: Double
    }

    private struct Running {
        let name: Int
        let process: pid_t
        let begun: ContinuousClock.Instant
    }

    private var running: [Running] = []
    private var pipe: (input: Int32, held: Int32)
    private let clock = ContinuousClock()
    private let program = Bundle.main.executablePath ?? CommandLine.arguments[0]

    /// - Throws: `InputError` where the system has no pipe left.
    init() throws(InputError) {
        var ends: [Int32] = [-1, -1]
        guard Self.pipe(&ends) == 0 else { throw Self.failure("a pipe") }
        // Only what is handed on below is another process's.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        pipe = (ends[0], ends[1])
    }

    deinit {
        close(pipe.input)
        close(pipe.held)
    }

    private static func pipe(_ ends: UnsafeMutablePointer<Int32>) -> Int32 {
        #if canImport(Glibc)
            Glibc.pipe(ends)
        #else
            Darwin.pipe(ends)
        #endif
    }

    private static func failure(_ what: String, _ code: Int32 = errno) -> InputError {
        InputError(
            .file, at: what, found: String(cString: strerror(code)),
            expected: "one more process that the system allows")
    }

    /// How many are running.
    var count: Int { running.count }

    /// Begins a run.
    ///
    /// - Parameters:
    ///   - name: what `ended` calls it.
    ///   - arguments: those of the command.
    ///   - errors: the file that its standard error goes to.
    /// - Throws: `InputError` where the system has no process left, or the file cannot be written.
    func begin(_ name: Int, _ arguments: [String], errors: String) throws(InputError) {
        #if canImport(Darwin)
            var actions: posix_spawn_file_actions_t?
            var attributes: posix_spawnattr_t?
        #else
            var actions = posix_spawn_file_actions_t()
            var attributes = posix_spawnattr_t()
        #endif
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_adddup2(&actions, pipe.input, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        var words = ([program] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var process = pid_t()
        let code = posix_spawn(&process, program, &actions, &attributes, &words, environ)
        guard code == 0 else { throw Self.failure("\(program) \(arguments[0])", code) }
        running.append(Running(name: name, process: process, begun: clock.now))
    }

    /// One that has ended since it was asked for the last time; nil where none has.
    func ended() -> Ended? {
        for (index, run) in running.enumerated() {
            var status: Int32 = 0
            let found = waitpid(run.process, &status, WNOHANG)
            if found == 0 || found < 0 && errno == EINTR { continue }
            running.remove(at: index)
            let number = status & 0x7F
            return Ended(
                name: run.name, status: number == 0 ? (status >> 8) & 0xFF : 128 + number,
                seconds: clock.now.seconds(since: run.begun))
        }
        return nil
    }

    /// Asks all that are running to end.
    func stop() { for run in running { kill(run.process, SIGTERM) } }
}
