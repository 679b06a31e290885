package import Foundation

/// A safetensors file as the fixtures use it: float tensors and a map of strings.
package struct Safetensors {
    package struct Failure: Error {
        let text: String

        package init(text: String) { self.text = text }
    }

    package let metadata: [String: String]
    private var tensors: [String: (shape: [Int], values: [Double])]

    package init(_ data: Data) throws {
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

    package var names: [String] { tensors.keys.sorted() }

    /// Whether there is a tensor of the name, or of any name under it.
    package func has(_ name: String) -> Bool { tensors[name] != nil || !names(under: name).isEmpty }

    package func values(_ name: String) throws -> [Double] {
        guard let tensor = tensors[name] else { throw Failure(text: "no tensor \(name)") }
        return tensor.values
    }

    /// The same file with its first value of a tensor moved.
    package func moved(_ name: String, by distance: Double) throws -> Safetensors {
        var copy = self
        guard var tensor = tensors[name], !tensor.values.isEmpty else {
            throw Failure(text: "no tensor \(name)")
        }
        tensor.values[0] += distance
        copy.tensors[name] = tensor
        return copy
    }

    package func names(under prefix: String) -> [String] {
        names.filter { $0.hasPrefix(prefix + "/") }.map { String($0.dropFirst(prefix.count + 1)) }
    }
}
