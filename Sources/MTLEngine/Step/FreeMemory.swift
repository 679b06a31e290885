#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// How much memory this process may still take.
package enum FreeMemory {
    /// In bytes: the least of what the machine has left, the container allows and the address space's limit leaves; nil where
    /// the system does not say.
    package static var bytes: Double? {
        [machine, container, addressSpace].compactMap { $0 }.min()
    }

    private static var machine: Double? {
        number(after: "MemAvailable:", in: "/proc/meminfo").map { $0 * 1024 }
    }

    /// What a control group allows, of version 2 or 1; what it holds of files counts as free.
    private static var container: Double? {
        let groups = [
            ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat"),
            (
                "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes",
                "/sys/fs/cgroup/memory/memory.stat"
            ),
        ]
        for (limit, usage, statistics) in groups {
            guard let most = number(after: "", in: limit), most < 0x1p62,
                let used = number(after: "", in: usage)
            else { continue }
            let files = ["inactive_file ", "active_file "].compactMap { number(after: $0, in: statistics) }
            return max(0, most - used + files.reduce(0, +))
        }
        return nil
    }

    private static var addressSpace: Double? {
        var limit = rlimit()
        #if os(Linux)
            let found = getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
        #else
            let found = getrlimit(RLIMIT_AS, &limit)
        #endif
        guard found == 0, limit.rlim_cur < 1 << 60 else { return nil }
        let used = number(after: "VmSize:", in: "/proc/self/status") ?? 0
        return max(0, Double(limit.rlim_cur) - used * 1024)
    }

    /// The number behind a word at the beginning of a line.
    private static func number(after word: String, in path: String) -> Double? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 512)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard text.hasPrefix(word) else { continue }
            let digits = text.dropFirst(word.utf8.count).drop { $0 == " " || $0 == "\t" }.prefix {
                $0.isNumber
            }
            return Double(digits)
        }
        return nil
    }
}
