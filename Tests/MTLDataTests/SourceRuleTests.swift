import Foundation
import Testing

/// Rules that no compiler holds: what the sources may not say.
@Suite struct SourceRuleTests {
    /// What may not be said, and words without which nothing says it: a look for those is quick.
    private static let rules: [(what: String, words: [String], pattern: String)] = [
        ("try! on what may fail", ["try!"], #"\btry!"#),
        ("a write of Foundation's that traps", ["FileHandle"], #"FileHandle\.standard(Output|Error)"#),
        ("print, which says nothing of a full output", ["print("], #"(^|[^\w.])print\("#),
        (
            "Foundation's thread, which does not say whether it started", ["Thread"],
            #"\bThread\s*[\({]"#
        ),
        (
            "a file mapped into memory, which others can cut short",
            ["mmap(", "alwaysMapped", "mappedIfSafe"],
            #"\b(mmap\([^n]|alwaysMapped|mappedIfSafe)"#
        ),
    ]

    /// A line without the comment at its end: two slashes in a text, as of an address, begin none.
    private static func code(_ line: Substring) -> String {
        var isText = false
        var before: Character = " "
        for place in line.indices {
            let sign = line[place]
            if sign == "\"", before != "\\" { isText.toggle() }
            if sign == "/", before == "/", !isText { return String(line[..<line.index(before: place)]) }
            before = before == "\\" && sign == "\\" ? " " : sign
        }
        return String(line)
    }

    private func faults(_ text: String) throws -> [String] {
        let suspected = Self.rules.filter { rule in rule.words.contains { text.contains($0) } }
        guard !suspected.isEmpty else { return [] }
        return try text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().flatMap {
            number, line in
            try suspected.filter { rule in
                guard rule.words.contains(where: { line.contains($0) }) else { return false }
                return try Self.code(line).firstMatch(of: Regex(rule.pattern)) != nil
            }.map { "line \(number + 1): \($0.what)" }
        }
    }

    @Test func sourcesKeepTheRules() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Sources")
        var count = 0
        for path in try FileManager.default.subpathsOfDirectory(atPath: root.path)
        where path.hasSuffix(".swift") {
            count += 1
            let text = try String(contentsOf: root.appending(path: path), encoding: .utf8)
            #expect(try faults(text) == [], "\(path)")
        }
        #expect(count > 200)
    }

    @Test func breachesAreSeen() throws {
        for line in [
            "let a = try! b()", "FileHandle.standardOutput.write(data)", "print(text)",
            "    Thread { run() }.start()",
            "let data = try Data(contentsOf: url, options: .alwaysMapped)", "mmap(address, 1, 2, 3, 4, 5)",
            "let url = \"https://a.b\"; let a = try! c(url)", "let a = \"\\\\\"; print(\"// \")",
        ] {
            #expect(try faults(line).count == 1, "\(line)")
        }
        for line in [
            "blueprint(x)", "model.print(x)", "// try! this", "BackgroundThread(\"name\") {", "mmap(nil, 1)",
            "let url = \"https://a.b\" // try! this", "a(\"\\\"\") // print(x)",
        ] {
            #expect(try faults(line) == [], "\(line)")
        }
    }
}
