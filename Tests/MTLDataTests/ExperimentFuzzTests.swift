import Foundation
@_spi(Fuzzing) import MTLData
import MTLEngine
import Testing

/// Whatever an experiment says, it is planned or refused: the fuzz target's seeds, changed at random, in short.
@Suite struct ExperimentFuzzTests {
    private static let numbers = [
        "0", "-1", "1", "2", "1024", "4096", "65536", "131072", "1000000000", "4611686018427387904",
        "9223372036854775807", "-9223372036854775808", "1e300", "0.5", "\"x\"", "[]", "{}", "true",
        "[9223372036854775807,3]",
    ]

    @Test func mutatedSeedsNeitherTrapNorHang() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../Fuzz/seeds/fuzz-experiment")
        let seeds = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().map {
            [UInt8](try Data(contentsOf: folder.appending(path: $0)))
        }
        #expect(seeds.count >= 8)
        var (planned, draw) = (0, SeededGenerator(seed: 7))
        for seed in seeds {
            #expect(planExperimentForFuzzing(seed).contains(" parameters, "))
        }
        for _ in 0..<1500 {
            var bytes = seeds[draw.below(seeds.count)]
            for _ in 0...draw.below(3) {
                let digits = bytes.indices.filter { (0x30...0x39).contains(bytes[$0]) }
                if draw.below(4) > 0, let place = digits.isEmpty ? nil : digits[draw.below(digits.count)] {
                    var end = place + 1
                    while end < bytes.count, (0x30...0x39).contains(bytes[end]) { end += 1 }
                    bytes.replaceSubrange(
                        place..<end, with: Array(Self.numbers[draw.below(Self.numbers.count)].utf8))
                } else if bytes.count > 4 {
                    let place = draw.below(bytes.count - 1)
                    if draw.below(2) == 0 {
                        bytes.remove(at: place)
                    } else {
                        bytes[place] = UInt8(draw.below(128))
                    }
                }
            }
            if planExperimentForFuzzing(bytes).contains(" parameters, ") { planned += 1 }
        }
        #expect(planned > 20)
    }
}
