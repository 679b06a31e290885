import Foundation
import Testing

/// The training step allocates nothing: counted in a process of its own, whose malloc is a counting one. What OpenBLAS
/// allocates inside itself, as some of its kernels do, is not ours.
@Suite struct AllocationTests {
    /// It lies beside the tests, where a build with tests leaves it.
    private static let probe = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        .deletingLastPathComponent().appending(path: "allocation-probe")
    private static let cases = 1008 + 6 * 48 + 3 * 3 * 24 + (13 + 4) * 4 + 7 * 2 + 2 + 2
    private static let steps = 16

    private func counts(_ arguments: [String] = []) throws -> [(name: String, count: Int)] {
        let process = Process()
        process.executableURL = Self.probe
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return output.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard words.count == 3, let count = Int(words[1]) else { return nil }
            return (String(words[0]), count)
        }
    }

    @Test func stepAllocatesNothingAfterTheFirst() throws {
        let counts = try counts()
        #expect(counts.count == Self.cases)
        for (name, count) in counts { #expect(count == 0, "\(name)") }
    }

    @Test func oneAllocationMoreIsSeen() throws {
        let counts = try counts(["--add-one"])
        #expect(counts.count > 40)
        for (name, count) in counts { #expect(count == Self.steps, "\(name)") }
    }
}
