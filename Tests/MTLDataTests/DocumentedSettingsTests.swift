import Foundation
import MTLData
import Testing
import Yams

/// Settings that the documentation shows are such as the tool takes.
@Suite struct DocumentedSettingsTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")

    /// The blocks of YAML in a document, whole ones and sections alone.
    private static func blocks(_ name: String) throws -> [String] {
        let text = try String(contentsOf: root.appending(path: name), encoding: .utf8)
        return text.matches(of: /```yaml\n((?:.|\n)*?)```/).map { String($0.1) }
    }

    private static func documents() throws -> [String] {
        let names = try FileManager.default.contentsOfDirectory(atPath: root.appending(path: "docs").path)
        return ["README.md"] + names.filter { $0.hasSuffix(".md") }.sorted().map { "docs/\($0)" }
    }

    @Test func sectionsAreTaken() throws {
        var read = Set<String>()
        for name in try Self.documents() {
            for block in try Self.blocks(name) {
                guard let sections = try? Yams.compose(yaml: block)?.mapping else { continue }
                let keys = sections.keys.compactMap(\.string)
                func decode(_ key: String, _ take: (String) throws -> Void) throws {
                    guard let node = sections[Node(key)] else { return }
                    let text = try Yams.serialize(node: node)
                    #expect(throws: Never.self, "\(name):\n\(block)") { try take(text) }
                    read.insert(key)
                }
                let decoder = YAMLDecoder()
                if keys.contains("space") {
                    #expect(throws: Never.self, "\(name):\n\(block)") {
                        _ = try decoder.decode(TuningSettings.self, from: block)
                    }
                    read.insert("space")
                    continue
                }
                try decode("model") { _ = try decoder.decode(ModelSettings.self, from: $0) }
                try decode("training") { _ = try decoder.decode(TrainingSettings.self, from: $0) }
                try decode("split") { _ = try decoder.decode(Split.self, from: $0) }
            }
        }
        #expect(read.isSuperset(of: ["model", "training", "space"]), "\(read)")
    }
}
