import MTLData
import Testing

@Suite struct TimestampTests {
    private func parse(_ text: String) -> Int64? {
        var text = text
        return text.withUTF8 { Timestamp.parse($0) }
    }

    /// Numbers as large as they may be, in every format: none traps, and none is a time whose sums overflow.
    @Test(arguments: DateFormat.allCases)
    func absurdNumbersAreNoTimes(_ format: DateFormat) {
        for digits in 15...20 {
            for text in [
                String(repeating: "9", count: digits), "9223372036854775807", "9223372036854775807.5",
                String(repeating: "9", count: digits) + ".999",
            ] {
                var text = text
                let time = text.withUTF8 { Timestamp.parse($0, as: format) }
                #expect(time == nil || time.map { abs($0) <= 10_000_000_000_000_000 } == true, "\(text)")
                if let time { _ = CalendarPart.days.value(at: Int64(Double(time)), utcOffset: 840) }
            }
        }
    }

    @Test func formsOfOneInstantAgree() {
        let instant: Int64 = 1_402_833_600_000
        for text in [
            "2014-06-15T12:00:00Z", "2014-06-15 12:00", "2014-06-15T14:00:00.000+02:00", "1402833600",
            "1402833600000", "1402833600000000", "1402833600000000000", "20140615120000", "201406151200",
            "2014-06-15 12:00:00 UTC", "2014-06-15 07:00 -0500", "6/15/2014 12:00:00 PM", "15 Jun 2014 12:00",
            "June 15, 2014 12:00 PM", "2014/06/15 12:00",
        ] {
            #expect(parse(text) == instant, "\(text)")
        }
        #expect(parse("6/15/14") == instant - 43_200_000)
        #expect(parse("20140615") == instant - 43_200_000)
    }

    @Test(arguments: [
        "", "yesterday", "2014-02-29", "2014-13-01", "13/13/2014", "13/1/14", "3/4/2014", "2014-06-15T25:00",
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
        ("999999999", 999_999_999_000), ("100000000000", 100_000_000_000), ("13/1/2014", 1_389_571_200_000),
    ])
    func timesAreMilliseconds(_ text: String, time: Int64) {
        #expect(parse(text) == time)
    }

    /// What could be read in several ways, or is too short for a Unix time, wants a word.
    @Test(arguments: [
        ("3/4/2014", DateFormat.dayFirst, 1_396_483_200_000), ("3/4/2014", .monthFirst, 1_393_891_200_000),
        ("03.04.14", .dayFirst, 1_396_483_200_000), ("14-04-03", .yearFirst, 1_396_483_200_000),
        ("0", .seconds, 0), ("2026", .seconds, 2_026_000), ("2026", .compact, 1_767_225_600_000),
        ("202603", .compact, 1_772_323_200_000), ("2026030213", .compact, 1_772_456_400_000),
        ("2026030213", .seconds, 2_026_030_213_000), ("20260302", .seconds, 20_260_302_000),
        ("20260302130000123", .compact, 1_772_456_400_123), ("12345", .milliseconds, 12_345),
        ("12345678", .microseconds, 12_345), ("12345678901", .nanoseconds, 12_345),
    ])
    func formatsSayWhatIsMeant(_ text: String, _ format: DateFormat, _ time: Int64) {
        var text = text
        #expect(text.withUTF8 { Timestamp.parse($0, as: format) } == time)
        let isLong = text == "20260302130000123" || text == "20260302"
        if !isLong { #expect(parse(text) == nil) }
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
