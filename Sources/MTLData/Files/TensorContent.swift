internal import MTLEngine

/// What a tensor of a file holds.
enum TensorContent {
    case floats(() -> [Float])
    /// With the checksums of its parts, where they are known.
    case storage(AlignedStorage<Float>, sums: [BlockSum])
    case doubles([Double])
    case integers([Int])
    case bytes([UInt8])

    /// The types by the names of the safetensors format.
    enum ElementType: String, Codable {
        case float64 = "F64"
        case int64 = "I64"
        case float32 = "F32"
        case uint8 = "U8"

        var byteCount: Int {
            switch self {
            case .float64, .int64: 8
            case .float32: 4
            case .uint8: 1
            }
        }
    }

    var type: ElementType {
        switch self {
        case .floats, .storage: .float32
        case .doubles: .float64
        case .integers: .int64
        case .bytes: .uint8
        }
    }

    func withBytes<Value>(_ body: (UnsafeRawBufferPointer) -> Value) -> Value {
        switch self {
        case .floats(let values): values().withUnsafeBytes(body)
        case .storage(let values, _): body(UnsafeRawBufferPointer(values.buffer))
        case .doubles(let values): values.withUnsafeBytes(body)
        case .integers(let values): values.withUnsafeBytes(body)
        case .bytes(let values): values.withUnsafeBytes(body)
        }
    }
}

/// The checksum of a file of tensors: of what it says, and not of the order in which it says it.
///
/// CRC-32 of every text but "checksum" (its name, a zero, the text, a zero) and then of every tensor (its name, a zero, its
/// type, a zero, its shape with commas, a zero, its bytes), both in the order of the bytes of their names.
struct TensorChecksum {
    private(set) var value: UInt32 = 0

    init(texts: [String: String]) {
        for (name, text) in texts.sorted(by: { Self.precedes($0.key, $1.key) }) where name != "checksum" {
            add("\(name)\0\(text)\0")
        }
    }

    static func precedes(_ first: String, _ second: String) -> Bool {
        first.utf8.lexicographicallyPrecedes(second.utf8)
    }

    mutating func add(
        name: String, _ type: TensorContent.ElementType, _ shape: [Int], _ bytes: UnsafeRawBufferPointer
    ) {
        add(name, type, shape)
        value = Checksum.crc32(bytes, from: UInt(value))
    }

    mutating func add(name: String, _ shape: [Int], _ content: TensorContent) {
        if case .storage(_, let sums) = content, !sums.isEmpty {
            add(name, content.type, shape)
            for sum in sums { value = Checksum.joined(value, sum.value, count: sum.count) }
        } else {
            content.withBytes { add(name: name, content.type, shape, $0) }
        }
    }

    private mutating func add(_ name: String, _ type: TensorContent.ElementType, _ shape: [Int]) {
        add("\(name)\0\(type.rawValue)\0\(shape.map(String.init).joined(separator: ","))\0")
    }

    private mutating func add(_ text: String) {
        value = Array(text.utf8).withUnsafeBytes { Checksum.crc32($0, from: UInt(value)) }
    }
}
