import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// Model files of several members: written, read, and refused where they claim what they do not hold.
@Suite struct MemberFileTests {
    /// The fixture's model with other members: each has the parameters somewhat larger than the one before.
    private static func bundle(_ ofTasks: (Int) -> [Int], count: Int) throws -> ModelBundle {
        let one = try ModelBundle(contentsOf: fixture("model-1.safetensors").path)
        let vectors = (0..<count).map { member in one.parameters.map { $0 * (1 + 0.1 * Float(member)) } }
        return try ModelBundle(
            one.preprocessor, settings: one.settings, sampling: one.sampling, histories: one.histories,
            members: ModelMembers(vectors, ofTasks: one.model.tasks.indices.map(ofTasks)))
    }

    private func written(_ bundle: ModelBundle) throws -> Data {
        let folder = try TemporaryFolder()
        try bundle.write(to: folder.file("model.safetensors"))
        return try Data(contentsOf: URL(filePath: folder.file("model.safetensors")))
    }

    private func predictions(_ bundle: ModelBundle) throws -> [String: [Float]] {
        var all: [String: [Float]] = [:]
        try bundle.predict(bundle.open(fixture("model-1.csv").path)) { (_, predicted) throws(InputError) in
            for task in bundle.model.tasks { all[task.name, default: []] += try predicted.values(task.name) }
        }
        return all
    }

    private func refusal(_ text: TensorText) throws -> InputError? {
        let bytes = try text.file(isSealed: true)
        return failure { () throws(InputError) in _ = try ModelBundle(bytes: bytes, path: "model") }
    }

    @Test func membersAreWrittenAndRead() throws {
        let bundle = try Self.bundle({ $0 == 0 ? [0, 2] : [1] }, count: 3)
        let bytes = try written(bundle)
        let again = try ModelBundle(bytes: [UInt8](bytes), path: "model")
        #expect(again.members == bundle.members && again.settings == bundle.settings)
        // A member's tensors are those of a model of its own, under a prefix.
        let text = try TensorText(bytes)
        let single = try TensorText(ModelFileTests.current())
        let names = single.names.filter { !$0.hasPrefix("preprocessor.") }
        for member in 0..<3 {
            #expect(Set(names.map { "members.\(member).\($0)" }).isSubset(of: text.names))
        }
        #expect(names.allSatisfy { text.bytes("members.0.\($0)") == single.bytes($0) })
        #expect(text.texts["version"] == "3" && single.texts["version"] == "2")
        #expect(single.texts["members"] == nil)
        // Predictions are the means of the members' own.
        let found = try predictions(bundle)
        let alone = try (0..<3).map { member in
            try predictions(
                ModelBundle(
                    bundle.preprocessor, settings: bundle.settings, sampling: bundle.sampling,
                    histories: bundle.histories, parameters: bundle.members.vectors[member]))
        }
        for (index, task) in bundle.model.tasks.enumerated() {
            let values = try #require(found[task.name])
            guard index == 0 else {
                #expect(values == alone[1][task.name])
                continue
            }
            let (first, last) = (try #require(alone[0][task.name]), try #require(alone[2][task.name]))
            expectClose(
                values, zip(first, last).map { (Double($0) + Double($1)) / 2 }, relative: 1e-6, absolute: 1e-7
            )
            #expect(first != last)
        }
        let path = try TemporaryFolder()
        try again.write(to: path.file("again.safetensors"))
        #expect(FileManager.default.contents(atPath: path.file("again.safetensors")) == bytes)
    }

    @Test func trainingGoesOnFromOneMemberOnly() throws {
        let error = failure { _ = try Self.bundle({ _ in [0, 1] }, count: 2).parametersToContinue() }
        #expect(error?.place == "model to go on from" && error?.found == "2 members")
        let one = try Self.bundle({ _ in [0] }, count: 1)
        #expect(try one.parametersToContinue() == one.members.vectors[0])
    }

    @Test func membersThatAreNoNumbersAreNotWritten() throws {
        let good = try Self.bundle({ _ in [0, 1] }, count: 2)
        var vectors = good.members.vectors
        vectors[1][3] = .nan
        let error = failure {
            _ = try ModelBundle(
                good.preprocessor, settings: good.settings, sampling: good.sampling,
                members: ModelMembers(vectors, ofTasks: good.members.ofTasks))
        }
        #expect(error?.place.hasPrefix("model bundle, parameter") == true)
    }

    @Test func whatAFileSaysOfItsMembersIsNotBelieved() throws {
        let bundle = try Self.bundle({ $0 == 0 ? [0, 1] : [1] }, count: 2)
        let whole = try TensorText(written(bundle))
        let names = bundle.model.tasks.map(\.name)
        func text(_ members: [String: [Int]]) throws -> TensorText {
            var copy = whole
            copy.texts["members"] = String(
                decoding: try JSONSerialization.data(withJSONObject: members), as: UTF8.self)
            return copy
        }
        func all(_ own: [Int], first: [Int]? = nil) -> [String: [Int]] {
            var named = Dictionary(uniqueKeysWithValues: names.map { ($0, own) })
            if let first { named[names[0]] = first }
            return named
        }
        #expect(try refusal(text(all([0, 1]))) == nil)
        for wrong in [
            all([0, 2]), all([]), [:], all([0]).merging(["nobody": [0]]) { first, _ in first },
            all([0, 0], first: [1]), all([0], first: [-1, 1]), all([1]), all([0], first: [Int.max]),
            all([0], first: [Int.min]), all(Array(0..<100_000)),
            all([0], first: Array(repeating: 1, count: 100_000)),
        ] {
            #expect(try refusal(text(wrong)) != nil, "\("\(wrong)".prefix(80))")
        }
        for broken in ["", "{", "[0]", "{\"\(names[0])\": \"0\"}", "{\"\(names[0])\": [0.5]}"] {
            var copy = whole
            copy.texts["members"] = broken
            #expect(try refusal(copy) != nil, "\(broken)")
        }
        var copy = whole
        copy.texts["members"] = nil
        #expect(try refusal(copy) != nil)
        // As a file of one member it lacks the tensors.
        copy = whole
        copy.texts["version"] = "2"
        #expect(try refusal(copy)?.found.contains("no such") == true)
        // A member's tensor of another shape, or none.
        let own = try #require(whole.names.first { $0.hasPrefix("members.1.") })
        copy = whole
        copy.set(own, shape: [1, 1, 1])
        #expect(try refusal(copy) != nil)
        // Settings that ask for more than one member's share of the numbers.
        copy = whole
        let settings = try #require(copy.texts["model"])
        copy.texts["model"] = settings.replacing(#""layers":[4]"#, with: #""layers":[900]"#)
        #expect(copy.texts["model"] != settings)
        #expect(try refusal(copy) != nil)
    }

    @Test func everyFlippedBitIsFoundOrSaysTheSame() throws {
        let whole = [UInt8](try written(Self.bundle({ _ in [0, 1] }, count: 2)))
        let right = try ModelBundle(bytes: whole, path: "model")
        for place in stride(from: 0, to: whole.count, by: 11) {
            var bytes = whole
            bytes[place] ^= 1 << UInt8(place % 8)
            if let bundle = try? ModelBundle(bytes: bytes, path: "model") {
                #expect(bundle.members == right.members, "\(place)")
            }
        }
    }
}
