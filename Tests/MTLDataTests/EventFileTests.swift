import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// Event files are those that TensorBoard's own package writes; `make_events_golden.py` made the other one.
@Suite struct EventFileTests {
    private func epoch(_ json: String) throws -> EpochReport {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return try decoder.decode(EpochReport.self, from: Data(json.utf8))
    }

    @Test func bytesAreTensorBoards() throws {
        let folder = try TemporaryFolder()
        func metrics(_ area: Double) -> String {
            #"[{"task": "click", "labelledRows": 9, "areaUnderROC": \#(area), "constantValues": {}}]"#
        }
        let first = try epoch(
            """
            {"epoch": 1, "steps": 10, "trainingSeconds": 1.5, "waitingSeconds": 0.5, "trainingLosses": [0.7, 1.5],
             "validationLosses": [0.6875, 1.25], "validationMetrics": \(metrics(0.625)), "watchedLoss": 0.75}
            """)
        var second = try epoch(
            """
            {"epoch": 2, "steps": 300, "trainingSeconds": 5, "waitingSeconds": 0.5, "trainingLosses": [0.1, "nan"],
             "validationLosses": [0.3, 1.125], "validationMetrics": \(metrics(0.875)), "watchedLoss": 0.5}
            """)
        second.parameters = [-1, 0.25, 0.5, 2].withUnsafeBufferPointer {
            (values: UnsafeBufferPointer<Float>) in
            [ParameterHistogram(name: "trunk.0.bias", values)]
        }
        let run = try RunFolder(folder.file("run"))
        let path = folder.file("run/events")
        let tasks = ["click", "spend"]
        let events = try EventFile(path, tasks: tasks, epochs: [first], now: 1_700_000_002, run)
        try events.append(second, now: 1_700_000_005.5)
        let golden = try Data(contentsOf: fixture("events.tfevents"))
        #expect(try Data(contentsOf: URL(filePath: path)) == golden)
        // Written anew for a run that goes on.
        _ = try EventFile(path, tasks: tasks, epochs: [first, second], now: 1_700_000_005.5, run)
        #expect(try Data(contentsOf: URL(filePath: path)) == golden)
    }

    @Test func theChecksumIsCastagnolis() {
        #expect(Checksum.crc32c(Array("123456789".utf8)) == 0xE306_9283)
    }
}
