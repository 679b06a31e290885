internal import Foundation
internal import MTLEngine

/// Named tensors of Floats and texts in one file, as the safetensors format lays them out: a length, a JSON header, the bytes.
struct SafetensorsFile {
    struct Tensor {
        let name: String
        let shape: [Int]
        /// `[elements]`
        let values: [Float]
    }

    private struct Entry: Codable {
        let dtype: String
        let shape: [Int]
        let offsets: [Int]

        enum CodingKeys: String, CodingKey {
            case dtype, shape
            case offsets = "data_offsets"
        }
    }

    /// The header's values: tensors, but for the one named "__metadata__".
    private enum HeaderValue: Codable {
        case tensor(Entry)
        case texts([String: String])

        init(from decoder: any Decoder) throws {
            if let entry = try? Entry(from: decoder) {
                self = .tensor(entry)
            } else {
                self = .texts(try [String: String](from: decoder))
            }
        }

        func encode(to encoder: any Encoder) throws {
            switch self {
            case .tensor(let entry): try entry.encode(to: encoder)
            case .texts(let texts): try texts.encode(to: encoder)
            }
        }
    }

    private static let metadataKey = "__metadata__"
    private static let longestHeader = 1 << 30

    /// - Parameter tensor: gives a tensor's values, so that they need not all be there at once.
    static func write(
        _ path: String, texts: [String: String], tensors: [(name: String, shape: [Int])],
        tensor: (Int) -> [Float]
    ) throws(InputError) {
        var header: [String: HeaderValue] = [:]
        var sum: UInt32 = 0
        var end = 0
        for (index, (name, shape)) in tensors.enumerated() {
            let values = tensor(index)
            sum = values.withUnsafeBytes { Checksum.crc32($0, from: UInt(sum)) }
            header[name] = .tensor(Entry(dtype: "F32", shape: shape, offsets: [end, end + 4 * values.count]))
            end += 4 * values.count
        }
        header[metadataKey] = .texts(texts.merging(["checksum": "\(sum)"]) { $1 })
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        var text: [UInt8]
        do {
            text = [UInt8](try encoder.encode(header))
        } catch {
            throw InputError(.value, at: path, found: "\(error)", expected: "texts that JSON holds")
        }
        text += [UInt8](repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
        let file = try FileOutput(path)
        try file.write(CacheFormat.bytes(of: [text.count]) + text)
        for index in tensors.indices {
            let values = tensor(index)
            var failure: InputError?
            values.withUnsafeBytes { raw in
                do throws(InputError) { try file.write(raw) } catch { failure = error }
            }
            if let failure { throw failure }
        }
        try file.finish()
    }

    let path: String
    let texts: [String: String]
    private let data: Data
    private let dataStart: Int
    private let entries: [String: Entry]

    /// Reads a file's header and checks that all bytes are there and are those that were written.
    init(_ path: String) throws(InputError) {
        func damaged(_ found: String) -> InputError {
            InputError(.syntax, at: path, found: found, expected: "a whole model file")
        }
        do {
            data = try Data(contentsOf: URL(filePath: path), options: .alwaysMapped)
        } catch {
            throw InputError(.file, at: path, found: error.localizedDescription, expected: "a model file")
        }
        guard data.count >= 8 else { throw damaged("\(data.count) bytes") }
        let length = data.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
        guard length <= UInt64(min(data.count - 8, Self.longestHeader)) else {
            throw damaged("a header of \(length) bytes in a file of \(data.count)")
        }
        dataStart = 8 + Int(length)
        guard
            let header = try? JSONDecoder().decode(
                [String: HeaderValue].self, from: data.subdata(in: 8..<dataStart))
        else { throw damaged("a header that cannot be read") }
        var entries: [String: Entry] = [:]
        var texts: [String: String] = [:]
        for (name, value) in header {
            switch value {
            case .tensor(let entry): entries[name] = entry
            case .texts(let found): texts = found
            }
        }
        self.path = path
        self.entries = entries
        self.texts = texts
        let end = entries.values.map { $0.offsets.last ?? 0 }.max() ?? 0
        guard data.count - dataStart == end else {
            throw damaged("\(data.count - dataStart) bytes of \(end): it is cut short or too long")
        }
        let body = data.subdata(in: dataStart..<data.count)
        guard let sum = texts["checksum"], sum == "\(body.withUnsafeBytes { Checksum.crc32($0) })"
        else {
            throw damaged("a wrong checksum")
        }
    }

    /// A tensor of a name and shape.
    func values(_ name: String, shape: [Int]) throws(InputError) -> [Float] {
        guard let entry = entries[name] else {
            throw InputError(
                .name, at: "\(path), tensor \"\(name)\"", found: "no such tensor",
                expected: "one of \(entries.keys.sorted().joined(separator: ", "))")
        }
        let count = shape.reduce(1, *)
        guard entry.dtype == "F32", entry.shape == shape, entry.offsets.count == 2, entry.offsets[0] >= 0,
            entry.offsets[1] - entry.offsets[0] == 4 * count, entry.offsets[1] <= data.count - dataStart
        else {
            throw InputError(
                .shape, at: "\(path), tensor \"\(name)\"", found: "\(entry.dtype) \(entry.shape)",
                expected: "F32 \(shape)")
        }
        return [Float](unsafeUninitializedCapacity: count) { buffer, used in
            let start = dataStart + entry.offsets[0]
            data.copyBytes(to: buffer, from: start..<start + 4 * count)
            used = count
        }
    }
}
