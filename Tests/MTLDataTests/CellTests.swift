import MTLData
import Testing

@Suite struct CellTests {
    private func cell(_ text: String) -> Cell {
        var text = text
        return text.withUTF8 { Cell($0) }
    }

    @Test(arguments: [
        "", " ", "\t ", "?", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", " NA ", "\t?", "n/a", "<NA>",
        "#N/A", "\\N", "-nan",
    ])
    func signsOfNothingAreMissing(_ text: String) {
        #expect(cell(text) == .missing)
    }

    @Test(arguments: ["na", "none", "NAN", "Null", "??", "-", "N", "NAs", "nul", "Non"])
    func wordsLikeThemAreText(_ text: String) {
        #expect(cell(text) == .text)
    }

    @Test(arguments: [
        ("$84,835.00", 84_835), ("$84,835.00 ", 84_835), (" $7 ", 7), ("$1234.5", 1234.5), ("$-3", -3),
        ("1,234.0", 1234), ("-12,345,678.25", -12_345_678.25), ("$1,000", 1000), ("1,999,999", 1_999_999),
        ("$0.99", 0.99),
        ("9,007,199,254,740,993", 9_007_199_254_740_992),
    ])
    func moneyAndGroupedNumbersAreNumbers(_ text: String, _ value: Double) {
        #expect(cell(text) == .number(value))
    }

    @Test(arguments: [
        "1,23", "1,2345", ",123", "-,123", "1234,567", "12,34,567", "1,234.5,6", "1.5,000", "$1,2", "$1,,000",
        "$", "$,",
        "$x", "1,234,", "0,123", "0,123,456", "84.835,00 €", "1,234 5",
    ])
    func commasElsewhereMakeText(_ text: String) {
        #expect(cell(text) == .text)
    }

    /// A fraction, or thousands.
    @Test(arguments: ["1,234", "+1,000", "-999,999", "12,345"])
    func aCommaBeforeThreeDigitsIsAmbiguous(_ text: String) {
        #expect(cell(text) == .ambiguous)
    }

    @Test func numbers() {
        #expect(cell(" -1.5e3\t") == .number(-1500))
        #expect(cell(".5") == .number(0.5))
        #expect(cell("9007199254740993") == .number(9_007_199_254_740_992))
        for text in ["1e400", "-1e400", "$1e400"] { #expect(cell(text) == .tooLarge) }
        for text in ["12 %", "1-2", "(5)", "inf", "-inf", "0x10", "2014-06-15", "é", "1e"] {
            #expect(cell(text) == .text, "\(text)")
        }
    }
}
