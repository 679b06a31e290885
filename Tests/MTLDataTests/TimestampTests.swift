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

    @Test(arguments: [
        ("1969-12-31T23:59:59.999Z", -1), ("0001-01-01", -62_135_596_800_000),
        ("9999-12-31", 253_402_214_400_000), ("2000-02-29", 951_782_400_000),
        ("2024-06-15T12:00:00.1239-0530", 1_718_472_600_123), ("2024-06-15T12:00:00+05", 1_718_434_800_000),
        ("06/16/2014", 1_402_876_800_000), ("6/16/70", 14_342_400_000), ("6/16/69", 3_138_566_400_000),
        ("0", 0), ("99999999999", 99_999_999_999_000), ("100000000000", 100_000_000_000),
    ])
    func timesAreMilliseconds(_ text: String, time: Int64) {
        #expect(parse(text) == time)
    }

    @Test(arguments: [
        ("30s", 30_000), ("30m", 1_800_000), ("12h", 43_200_000), ("7d", 604_800_000), ("4w", 2_419_200_000),
    ])
    func spansHaveUnits(_ text: String, span: Int64) {
        #expect(Timestamp.span(text) == span)
    }

    @Test(arguments: ["", "7", "d", "-7d", "0d", "7 days", "7y", "9999999d", "1.5h"])
    func noSpanIsNone(_ text: String) {
        #expect(Timestamp.span(text) == nil)
    }

    @Test func partsAreThoseOfTheLocalDay() {
        // 1969-12-31T20:00Z, a Wednesday; 1970-01-01 in Delhi.
        let time: Int64 = -4 * 3_600_000
        #expect(CalendarPart.day.value(at: time) == 31 && CalendarPart.year.value(at: time) == 1969)
        #expect(CalendarPart.weekday.value(at: time) == 2 && CalendarPart.hour.value(at: time) == 20)
        #expect(CalendarPart.day.value(at: time, utcOffset: 330) == 1)
        #expect(CalendarPart.weekday.value(at: time, utcOffset: 330) == 3)
        #expect(CalendarPart.hour.value(at: time, utcOffset: 330) == 1.5)
        #expect(CalendarPart.days.value(at: time, utcOffset: -480) == -0.5)
    }
}
