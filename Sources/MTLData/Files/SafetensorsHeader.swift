internal import Foundation
internal import MTLEngine

/// What a file of tensors says at its beginning: where each tensor lies, and texts.
struct SafetensorsHeader {
    struct Entry: Codable, Equatable {
        let dtype: TensorContent.ElementType
        let shape: [Int]
        let offsets: [Int]

        enum CodingKeys: String, CodingKey {
            case dtype, shape
            case offsets = "data_offsets"
        }
    }

    /// The header's values: tensors, but for the one named "__metadata__".
    private enum Value: Codable {
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

    var texts: [String: String] = [:]
    var entries: [String: Entry] = [:]

    init() {}

    /// Reads the JSON; nil where it is not what the format says.
    init?(json: [UInt8]) {
        guard let values = try? JSONDecoder().decode([String: Value].self, from: Data(json)) else {
            return nil
        }
        for (name, value) in values {
            switch value {
            case .tensor(let entry) where name != Self.metadataKey: entries[name] = entry
            case .texts(let found) where name == Self.metadataKey: texts = found
            default: return nil
            }
        }
    }

    /// The JSON, filled up with blanks until it ends, behind its length of 8 bytes, on a multiple of `alignment`.
    func json(multipleOf alignment: Int = 8) throws -> [UInt8] {
        var values = entries.mapValues { Value.tensor($0) }
        values[Self.metadataKey] = .texts(texts)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let text = [UInt8](try encoder.encode(values))
        return text
            + [UInt8](
                repeating: UInt8(ascii: " "), count: (alignment - (8 + text.count) % alignment) % alignment)
    }

    /// What is wrong with the places of the tensors in `count` bytes: they lie one after the other, without holes, each as
    /// long as its shape says and on a multiple of its elements' size. Nil where nothing is.
    func fault(in count: Int) -> String? {
        var end = 0
        let places = entries.sorted { left, right in
            let (first, second) = (left.value.offsets, right.value.offsets)
            return first == second
                ? TensorChecksum.precedes(left.key, right.key) : first.lexicographicallyPrecedes(second)
        }
        for (name, entry) in places {
            guard entry.offsets.count == 2, entry.offsets[0] >= 0, entry.offsets[0] <= entry.offsets[1],
                entry.offsets[1] <= count
            else { return "tensor \"\(name)\" at \(entry.offsets) of \(count) bytes" }
            var bytes = entry.dtype.byteCount
            for length in entry.shape {
                let (product, overflows) = bytes.multipliedReportingOverflow(by: length)
                guard length >= 0, !overflows else { return "tensor \"\(name)\" of shape \(entry.shape)" }
                bytes = product
            }
            guard bytes == entry.offsets[1] - entry.offsets[0] else {
                return
                    "tensor \"\(name)\" of shape \(entry.shape) in \(entry.offsets[1] - entry.offsets[0]) bytes"
            }
            guard entry.offsets[0] == end else {
                return entry.offsets[0] < end
                    ? "tensor \"\(name)\" over another one" : "a hole before tensor \"\(name)\""
            }
            guard end % entry.dtype.byteCount == 0 else {
                return "tensor \"\(name)\" at \(end), between its elements"
            }
            end = entry.offsets[1]
        }
        return end == count ? nil : "\(count) bytes of \(end): it is cut short or too long"
    }
}
