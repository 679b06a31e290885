/// JSON with a checksum of itself: {"checksum":"…","content":…}.
enum SealedText {
    private static func head(_ json: some Collection<UInt8>) -> [UInt8] {
        let sum = Array(json).withUnsafeBytes { Checksum.crc32($0) }
        let digits = String(sum, radix: 16)
        return Array(
            "{\"checksum\":\"\(String(repeating: "0", count: 8 - digits.count))\(digits)\",\"content\":".utf8)
    }

    static func sealed(_ json: [UInt8]) -> [UInt8] { head(json) + json + [UInt8(ascii: "}")] }

    /// The content; nil where it is not as it was written.
    static func opened(_ text: [UInt8]) -> [UInt8]? {
        let length = head([]).count
        guard text.count > length, text.last == UInt8(ascii: "}") else { return nil }
        let json = text[length..<text.count - 1]
        return text.starts(with: head(json)) ? Array(json) : nil
    }
}
