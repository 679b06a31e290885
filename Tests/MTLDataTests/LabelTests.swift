import MTLData
import MTLEngine
import MTLTestSupport
import Testing

@Suite struct LabelTests {
    private func encode(_ labels: [Label], _ rows: String, weight: String? = nil) throws -> Encoded {
        let schema = Schema(features: [Feature("x", .numeric)], labels: labels, weight: weight)
        return try Preprocessor(fitting: table(rows), schema: schema).encoded(table(rows))
    }

    /// Labels, with a number for those that are missing.
    private func values(_ encoded: Encoded, _ label: String) -> [Float]? {
        encoded.labels[label]?.map { $0.isNaN ? -1 : $0 }
    }

    @Test func aLabelHasAFactorOrAColumnOfWeights() {
        var label = Label("y", .binary)
        label.weight = 2
        label.weightColumn = "w"
        let schema = Schema(features: [Feature("x", .numeric)], labels: [label])
        #expect(failure { try schema.check() }?.place == "label \"y\", weight")
    }

    @Test func yesAndNoAreReadInManyWays() throws {
        let encoded = try encode(
            [Label("y", .binary)],
            "x,y\n1,1\n1,0\n1,1.0\n1,0.0\n1,True\n1,no\n1,\n1,NA\n1, yes \n1,f\n1,t\n1,n\n1,TRUE\n")
        #expect(values(encoded, "y") == [1, 0, 1, 0, 1, 0, -1, -1, 1, 0, 1, 0, 1])
    }

    @Test func positiveValuesAreNamed() throws {
        let encoded = try encode(
            [
                Label("y", .binary, positive: ["paid", "sent"]),
                Label("z", .binary, column: "n", positive: ["2"]),
            ], "x,y,n\n1,paid,2.0\n1,sent,2\n1,open,1\n1,,\n1,Paid,20\n")
        #expect(values(encoded, "y") == [1, 1, 0, -1, 0])
        #expect(values(encoded, "z") == [1, 1, 0, -1, 0])
    }

    @Test(arguments: [
        ("click = 1", [1, 0, -1, -1]), ("click=1.0", [1, 0, -1, -1]), ("click != 1", [-1, -1, 1, 0]),
        ("price > 2", [-1, -1, 1, -1]), ("price >= 2", [-1, 0, 1, -1]), ("price<3", [1, 0, -1, -1]),
        ("price <= 1", [1, -1, -1, -1]), ("kind = a b", [1, -1, -1, -1]), ("kind != c", [1, 0, -1, 0]),
        ("kind = NA", [-1, -1, -1, -1]),
    ])
    func labelsHoldWhereTheirConditionDoes(when: String, expected: [Float]) throws {
        let encoded = try encode(
            [Label("y", .binary, when: when)],
            "x,y,click,price,kind\n1,1,1,1,a b\n1,0,1,2,b\n1,1,0,3,c\n1,0,,,NA\n")
        #expect(values(encoded, "y") == expected)
    }

    @Test func whatStandsInRowsWithoutTheLabelIsNotRead() throws {
        let labels = [
            Label("y", .binary, when: "has = 1"), Label("r", .regression, when: "has = 1"),
            Label("k", .multiclass, when: "has = 1"),
        ]
        let encoded = try encode(
            labels, "x,y,r,k,has\n1,1,2.5,a,1\n1,what,none yet,other,0\n1,0,,b,1\n1,1,7,c,\n")
        #expect(values(encoded, "y") == [1, -1, 0, -1])
        #expect(values(encoded, "r") == [2.5, -1, -1, -1])
        #expect(values(encoded, "k") == [0, -1, 1, -1])
    }

    @Test func classesThatAreNumbersKeepTheirOrderBeforeTexts() throws {
        let source = try table("x,k\n1,10\n1,9\n1,1a\n1,10\n1,b\n1,\n1,-2\n1,NAN\n")
        let preprocessor = try Preprocessor(
            fitting: source,
            schema: Schema(features: [Feature("x", .numeric)], labels: [Label("k", .multiclass)]))
        #expect((0..<6).map { preprocessor.className($0, of: 0) } == ["-2", "9", "10", "1a", "NAN", "b"])
        #expect(values(try preprocessor.encoded(source), "k") == [2, 1, 3, 2, 5, -1, 0, 4])
        #expect(preprocessor.tasks()[0].kind == .multiclass(classes: 6))
    }

    @Test func rowsHaveWeightsAndScenarios() throws {
        let schema = Schema(
            features: [Feature("x", .numeric)], labels: [Label("y", .binary)], scenario: "s", weight: "w")
        let source = try table("x,y,w,s\n1,1,0.5,de\n1,0,,fr\n1,1,0,fr\n1,1,3,\n")
        let encoded = try Preprocessor(fitting: source, schema: schema).encoded(source)
        #expect(encoded.weights == [0.5, 1, 0, 3])
        #expect(encoded.scenarios == [3, 2, 2, 1])
    }
}
