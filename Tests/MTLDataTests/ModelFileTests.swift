import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// A file of tensors taken apart, to be put together in another way.
struct TensorText {
    var header: [String: Any]
    var body: Data

    init(_ bytes: Data) throws {
        let length = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        header = try #require(
            JSONSerialization.jsonObject(with: bytes[8..<8 + length]) as? [String: Any])
        body = Data(bytes[(8 + length)...])
    }

    var texts: [String: String] {
        get { header["__metadata__"] as? [String: String] ?? [:] }
        set { header["__metadata__"] = newValue }
    }

    var names: [String] { header.keys.filter { $0 != "__metadata__" }.sorted() }

    func entry(_ name: String) -> (dtype: String, shape: [Int], offsets: [Int]) {
        let entry = header[name] as? [String: Any] ?? [:]
        return (
            entry["dtype"] as? String ?? "", entry["shape"] as? [Int] ?? [],
            entry["data_offsets"] as? [Int] ?? []
        )
    }

    mutating func set(_ name: String, dtype: String? = nil, shape: [Int]? = nil, offsets: [Int]? = nil) {
        let old = entry(name)
        header[name] = [
            "dtype": dtype ?? old.dtype, "shape": shape ?? old.shape, "data_offsets": offsets ?? old.offsets,
        ]
    }

    func bytes(_ name: String) -> Data {
        let offsets = entry(name).offsets
        return body.subdata(in: offsets[0]..<offsets[1])
    }

    /// The file; `isSealed` with the checksum that belongs to it, where all tensors are inside.
    func file(isSealed: Bool = false) throws -> [UInt8] {
        var copy = self
        if isSealed {
            var sum: UInt = 0
            func add(_ data: Data) {
                sum = UInt(data.withUnsafeBytes { Checksum.crc32($0, from: sum) })
            }
            func precedes(_ first: String, _ second: String) -> Bool {
                first.utf8.lexicographicallyPrecedes(second.utf8)
            }
            for (name, text) in texts.sorted(by: { precedes($0.key, $1.key) }) where name != "checksum" {
                add(Data("\(name)\0\(text)\0".utf8))
            }
            for name in names.sorted(by: precedes) {
                let entry = entry(name)
                let shape = entry.shape.map(String.init).joined(separator: ",")
                add(Data("\(name)\0\(entry.dtype)\0\(shape)\0".utf8))
                guard entry.offsets.count == 2, entry.offsets[0] >= 0, entry.offsets[0] <= entry.offsets[1],
                    entry.offsets[1] <= body.count
                else { continue }
                add(bytes(name))
            }
            copy.texts["checksum"] = "\(sum)"
        }
        let json = [UInt8](try JSONSerialization.data(withJSONObject: copy.header, options: .sortedKeys))
        return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json + [UInt8](body)
    }
}

@Suite struct ModelFileTests {
    /// A model of every kind of feature, written as files are now.
    static func current() throws -> Data {
        let folder = try TemporaryFolder()
        let old = try ModelBundle(contentsOf: fixture("model-1.safetensors").path)
        try old.write(to: folder.file("model.safetensors"))
        return try Data(contentsOf: URL(filePath: folder.file("model.safetensors")))
    }

    private func refusal(_ bytes: [UInt8]) -> InputError? {
        failure { () throws(InputError) in _ = try ModelBundle(bytes: bytes, path: "model") }
    }

    private func predictions(_ bundle: ModelBundle) throws -> [[Float]] {
        var all: [[Float]] = []
        let path = fixture("model-1.csv").path
        try bundle.predict(TableReader(path: path, options: ReadingOptions(threads: 1))) {
            (block, predicted) throws(InputError) in
            var columns: [[Float]] = []
            for task in bundle.model.tasks {
                let values = try predicted.values(task.name)
                for output in 0..<task.kind.outputs {
                    columns.append((0..<block.rowCount).map { values[$0 * task.kind.outputs + output] })
                }
            }
            all += (0..<block.rowCount).map { row in columns.map { $0[row] } }
        }
        return all
    }

    /// A file of the first version gives the predictions that it gave then, and the same when written anew.
    @Test func aFileOfBeforePredictsAsItDid() throws {
        let text = try String(contentsOf: fixture("model-1.predictions.csv"), encoding: .utf8)
        let expected = text.split(separator: "\n").dropFirst().map {
            $0.split(separator: ",").compactMap { Float($0) }
        }
        let old = try ModelBundle(contentsOf: fixture("model-1.safetensors").path)
        let found = try predictions(old)
        #expect(found.count == 40 && found.count == expected.count)
        for (row, other) in zip(found, expected) {
            #expect(row.count == 5 && row.count == other.count)
            for (value, right) in zip(row, other) { #expect(abs(value - right) <= 1e-5 * max(1, abs(right))) }
        }
        let new = try ModelBundle(bytes: [UInt8](Self.current()), path: "model")
        #expect(try predictions(new) == found)
        #expect(new.preprocessor == old.preprocessor)
    }

    @Test func everyFlippedBitIsFoundOrSaysTheSame() throws {
        let whole = [UInt8](try Self.current())
        let right = try ModelBundle(bytes: whole, path: "model")
        for place in stride(from: 0, to: whole.count, by: 3) {
            var bytes = whole
            bytes[place] ^= 1 << UInt8(place % 8)
            if let bundle = try? ModelBundle(bytes: bytes, path: "model") {
                #expect(bundle.preprocessor == right.preprocessor, "byte \(place)")
                #expect(
                    bundle.settings == right.settings && bundle.parameters == right.parameters,
                    "byte \(place)")
            }
        }
    }

    /// As Python's library writes what it read: tensors one behind the other in the order of their names, another header.
    @Test func theSameContentInAnotherOrderOpens() throws {
        var text = try TensorText(Self.current())
        var body = Data()
        for size in [8, 4, 1] {
            for name in text.names.reversed() {
                let entry = text.entry(name)
                guard ["F64": 8, "I64": 8, "F32": 4, "U8": 1][entry.dtype] == size else { continue }
                let bytes = text.bytes(name)
                text.header[name] = [
                    "dtype": entry.dtype, "shape": entry.shape,
                    "data_offsets": [body.count, body.count + bytes.count],
                ]
                body += bytes
            }
        }
        let before = try ModelBundle(bytes: [UInt8](Self.current()), path: "model")
        // The bytes of the old body are still asked for above, so it is replaced last.
        text.body = body
        let again = try ModelBundle(bytes: text.file(), path: "model")
        #expect(again.preprocessor == before.preprocessor)
        #expect(again.parameters == before.parameters)
    }

    @Test func vocabulariesAreTensors() throws {
        let text = try TensorText(Self.current())
        #expect(text.entry("preprocessor.fitted.3.vocabulary.bytes").dtype == "U8")
        #expect(text.entry("preprocessor.fitted.3.vocabulary.counts").dtype == "I64")
        #expect(text.texts["preprocessor"]?.contains("u17") == false)
        #expect(text.texts["version"] == "2")
    }

    @Test func tensorsThatLieWronglyAreRefused() throws {
        let whole = try TensorText(Self.current())
        let names = whole.names.filter { whole.entry($0).dtype == "F32" }
            .sorted { whole.entry($0).offsets[0] < whole.entry($1).offsets[0] }
        let (first, second) = (names[2], names[3])
        let (place, next) = (whole.entry(first).offsets, whole.entry(second).offsets)
        let huge = Int.max / 2
        let changes: [(String, (inout TensorText) -> Void)] = [
            ("over another", { $0.set(second, offsets: [place[0], place[0] + next[1] - next[0]]) }),
            ("all at 0", { text in for name in names { text.set(name, offsets: [0, 4]) } }),
            ("unaligned", { $0.set(first, offsets: [place[0] + 1, place[1] + 1]) }),
            ("backwards", { $0.set(first, offsets: [place[1], place[0]]) }),
            ("overflow", { $0.set(first, offsets: [1, Int.min]) }),
            ("overflow", { $0.set(first, offsets: [Int.max, Int.min]) }),
            ("negative", { $0.set(first, offsets: [-4, 0]) }),
            ("outside", { $0.set(first, offsets: [huge, huge + 4]) }),
            ("no place", { $0.set(first, offsets: []) }),
            ("three places", { $0.set(first, offsets: [0, 4, 8]) }),
            ("shape too large", { $0.set(first, shape: [huge, 4]) }),
            ("shape overflows", { $0.set(first, shape: [huge, huge, huge]) }),
            ("negative shape", { $0.set(first, shape: [-1, -1]) }),
            ("another shape", { $0.set(first, shape: [1, 1, 1]) }),
            ("another type", { $0.set(first, dtype: "F64") }),
            ("unknown type", { $0.set(first, dtype: "BF16") }),
            ("a hole", { $0.header[first] = nil }),
            ("too long", { $0.body += Data(count: 8) }),
            ("no metadata", { $0.header["__metadata__"] = nil }),
            ("no checksum", { $0.texts["checksum"] = nil }),
        ]
        for (name, change) in changes {
            var text = whole
            change(&text)
            for isSealed in [false, true] where !(isSealed && name == "no checksum") {
                let error = refusal(try text.file(isSealed: isSealed))
                #expect(error?.place.hasPrefix("model") == true, "\(name)")
            }
        }
        #expect(refusal(try whole.file(isSealed: true)) == nil)
    }

    /// Every value of the metadata in turn made into others, the checksum right again: refused, or a model that answers.
    @Test func noValueOfTheMetadataTraps() throws {
        let whole = try TensorText(Self.current())
        var (refused, accepted) = (0, 0)
        for key in ["preprocessor", "model", "sampling", "histories"] {
            let root = try JSONSerialization.jsonObject(
                with: Data(try #require(whole.texts[key]).utf8), options: .fragmentsAllowed)
            for path in JSONPath.all(in: root) {
                for value in JSONPath.others {
                    guard let changed = JSONPath.replacing(root, at: path[...], by: value) else { continue }
                    var text = whole
                    text.texts[key] = String(
                        decoding: try JSONSerialization.data(
                            withJSONObject: changed, options: [.sortedKeys, .fragmentsAllowed]), as: UTF8.self
                    )
                    do throws(InputError) {
                        let bundle = try ModelBundle(bytes: try sealed(text), path: "model")
                        accepted += 1
                        try answer(bundle)
                    } catch {
                        refused += 1
                    }
                }
            }
        }
        #expect(refused > 1000)
        #expect(accepted > 0)
    }

    private func sealed(_ text: TensorText) throws(InputError) -> [UInt8] {
        do { return try text.file(isSealed: true) } catch {
            throw InputError(.value, at: "test", found: "\(error)", expected: "a file")
        }
    }

    private func answer(_ bundle: ModelBundle) throws(InputError) {
        let source = try bundle.open(fixture("model-1.csv").path)
        try bundle.predict(source) { (_, _) throws(InputError) in }
    }

    /// Lists that are tensors, damaged with the checksum right.
    @Test func noTensorOfTheMetadataTraps() throws {
        let whole = try TensorText(Self.current())
        for name in whole.names where name.hasPrefix("preprocessor.") {
            let entry = whole.entry(name)
            for pattern: UInt8 in [0x00, 0xFF, 0x7F, 0x80] {
                var text = whole
                text.body.replaceSubrange(
                    entry.offsets[0]..<entry.offsets[1],
                    with: Data(repeating: pattern, count: entry.offsets[1] - entry.offsets[0]))
                do throws(InputError) {
                    try answer(ModelBundle(bytes: sealed(text), path: "model"))
                } catch {
                    #expect(!error.place.isEmpty)
                }
            }
        }
    }

    @Test func claimedSizesAreHeldAgainstTheTensors() throws {
        let whole = try TensorText(Self.current())
        let clock = ContinuousClock()
        for (key, from, to) in [
            ("model", #""experts":2"#, #""experts":1000000000"#),
            ("model", #""experts":2"#, #""experts":4611686018427387904"#),
            ("model", #""layers":[4]"#, #""layers":[4611686018427387904]"#),
            ("model", #""layers":[4]"#, #""layers":[1000,1000,1000,1000]"#),
            ("model", #""tower":[3]"#, #""tower":[1000000000]"#),
            ("preprocessor", #""dimension":3"#, #""dimension":4611686018427387904"#),
            ("preprocessor", #""hash_buckets":16"#, #""hash_buckets":1000000000"#),
            ("preprocessor", #""hashBuckets":16"#, #""hashBuckets":1000000000"#),
        ] {
            var text = whole
            let changed = try #require(text.texts[key]).replacing(from, with: to)
            #expect(changed != text.texts[key], "\(to)")
            text.texts[key] = changed
            let begin = clock.now
            #expect(refusal(try text.file(isSealed: true)) != nil, "\(to)")
            #expect(begin.duration(to: clock.now) < .seconds(2), "\(to)")
        }
    }

    @Test func aModelOfNoNumbersIsNotWritten() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("model.safetensors")
        let good = try ModelBundle(contentsOf: fixture("model-1.safetensors").path)
        try good.write(to: path)
        let before = FileManager.default.contents(atPath: path)
        for value in [Float.nan, .infinity, -.infinity] {
            var parameters = good.parameters
            parameters[parameters.count / 2] = value
            let error = failure { () throws(InputError) in
                try ModelBundle(
                    good.preprocessor, settings: good.settings, sampling: good.sampling,
                    parameters: parameters
                ).write(to: path)
            }
            #expect(error?.place.hasPrefix("model bundle, parameter \"") == true)
        }
        #expect(FileManager.default.contents(atPath: path) == before)
    }
}

/// Places in a value of JSON.
enum JSONPath {
    static var others: [Any] {
        [
            NSNull(), "", "x", -1, 0, 1, 3, 1_000_000, Int.max, Int.min, 1e300, -0.5, true, [Any](), [0],
            [String: Any](),
        ]
    }

    static func all(in value: Any) -> [[String]] {
        var paths: [[String]] = [[]]
        if let map = value as? [String: Any] {
            for key in map.keys.sorted() { paths += all(in: map[key] ?? NSNull()).map { [key] + $0 } }
        } else if let list = value as? [Any] {
            for index in list.indices { paths += all(in: list[index]).map { ["\(index)"] + $0 } }
        }
        return paths
    }

    static func replacing(_ value: Any, at path: ArraySlice<String>, by new: Any) -> Any? {
        guard let first = path.first else { return new }
        if var map = value as? [String: Any], let old = map[first] {
            map[first] = replacing(old, at: path.dropFirst(), by: new)
            return map
        }
        if var list = value as? [Any], let index = Int(first), list.indices.contains(index) {
            guard let inner = replacing(list[index], at: path.dropFirst(), by: new) else { return nil }
            list[index] = inner
            return list
        }
        return nil
    }
}
