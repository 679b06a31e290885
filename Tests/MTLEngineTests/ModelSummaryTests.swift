import MTLEngine
import Testing

/// The table of a model's layers and its picture.
@Suite struct ModelSummaryTests {
    private static let tasks: [LearningTask] = [
        .binary("click", tower: [.relu(4)]), .regression("spend", tower: [.relu(4)]),
    ]

    @Test func layersOfAMixture() throws {
        let model = try MultiTaskModel(
            inputs: 10, embedded: [.single("item")],
            tables: [EmbeddingTable("item", rows: 7, dimension: 2)],
            architecture: MMoE(experts: 3, layers: [.relu(8)]), tasks: Self.tasks)
        let summary = ModelSummary(model)
        let expected:
            [(name: String, kind: String, blocks: Int, inputs: Int, outputs: Int, tasks: [String])] = [
                ("embeddings.item", "embedding", 1, 7, 2, ["click", "spend"]),
                ("experts.{0…2}.0", "dense", 3, 12, 8, ["click", "spend"]),
                ("gates.{click,spend}.0", "dense", 2, 12, 3, ["click", "spend"]),
                ("softmax", "softmax", 1, 6, 6, ["click", "spend"]),
                ("mixture", "mixture", 1, 27, 8, ["click"]),
                ("mixture", "mixture", 1, 27, 8, ["spend"]),
                ("heads.{click,spend}.0", "dense", 2, 8, 4, ["click", "spend"]),
                ("heads.{click,spend}.1", "dense", 2, 4, 1, ["click", "spend"]),
            ]
        #expect(summary.layers.count == expected.count)
        for (layer, want) in zip(summary.layers, expected) {
            #expect(layer.name == want.name && layer.kind == want.kind && layer.blocks == want.blocks)
            #expect(layer.inputs == want.inputs && layer.outputs == want.outputs, "\(layer.name)")
            #expect(layer.tasks == want.tasks, "\(layer.name)")
        }
        let experts = 3 * (12 * 8 + 8)
        let (gates, heads) = (2 * (12 * 3 + 3), 2 * (8 * 4 + 4 + 4 + 1))
        #expect(summary.layers[1].parameters == experts)
        #expect(summary.parameters == 14 + experts + gates + heads)
        #expect(summary.layers.reduce(0) { $0 + $1.parameters } == summary.parameters)
        #expect(summary.operations == 2 * (3 * 96 + 2 * 36 + 2 * 24 + 2 * 32 + 2 * 4))
    }

    @Test func sharedBottom() throws {
        let bottom = try MultiTaskModel(inputs: 5, trunk: [.relu(4)], tasks: Self.tasks)
        let summary = ModelSummary(bottom)
        #expect(summary.layers.map(\.name) == ["trunk.0", "heads.{click,spend}.0", "heads.{click,spend}.1"])
        #expect(summary.parameters == bottom.layout.count)
    }

    @Test func headsOnLowerLayers() throws {
        let model = try MultiTaskModel(
            inputs: 5, architecture: SharedBottom(trunk: [.relu(4), .relu(3)], attached: ["click": 1]),
            tasks: Self.tasks)
        let layers = ModelSummary(model).layers
        #expect(
            layers.map(\.name) == [
                "trunk.0", "trunk.1", "heads.click.0", "heads.click.1", "heads.spend.0", "heads.spend.1",
            ])
        #expect(layers[0].tasks == ["click", "spend"])
        #expect(layers[1].tasks == ["spend"])
        #expect(layers[2].inputs == 4 && layers[2].tasks == ["click"])
        #expect(layers[4].inputs == 3 && layers[4].tasks == ["spend"])
    }

    @Test func thePictureShowsWhoReadsWhat() throws {
        let model = try MultiTaskModel(
            inputs: 10, architecture: PLE.cgc(own: 1, shared: 1, layers: [.relu(8)]), tasks: Self.tasks)
        let drawing = ModelDrawing(model)
        func box(_ name: String) throws -> ModelDrawing.Box {
            try #require(drawing.boxes.first { $0.name == name }, "\(name)")
        }
        #expect(try box("levels.0.experts.click.0.0").tasks == [0])
        #expect(try box("levels.0.experts.shared.0.0").tasks == [0, 1])
        #expect(try box("levels.0.gates.spend.0").tasks == [1])
        let mixture = try #require(drawing.boxes.first { $0.name == "Σ" && $0.tasks == [1] })
        #expect(
            mixture.sources.map { drawing.boxes[$0].name }.sorted() == [
                "levels.0.experts.shared.0.0", "levels.0.experts.spend.0.0", "levels.0.gates.spend.0",
            ])
        #expect(try box("spend").sources == [drawing.boxes.firstIndex { $0.name == "heads.spend.1" }])
        let svg = drawing.svg
        #expect(svg.hasPrefix("<svg") && svg.hasSuffix("</svg>\n"))
        #expect(svg.split(separator: "<path").count - 1 == drawing.boxes.reduce(0) { $0 + $1.sources.count })
    }
}
