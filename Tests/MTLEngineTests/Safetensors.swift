import Foundation

/// A safetensors file as the fixtures use it: float tensors and a map of strings.
struct Safetensors {
    struct Failure: Error { let text: String }

    let metadata: [String: String]
    private let tensors: [String: (shape: [Int], values: [Double])]

    static func fixture(_ name: String) throws -> Safetensors {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
        return try Safetensors(Data(contentsOf: folder.appending(path: name + ".safetensors")))
    }

    init(_ data: Data) throws {
        let headerLength = data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        guard
            let header = try JSONSerialization.jsonObject(with: data[8..<8 + headerLength]) as? [String: Any]
        else { throw Failure(text: "the header is no object") }
        metadata = header["__metadata__"] as? [String: String] ?? [:]
        var tensors: [String: (shape: [Int], values: [Double])] = [:]
        for (name, value) in header where name != "__metadata__" {
            guard let entry = value as? [String: Any], let type = entry["dtype"] as? String,
                let shape = entry["shape"] as? [Int], let offsets = entry["data_offsets"] as? [Int]
            else { throw Failure(text: "tensor \(name)") }
            let bytes = data[8 + headerLength + offsets[0]..<8 + headerLength + offsets[1]]
            let values: [Double] = bytes.withUnsafeBytes { raw in
                switch type {
                case "F32":
                    (0..<raw.count / 4).map {
                        Double(raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self))
                    }
                case "F64":
                    (0..<raw.count / 8).map { raw.loadUnaligned(fromByteOffset: 8 * $0, as: Double.self) }
                default: []
                }
            }
            guard values.count == shape.reduce(1, *) else { throw Failure(text: "tensor \(name) of \(type)") }
            tensors[name] = (shape, values)
        }
        self.tensors = tensors
    }

    var names: [String] { tensors.keys.sorted() }

    func values(_ name: String) throws -> [Double] {
        guard let tensor = tensors[name] else { throw Failure(text: "no tensor \(name)") }
        return tensor.values
    }

    func names(under prefix: String) -> [String] {
        names.filter { $0.hasPrefix(prefix + "/") }.map { String($0.dropFirst(prefix.count + 1)) }
    }
}
