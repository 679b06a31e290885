import MTLEngine
import Testing

@Suite struct DatasetTests {
    @Test func rowsAndLabelsComeBackAsGiven() throws {
        let data = try Dataset<Float>(
            featureNames: ["a", "b"], features: [1, 2, 3, 4], labels: [("y", [0, .nan])])
        #expect(data.rowCount == 2)
        #expect(data.features(row: 1) == [3, 4])
        #expect(try data.labels("y")[1].isNaN)
    }
}
