package import MTLEngine

extension ModelBundle {
    /// The histories with the logs they are to be read from: what is named, or the file of the same name beside the rows. A
    /// model may be anybody's, so the places that it names itself are never opened.
    ///
    /// - Parameters:
    ///   - events: per history the log, as `openSource` takes it.
    ///   - source: the rows.
    /// - Throws: `InputError` for a log of no history, and where one is neither named nor beside the rows.
    func histories(
        _ events: [String: String], beside source: String
    ) throws(InputError) -> [HistorySpec] {
        for name in events.keys.sorted() where !histories.contains(where: { $0.name == name }) {
            throw InputError(
                .name, at: "events of \"\(name)\"", found: "no history of that name in the model",
                expected: histories.isEmpty
                    ? "none" : "one of \(histories.map(\.name).joined(separator: ", "))")
        }
        var placed: [HistorySpec] = []
        for var history in histories {
            if let path = events[history.name] {
                history.events = path
            } else if let path = Self.beside(source, history.events) {
                history.events = path
            } else {
                throw InputError(
                    .file, at: "history \"\(history.name)\", events",
                    found:
                        "no \"\(SourceFiles.path(of: history.events)?.lastOfPath ?? history.events)\" beside the rows",
                    expected: "it there, or --events \(history.name)=FILE")
            }
            placed.append(history)
        }
        return placed
    }

    /// The source of a log by its file's name alone, in the folder of the rows; nil where there is no such file.
    private static func beside(_ source: String, _ events: String) -> String? {
        guard let rows = SourceFiles.path(of: source), SourceFiles.isFile(rows),
            let name = SourceFiles.path(of: events)?.lastOfPath, !["", ".", ".."].contains(name)
        else { return nil }
        let path = "\(rows.folderOfPath)/\(name)"
        guard SourceFiles.isFile(path) else { return nil }
        guard events.hasPrefix(SQLiteSource.scheme) else { return path }
        return SQLiteSource.scheme + SQLiteSource.encoded(path) + events.drop { $0 != "?" }
    }

    /// The files that reading rows with this model opens, beside the model's own.
    ///
    /// - Throws: as `open` does for a log that is not there.
    package func filesInUse(
        _ source: String, events: [String: String] = [:]
    ) throws(InputError) -> FilesInUse {
        var files = FilesInUse()
        files.add("the data", source)
        for history in try histories(events, beside: source) {
            files.add("the log of history \"\(history.name)\"", history.events)
        }
        return files
    }
}
