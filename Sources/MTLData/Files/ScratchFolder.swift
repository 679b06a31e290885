internal import Foundation
internal import MTLDataKernels
package import MTLEngine

/// A folder for files of a while, which goes when it is removed or the process is interrupted.
package final class ScratchFolder {
    /// Its path.
    package let path: String
    private var place: Int32

    /// Makes one in the folder of temporary files, for its owner alone.
    ///
    /// - Throws: `InputError` that names it.
    package init() throws(InputError) {
        path = "\(UnnamedFile.folder)/mtl-\(UUID())"
        place = mtl_partial_add(path)
        guard mkdir(path, 0o700) == 0 else {
            let reason = String(cString: strerror(errno))
            mtl_partial_remove(place)
            throw InputError(
                .file, at: path, found: reason,
                expected: "a folder for temporary files; TMPDIR names another one")
        }
    }

    deinit { remove() }

    /// Removes it with all that is in it.
    package func remove() {
        try? FileManager.default.removeItem(atPath: path)
        mtl_partial_remove(place)
        // The place may be another file's by now.
        place = -1
    }
}
