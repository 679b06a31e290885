internal import MTLEngine

extension TableReader {
    /// Opens a file, or a text in memory, and fills in what the options do not say of its text.
    static func guessing(
        path: String, bytes: [UInt8]? = nil, options: ReadingOptions
    ) throws(InputError) -> (reader: TableReader, guess: TextGuess) {
        try options.check()
        let file = bytes == nil ? try KeptFile(path: path) : nil
        let usual = Wording.plainSign(usualSeparator(path))
        let guess = try TextGuess(options.format, usual: usual) { () throws(InputError) in
            try open(path, bytes, file)
        }
        var options = options
        options.format = guess.format
        return (try TableReader(path: path, bytes: bytes, file: file, options: options), guess)
    }

    /// The same text, read in another way.
    func reopened(_ format: TableFormat) throws(InputError) -> TableReader {
        var options = options
        options.format = format
        return try TableReader(path: path, bytes: bytes, file: file, options: options)
    }
}
