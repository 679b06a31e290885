/// Texts in double quotes, as CSV (RFC 4180) and SQL take them: quotes inside doubled.
///
/// All of it goes by bytes: to a Swift `Character`, "\r\n" is one sign that equals neither "\r" nor "\n", and a quote with an
/// accent over it is no quote.
package enum Quoting {
    private static let quote = UInt8(ascii: "\"")

    /// A cell of a CSV file, in quotes where it would be cut, joined to others or changed without them.
    package static func csv(_ text: String) -> String {
        let isSpecial: (UInt8) -> Bool = { [quote, 0x2C, 0x0A, 0x0D].contains($0) }
        return text.utf8.contains(where: isSpecial) ? quoted(text) : text
    }

    /// A name of a column or table in SQL (ISO/IEC 9075-2, delimited identifier).
    static func sql(_ name: String) -> String { quoted(name) }

    private static func quoted(_ text: String) -> String {
        var bytes = [quote]
        bytes.reserveCapacity(text.utf8.count + 2)
        for byte in text.utf8 {
            if byte == quote { bytes.append(quote) }
            bytes.append(byte)
        }
        bytes.append(quote)
        return String(decoding: bytes, as: UTF8.self)
    }
}
