internal import MTLDataKernels

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What tells a state of a file from any other one.
package struct FileStamp {
    /// A time to the nanosecond.
    package struct Time {
        package var seconds: Int
        package var nanoseconds: Int

        package init(seconds: Int, nanoseconds: Int) {
            self.seconds = seconds
            self.nanoseconds = nanoseconds
        }
    }

    package var device: UInt64
    package var inode: UInt64
    package var size: Int
    /// When its content was written, as far as it says: anybody may set it.
    package var content: Time
    /// When anything of it was changed; nil where that does not count.
    package var change: Time?
    /// Of its content; nil where it must not be opened.
    package var digest: UInt64?

    package init(
        device: UInt64, inode: UInt64, size: Int, content: Time, change: Time?, digest: UInt64? = nil
    ) {
        self.device = device
        self.inode = inode
        self.size = size
        self.content = content
        self.change = change
        self.digest = digest
    }

    init(_ status: stat) {
        let times = FileStatus.times(status)
        self.init(
            device: UInt64(truncatingIfNeeded: status.st_dev),
            inode: UInt64(truncatingIfNeeded: status.st_ino), size: Int(status.st_size),
            content: Time(seconds: times.content.tv_sec, nanoseconds: times.content.tv_nsec),
            change: Time(seconds: times.any.tv_sec, nanoseconds: times.any.tv_nsec))
    }

    /// All of it as a text.
    package var text: String {
        var words = ["\(device)", "\(inode)", "\(size)"]
        for time in [content, change].compactMap({ $0 }) {
            words.append("\(time.seconds).\(time.nanoseconds)")
        }
        if let digest { words.append(String(digest, radix: 16)) }
        return words.joined(separator: " ")
    }

    private static let wholeBytes = 4 << 20
    private static let sampleBytes = 16 << 10
    private static let samples = 128

    /// A hash of a file's bytes, of samples of them where it is large.
    ///
    /// - Returns: nil where they cannot be read; `errno` says why.
    package static func digest(_ descriptor: Int32, size: Int) -> UInt64? {
        var hash: UInt64 = 0
        let isWhole = size <= wholeBytes
        var buffer = [UInt8](repeating: 0, count: isWhole ? max(1, size) : sampleBytes)
        for sample in 0..<(isWhole ? 1 : samples) {
            // The last one ends where the file does.
            let start = isWhole ? 0 : Int(Double(size - sampleBytes) * (Double(sample) / Double(samples - 1)))
            let count = buffer.withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress, $0.count, off_t(start))
            }
            guard count >= 0 else { return nil }
            hash = mtl_hash_bytes(buffer, count, hash)
        }
        return hash
    }
}
