import MTLData
import MTLEngine
import MTLTestSupport
import Testing

@Suite struct TypedTableTests {
    private func table(_ text: String, _ options: ReadingOptions = ReadingOptions()) throws -> TypedTable {
        try TypedTable(TableReader(bytes: Array(text.utf8), path: "shop.csv", options: options))
    }

    @Test func columnsAreNumbersOrText() throws {
        let table = try table(
            "n,t,money,quoted,large\n1,x,\"$1,000.5\",\"7\",9007199254740993\nNA,\"y \"\"z\"\"\",,\"\",1\n-2.5e1,,3, 8 ,2\n"
        )
        #expect(table.names == ["n", "t", "money", "quoted", "large"])
        #expect(table.isText == [false, true, false, false, true])
        #expect(table.rowCount == 3)
        #expect(table.numbers(0)?.map { "\($0)" } == ["1.0", "nan", "-25.0"])
        #expect(table.texts(1) == ["x", "y \"z\"", ""])
        #expect(table.numbers(2)?.map { "\($0)" } == ["1000.5", "nan", "3.0"])
        #expect(table.numbers(3)?.map { "\($0)" } == ["7.0", "nan", "8.0"])
        #expect(table.texts(4) == ["9007199254740993", "1", "2"])
        #expect(table.numbers(1) == nil && table.texts(0) == nil)
    }

    /// Where the text comes late, the table is read again: what a column is does not depend on the first rows.
    @Test(arguments: [
        "word", "9007199254740993", "1e400", "1,23", "1e300", "9007199254740994", " 9007199254740994 ",
    ])
    func aLateCellCountsAsAnEarlyOne(_ cell: String) throws {
        let isText = !["1e300", "9007199254740994", " 9007199254740994 "].contains(cell)
        let cell = "\"\(cell)\""
        for position in [0, 5, 1500, 3999] {
            let body = (0..<4000).map { $0 == position ? cell : "\($0)" }.joined(separator: "\n")
            for options in [
                ReadingOptions(), ReadingOptions(threads: 2, blockBytes: 100), ReadingOptions(blockBytes: 7),
            ] {
                let table = try table("a\n" + body, options)
                #expect(table.isText == [isText], "\(cell) in row \(position)")
                #expect(table.rowCount == 4000)
                #expect(table.texts(0)?[17] == (isText ? "17" : nil))
                #expect(table.numbers(0)?[17] == (isText ? nil : 17))
            }
        }
    }

    @Test func blocksAreJoinedInOrder() throws {
        let values = (0..<5000).map { Double($0) / 8 }
        let body = values.map { "\($0),\"name \($0)\"\n" }.joined()
        for threads in 1...3 {
            let table = try table("a,b\n" + body, ReadingOptions(threads: threads, blockBytes: 50))
            #expect(table.numbers(0) == values)
            #expect(table.texts(1) == values.map { "name \($0)" })
        }
    }

    @Test func whatTheSourceThrowsIsThrown() {
        let error = failure { () throws(InputError) in
            _ = try TypedTable(TableReader(bytes: Array("a,b\n1,2\n3\n".utf8), path: "shop.csv"))
        }
        #expect(error?.place == "shop.csv, line 3")
    }
}
