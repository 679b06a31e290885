import MTLDataKernels
import MTLEngine
import Testing

/// Numbers are read as Swift's `Double(String)` reads them, to the bit.
@Suite struct NumberTests {
    private func parse(_ text: String) -> (kind: mtl_number, value: Double) {
        var value = 0.0
        let bytes = Array(text.utf8)
        return (mtl_parse_number(bytes, bytes.count, &value), value)
    }

    private func check(_ text: String) {
        let (kind, value) = parse(text)
        guard let expected = Double(text) else {
            #expect(kind == MTL_NUMBER_NONE, "\(text)")
            return
        }
        if expected.isInfinite {
            #expect(kind == MTL_NUMBER_TOO_LARGE, "\(text)")
            return
        }
        #expect(value.bitPattern == expected.bitPattern, "\(text): \(value)")
        // Told apart only where all of it is digits.
        let isExact = Int64(text).map { Double($0) == expected && Int64(exactly: expected) == $0 } ?? true
        let isWhole = !text.contains { ".eE".contains($0) }
        let digits = text.drop { "+-0".contains($0) }.count
        if isWhole && digits <= 18 {
            #expect(kind == (isExact ? MTL_NUMBER_OK : MTL_NUMBER_BIG_INTEGER), "\(text)")
        } else if !isWhole {
            #expect(kind == MTL_NUMBER_OK, "\(text)")
        }
    }

    private func digits(_ count: Int, _ generator: inout SeededGenerator) -> String {
        String((0..<count).map { _ in Character("\(generator.below(10))") })
    }

    @Test(arguments: 0..<4) func randomDecimalsAreRoundedOnce(stream: Int) {
        var generator = SeededGenerator(seed: 21).split(UInt64(stream))
        for _ in 0..<15_000 {
            var text = ["", "-", "+"][generator.below(3)]
            let longest = [4, 9, 15, 17, 19, 20, 25, 40][generator.below(8)]
            let whole = generator.below(longest + 1)
            text += digits(whole, &generator)
            if generator.below(3) > 0 || whole == 0 {
                text += "." + digits(max(whole == 0 ? 1 : 0, longest - whole), &generator)
            }
            switch generator.below(4) {
            case 0: text += "e\(generator.below(60) - 30)"
            case 1: text += ["E+", "e-", "E"][generator.below(3)] + "\(generator.below(340))"
            default: break
            }
            check(text)
        }
    }

    /// Doubles at random, written with the fewest and with more digits than they need.
    @Test func everyDoubleComesBack() {
        var generator = SeededGenerator(seed: 22)
        for _ in 0..<20_000 {
            let value = Double(bitPattern: generator.next())
            guard value.isFinite else { continue }
            check("\(value)")
            let halfway = "\(value.significand)"
            check(halfway + "00000000000000000001e\(value.exponent % 300)")
        }
    }

    /// Half-way between two doubles, and a little beside it: 2⁵³ + 1 and its multiples by powers of ten.
    @Test func tiesAreRoundedToEven() {
        for text in [
            "9007199254740993", "9007199254740993.0", "9007199254740993.00000000000000000001",
            "9007199254740992.99999999999999999999", "900719925474099.3e1", "900719925474099300e-2",
            "9007199254740995e0", "4503599627370497.5", "4503599627370496.5",
            "1.00000000000000011102230246251565",
            "1.00000000000000011102230246251566", "1.00000000000000011102230246251564",
            "8.5e22", "1e23", "9.5e-5", "7205759403792793199999e-5",
        ] {
            check(text)
            check("-" + text)
        }
    }

    @Test func theSmallestAndTheLargest() {
        for text in [
            "5e-324", "4.9e-324", "2.4703282292062327e-324", "2.4703282292062328e-324", "2.5e-324",
            "2.2250738585072011e-308", "2.2250738585072014e-308", "1.1125369292536007e-308", "1e-400",
            "0e400",
            "-0", "-0.0e-9", "0000000000000000000000000000001", "0.00000000000000000000000000000000000000001",
            "1.7976931348623157e308", "1.7976931348623158e308", "1.7976931348623159e308", "1e309", "-1e400",
            "1e99999999999999999999", "1e-99999999999999999999", "18446744073709551616",
            "18446744073709551615",
            "9223372036854775807", "9223372036854775808", "9007199254740992", "9007199254740994",
            "1000000000000000000",
        ] {
            check(text)
        }
    }

    @Test func longNumbersAreNumbers() {
        for text in [
            "0." + String(repeating: "0", count: 600) + "1e601", String(repeating: "1", count: 300) + ".5",
            String(repeating: "7", count: 400), "1." + String(repeating: "3", count: 5000),
            String(repeating: "0", count: 511) + "5", String(repeating: "0", count: 512) + ".25",
        ] {
            check(text)
        }
    }

    @Test(arguments: [
        "", "-", "+", ".", "-.", "e5", ".e5", "1e", "1e+", "1e-", "1.2.3", "--1", "+-1", "1 ", " 1", "0x10",
        "inf",
        "nan", "-inf", "infinity", "1,5", "1_000", "1e5.0", "1d5", "٣",
    ])
    func whatIsNoNumber(_ text: String) {
        #expect(parse(text).kind == MTL_NUMBER_NONE)
    }

    @Test func wholeNumbersThatADoubleRoundsAreToldApart() {
        for (text, kind) in [
            ("9007199254740992", MTL_NUMBER_OK), ("9007199254740993", MTL_NUMBER_BIG_INTEGER),
            ("9007199254740994", MTL_NUMBER_OK), ("-9007199254740993", MTL_NUMBER_BIG_INTEGER),
            ("9999999999999999999", MTL_NUMBER_BIG_INTEGER), ("1000000000000000001", MTL_NUMBER_BIG_INTEGER),
        ] {
            #expect(parse(text).kind == kind, "\(text)")
        }
    }
}
