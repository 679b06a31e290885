import MTLEngine
import Testing

@Suite struct FeatureEncoderTests {
    private func table(_ text: String) throws(InputError) -> CSVTable {
        try CSVTable(bytes: Array(text.utf8), path: "shop.csv")
    }

    private let text = "age,colour,bought\n10,red,1\n20, blue ,0\n?,red,\n1000,green,1\n"

    @Test func rolesAreInferredFromTheTrainingRows() throws {
        let mixed = try table("a,b,c\n1,x,1\n2,y,0\nlate,z,1\n")
        let schema = try TableSchema.inferred(from: mixed, labels: ["c"], rows: [0, 1])
        #expect(schema == TableSchema(numeric: ["a"], categorical: ["b"], labels: ["c"]))
        #expect(try TableSchema.inferred(from: mixed, labels: ["c"]).categorical == ["a", "b"])
    }

    @Test func fittedOnTheTrainingRowsOnly() throws {
        let table = try table(text)
        let schema = try TableSchema.inferred(from: table, labels: ["bought"], categorical: ["colour"])
        let encoder = try FeatureEncoder(fitting: table, schema: schema, rows: [0, 1])
        #expect(encoder.featureNames == ["age", "colour=blue", "colour=red"])
        let data = try encoder.encode(table, as: Double.self)
        #expect(data.features(row: 0) == [-1, 0, 1])
        #expect(data.features(row: 1) == [1, 1, 0])
        #expect(data.features(row: 2) == [0, 0, 1])
        #expect(data.features(row: 3) == [197, 0, 0])
        let labels = try data.labels("bought")
        #expect(labels[0] == 1 && labels[1] == 0 && labels[2].isNaN && labels[3] == 1)
    }

    @Test func missingCellsAreSeenWhereTrainingHadThem() throws {
        let table = try table("a,b,y\n1,x,0\n,?,1\n3,x,1\n")
        let schema = TableSchema(numeric: ["a"], categorical: ["b"], labels: ["y"])
        let data = try FeatureEncoder(fitting: table, schema: schema).encode(table, as: Double.self)
        #expect(data.featureNames == ["a", "a is missing", "b=(missing)", "b=x"])
        #expect(data.features(row: 1) == [0, 1, 1, 0])
    }

    @Test func moneyIsANumber() throws {
        let table = try table("a,y\n\"$1,000.50\",0\n $3000.50 ,1\n")
        let schema = try TableSchema.inferred(from: table, labels: ["y"])
        let data = try FeatureEncoder(fitting: table, schema: schema).encode(table, as: Double.self)
        #expect(data.featureNames == ["a"])
        #expect(data.features(row: 0) == [-1] && data.features(row: 1) == [1])
    }

    @Test func constantAndRareColumns() throws {
        let table = try table("a,b,y\n5,x,0\n5,x,1\n5,z,1\n")
        let schema = TableSchema(numeric: ["a"], categorical: ["b"], labels: ["y"])
        let data = try FeatureEncoder(fitting: table, schema: schema, minimumCount: 2).encode(
            table, as: Float.self)
        #expect(data.featureNames == ["a", "b=x"])
        #expect(data.features(row: 2) == [0, 0])
    }

    @Test func mistakesNameFileLineAndColumn() throws {
        let bad = try table("a,b,y\n1,x,0\n2,x,maybe\nbig,x,1\ninf,x,1\n")
        let schema = TableSchema(numeric: ["a"], categorical: ["b"], labels: ["y"])
        func failure(_ rows: [Int], labels: Bool = true) throws -> InputError? {
            let encoder = try FeatureEncoder(fitting: bad, schema: schema, rows: [0])
            do {
                _ = try encoder.encode(bad, rows: rows, withLabels: labels, as: Float.self)
                return nil
            } catch { return error }
        }
        #expect(try failure([0]) == nil)
        #expect(
            try failure([1])?.description
                == "shop.csv, line 3, column \"y\": found \"maybe\", expected a number")
        #expect(try failure([1], labels: false) == nil)
        #expect(
            try failure([2])?.description
                == "shop.csv, line 4, column \"a\": found \"big\", expected a number")
        #expect(try failure([3])?.kind == .value)
        #expect(try failure([])?.kind == .empty)
        #expect(throws: InputError.self) {
            try TableSchema.inferred(from: bad, labels: ["buy"])
        }
        #expect(throws: InputError.self) {
            try TableSchema.inferred(from: bad, labels: ["y"], numeric: ["y"])
        }
        let other = try table("a,y\n1,0\n")
        #expect(throws: InputError.self) {
            try FeatureEncoder(fitting: bad, schema: schema, rows: [0]).encode(other, as: Float.self)
        }
    }
}
