import Foundation
import MTLData
import MTLEngine
import Terminal

/// The events of a timeline, summed up per part of the step, or as a trace.
struct StepProfile {
    private struct Part: Hashable {
        let phase: StepPhase
        let index: Int32
    }

    private struct Sum {
        var calls = 0
        var ticks = 0.0
        var work = 0.0
    }

    private let events: [[StepTimeline.Event]]
    /// The model's nodes, in the order of the timeline's indices.
    private let layers: [ModelSummary.Layer]
    private let ticksPerSecond: Double
    private let bounds: MachineBounds

    init(
        timeline: StepTimeline, model: MultiTaskModel, workers: Int, ticksPerSecond: Double,
        bounds: MachineBounds
    ) {
        events = (0..<workers).map { timeline.events(worker: $0) }
        layers = ModelSummary(model).layers.filter { $0.kind != "embedding" }
        self.ticksPerSecond = ticksPerSecond
        self.bounds = bounds
    }

    func printTable(steps: Int) throws {
        var sums: [Part: Sum] = [:]
        var order: [Part] = []
        for event in events.joined() {
            let part = Part(phase: event.phase, index: event.index)
            if sums[part] == nil { order.append(part) }
            sums[part, default: Sum()].calls += 1
            sums[part, default: Sum()].ticks += Double(event.end - event.start)
            sums[part, default: Sum()].work += Double(event.work)
        }
        let total = sums.values.reduce(0) { $0 + $1.ticks }
        order.sort { ($0.phase.rawValue, $0.index) < ($1.phase.rawValue, $1.index) }
        try Terminal.printTable(
            ["part", "shape", "µs a step", "calls a step", "rate", "of the bound", "share"],
            order.map { part in
                let sum = sums[part] ?? Sum()
                let seconds = sum.ticks / ticksPerSecond
                let rate = sum.work / seconds / 1e9
                let bound = part.phase.isProduct ? bounds.gflops : bounds.cacheBandwidth
                let hasRate = sum.work > 0
                return [
                    name(part), shape(part), (seconds / Double(steps) * 1e6).decimals(2),
                    (Double(sum.calls) / Double(steps)).decimals(1),
                    hasRate ? rate.decimals(1) + (part.phase.isProduct ? " GFLOP/s" : " GB/s") : "",
                    hasRate ? (100 * rate / bound).decimals(0) + " %" : "",
                    (100 * sum.ticks / total).decimals(1) + " %",
                ]
            })
        try say("\nTimes are summed over workers; shares are of all workers' time.")
    }

    private func name(_ part: Part) -> String {
        let layer = layers[Int(part.index)].name
        switch part.phase {
        case .gather: return "gather rows"
        case .forward: return "forward, \(layer)"
        case .loss: return "losses"
        case .backward: return "gradient, \(layer)"
        case .backwardInput: return "gradient of the input, \(layer)"
        case .weightGradient: return "gradient of the weights, \(layer)"
        case .biasGradient: return "gradient of the biases, \(layer)"
        case .sum: return "sum of the gradients, \(layer)"
        case .optimizer: return "optimiser, \(layer)"
        case .transpose: return "transposed weights, \(layer)"
        case .wait: return "waiting for workers"
        case .number: return "rows of tables found"
        case .scatter: return "gradient of the tables"
        case .tableRows: return "optimiser, rows of tables"
        }
    }

    private func shape(_ part: Part) -> String {
        guard part.phase.isProduct else { return "" }
        let layer = layers[Int(part.index)]
        let blocks = layer.blocks > 1 ? "\(layer.blocks) x " : ""
        return "\(blocks)\(layer.inputs) x \(layer.outputs)"
    }

    // MARK: Trace

    /// Chrome's trace event format, one lane per worker; written whole or not at all.
    func writeTrace(to path: String) throws {
        let origin = events.compactMap { $0.first?.start }.min() ?? 0
        var lines: [String] = []
        for (worker, list) in events.enumerated() {
            lines.append(
                #"{"ph":"M","pid":1,"tid":\#(worker),"name":"thread_name","args":{"name":"worker \#(worker)"}}"#
            )
            for event in list.prefix(20_000) {
                let start = Double(event.start - origin) / ticksPerSecond * 1e6
                let duration = Double(event.end - event.start) / ticksPerSecond * 1e6
                let name = name(Part(phase: event.phase, index: event.index)).replacing("\"", with: "'")
                lines.append(
                    #"{"ph":"X","pid":1,"tid":\#(worker),"ts":\#(start.decimals(3)),"dur":\#(duration.decimals(3)),"#
                        + #""name":"\#(name)","args":{"work":\#(event.work)}}"#)
            }
        }
        let text =
            "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n" + lines.joined(separator: ",\n") + "\n]}\n"
        try TextOutput.write(text, to: path)
    }
}
