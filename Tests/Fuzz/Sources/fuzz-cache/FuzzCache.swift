import Foundation
@_spi(Fuzzing) import MTLData
import MTLEngine

/// A cache with every part there is, for the fuzzer to begin with.
private let example = RowCache.fuzzingExample()

/// SwiftPM gives an executable a main function of its own name, so the fuzzer's is not used.
@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

@main enum FuzzCache {
    static func main() {
        var count = CommandLine.argc
        var arguments = CommandLine.unsafeArgv
        exit(runFuzzer(&count, &arguments) { testOneInput($0, $1) })
    }
}

/// The first byte says what the rest is: a cache as it is, or one whose checksums are made right again, or changes to a
/// cache that was whole (each: a place of two bytes and a new byte), with the checksums made right.
private func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 0 else { return 0 }
    var bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
    if start[0] % 3 == 2 {
        let changes = bytes
        bytes = example
        for index in stride(from: 0, to: changes.count - 2, by: 3) {
            let place = (Int(changes[index]) << 8 | Int(changes[index + 1])) % bytes.count
            bytes[place] = changes[index + 2]
        }
    }
    if start[0] % 3 != 0 { bytes = RowCache.repairedForFuzzing(bytes) }
    // In memory of its own, aligned as a mapped file is, so that the sanitizer sees its end.
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 64)
    defer { copy.deallocate() }
    copy.copyBytes(from: bytes)
    _ = try? RowCache.readForFuzzing(UnsafeRawBufferPointer(copy))
    return 0
}
