import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

@Suite struct PreprocessorTests {
    private func feature(_ name: String, _ kind: Feature.Kind, _ change: (inout Feature) -> Void = { _ in })
        -> Feature
    {
        var feature = Feature(name, kind)
        change(&feature)
        return feature
    }

    private func schema(_ features: Feature..., labels: [Label] = [Label("y", .binary)]) -> Schema {
        Schema(features: features, labels: labels)
    }

    /// Fits on a table and encodes it, or another.
    private func encode(_ features: Feature..., fitting: String, encoding: String? = nil) throws -> Encoded {
        let preprocessor = try Preprocessor(
            fitting: table(fitting), schema: Schema(features: features, labels: [Label("y", .binary)]))
        return try preprocessor.encoded(table(encoding ?? fitting))
    }

    // MARK: Fitting

    @Test func onlyTrainingRowsAreFitted() throws {
        let labels = [Label("y", .binary), Label("k", .multiclass)]
        var schema = schema(
            feature("x", .numeric) { $0.scale = .quantile }, feature("z", .numeric),
            feature("m", .numeric) { $0.missing = .median },
            feature("b", .numeric) { $0.buckets = 4 }, feature("c", .categorical),
            feature("d", .categorical) {
                $0.column = "c"
                $0.encoding = .target
                $0.target = "y"
            }, feature("t", .timestamp), feature("g", .tags),
            feature("p", .cross) { $0.of = ["c", "g"] }, labels: labels)
        schema.time = "t"
        schema.scenario = "s"
        var split = Split(.time, validation: 0, test: 0)
        split.validationFrom = "2020-01-01"
        split.testFrom = "2021-01-01"
        func rows(_ watched: String) -> String {
            text("x,z,m,b,c,t,g,y,k,s", rows: 60) { row in
                row % 3 == 0
                    ? watched
                    : "\(row * row % 17),\(row),\(row % 5 == 0 ? "" : "\(row % 7)"),\(row % 11),v\(row % 4),"
                        + "2019-0\(1 + row % 9)-01,a|b\(row % 3),\(row % 2),k\(row % 2),s\(row % 2)"
            }
        }
        func fit(_ text: String) throws -> Preprocessor {
            try Preprocessor(
                fitting: table(text), schema: schema, split: Splitter(split, table(text), schema))
        }
        let one = try fit(rows("1,2,,4,v1,2020-05-01,a,0,k1,s1"))
        let two = try fit(rows("1e9,-7,99,-4,new,2021-05-01,other|b,1,another,s9"))
        #expect(one == two)
        #expect(one.trainingRows == 40)
        // And it is what is fitted on those rows alone.
        #expect(
            try one
                == Preprocessor(
                    fitting: table(
                        rows("1,2,,4,v1,2020-05-01,a,0,k1,s1").split(separator: "\n")
                            .filter { !$0.contains("2020-05-01") }.joined(separator: "\n") + "\n"),
                    schema: schema))
    }

    @Test func aRowsOwnLabelDoesNotChangeItsEncoding() throws {
        let schema = schema(
            feature("c", .categorical) {
                $0.encoding = .target
                $0.target = "y"
                $0.smoothing = 2
            })
        func encoded(flipping flipped: Int?) throws -> [Float] {
            let source = try table(
                text("c,y", rows: 40) {
                    "\($0 % 3 == 0 ? "" : "v\($0 % 5)"),\(($0 % 2 == 0) != ($0 == flipped) ? 1 : 0)"
                })
            let preprocessor = try Preprocessor(fitting: source, schema: schema)
            return try #require(preprocessor.encoded(source, isTraining: true).dense["c target"])
        }
        let plain = try encoded(flipping: nil)
        for row in 0..<40 {
            let flipped = try encoded(flipping: row)
            #expect(flipped[row] == plain[row], "row \(row)")
            #expect(flipped != plain, "row \(row) changes those of other folds")
        }
    }

    @Test func randomLabelsOfManyCategoriesAreNotLearned() throws {
        let rows = 20_000
        var generator = SeededGenerator(seed: 5)
        let labels = (0..<rows).map { _ in Float(generator.uniform() < 0.3 ? 1 : 0) }
        let categories = (0..<rows).map { _ in Int(generator.uniform() * 8000) }
        let source = try table(text("c,y", rows: rows) { "v\(categories[$0]),\(Int(labels[$0]))" })
        let schema = schema(
            feature("c", .categorical) {
                $0.encoding = .target
                $0.target = "y"
                $0.smoothing = 1
            })
        let preprocessor = try Preprocessor(fitting: source, schema: schema)
        func areaUnderROC(isTraining: Bool) throws -> Double {
            let scores = try #require(
                preprocessor.encoded(source, isTraining: isTraining).dense["c target"])
            return try #require(Metrics.areaUnderROC(scores: scores, labels: labels))
        }
        #expect(abs(try areaUnderROC(isTraining: true) - 0.5) < 0.02)
        // The rows' own labels would give it away.
        #expect(try areaUnderROC(isTraining: false) > 0.8)
    }

    @Test func withoutSmoothingAnUnseenCategoryHasTheOverallMean() throws {
        let encoded = try encode(
            feature("c", .categorical) {
                $0.encoding = .target
                $0.target = "y"
                $0.smoothing = 0
            }, fitting: "c,y\na,1\na,1\nb,0\nb,1\n", encoding: "c,y\na,1\nb,1\nz,1\n,1\n")
        #expect(encoded.dense["c target"] == [1, 0.5, 0.75, 0.75])
    }

    @Test func largeAndSmallLabelsAreSummed() throws {
        let target = Label("r", .regression)
        let encoded = feature("c", .categorical) {
            $0.encoding = .target
            $0.target = "r"
            $0.smoothing = 0
        }
        for scale in [1e12, 1e-6] {
            let source = try table(text("c,r", rows: 2000) { "v\($0 % 2),\(Double(1 + $0 % 2) * scale)" })
            let preprocessor = try Preprocessor(
                fitting: source, schema: Schema(features: [encoded], labels: [target]))
            let values = try #require(preprocessor.encoded(source).dense["c target"])
            #expect(abs(Double(values[0]) / scale - 1) < 1e-5, "\(scale)")
            #expect(abs(Double(values[1]) / scale - 2) < 1e-5, "\(scale)")
        }
    }

    @Test func farFromZeroTheDeviationKeepsItsDigits() throws {
        let encoded = try encode(
            feature("x", .numeric), fitting: text("x,y", rows: 1000) { "\(1_000_000_000_000 + $0 % 2),1" })
        #expect(encoded.dense["x"]?.prefix(2) == [-1, 1])
        let constant = try encode(
            feature("x", .numeric), fitting: text("x,y", rows: 999) { _ in "0.1,1" }, encoding: "x,y\n5,1\n")
        #expect(constant.dense["x"] == [0])
    }

    @Test func whatIsFarOutStaysFinite() throws {
        for scale in Feature.Scaling.allCases {
            let encoded = try encode(
                feature("x", .numeric) { $0.scale = scale },
                fitting: "x,y\n3e38,1\n-3e38,0\n3,1\n,1\n1e-308,1\n",
                encoding: "x,y\n3.4e38,1\n-3.4e38,1\n,1\n")
            #expect(encoded.dense["x"]?.allSatisfy(\.isFinite) == true, "\(scale)")
        }
    }

    @Test func whatNoFloatHoldsIsNamedUnlessItIsCutOrRanked() throws {
        let text = "x,y\n1e300,1\n-1e308,0\n3,1\n,1\n1e-308,1\n"
        for scale in Feature.Scaling.allCases where scale != .quantile {
            let error = failure {
                _ = try encode(feature("x", .numeric) { $0.scale = scale }, fitting: text)
            }
            #expect(error?.place.hasSuffix("line 2, column \"x\"") == true && error?.found == "\"1e300\"")
        }
        for change in [
            { $0.scale = .quantile }, { $0.log = true }, { $0.clip = [0, 9] }, { $0.encoding = .piecewise },
        ]
            as [(inout Feature) -> Void]
        {
            let encoded = try encode(feature("x", .numeric, change), fitting: text)
            #expect(encoded.dense["x"]?.allSatisfy(\.isFinite) == true)
        }
        let tags = failure {
            _ = try encode(
                feature("t", .tags) { $0.weightSeparator = ":" }, fitting: "t,y\na:1,1\nb:1e300,0\n")
        }
        #expect(tags?.place.hasSuffix("line 3, column \"t\"") == true)
    }

    // MARK: Encoding

    /// A number's place among its bins; what is missing has a vector of its own, whether or not training rows had such.
    @Test func numbersAreEncodedByBins() throws {
        let table = "x,y\n1,1\n3,0\n,1\n9,1\n3,0\n"
        let plain = try encode(
            feature("x", .numeric) { $0.encoding = .piecewise }, fitting: table,
            encoding: "x,y\n0,1\n1,1\n2,0\n3,0\n6,1\n9,1\n1e9,0\n,1\n")
        #expect(plain.dense["x"] == [0, 0, 0.5, 1, 1.5, 2, 2, -1])
        #expect(plain.dense.count == 1)
        let filled = try encode(
            feature("x", .numeric) {
                $0.encoding = .piecewise
                $0.missing = .median
            }, fitting: table, encoding: "x,y\n,1\n")
        #expect(filled.dense["x"] == [1])
        let seen = try encode(
            feature("x", .numeric) { $0.encoding = .piecewise }, fitting: "x,y\n1,1\n3,0\n",
            encoding: "x,y\n,1\n")
        #expect(seen.dense["x"] == [-1])
        let constant = try encode(
            feature("x", .numeric) { $0.encoding = .piecewise }, fitting: "x,y\n4,1\n4,0\n",
            encoding: "x,y\n3,1\n4,1\n")
        #expect(constant.dense["x"] == [0, 0])
        let few = try encode(
            feature("x", .numeric) {
                $0.encoding = .piecewise
                $0.bins = 2
            }, fitting: "x,y\n1,1\n3,0\n4,1\n9,1\n3,0\n")
        #expect(few.dense["x"] == [0, 1, Float(1 + 1 / 6.0), 2, 1])
    }

    @Test func fieldsOfNumbersKnowTheirColumns() throws {
        let preprocessor = try Preprocessor(
            fitting: table("a,b,c,y\n1,1,u,1\n,2,v,0\n3,5,u,1\n"),
            schema: schema(
                feature("a", .numeric), feature("c", .categorical) { $0.encoding = .oneHot },
                feature("b", .numeric) {
                    $0.encoding = .piecewise
                    $0.dimension = 5
                },
                feature("waves", .numeric) {
                    ($0.column, $0.encoding, $0.deviation) = ("b", .periodic, 3)
                },
                feature("mixed", .numeric) {
                    ($0.column, $0.encoding, $0.metaEmbeddings) = ("b", .autoDis, 4)
                }))
        #expect(
            preprocessor.denseNames == ["a", "a is missing", "c=u", "c=v", "b", "waves", "mixed"])
        #expect(
            preprocessor.numberFields?.columns == [
                .init("b", index: 4, bins: 2, dimension: 5),
                .init("waves", index: 5, bins: 2, encoding: .periodic(deviation: 3)),
                .init("mixed", index: 6, bins: 2, encoding: .autoDis(count: 4)),
            ])
    }

    @Test func unknownAndMissingHaveIdsOfTheirOwn() throws {
        let table = "c,y\nb,1\na,1\nb,0\n,1\nNA,1\n rare ,0\n"
        let plain = try encode(feature("c", .categorical), fitting: table, encoding: table + "new,1\n")
        // By how often, then by bytes; blanks do not count.
        #expect(plain.ids["c"] == [2, 3, 2, 1, 1, 4, 0])
        let frequent = try encode(feature("c", .categorical) { $0.minimumCount = 2 }, fitting: table)
        #expect(frequent.ids["c"] == [2, 0, 2, 1, 1, 0])
        let filled = try encode(feature("c", .categorical) { $0.missing = .mostFrequent }, fitting: table)
        #expect(filled.ids["c"] == [2, 3, 2, 2, 2, 4])
    }

    @Test func hashesStayInRangeAndNeverChange() throws {
        let values = ["abc", "Zürich", "a longer value of more than sixteen bytes"]
        let source = "c,y\n" + values.map { $0 + ",1\n" }.joined() + ",1\n"
        let encoded = try encode(feature("c", .categorical) { $0.hashBuckets = 1000 }, fitting: source)
        #expect(encoded.ids["c"] == [400, 686, 332, 1])
        let few = try encode(
            feature("c", .categorical) { $0.hashBuckets = 7 }, fitting: text("c,y", rows: 500) { "v\($0),1" })
        #expect(Set(few.ids["c"] ?? []) == Set(2...8))
    }

    @Test func crossesTellTheirPartsApart() throws {
        let encoded = try encode(
            feature("p", .cross) { $0.of = ["a", "b"] },
            fitting: "a,b,y\na,bc,1\nab,c,1\nabc,,1\n,abc,1\na,bc,0\n",
            encoding: "a,b,y\na,bc,1\nab,c,1\nabc,,1\n,abc,1\nc,ab,1\n")
        let ids = try #require(encoded.ids["p"])
        #expect(Set(ids).count == 5)
        #expect(ids.first == 2 && ids.last == 0)
    }

    @Test func sequencesKeepTheLastAndTagsTheFirst() throws {
        func short(_ kind: Feature.Kind) -> Feature {
            feature("v", kind) { $0.length = 3 }
        }
        // Ids by bytes, as all are equally frequent: a 2, b 3, c 4, d 5, e 6.
        let rows = "v,y\na|b|c|d|e,1\n"
        #expect(try encode(short(.sequence), fitting: rows).bags["v"] == [[4, 5, 6]])
        #expect(try encode(short(.tags), fitting: rows).bags["v"] == [[2, 3, 4]])
        let served = try encode(
            short(.tags), fitting: rows, encoding: "v,y\n,1\nNA,1\n| b ||z|,1\na|a,1\n")
        // No training row was without values: such a one is as one whose value nobody knows.
        #expect(served.bags["v"] == [[0], [0], [3, 0], [2, 2]])
        let empty = try encode(
            short(.tags), fitting: text("v,y", rows: 60) { "\($0 % 2 == 0 ? "a" : ""),1" },
            encoding: "v,y\n,1\na,1\n")
        #expect(empty.bags["v"] == [[], [2]])
    }

    @Test func tagsHaveWeights() throws {
        let weighted = feature("v", .tags) {
            $0.length = 2
            $0.weightSeparator = ":"
            $0.separator = ";"
        }
        let encoded = try encode(weighted, fitting: "v,y\na:0.5;b:2;c:1,1\nb,1\nc:x:3;d:,1\n")
        // A value may have the separator in it; what is no number is no weight.
        #expect(encoded.bags["v"] == [[3, 2], [2], [5, 6]])
        #expect(encoded.bagWeights["v"] == [[0.5, 2], [1], [3, 1]])
        let last = try encode(
            feature("v", .sequence) {
                $0.length = 1
                $0.weightSeparator = ":"
            }, fitting: "v,y\na:0.5|b:2,1\n")
        #expect(last.bagWeights["v"] == [[2]])
    }

    @Test func sharedTablesHaveOneVocabulary() throws {
        let encoded = try encode(
            feature("seen", .sequence) { $0.sharing = "item" }, feature("item", .categorical),
            fitting: "seen,item,y\na|b,b,1\nc,b,0\n", encoding: "seen,item,y\na|b|c|z,c,1\n")
        #expect(encoded.ids["item"] == [4])
        #expect(encoded.bags["seen"] == [[3, 2, 4, 0]])
    }

    @Test func aMissingTimeHasTheMeanOfItsParts() throws {
        let encoded = try encode(
            feature("t", .timestamp) { $0.parts = [.weekday, .weekend, .year] },
            fitting: "t,y\n2024-01-01,1\n2024-01-06,0\n", encoding: "t,y\n,1\n2024-01-06,1\n")
        #expect(encoded.dense["t weekday"] == [0, 1])
        #expect(encoded.dense["t weekend"] == [0.5, 1])
        #expect(encoded.dense["t year"] == [0, 0])
    }

    @Test func rowsWithoutLabelsEncodeTheSame() throws {
        let schema = schema(feature("x", .numeric), feature("c", .categorical))
        let preprocessor = try Preprocessor(fitting: table("x,c,y\n1,a,1\n2,b,0\n"), schema: schema)
        let with = try preprocessor.encoded(table("x,c,y\n3,b,1\n"))
        let without = try preprocessor.encoded(table("x,c\n3,b\n"), withLabels: false)
        #expect(with.dense == without.dense && with.ids == without.ids)
    }
}
