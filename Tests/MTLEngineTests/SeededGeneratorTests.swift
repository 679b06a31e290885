import MTLEngine
import Testing

@Suite struct SeededGeneratorTests {
    /// The first numbers of the authors' C code (prng.di.unimi.it/xoshiro256starstar.c) from state 1, 2, 3, 4.
    @Test func followsThePublishedAlgorithm() {
        var generator = SeededGenerator(state: (1, 2, 3, 4))
        let expected: [UInt64] = [
            11520, 0, 1_509_978_240, 1_215_971_899_390_074_240, 1_216_172_134_540_287_360,
            607_988_272_756_665_600, 16_172_922_978_634_559_625, 8_476_171_486_693_032_832,
            10_595_114_339_597_558_777, 2_904_607_092_377_533_576,
        ]
        #expect(expected.map { _ in generator.next() } == expected)
    }

    @Test func streamsDifferAndRepeat() {
        let root = SeededGenerator(seed: 9)
        var first = root.split(0)
        var again = root.split(0)
        var other = root.split(1)
        let numbers = (0..<4).map { _ in first.next() }
        #expect(numbers == (0..<4).map { _ in again.next() })
        #expect(numbers != (0..<4).map { _ in other.next() })
    }

    @Test func momentsOfUniformAndNormal() {
        var generator = SeededGenerator(seed: 4)
        let count = 200_000
        let uniform = (0..<count).map { _ in generator.uniform() }
        let normal = (0..<count).map { _ in generator.normal() }
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(count) }
        // Five standard errors each.
        #expect(abs(mean(uniform) - 0.5) < 5 * (1.0 / 12 / Double(count)).squareRoot())
        #expect(abs(mean(normal)) < 5 / Double(count).squareRoot())
        #expect(abs(mean(normal.map { $0 * $0 }) - 1) < 5 * (2 / Double(count)).squareRoot())
        #expect(uniform.allSatisfy { $0 >= 0 && $0 < 1 })
    }

    @Test func everyIndexIsAsLikely() {
        var generator = SeededGenerator(seed: 5)
        var counts = [Int](repeating: 0, count: 7)
        for _ in 0..<70_000 { counts[generator.below(7)] += 1 }
        for count in counts { #expect(abs(Double(count) - 10_000) < 5 * 100) }
    }

    @Test func shuffleKeepsEveryElement() {
        var generator = SeededGenerator(seed: 6)
        var order = Array(0..<1000)
        generator.shuffle(&order)
        #expect(order != Array(0..<1000))
        #expect(order.sorted() == Array(0..<1000))
    }
}
