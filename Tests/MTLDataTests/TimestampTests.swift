import MTLData
import Testing

@Suite struct TimestampTests {
    private func parse(_ text: String) -> Int64? {
        var text = text
        return text.withUTF8 { Timestamp.parse($0) }
    }

    @Test func formsOfOneInstantAgree() {
        let instant: Int64 = 1_402_833_600_000
        for text in [
            "2014-06-15T12:00:00Z", "2014-06-15 12:00", "2014-06-15T14:00:00.000+02:00", "1402833600",
            "1402833600000",
        ] {
            #expect(parse(text) == instant, "\(text)")
        }
        #expect(parse("6/15/14") == instant - 43_200_000)
        #expect(parse("20140615") == instant - 43_200_000)
    }

    @Test(arguments: [
        "", "yesterday", "2014-02-29", "2014-13-01", "13/1/2014", "2014-06-15T25:00",
        "2014-06-15T12:00:00+99:00",
    ])
    func noTimeIsNone(_ text: String) {
        #expect(parse(text) == nil)
    }
}
