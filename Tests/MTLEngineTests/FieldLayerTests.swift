import MTLEngine
import MTLTestSupport
import Testing

/// Layers in which every two fields meet.
@Suite struct FieldLayerTests {
    private static let numbers = CrossTests.numbers
    static let cases: [(name: String, layers: [any FeatureLayer])] = [
        (
            "bilinear",
            [
                numbers, BilinearInteraction(fields: ["user", "item", "x2"]),
                BilinearInteraction(fields: ["item", "x2", "user"], isPerPair: true),
                BilinearInteraction(fields: ["place", "x0"]),
            ]
        ),
        (
            "field_attention",
            [
                numbers, FieldAttention(fields: ["user", "x2", "item"]),
                FieldAttention(fields: ["x0", "place"], count: 1, heads: 3, units: 6),
            ]
        ),
    ]
    static let places = Array(cases.indices)

    private func model(
        _ layers: [any FeatureLayer], ensemble: Int? = nil
    ) throws(InputError) -> MultiTaskModel {
        try MultiTaskModel(
            inputs: 3, embedded: FeatureLayerTests.fields, tables: FeatureLayerTests.tables,
            featureLayers: layers, architecture: FeatureLayerTests.trunk, tasks: FeatureLayerTests.tasks,
            ensemble: ensemble)
    }

    @Test(arguments: places) func gradients(place: Int) throws {
        let (name, layers) = Self.cases[place]
        for (rows, threads, ensemble) in [(1, 1, nil), (13, 1, 3), (150, 2, nil)] {
            try GradientCheck.expectAgreement(
                of: model(layers, ensemble: ensemble), rows: rows, compute: ComputeOptions(threads: threads),
                gathered: threads == 2, weighted: rows == 13, name)
        }
    }

    @Test(arguments: places) func matchesPyTorch(place: Int) throws {
        try Golden("features_" + Self.cases[place].name).checkFirstBatch(model(Self.cases[place].layers))
    }

    @Test(arguments: places) func sameBitsForAnyThreads(place: Int) throws {
        try expectSameBits(
            model(Self.cases[place].layers), FeatureLayerTests().data(Float.self, rows: 0..<900))
    }

    @Test func whatDoesNotFitIsRefusedByItsPlace() {
        func place(_ layer: some FeatureLayer) -> String {
            failure { () throws(InputError) in _ = try model([layer]) }?.place ?? "none"
        }
        #expect(place(BilinearInteraction()) == "features.0, field place")
        #expect(place(BilinearInteraction(fields: ["user"])) == "features.0, fields")
        #expect(place(BilinearInteraction(fields: ["user", "age"])) == "features.0, fields")
        #expect(place(FieldAttention()) == "features.0, field place")
        #expect(place(FieldAttention(fields: ["user", "item"], heads: 3)) == "features.0, heads")
        #expect(place(FieldAttention(fields: ["user", "item"], count: 0)) == "features.0, count")
        #expect(place(FieldAttention(fields: ["user", "item"], units: -1)) == "features.0, units")
    }
}
