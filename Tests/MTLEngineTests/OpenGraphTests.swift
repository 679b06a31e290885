import Foundation
import Testing

/// What a built-in architecture or feature layer calls of `GraphBuilder` is public, or its own file's: a user's can do the same.
@Suite struct OpenGraphTests {
    @Test func builtInArchitecturesUseWhatIsPublic() throws {
        let members = try GraphMembers(files(of: ["Graph", "Nodes", "Sharing", "FeatureLayers"]))
        let users = try files(of: ["Sharing", "FeatureLayers"])
        // `init` and the builder's state belong to the model, which makes the builder.
        let architectures = users.filter { $0.name != "MultiTaskModel.swift" }
        #expect(architectures.count > 20)
        #expect(members.used(by: architectures).count > 40)
        #expect(members.hidden(from: architectures) == [])
    }

    @Test func seesInternalUses() {
        func faults(_ builder: String, _ user: String) -> [String] {
            let files = [
                BuilderSource(name: "Builder.swift", text: builder),
                BuilderSource(name: "Mine.swift", text: user),
            ]
            return GraphMembers(files).hidden(from: [files[1]])
        }
        let planted = "extension GraphBuilder {\n    mutating func planted() {}\n}\n"
        #expect(faults(planted, "func f() { graph.planted() }") == ["Mine.swift uses planted"])
        #expect(
            faults(planted, "extension GraphBuilder {\n    fileprivate func own() { planted() }\n}")
                == ["Mine.swift uses planted"])
        #expect(faults("extension GraphBuilder {\n    var planted: Int { 1 }\n}", "graph.planted + 1") != [])
        // One public overload does not open the others.
        #expect(
            faults(planted + planted.replacing("mutating", with: "public mutating"), "graph.planted()") != [])
        #expect(faults(planted.replacing("mutating", with: "public mutating"), "graph.planted()") == [])
        #expect(faults(planted.replacing("mutating", with: "public private(set)"), "graph.planted()") == [])
        #expect(faults(planted, "extension GraphBuilder {\n    func mine() {}\n}\ngraph.mine()") == [])
        #expect(faults(planted, "func planted() {}\nplanted() // graph.planted()") == [])
    }

    private func files(of folders: [String]) throws -> [BuilderSource] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../../Sources/MTLEngine")
        var files: [BuilderSource] = []
        for folder in folders {
            let path = root.appending(path: folder)
            for name in try FileManager.default.contentsOfDirectory(atPath: path.path).sorted()
            where name.hasSuffix(".swift") {
                files.append(
                    BuilderSource(
                        name: name,
                        text: try String(contentsOf: path.appending(path: name), encoding: .utf8)))
            }
        }
        return files
    }
}

private struct BuilderSource {
    let name: String
    let text: String
}

/// The members of `GraphBuilder`, by the lines that declare them: four spaces inside its struct and extensions.
private struct GraphMembers {
    private struct Member {
        let name: String
        let file: String
        let isPublic: Bool
    }
    private var members: [Member] = []

    init(_ files: [BuilderSource]) {
        for file in files {
            for (isInside, line) in Self.lines(of: file) where isInside {
                guard let match = line.firstMatch(of: /^    ((?:[a-z()]+ )*)(func|var|let) (\w+)/) else {
                    continue
                }
                members.append(
                    Member(
                        name: String(match.3), file: file.name, isPublic: match.1.hasPrefix("public ")))
            }
        }
    }

    /// Lines without comments, and whether they are inside the builder or an extension of it.
    private static func lines(of file: BuilderSource) -> [(isInside: Bool, line: Substring)] {
        var isInside = false
        return file.text.split(separator: "\n").map { line in
            if line.contains(/^(public )?(struct|extension) GraphBuilder\b/) { isInside = true }
            if line.hasPrefix("}") { isInside = false }
            return (isInside, line.prefix(upTo: line.firstRange(of: "//")?.lowerBound ?? line.endIndex))
        }
    }

    /// The members that files use: `graph.NAME`, and calls of the builder's own inside its extensions.
    func used(by files: [BuilderSource]) -> Set<String> {
        Set(files.flatMap { file in uses(in: file).map(\.name) })
    }

    /// "FILE uses NAME" for every member that is not public and declared elsewhere.
    func hidden(from files: [BuilderSource]) -> [String] {
        files.flatMap { file in
            Set(uses(in: file).filter { !$0.isPublic && $0.file != file.name }.map(\.name)).sorted().map {
                "\(file.name) uses \($0)"
            }
        }
    }

    private func uses(in file: BuilderSource) -> [Member] {
        var names = Set<Substring>()
        for (isInside, line) in Self.lines(of: file) {
            for match in line.matches(of: /\bgraph\.(\w+)/) { names.insert(match.1) }
            guard isInside, !line.contains(/\b(func|let|var) \w+/) || line.contains("{") else { continue }
            // Calls without a receiver are the builder's own, where it has a member of the name.
            for match in line.matches(of: /(^|[^.\w])(\w+)\(/) { names.insert(match.2) }
        }
        return members.filter { names.contains(Substring($0.name)) }
    }
}
