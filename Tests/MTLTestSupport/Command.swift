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

    package static func path(_ name: String) -> String {
        URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
            .appending(path: name).path
    }

    /// Runs a command in a folder and waits for it.
    package static func run(_ name: String, _ arguments: [String], in folder: String) throws -> Command {
        try shell("exec \"$0\" \"$@\"", [path(name)] + arguments, in: folder)
    }

    /// Runs a line of shell, whose "$0", "$1", … are the arguments.
    package static func shell(_ line: String, _ arguments: [String], in folder: String) throws -> Command {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", line] + arguments
        process.currentDirectoryURL = URL(filePath: folder)
        let streams = try TemporaryFolder()
        let names = ["output", "errors"].map(streams.file)
        for name in names { _ = FileManager.default.createFile(atPath: name, contents: nil) }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle(forWritingAtPath: names[0])
        process.standardError = FileHandle(forWritingAtPath: names[1])
        try process.run()
        process.waitUntilExit()
        func text(_ name: String) -> String {
            String(decoding: FileManager.default.contents(atPath: name) ?? Data(), as: UTF8.self)
        }
        return Command(
            status: process.terminationStatus, isSignalled: process.terminationReason == .uncaughtSignal,
            output: text(names[0]), errors: text(names[1]))
    }
}
