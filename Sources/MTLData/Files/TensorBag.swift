internal import MTLEngine

/// Long lists of a value that is written as JSON: they lie beside it as tensors, and the JSON holds their names.
final class TensorBag: @unchecked Sendable {
    private let prefix: String
    private let file: SafetensorsFile?
    private(set) var tensors: [NamedTensor] = []

    static let key = CodingUserInfoKey(rawValue: "tensors")

    /// - Parameters:
    ///   - prefix: what the tensors' names begin with.
    ///   - file: where lists are read from; nil for writing.
    init(_ prefix: String, from file: SafetensorsFile? = nil) {
        self.prefix = prefix
        self.file = file
    }

    fileprivate func add(_ name: String, count: Int, _ content: TensorContent) {
        tensors.append(("\(prefix).\(name)", [count], content))
    }

    fileprivate func list<Element: TensorElement>(_ name: String) throws(InputError) -> [Element] {
        guard let file else { return [] }
        return try file.list("\(prefix).\(name)")
    }
}

/// What a tensor may be a list of.
protocol TensorElement: BitwiseCopyable, Codable {
    static var type: TensorContent.ElementType { get }
    static func content(_ list: [Self]) -> TensorContent
}

extension Float: TensorElement {
    static var type: TensorContent.ElementType { .float32 }
    static func content(_ list: [Float]) -> TensorContent { .floats { list } }
}

extension Double: TensorElement {
    static var type: TensorContent.ElementType { .float64 }
    static func content(_ list: [Double]) -> TensorContent { .doubles(list) }
}

extension Int: TensorElement {
    static var type: TensorContent.ElementType { .int64 }
    static func content(_ list: [Int]) -> TensorContent { .integers(list) }
}

extension UInt8: TensorElement {
    static var type: TensorContent.ElementType { .uint8 }
    static func content(_ list: [UInt8]) -> TensorContent { .bytes(list) }
}

/// A list that is a tensor where there is a bag for it, and as long as it is elsewhere.
struct LongList<Element: TensorElement>: Codable {
    let elements: [Element]

    init(_ elements: [Element]) { self.elements = elements }

    init(from decoder: any Decoder) throws {
        if let bag = decoder.tensors, let name = try? decoder.singleValueContainer().decode(String.self) {
            elements = try bag.list(name)
        } else {
            elements = try [Element](from: decoder)
        }
    }

    func encode(to encoder: any Encoder) throws {
        guard let bag = encoder.tensors else { return try elements.encode(to: encoder) }
        let name = encoder.codingPath.map { $0.intValue.map { "\($0)" } ?? $0.stringValue }.joined(
            separator: ".")
        bag.add(name, count: elements.count, Element.content(elements))
        var container = encoder.singleValueContainer()
        try container.encode(name)
    }
}

extension Encoder {
    /// Where long lists go; nil where they stay.
    var tensors: TensorBag? { TensorBag.key.flatMap { userInfo[$0] as? TensorBag } }
}

extension Decoder {
    /// Where long lists are; nil where they are in the text itself.
    var tensors: TensorBag? { TensorBag.key.flatMap { userInfo[$0] as? TensorBag } }
}
