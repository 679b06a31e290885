internal import Foundation
internal import MTLEngine

/// What earlier versions fitted, in fitted.json: it is only known again, so that its folder can be taken over.
enum OlderFitted {
    static let name = "fitted.json"

    private struct Content: Decodable { let fingerprint: String }
    /// Version 2 put a checksum before the content.
    private struct Sealed: Decodable {
        let checksum: String
        let content: Content
    }

    /// Whether a folder has one of version 1 or 2.
    static func isIn(_ folder: String) -> Bool {
        guard let data = FileManager.default.contents(atPath: "\(folder)/\(name)") else { return false }
        let decoder = JSONDecoder()
        if let older = try? decoder.decode(Content.self, from: data) {
            return older.fingerprint.hasPrefix("1 ")
        }
        return (try? decoder.decode(Sealed.self, from: data))?.content.fingerprint.hasPrefix("2 ") == true
    }
}
