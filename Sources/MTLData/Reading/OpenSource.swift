public import MTLEngine

/// Opens a source of rows by its text: the path of a CSV or TSV file (perhaps gzip), or "sqlite:FILE?query=SELECT …" or
/// "sqlite:FILE?table=NAME".
///
/// - Throws: `InputError` that names the file: it cannot be read, is empty, or its header, table or query is wrong.
public func openSource(
    _ text: String, options: ReadingOptions = ReadingOptions()
) throws(InputError) -> any RowSource {
    if text.hasPrefix(SQLiteSource.scheme) { return try SQLiteSource(text, options: options) }
    return try TableReader(path: text, options: options)
}

/// Refuses a source whose rows come only once, where they are read again and again.
func refusePipe(_ source: String, _ place: String) throws(InputError) {
    guard !source.hasPrefix(SQLiteSource.scheme), KeptFile.isPipe(source) else { return }
    throw InputError(
        .file, at: place, found: "\"\(source)\", a pipe", expected: "a file, which can be read more than once"
    )
}
