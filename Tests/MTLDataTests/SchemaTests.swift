import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

@Suite struct SchemaTests {
    private static let labels = #""labels": [{"name": "y", "type": "binary"}]"#

    private func schema(_ features: String, _ rest: String = labels) throws -> Schema {
        try JSONDecoder().decode(Schema.self, from: Data("{\"features\": [\(features)], \(rest)}".utf8))
    }

    @Test func allSettingsAreStoredAndRead() throws {
        let schema = try schema(
            """
            {"name": "a", "type": "numeric", "column": "A", "log": true, "clip": [0, 9.5], "scale": "min_max",
             "missing": "constant", "fill": -1, "missing_indicator": true},
            {"name": "b", "type": "numeric", "buckets": 5, "missing": "most_frequent", "dimension": 3},
            {"name": "c", "type": "numeric", "bounds": [1, 2.5]},
            {"name": "d", "type": "categorical", "minimum_count": 3, "dimension": 8},
            {"name": "e", "type": "categorical", "encoding": "target", "target": "y", "smoothing": 5},
            {"name": "f", "type": "tags", "separator": ";", "weight_separator": ":", "length": 7, "pooling": "sum",
             "hash_buckets": 100},
            {"name": "g", "type": "sequence", "sharing": "d"},
            {"name": "h", "type": "timestamp", "parts": ["month", "hour_sine"], "utc_offset": -90},
            {"name": "i", "type": "cross", "of": ["A", "d"], "encoding": "one_hot"},
            {"name": "j", "type": "numeric", "encoding": "periodic", "frequencies": 9, "deviation": 0.5, "bins": 4},
            {"name": "k", "type": "numeric", "encoding": "autodis", "meta_embeddings": 9, "temperature": 2, "skip": -1}
            """,
            """
            "labels": [
                {"name": "y", "type": "binary", "column": "Y", "positive": "yes", "when": "d = 1", "weight": 0.5},
                {"name": "z", "type": "binary", "positive": ["yes", "maybe"]},
                {"name": "r", "type": "regression", "huber_delta": 2}],
            "scenario": "s", "group": "u", "time": "h", "weight": "w"
            """)
        try schema.check()
        #expect(schema.features[0].clip == [0, 9.5] && schema.features[0].fill == -1)
        #expect(schema.features[5].pooling == .sum && schema.features[5].weightSeparator == ":")
        #expect(schema.labels[0].positive == ["yes"] && schema.labels[2].huberDelta == 2)
        #expect(try JSONDecoder().decode(Schema.self, from: JSONEncoder().encode(schema)) == schema)
    }

    @Test func unknownSettingsAreNamed() throws {
        for (rest, place) in [
            (#""labels": [], "lables": []"#, "lables"),
            (#""labels": [{"name": "y", "type": "binary", "positiv": "1"}]"#, "labels.[0].positiv"),
        ] {
            let error = #expect(throws: InputError.self) { try schema("", rest) }
            #expect(error?.place == place && error?.kind == .name)
        }
        let error = #expect(throws: InputError.self) {
            try schema(#"{"name": "a", "type": "numeric"}, {"name": "b", "type": "numeric", "bucket": 4}"#)
        }
        #expect(error?.place == "features.[1].bucket")
        #expect(error?.expected.contains("buckets") == true)
        #expect(throws: InputError.self) {
            try JSONDecoder().decode(Split.self, from: Data(#"{"by": "time", "gapp": "1d"}"#.utf8))
        }
        #expect(throws: InputError.self) {
            try JSONDecoder().decode(Sampling.self, from: Data(#"{"negative": {"y": 0.1}}"#.utf8))
        }
    }

    @Test(arguments: [
        (#"{"name": "a", "type": "number"}"#, "type", "one of numeric, categorical"),
        (#"{"name": "a", "type": "numeric", "buckets": "many"}"#, "buckets", "a whole number"),
        (#"{"name": "a", "type": "numeric", "clip": 3}"#, "clip", "a list of numbers"),
        (#"{"name": "a", "type": "numeric", "log": 1}"#, "log", "true or false"),
        (#"{"type": "numeric"}"#, "name", "this setting"),
    ])
    func wrongTypesArePlaced(_ feature: String, setting: String, expected: String) throws {
        let error = failure { _ = try schema(feature) }
        #expect(error?.place == "features.[0].\(setting)")
        #expect(error?.expected.hasPrefix(expected) == true)
    }

    @Test(arguments: [
        (#""type": "numeric", "buckets": 4, "bounds": [1, 2]"#, "bounds"),
        (#""type": "numeric", "buckets": 1"#, "buckets"),
        (#""type": "numeric", "bounds": [2, 1]"#, "bounds"),
        (#""type": "numeric", "clip": [2, 1]"#, "clip"),
        (#""type": "numeric", "clip": [1]"#, "clip"),
        (#""type": "numeric", "buckets": 4, "log": true"#, "log"),
        (#""type": "numeric", "missing": "constant""#, "fill"),
        (#""type": "numeric", "fill": 3"#, "fill"),
        (#""type": "numeric", "missing": "own""#, "missing"),
        (#""type": "numeric", "encoding": "one_hot""#, "encoding"),
        (#""type": "numeric", "encoding": "piecewise", "frequencies": 3"#, "frequencies"),
        (#""type": "numeric", "encoding": "autodis", "frequencies": 3"#, "frequencies"),
        (#""type": "numeric", "encoding": "periodic", "temperature": 3"#, "temperature"),
        (#""type": "numeric", "encoding": "periodic", "log": true"#, "log"),
        (#""type": "numeric", "encoding": "periodic", "frequencies": 0"#, "frequencies"),
        (#""type": "numeric", "encoding": "periodic", "deviation": 0"#, "deviation"),
        (#""type": "numeric", "encoding": "autodis", "meta_embeddings": 1"#, "meta_embeddings"),
        (#""type": "numeric", "encoding": "autodis", "temperature": 0"#, "temperature"),
        (#""type": "categorical", "encoding": "periodic""#, "encoding"),
        (#""type": "categorical", "buckets": 4"#, "buckets"),
        (#""type": "categorical", "missing": "mean""#, "missing"),
        (#""type": "categorical", "minimum_count": 0"#, "minimum_count"),
        (#""type": "categorical", "hash_buckets": 9, "minimum_count": 2"#, "minimum_count"),
        (#""type": "categorical", "hash_buckets": 0"#, "hash_buckets"),
        (#""type": "categorical", "hash_buckets": 9, "encoding": "target", "target": "y""#, "hash_buckets"),
        (#""type": "categorical", "encoding": "one_hot", "dimension": 3"#, "dimension"),
        (#""type": "categorical", "encoding": "target""#, "target"),
        (#""type": "categorical", "encoding": "target", "target": "k""#, "target"),
        (#""type": "categorical", "encoding": "target", "target": "y", "smoothing": -1"#, "smoothing"),
        (#""type": "categorical", "target": "y""#, "target"),
        (#""type": "categorical", "sharing": "nowhere""#, "sharing"),
        (#""type": "categorical", "sharing": "other", "minimum_count": 2"#, "minimum_count"),
        (#""type": "numeric", "buckets": 3, "sharing": "other""#, "sharing"),
        (#""type": "tags", "length": 0"#, "length"),
        (#""type": "tags", "separator": "||""#, "separator"),
        (#""type": "tags", "weight_separator": "|""#, "weight_separator"),
        (#""type": "sequence", "missing": "own""#, "missing"),
        (#""type": "timestamp", "parts": []"#, "parts"),
        (#""type": "timestamp", "parts": ["hour", "hour"]"#, "parts"),
        (#""type": "timestamp", "scale": "none""#, "scale"),
        (#""type": "cross""#, "of"),
        (#""type": "cross", "of": ["a", "b", "c"]"#, "of"),
        (#""type": "cross", "of": ["a", "b"], "column": "a""#, "column"),
    ])
    func settingsThatCannotBeAreNamed(_ settings: String, setting: String) throws {
        let schema = try schema(
            #"{"name": "it", \#(settings)}, {"name": "other", "type": "categorical"}"#,
            #""labels": [{"name": "y", "type": "binary"}, {"name": "k", "type": "multiclass"}]"#)
        let error = #expect(throws: InputError.self) { try schema.check() }
        #expect(error?.place == "feature \"it\", \(setting)")
    }

    @Test(arguments: [
        (#"{"name": "y", "type": "regression", "positive": ["1"]}"#, "label \"y\", positive"),
        (#"{"name": "y", "type": "binary", "positive": []}"#, "label \"y\", positive"),
        (#"{"name": "y", "type": "binary", "when": "click"}"#, "label \"y\", when"),
        (#"{"name": "y", "type": "binary", "when": "click ="}"#, "label \"y\", when"),
        (#"{"name": "y", "type": "binary", "when": "day > 2020-01-01"}"#, "label \"y\", when"),
        (#"{"name": "y", "type": "binary", "weight": -1}"#, "label \"y\", weight"),
        (#"{"name": "y", "type": "binary", "huber_delta": 1}"#, "label \"y\", huber_delta"),
        (#"{"name": "y", "type": "regression", "huber_delta": 0}"#, "label \"y\", huber_delta"),
        (#"{"name": "y", "type": "binary"}, {"name": "y", "type": "regression"}"#, "label \"y\""),
    ])
    func labelsThatCannotBeAreNamed(_ labels: String, place: String) throws {
        let schema = try schema(#"{"name": "a", "type": "numeric"}"#, "\"labels\": [\(labels)]")
        let error = #expect(throws: InputError.self) { try schema.check() }
        #expect(error?.place == place)
    }

    @Test func namesDifferAndThereIsAFeature() throws {
        let twice = try schema(#"{"name": "a", "type": "numeric"}, {"name": "a", "type": "tags"}"#)
        #expect(#expect(throws: InputError.self) { try twice.check() }?.place == "feature \"a\"")
        let none = try schema("")
        #expect(#expect(throws: InputError.self) { try none.check() }?.kind == .empty)
    }

    // MARK: Cells

    @Test(arguments: [
        ("x,y\n1,0\nabc,1\n", "table.csv, line 3, column \"x\""),
        ("x,y\n1e999,0\n", "table.csv, line 2, column \"x\""),
        ("x,y\n1,0\n2,2\n", "table.csv, line 3, column \"y\""),
        ("x,y\n1,perhaps\n", "table.csv, line 2, column \"y\""),
        ("x,z\n1,0\n", "table.csv, column \"y\""),
        ("z,y\n1,0\n", "table.csv, column \"x\""),
    ])
    func wrongCellsArePlaced(_ rows: String, place: String) throws {
        let schema = Schema(features: [Feature("x", .numeric)], labels: [Label("y", .binary)])
        for threads in 1...3 {
            let error = #expect(throws: InputError.self) {
                try Preprocessor(fitting: table(rows, threads: threads, blockBytes: 8), schema: schema)
            }
            #expect(error?.place == place)
        }
    }

    @Test(arguments: [
        ("w", "1,0,-1,2020-01-01,a,1"), ("w", "1,0,1e39,2020-01-01,a,1"), ("t", "1,0,1,13/13/2020,a,1"),
        ("r", "1,0,1,2020-01-01,a,1e39"), ("r", "1,0,1,2020-01-01,a,many"),
    ])
    func wrongWeightsTimesAndTargetsArePlaced(column: String, row: String) throws {
        let schema = Schema(
            features: [Feature("x", .numeric), Feature("t", .timestamp)],
            labels: [Label("y", .binary), Label("r", .regression)], time: "t", weight: "w")
        let error = #expect(throws: InputError.self) {
            try Preprocessor(
                fitting: table("x,y,w,t,k,r\n1,0,1,2020-01-01,b,1\n" + row + "\n"), schema: schema)
        }
        #expect(error?.place == "rows.csv, line 3, column \"\(column)\"")
    }

    @Test func aClassThatTheTrainingRowsDoNotHaveIsPlaced() throws {
        let schema = Schema(features: [Feature("x", .numeric)], labels: [Label("k", .multiclass)])
        let preprocessor = try Preprocessor(fitting: table("x,k\n1,a\n2,b\n"), schema: schema)
        let error = #expect(throws: InputError.self) {
            try preprocessor.encoded(table("x,k\n1,a\n2,\n3,c\n"))
        }
        #expect(error?.place == "rows.csv, line 4, column \"k\"" && error?.found == "\"c\"")
        let one = #expect(throws: InputError.self) {
            try Preprocessor(fitting: table("x,k\n1,a\n2,a\n"), schema: schema)
        }
        #expect(one?.place == "label \"k\"")
    }
}
