import Foundation
import Testing

/// Rules that no compiler holds: what the sources may not say.
@Suite struct SourceRuleTests {
    private static let rules: [(what: String, pattern: String)] = [
        ("try! on what may fail", #"\btry!"#),
        ("a write of Foundation's that traps", #"FileHandle\.standard(Output|Error)"#),
        ("print, which says nothing of a full output", #"(^|[^\w.])print\("#),
        ("Foundation's thread, which does not say whether it started", #"\bThread\s*[\({]"#),
        (
            "a file mapped into memory, which others can cut short",
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
        try text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().flatMap {
            number, line in
            let code = Self.code(line)
            return try Self.rules.filter { rule in
                try code.firstMatch(of: Regex(rule.pattern)) != nil
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
