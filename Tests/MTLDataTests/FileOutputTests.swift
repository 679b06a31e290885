import Foundation
import MTLData
import MTLDataKernels
import MTLEngine
import MTLTestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What an output does to what is there.
@Suite struct FileOutputTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Whether files of the system's temporary folder need no name while they are written.
    private var hasUnnamedFiles: Bool {
        let opened = mtl_open_unnamed(folder.path, 0o600)
        if opened >= 0 { close(opened) }
        return opened >= 0
    }

    private func text(_ name: String) -> String? {
        FileManager.default.contents(atPath: folder.file(name)).map { String(decoding: $0, as: UTF8.self) }
    }

    private func mode(_ name: String) throws -> mode_t {
        var status = stat()
        try #require(stat(folder.file(name), &status) == 0)
        return status.st_mode & 0o7777
    }

    private func refusal(_ path: String) -> InputError? {
        failure { () throws(InputError) in try TextOutput.write("new", to: path) }
    }

    @Test(arguments: [true, false])
    func aFileIsThereWholeOrNotAtAll(usesNames: Bool) throws {
        let path = try folder.write(Array("old".utf8), as: "a.txt")
        do {
            let output = try TextOutput(path, usesNames: usesNames)
            try output.write("half")
            #expect(text("a.txt") == "old")
            #expect(folder.files.count == (usesNames || !hasUnnamedFiles ? 2 : 1))
        }
        #expect(folder.files == ["a.txt"])
        #expect(text("a.txt") == "old")
        let output = try TextOutput(path, usesNames: usesNames)
        try output.write("whole")
        try output.finish()
        #expect(text("a.txt") == "whole")
        #expect(folder.files == ["a.txt"])
    }

    @Test(arguments: [true, false])
    func theModeOfAReplacedFileStays(usesNames: Bool) throws {
        for bits: mode_t in [0o600, 0o640, 0o666, 0o755] {
            let path = try folder.write([], as: "a.txt")
            try #require(chmod(path, bits) == 0)
            let output = try TextOutput(path, usesNames: usesNames)
            try output.finish()
            #expect(try mode("a.txt") == bits)
        }
    }

    @Test func whatHoldsIDsIsItsOwnersAlone() throws {
        let shop = try SmallShop(isTrained: true)
        for name in ["shop.safetensors", "shop.prepared/fitted.safetensors", "shop.prepared/training.rows"] {
            var status = stat()
            try #require(stat(shop.folder.file(name), &status) == 0)
            #expect(status.st_mode & 0o7777 == 0o600, "\(name)")
        }
    }

    /// 70 MB, in blocks and a rest: past the system's cache where the file system can. A checkpoint's large parts lie on pages of the
    /// file, from where they are in memory.
    @Test func aLargeFileComesBackAsItWas() throws {
        let shop = try SmallShop(rows: 64)
        _ = try shop.write(
            SmallShop.experiment.replacingOccurrences(
                of: "dimension: 2", with: "hash_buckets: 1090000, dimension: 16"
            ).replacingOccurrences(of: "epochs: 1", with: "epochs: 2"), "shop.yaml")
        let train = ["train", "shop.yaml", "--threads", "2"]
        let paused = try Command.run(
            "mtl", train + ["--run", "run", "--checkpoint-every", "1steps", "--pause-after", "1"],
            in: shop.path)
        #expect(paused.status == 0, "\(paused.errors)")
        let checkpoint = try #require(shop.bytes("run/checkpoint.safetensors"))
        let header = checkpoint.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(checkpoint[8..<8 + header])) as? [String: Any])
        let large = object.values.compactMap { ($0 as? [String: Any])?["data_offsets"] as? [Int] }
            .filter { $0[1] - $0[0] > 1 << 20 }
        #expect(!large.isEmpty && large.allSatisfy { (8 + header + $0[0]) % 4096 == 0 }, "\(large)")

        let run = try Command.run("mtl", train + ["--run", "run", "--resume"], in: shop.path)
        #expect(run.status == 0, "\(run.errors)")
        let whole = try Command.run("mtl", train + ["--run", "whole"], in: shop.path)
        #expect(whole.status == 0, "\(whole.errors)")
        #expect(shop.bytes("run/model.safetensors") == shop.bytes("whole/model.safetensors"))
        let model = try #require(shop.bytes("run/model.safetensors"))
        #expect(model.count > 64 << 20)
        // Reading checks the digest over all of it.
        #expect(try shop.mtl("predict", "run/model.safetensors", "shop.csv", "--output", "p.csv").status == 0)
        #expect(shop.partials.isEmpty)
    }

    @Test func aLinkStaysAndItsTargetIsReplaced() throws {
        _ = try folder.write(Array("old".utf8), as: "target.txt")
        try FileManager.default.createDirectory(
            atPath: folder.file("inner"), withIntermediateDirectories: false)
        for (link, target) in [
            ("a", "target.txt"), ("inner/b", "../target.txt"), ("c", "a"), ("d", "new.txt"),
        ] {
            try #require(symlink(target, folder.file(link)) == 0)
            try TextOutput.write("by \(link)", to: folder.file(link))
            #expect(text(target == "new.txt" ? target : "target.txt") == "by \(link)")
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder.file(link)) == target)
        }
        try #require(symlink("loop", folder.file("loop")) == 0)
        #expect(refusal(folder.file("loop"))?.found == "links that lead in a circle")
    }

    /// The name that earlier versions took, which everybody could know, and planted links there.
    @Test(arguments: [true, false])
    func nothingThatIsPlantedBesideIsFollowed(usesNames: Bool) throws {
        _ = try folder.write(Array("mine".utf8), as: "victim.txt")
        try #require(symlink("victim.txt", folder.file("out.csv.partial-\(getpid())")) == 0)
        let output = try TextOutput(folder.file("out.csv"), usesNames: usesNames)
        try output.write("predictions")
        try output.finish()
        #expect(text("victim.txt") == "mine")
        #expect(text("out.csv") == "predictions")
    }

    @Test func aPipeIsWrittenThroughAndStays() throws {
        let path = folder.file("pipe")
        try #require(mkfifo(path, 0o600) == 0)
        // Both ends at once, so that neither waits.
        let reader = open(path, O_RDWR)
        try #require(reader >= 0)
        defer { close(reader) }
        try TextOutput.write("through", to: path)
        var bytes = [UInt8](repeating: 0, count: 20)
        #expect(read(reader, &bytes, 20) == 7)
        #expect(String(decoding: bytes.prefix(7), as: UTF8.self) == "through")
        var status = stat()
        #expect(lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
        #expect(folder.files == ["pipe"])
    }

    @Test func anOpenDescriptorIsWrittenThroughWhereItIs() throws {
        let path = try folder.write([], as: "log.txt")
        let log = open(path, O_WRONLY | O_APPEND)
        try #require(log >= 0)
        defer { close(log) }
        _ = write(log, "before ", 7)
        try TextOutput.write("now ", to: "/dev/fd/\(log)")
        _ = write(log, "after", 5)
        #expect(text("log.txt") == "before now after")
        #expect(refusal("/dev/fd/900")?.found.contains("not open") == true)
    }

    @Test func whatCannotBeWrittenIsTold() throws {
        #expect(refusal(folder.path)?.found == "a directory")
        #expect(refusal(folder.file("none/a.txt"))?.found == "No such file or directory")
        #expect(refusal("")?.found == "no name")
        #expect(refusal("a\0b")?.found == "a name with a NUL character")
        // A name as long as names may be still leaves room for a temporary one.
        let long = String(repeating: "n", count: 255)
        try TextOutput.write("x", to: folder.file(long))
        #expect(text(long) == "x")
    }

    @Test(.enabled(if: geteuid() != 0, "root may write everything"))
    func aFileThatIsNotToBeWrittenIsKept() throws {
        let path = try folder.write(Array("keep".utf8), as: "a.txt")
        try #require(chmod(path, 0o444) == 0 && chmod(folder.path, 0o777) == 0)
        #expect(refusal(path)?.found == "Permission denied")
        #expect(text("a.txt") == "keep")
    }

    /// The same for root, by a command that runs as another user.
    @Test(.enabled(if: Command.canBeAnotherUser, "needs root and setpriv"))
    func aFileThatIsNotToBeWrittenIsKeptFromOthersThanRoot() throws {
        let shop = try SmallShop()
        let path = try shop.write("keep", "a.yaml")
        try #require(chmod(path, 0o444) == 0 && chmod(shop.path, 0o777) == 0)
        let result = try shop.shell(
            "setpriv --reuid=64123 --clear-groups \"$0\" init shop.csv --label click --output a.yaml")
        #expect(result.status == 1 && result.errors.contains("Permission denied"), "\(result.errors)")
        #expect(shop.bytes("a.yaml") == Data("keep".utf8))
    }
}
