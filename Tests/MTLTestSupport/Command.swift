import Foundation

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A run of one of the package's commands, which a build with tests leaves beside them.
package struct Command {
    package let status: Int32
    /// Whether a signal ended it; `status` is its number then.
    package let isSignalled: Bool
    package let output: String
    package let errors: String

    /// Whether a shell finds a program.
    package static func exists(_ program: String) -> Bool {
        (try? shell("command -v \(program) >/dev/null", [], in: "/"))?.status == 0
    }

    /// Whether a command can be run as somebody with fewer rights.
    package static var canBeAnotherUser: Bool { geteuid() == 0 && exists("setpriv") }

    package static func path(_ name: String) -> String {
        URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
            .appending(path: name).path
    }

    /// Runs a command in a folder and waits for it.
    ///
    /// - Parameters:
    ///   - signal: what it is sent, and after how many seconds.
    ///   - marker: a file of the folder that says it has begun: seconds are counted from then on.
    package static func run(
        _ name: String, _ arguments: [String], in folder: String,
        signal: (number: Int32, after: Double)? = nil, marker: String? = nil
    ) throws -> Command {
        try shell("exec \"$0\" \"$@\"", [path(name)] + arguments, in: folder, signal: signal, marker: marker)
    }

    /// Waits for a file, which must come.
    private static func wait(for path: String) throws {
        for _ in 0..<6000 {
            if access(path, F_OK) == 0 { return }
            usleep(10_000)
        }
        throw Safetensors.Failure(text: "\(path) does not come")
    }

    /// Runs a line of shell, whose "$0", "$1", … are the arguments. Signals are as they are for a new process, which those
    /// that Foundation starts do not have.
    package static func shell(
        _ line: String, _ arguments: [String], in folder: String,
        signal: (number: Int32, after: Double)? = nil, marker: String? = nil
    ) throws -> Command {
        let streams = try TemporaryFolder()
        func check(_ code: Int32, _ what: String) throws {
            guard code == 0 else {
                throw Safetensors.Failure(text: "\(what): \(String(cString: strerror(code)))")
            }
        }
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
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        for (number, name) in [(1, "output"), (2, "errors")] as [(Int32, String)] {
            posix_spawn_file_actions_addopen(
                &actions, number, streams.file(name), O_WRONLY | O_CREAT | O_APPEND, 0o600)
        }
        var none = sigset_t()
        sigemptyset(&none)
        var all = sigset_t()
        sigfillset(&all)
        sigdelset(&all, SIGKILL)
        sigdelset(&all, SIGSTOP)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var words =
            (["/bin/sh", "-c", "cd '\(folder)' || exit 99\n" + line] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var process = pid_t()
        try check(posix_spawn(&process, "/bin/sh", &actions, &attributes, &words, environ), "/bin/sh")
        if let signal {
            if let marker { try wait(for: "\(folder)/\(marker)") }
            usleep(useconds_t(signal.after * 1e6))
            kill(process, signal.number)
        }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        func text(_ name: String) -> String {
            String(
                decoding: FileManager.default.contents(atPath: streams.file(name)) ?? Data(), as: UTF8.self)
        }
        let number = status & 0x7F
        return Command(
            status: number == 0 ? (status >> 8) & 0xFF : number, isSignalled: number != 0,
            output: text("output"),
            errors: text("errors"))
    }
}
