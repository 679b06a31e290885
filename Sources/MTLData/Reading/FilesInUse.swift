package import MTLEngine

/// The files that a command reads, none of which an output may take the place of.
package struct FilesInUse {
    private var names: [FileIdentity: String] = [:]
    private var folders: [FileIdentity: String] = [:]

    package init() {}

    /// Adds a file, or all files that a source such as "sqlite:FILE?…" is read from; what is not there cannot be lost.
    ///
    /// - Parameter what: what messages call it, as "the data".
    package mutating func add(_ what: String, _ source: String) {
        for path in SourceFiles.paths(of: source) {
            if let identity = FileIdentity(path: path) { names[identity] = names[identity] ?? what }
        }
    }

    /// Adds a folder, in which nothing else is put.
    package mutating func add(folder: String, _ what: String) {
        if let identity = FileIdentity(path: folder) { folders[identity] = what }
    }

    /// Checks that an output can be written and destroys nothing that is read.
    ///
    /// - Parameter option: where the path was given, as "--output".
    /// - Throws: `InputError` that names both.
    package func check(output path: String, _ option: String) throws(InputError) {
        if let identity = FileIdentity(path: path), let what = names[identity] {
            throw InputError(
                .file, at: option, found: "\"\(path)\", which is \(what)", expected: "another file")
        }
        if case .file(let file, _) = try OutputTarget(path),
            let identity = FileIdentity(path: file.folderOfPath), let what = folders[identity]
        {
            throw InputError(
                .file, at: option, found: "\"\(path)\" in \(what)", expected: "another folder")
        }
        try FileOutput.check(path)
    }

    /// Checks that a file that is about to be removed or replaced is none of them.
    ///
    /// - Throws: `InputError` that names both.
    func check(replaced path: String) throws(InputError) {
        guard let identity = FileIdentity(path: path), let what = names[identity] else { return }
        throw InputError(
            .file, at: path, found: "a file that is \(what)", expected: "a folder of prepared rows alone")
    }

    /// The same of the standard output, where a file takes it.
    package func checkStandardOutput() throws(InputError) {
        guard let identity = FileIdentity(descriptor: 1), let what = names[identity],
            let status = FileStatus.of(1), FileStatus.isRegular(status)
        else { return }
        throw InputError(
            .file, at: "standard output", found: "the file that is \(what)", expected: "another file")
    }
}
