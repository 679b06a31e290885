package import Foundation

/// A file of the folder Fixtures beside the file that asks for it.
package func fixture(_ name: String, beside file: String = #filePath) -> URL {
    URL(filePath: file).deletingLastPathComponent().appending(path: "Fixtures").appending(path: name)
}

/// A fixture of JSON. Names in snake case are those of Swift's properties.
package func fixture<Value: Decodable>(
    _: Value.Type, _ name: String, snakeCase: Bool = false, beside file: String = #filePath
) throws -> Value {
    let decoder = JSONDecoder()
    if snakeCase { decoder.keyDecodingStrategy = .convertFromSnakeCase }
    return try decoder.decode(Value.self, from: Data(contentsOf: fixture(name, beside: file)))
}
