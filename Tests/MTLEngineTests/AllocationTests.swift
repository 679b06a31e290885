import Foundation
import Testing

/// The training step allocates nothing: counted in a process of its own, whose malloc is a counting one.
@Suite struct AllocationTests {
    private func counts(_ arguments: [String]) throws -> [(name: String, count: Int)] {
        let products = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
            .deletingLastPathComponent()
        let process = Process()
        process.executableURL = products.appending(path: "allocation-probe")
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return output.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard words.count == 2, let count = Int(words[1]) else { return nil }
            return (String(words[0]), count)
        }
    }

    @Test func stepAllocatesNothingAfterTheFirst() throws {
        let counts = try counts([])
        #expect(counts.count == 256)
        for (name, count) in counts { #expect(count == 0, "\(name)") }
    }

    @Test func oneAllocationMoreIsSeen() throws {
        for (name, count) in try counts(["--add-one"]) { #expect(count == 100, "\(name)") }
    }
}
