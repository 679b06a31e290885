internal import Foundation
internal import MTLDataKernels
package import MTLEngine

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The epochs of a seed as TensorBoard reads them: records of `Event` messages, each a few scalars and how the parameters are
/// spread.
///
/// A record is the length of its bytes, a masked CRC-32C of that, the bytes, and a masked CRC-32C of them. The messages have
/// few fields, so they are written by hand.
/// - SeeAlso: `tensorflow/core/util/event.proto`, `summary.proto` and `lib/io/record_writer.h` of TensorFlow.
package struct EventFile {
    let path: String
    private let tasks: [String]

    /// Begins the file with the epochs that are over.
    ///
    /// - Parameter now: seconds since 1970, when the latest of them ended.
    package init(
        _ path: String, tasks: [String], epochs: [EpochReport], now: Double, _ folder: RunFolder
    ) throws(InputError) {
        self.path = path
        self.tasks = tasks
        let begun = now - (epochs.last.map { $0.trainingSeconds + $0.waitingSeconds } ?? 0)
        var bytes = Self.record(Self.event(begun, step: 0) { $0.string(3, "brain.Event:2") })
        for epoch in epochs {
            bytes += record(epoch, at: begun + epoch.trainingSeconds + epoch.waitingSeconds)
        }
        try folder.write(bytes, to: path)
    }

    /// Adds an epoch that ended at `now`.
    package func append(_ epoch: EpochReport, now: Double) throws(InputError) {
        let opened = open(path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC)
        let bytes = record(epoch, at: now)
        guard opened >= 0, mtl_write_all(opened, bytes, bytes.count) == 0 else {
            let reason = String(cString: strerror(errno))
            if opened >= 0 { close(opened) }
            throw InputError(.file, at: path, found: reason, expected: "a file that can be written")
        }
        close(opened)
    }

    private func record(_ epoch: EpochReport, at time: Double) -> [UInt8] {
        Self.record(
            Self.event(time, step: epoch.steps) { event in
                event.message(5) { summary in
                    for (tag, value) in scalars(epoch) where !value.isNaN {
                        summary.message(1) {
                            $0.string(1, tag)
                            $0.float(2, Float(value))
                        }
                    }
                    for parameter in epoch.parameters ?? [] where parameter.count > 0 {
                        summary.message(1) { value in
                            value.string(1, "parameters/\(parameter.name)")
                            value.message(5) { $0.histogram(parameter) }
                        }
                    }
                }
            })
    }

    private func scalars(_ epoch: EpochReport) -> [(String, Double)] {
        var found = [("watched loss", epoch.watchedLoss), ("epoch", Double(epoch.epoch))]
        found += zip(tasks, epoch.trainingLosses).map { ("training/\($0) loss", $1) }
        found += zip(tasks, epoch.validationLosses ?? []).map { ("validation/\($0) loss", $1) }
        for task in epoch.validationMetrics ?? [] {
            found += task.values.map { ("validation/\(task.task) \($0.name)", $0.value) }
        }
        found += zip(tasks, epoch.taskWeights ?? []).map { ("balancing/weight of \($0)", $1) }
        for first in tasks.indices {
            for second in tasks.indices where second > first {
                guard let cosines = epoch.taskCosines else { continue }
                found.append(
                    (
                        "balancing/cosine of \(tasks[first]) and \(tasks[second])",
                        cosines[first * tasks.count + second]
                    ))
            }
        }
        return found
    }

    static func event(_ time: Double, step: Int, _ fields: (inout ProtocolBuffer) -> Void) -> [UInt8] {
        var event = ProtocolBuffer()
        event.double(1, time)
        if step != 0 { event.integer(2, step) }
        fields(&event)
        return event.bytes
    }

    static func record(_ data: [UInt8]) -> [UInt8] {
        let length = withUnsafeBytes(of: UInt64(data.count).littleEndian) { Array($0) }
        return length + masked(length) + data + masked(data)
    }

    private static func masked(_ bytes: [UInt8]) -> [UInt8] {
        let sum = Checksum.crc32c(bytes)
        let masked = ((sum >> 15) | (sum << 17)) &+ 0xA282_EAD8
        return withUnsafeBytes(of: masked.littleEndian) { Array($0) }
    }
}

/// The fields of a message as protocol buffers lay them out.
struct ProtocolBuffer {
    private(set) var bytes: [UInt8] = []

    private mutating func varint(_ value: UInt64) {
        var left = value
        while left >= 0x80 {
            bytes.append(UInt8(left & 0x7F) | 0x80)
            left >>= 7
        }
        bytes.append(UInt8(left))
    }

    private mutating func key(_ field: UInt64, _ type: UInt64) { varint(field << 3 | type) }

    mutating func integer(_ field: UInt64, _ value: Int) {
        key(field, 0)
        varint(UInt64(bitPattern: Int64(value)))
    }

    mutating func double(_ field: UInt64, _ value: Double) {
        key(field, 1)
        withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
    }

    mutating func float(_ field: UInt64, _ value: Float) {
        key(field, 5)
        withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
    }

    mutating func string(_ field: UInt64, _ value: String) { data(field, Array(value.utf8)) }

    mutating func message(_ field: UInt64, _ fields: (inout ProtocolBuffer) -> Void) {
        var inner = ProtocolBuffer()
        fields(&inner)
        data(field, inner.bytes)
    }

    /// The fields of a `HistogramProto`.
    mutating func histogram(_ parameter: ParameterHistogram) {
        double(1, parameter.minimum)
        double(2, parameter.maximum)
        double(3, Double(parameter.count))
        double(4, parameter.sum)
        double(5, parameter.sumOfSquares)
        doubles(6, parameter.limits)
        doubles(7, parameter.buckets)
    }

    private mutating func doubles(_ field: UInt64, _ values: [Double]) {
        data(field, values.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian) { Array($0) } })
    }

    private mutating func data(_ field: UInt64, _ value: [UInt8]) {
        key(field, 2)
        varint(UInt64(value.count))
        bytes += value
    }
}
