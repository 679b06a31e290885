import Foundation
@_spi(Fuzzing) import MTLData

/// SwiftPM gives an executable a main function of its own name, so the fuzzer's is not used.
@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// A whole model of every kind of feature, as it is written now, and rows for it.
private let example: (model: [UInt8], rows: [UInt8]) = {
    let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../../MTLDataTests/Fixtures")
    let written = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).safetensors")
    defer { try? FileManager.default.removeItem(at: written) }
    do {
        try ModelBundle(contentsOf: fixtures.appending(path: "model-1.safetensors").path).write(
            to: written.path)
        return (
            [UInt8](try Data(contentsOf: written)),
            [UInt8](try Data(contentsOf: fixtures.appending(path: "model-1.csv")))
        )
    } catch {
        fatalError("\(error)")
    }
}()

@main enum FuzzModel {
    static func main() {
        var count = CommandLine.argc
        var arguments = CommandLine.unsafeArgv
        exit(runFuzzer(&count, &arguments) { testOneInput($0, $1) })
    }
}

/// The first byte says what the rest is: a file as it is, or one whose checksum is made right, or changes to a whole one (each:
/// a place of two bytes and a new byte), or a text that is put over another at a place of two bytes, of a length of one.
private func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 0 else { return 0 }
    var bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
    switch start[0] % 4 {
    case 2:
        let changes = bytes
        bytes = example.model
        for index in stride(from: 0, to: changes.count - 2, by: 3) {
            let place = (Int(changes[index]) << 8 | Int(changes[index + 1])) % bytes.count
            bytes[place] = changes[index + 2]
        }
    case 3 where bytes.count >= 3:
        let change = bytes
        bytes = example.model
        let place = 8 + (Int(change[0]) << 8 | Int(change[1])) % (bytes.count - 8)
        let end = min(bytes.count, place + Int(change[2]))
        bytes.replaceSubrange(place..<end, with: change[3...])
        // The header is as much longer or shorter, so that what follows is still where it is looked for.
        let length = bytes.withUnsafeBytes { Int(littleEndian: $0.loadUnaligned(as: Int.self)) }
        let changed = max(0, length + change.count - 3 - (end - place))
        bytes.replaceSubrange(0..<8, with: withUnsafeBytes(of: UInt64(changed).littleEndian) { Array($0) })
    default: break
    }
    if start[0] % 4 != 0 { bytes = ModelBundle.repairedForFuzzing(bytes) }
    _ = try? ModelBundle.answerForFuzzing(bytes, rows: example.rows)
    return 0
}
