import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// Fitted on one table and encoding another as scikit-learn, pandas and category_encoders do; where we differ from them on
/// purpose is said in Fixtures/make_preprocessing_golden.py.
@Suite struct PreprocessorGoldenTests {
    private struct Golden: Decodable {
        let schema: Schema
        let training, served: String
        let dense: [String: [Double]]
        let ids: [String: [Int32]]
        let folds: [Int]
        let outOfFold: [Double]
    }

    private let golden: Golden
    private let preprocessor: Preprocessor

    init() throws {
        golden = try fixture(Golden.self, "preprocessing.json")
        preprocessor = try Preprocessor(fitting: table(golden.training), schema: golden.schema)
    }

    @Test func denseFeaturesAgree() throws {
        let encoded = try preprocessor.encoded(table(golden.served))
        #expect(Set(encoded.dense.keys) == Set(golden.dense.keys))
        for (name, expected) in golden.dense {
            expectClose(
                try #require(encoded.dense[name]), expected, relative: 2e-6, absolute: 2e-6, name)
        }
    }

    @Test func idsAgree() throws {
        let encoded = try preprocessor.encoded(table(golden.served))
        #expect(encoded.ids == golden.ids)
    }

    @Test func outOfFoldTargetEncodingAgreesWithALoop() throws {
        #expect(golden.folds.indices.allSatisfy { Preprocessor.fold($0) == golden.folds[$0] })
        let encoded = try preprocessor.encoded(table(golden.training), isTraining: true)
        expectClose(
            try #require(encoded.dense["mean target"]), golden.outOfFold, relative: 2e-6, absolute: 2e-6)
    }

    @Test func storedAndReadAgainItEncodesTheSame() throws {
        let copy = try JSONDecoder().decode(Preprocessor.self, from: JSONEncoder().encode(preprocessor))
        #expect(copy == preprocessor)
        #expect(try copy.encoded(table(golden.served)) == preprocessor.encoded(table(golden.served)))
    }

    @Test(arguments: [(1, 1 << 10), (2, 1 << 11), (3, 777), (2, 1 << 20)])
    func threadsAndBlocksChangeNoBit(threads: Int, blockBytes: Int) throws {
        let source = try table(golden.training, threads: threads, blockBytes: blockBytes)
        let other = try Preprocessor(fitting: source, schema: golden.schema)
        #expect(other == preprocessor)
        #expect(
            try other.encoded(source, isTraining: true)
                == preprocessor.encoded(table(golden.training), isTraining: true))
    }
}
